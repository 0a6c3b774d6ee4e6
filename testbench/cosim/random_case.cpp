#include "testbench/cosim/random_case.hpp"

#include <fmt/format.h>

#include <array>

#include "model/json_reader.hpp"

namespace bitloom::cosim {
namespace {

/// Uniform in [low, high]; not std::uniform_int_distribution, whose results differ between libraries.
int between(std::mt19937_64& random, int low, int high) {
  return low + static_cast<int>(random() % static_cast<std::uint64_t>(high - low + 1));
}

template <class T, std::size_t N>
T one_of(std::mt19937_64& random, const std::array<T, N>& values) {
  return values[random() % N];
}

Network draw_network(std::mt19937_64& random) {
  const int layers = between(random, 1, 4);
  std::string nodes;
  for (int l = 0; l < layers; ++l) {
    const bool last = l + 1 == layers;
    const int out = last ? between(random, 2, 10) : between(random, 1, 90);
    nodes += fmt::format(R"({{"name": "fc{}", "op": "linear", "out": {}, "bias": {}}}, )", l, out,
                         between(random, 0, 4) != 0);
    if (!last && between(random, 0, 4) != 0) nodes += fmt::format(R"({{"name": "relu{}", "op": "relu"}}, )", l);
  }
  return read_network(JsonObject::from_text(
      fmt::format(
          R"({{"name": "random", "input": [{}], "layers": [{}{{"name": "loss", "op": "softmax_cross_entropy"}}]}})",
          between(random, 1, 130), nodes),
      "random network"));
}

ViewRule draw_view(std::mt19937_64& random) {
  constexpr std::array kRoundings{Rounding::kHalfUp, Rounding::kNearestEven, Rounding::kFloor, Rounding::kStochastic};
  constexpr std::array kScales{ScaleRule::kExact, ScaleRule::kHindsight};
  ViewRule rule;
  rule.rounding = one_of(random, kRoundings);
  rule.scale = one_of(random, kScales);
  return rule;
}

Recipe draw_recipe(std::mt19937_64& random) {
  constexpr std::array kWidths{4, 8};
  constexpr std::array kOverrides{0, 0, 4, 8};
  constexpr std::array kRoundings{Rounding::kHalfUp, Rounding::kNearestEven, Rounding::kFloor};
  Recipe recipe;
  recipe.name = "random";
  recipe.bits = one_of(random, kWidths);
  recipe.first_bits = one_of(random, kOverrides);
  recipe.last_bits = one_of(random, kOverrides);
  recipe.activation = draw_view(random);
  recipe.gradient = draw_view(random);
  recipe.weight.rounding = one_of(random, kRoundings);
  recipe.update.stochastic = between(random, 0, 2) != 0;
  recipe.update.master_frac_bits = between(random, 16, 22);
  recipe.update.momentum_frac_bits = between(random, 12, 17);
  return recipe;
}

}  // namespace

RandomCase draw_case(std::mt19937_64& random) {
  constexpr std::array kStalls{0, 0, 20, 60};
  RandomCase drawn;
  drawn.network = draw_network(random);
  drawn.recipe = draw_recipe(random);
  drawn.batch = between(random, 1, 40);
  drawn.stall = one_of(random, kStalls);
  drawn.text =
      fmt::format("batch {}, stalls {} %, bits {}/{}/{}, input {}", drawn.batch, drawn.stall, drawn.recipe.bits,
                  drawn.recipe.first_bits, drawn.recipe.last_bits, element_count(drawn.network.input));
  for (const LinearLayer& layer : linear_chain(drawn.network)) {
    drawn.text += fmt::format(", {}{}{}", layer.out, layer.bias ? "" : " no bias", layer.relu ? " relu" : "");
  }
  return drawn;
}

std::string draw_hardware(std::mt19937_64& random, const std::string& name) {
  constexpr std::array kWords{8, 16, 32};
  constexpr std::array kBursts{1, 2, 4, 8, 64, 256};
  const int word = one_of(random, kWords);
  return fmt::format(
      R"({{"name": "{}", "clock_mhz": 100, "rows": {}, "cols": {}, "axi_bytes": {}, "spad_a_bytes": {}, "spad_b_bytes": {},
 "vin_words": {}, "vout_words": {}, "vbias_words": {}, "table_words": 256, "queue_depth": {}, "max_outstanding": {},
 "max_burst": {}, "dram_read_latency": {}, "dram_write_latency": {}, "dram_bytes": 67108864}})",
      name, between(random, 1, std::min(word, 20)), between(random, word / 4, std::min(word, 24)), word,
      word * between(random, 1, 6), word * between(random, 1, 12), between(random, 128, 700), between(random, 128, 700),
      between(random, 64, 200), between(random, 4, 9), between(random, 1, 8), one_of(random, kBursts),
      between(random, 1, 60), between(random, 1, 60));
}

}  // namespace bitloom::cosim
