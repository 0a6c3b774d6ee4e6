#include "model/init.hpp"

#include <cmath>
#include <random>

namespace bitloom {

namespace {

// 24 bits make every value exact in float, so no rounding mode or library can change it.
float uniform(std::mt19937_64& random, float bound) {
  const auto draw = static_cast<std::int32_t>(random() >> 40);  // [0, 2^24)
  const float centred = static_cast<float>(2 * draw + 1 - (1 << 24)) * 0x1p-24F;
  return centred * bound;
}

}  // namespace

std::vector<LinearParameters> initial_parameters(const std::vector<LinearLayer>& layers, std::uint64_t seed) {
  std::seed_seq sequence{static_cast<std::uint32_t>(seed), static_cast<std::uint32_t>(seed >> 32),
                         std::uint32_t{0x696e6974}};
  std::mt19937_64 random(sequence);
  std::vector<LinearParameters> parameters;
  for (const LinearLayer& layer : layers) {
    const float bound = 1.0F / std::sqrt(static_cast<float>(layer.in));  // sqrt and division round correctly everywhere
    LinearParameters& layer_parameters = parameters.emplace_back();
    layer_parameters.weight.resize(static_cast<std::size_t>(layer.in) * static_cast<std::size_t>(layer.out));
    layer_parameters.bias.resize(layer.bias ? static_cast<std::size_t>(layer.out) : 0);
    for (float& value : layer_parameters.weight) value = uniform(random, bound);
    for (float& value : layer_parameters.bias) value = uniform(random, bound);
  }
  return parameters;
}

}  // namespace bitloom
