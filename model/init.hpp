#pragma once
#include <cstdint>
#include <vector>

#include "model/network.hpp"

namespace bitloom {

/// Parameters of one linear layer as real numbers.
struct LinearParameters {
  std::vector<float> weight;  ///< [out][in]
  std::vector<float> bias;    ///< [out], empty when the layer has none
};

/// The parameters that every recipe starts from: weights, then biases, layer by layer, uniform in ±1/sqrt(in), from one
/// mt19937_64 on the seed. The same bits on every machine.
std::vector<LinearParameters> initial_parameters(const std::vector<LinearLayer>& layers, std::uint64_t seed);

}  // namespace bitloom
