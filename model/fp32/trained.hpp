#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "model/fp32/operation.hpp"
#include "model/network/init.hpp"

namespace bitloom::fp32 {

/// The parameters of an operation with their velocities.
struct Trained {
  using Kind = std::vector<float> NodeParameters::*;

  explicit Trained(const NodeParameters& initial);

  /// Moves the parameters of one kind by their gradient, element by element: velocity = momentum · velocity + gradient,
  /// parameter = parameter - learning rate · velocity.
  void move(Kind kind, const float* gradient, const UpdateAt& at);
  /// Lists one kind, if there is any, with its velocity.
  void list(Kind kind, const std::string& name, const std::vector<std::int64_t>& shape, std::vector<KeptTensor>& to);
  /// Does the same for a kind of one dimension.
  void list(Kind kind, const std::string& name, std::vector<KeptTensor>& to);

  NodeParameters parameters;
  NodeParameters velocity;
};

}  // namespace bitloom::fp32
