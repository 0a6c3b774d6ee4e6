#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "model/network/network.hpp"

namespace bitloom::fp32 {

/// One part of the batch at a node; arrays begin at the part's first sample.
struct PartAt {
  std::size_t part = 0;             ///< its number
  std::int64_t samples = 0;         ///< that it has: all of OperationPlace::samples, but for the last part
  std::array<const float*, 2> x{};  ///< inputs
  float* y = nullptr;               ///< result
  float* dy = nullptr;              ///< gradient of the result, before its ReLU
  struct Below {
    float* gradient = nullptr;  ///< of an input; null where nobody wants it
    bool add = false;           ///< to what a later node left there
  };
  std::array<Below, 2> below{};
};

/// What FP32 knows of one node's operation that has no parameters. The calls are allowed from several threads at a time
/// for different parts, and return false where oneDNN reports an error.
class Operation {
 public:
  Operation() = default;
  Operation(const Operation&) = delete;
  Operation& operator=(const Operation&) = delete;
  virtual ~Operation() = default;

  virtual bool forward(const PartAt& at) = 0;
  virtual bool backward(const PartAt& at) = 0;
};

/// Where an operation stands.
struct OperationPlace {
  const Node& node;
  Shape input;      ///< of the first input
  int samples = 1;  ///< of a part
  std::size_t parts = 1;
  bool relu = false;  ///< does it make the ReLU behind it too?
};

/// Makes the operation of a node; none where Graph itself computes it (it has parameters) or there is nothing to do.
/// Throws Error.
std::unique_ptr<Operation> make_operation(const OperationPlace& place);

}  // namespace bitloom::fp32
