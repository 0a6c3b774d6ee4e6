#pragma once
#include <cstddef>
#include <string>
#include <vector>

#include "model/network/network.hpp"
#include "model/network/recipe.hpp"
#include "model/network/training_graph.hpp"
#include "model/rows/conv.hpp"

namespace bitloom {

/// Returns an extent or an index as a size; it is never negative.
inline std::size_t size_of(int extent) { return static_cast<std::size_t>(extent); }

/// What the golden model executes: a node of the training graph with its shapes.
struct GoldenNode {
  std::string name;
  Op op = Op::kLinear;
  int source = 0;  ///< index in Network::nodes
  bool relu = false;
  std::vector<int> inputs;    ///< nodes of the graph, or kNetworkInput
  int readers = 0;            ///< the loss is one
  int layer = -1;             ///< of linear and conv2d: number in the order of nodes
  int norm = -1;              ///< of batch_norm: number in the order of nodes
  bool non_negative = false;  ///< can the output not be below 0?
  bool at_once = false;       ///< are codes of the output made of its sums at once (N6.3)?
  int raw_bits = 32;          ///< of the output's raw view, and below as in TrainingNode (N5.5)
  int result_shift = 0;
  int input_gradient_bits = 32;
  int input_gradient_shift = 0;
  std::size_t pixels = 1;  ///< rows of the output view [m][cols] of one sample
  std::size_t cols = 1;
  ConvShape conv;  ///< of linear and conv2d for one sample; linear: one pixel, kernel 1
  NormAttributes norm_facts;
  bool bias = false;
};

/// The nodes of a network in the order in which a step visits them.
struct GoldenGraph {
  std::vector<GoldenNode> nodes;   ///< in the order of nodes; the loss reads the last one
  std::vector<int> layer_nodes;    ///< node of each layer
  std::vector<int> norm_nodes;     ///< node of each norm
  std::vector<RecipeLayer> rules;  ///< of each layer
  std::size_t input_elements = 0;
  int classes = 0;
  TrainingGraph facts;
};

/// Makes the training graph with shapes. Throws Error as training_graph() does, and for the float baseline.
GoldenGraph golden_graph(const Network& network, const Recipe& recipe);

}  // namespace bitloom
