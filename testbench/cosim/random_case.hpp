#pragma once
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <random>
#include <string>

#include "kernels/hardware.hpp"
#include "model/network/network.hpp"
#include "model/network/recipe.hpp"

namespace bitloom::cosim {

/// Everything that a co-simulation is about, drawn from one seed: 1 to 4 layers of 1 to 90 features, with or without
/// bias and ReLU, every rounding and scale rule, widths by layer, batch, stalls. The same seed gives the same case on
/// every machine.
struct RandomCase {
  Network network;
  Recipe recipe;
  int batch = 1;
  int stall = 0;
  std::string text;  ///< what was drawn, for messages
};
RandomCase draw_case(std::mt19937_64& random);

/// Draws likewise a small convolutional graph: convolutions of every kernel, stride, padding, dilation and grouping up
/// to 3, norms, ReLUs, residual adds, both poolings, linear layers; 1 to 5 samples; a recipe file of the tree, or the
/// fields of draw_case() with either normalization.
RandomCase draw_graph_case(std::mt19937_64& random);

/// Draws the text of a hardware file with random, legal parameters.
std::string draw_hardware(std::mt19937_64& random, const std::string& name);

/// The number in the environment variable `name`, by which a test is run with another seed or count.
inline std::uint64_t from_environment(const char* name, std::uint64_t otherwise) {
  const char* chosen = std::getenv(name);
  return chosen == nullptr ? otherwise : std::strtoull(chosen, nullptr, 10);
}

/// Draws a number from 0 to limit - 1, the same on every machine.
inline std::size_t below(std::mt19937_64& random, std::size_t limit) { return random() % limit; }

}  // namespace bitloom::cosim
