#include "model/network/init.hpp"

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

std::mt19937_64 generator(std::uint64_t seed) {
  std::seed_seq sequence{static_cast<std::uint32_t>(seed), static_cast<std::uint32_t>(seed >> 32),
                         std::uint32_t{0x696e6974}};
  return std::mt19937_64(sequence);
}

// Weights [out][in], then biases.
void draw(std::mt19937_64& random, int in, int out, bool with_bias, std::vector<float>& weight,
          std::vector<float>& bias) {
  const float bound = 1.0F / std::sqrt(static_cast<float>(in));  // sqrt and division round correctly everywhere
  weight.resize(static_cast<std::size_t>(in) * static_cast<std::size_t>(out));
  bias.resize(with_bias ? static_cast<std::size_t>(out) : 0);
  for (float& value : weight) value = uniform(random, bound);
  for (float& value : bias) value = uniform(random, bound);
}

}  // namespace

int fan_in(const Node& node) {
  if (const auto* linear = std::get_if<LinearAttributes>(&node.attributes)) return linear->in;
  if (const auto* conv = std::get_if<Conv2dAttributes>(&node.attributes)) {
    return conv->kernel.rows * conv->kernel.cols * (conv->in / conv->groups);
  }
  return 0;
}

bool has_bias(const Node& node) {
  if (const auto* linear = std::get_if<LinearAttributes>(&node.attributes)) return linear->bias;
  if (const auto* conv = std::get_if<Conv2dAttributes>(&node.attributes)) return conv->bias;
  return false;
}

std::vector<NodeParameters> initial_parameters(const Network& network, std::uint64_t seed) {
  std::mt19937_64 random = generator(seed);
  std::vector<NodeParameters> parameters(network.nodes.size());
  for (std::size_t i = 0; i < network.nodes.size(); ++i) {
    const Node& node = network.nodes[i];
    NodeParameters& own = parameters[i];
    if (const auto* linear = std::get_if<LinearAttributes>(&node.attributes)) {
      draw(random, linear->in, linear->out, linear->bias, own.weight, own.bias);
    } else if (const auto* conv = std::get_if<Conv2dAttributes>(&node.attributes)) {
      draw(random, fan_in(node), conv->out, conv->bias, own.weight, own.bias);
    } else if (const auto* norm = std::get_if<NormAttributes>(&node.attributes)) {
      own.gamma.assign(static_cast<std::size_t>(norm->channels), 1.0F);
      own.beta.assign(static_cast<std::size_t>(norm->channels), 0.0F);
    }
  }
  return parameters;
}

}  // namespace bitloom
