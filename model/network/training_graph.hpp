#pragma once
#include <string>
#include <vector>

#include "model/network/network.hpp"
#include "model/network/recipe.hpp"

namespace bitloom {

/// A node that makes a result of its own. A ReLU belongs to the node before it (N14.3), a flatten and a pool of single
/// places are other views of the same memory (N14.1), and all three vanish, as does a ReLU that sign codes make useless
/// (N22.1). The loss reads the last node.
struct TrainingNode {
  int node = 0;  ///< index in Network::nodes
  Op op = Op::kLinear;
  std::string name;
  bool relu = false;
  std::vector<int> inputs;    ///< nodes of the graph, or kNetworkInput
  std::vector<int> readers;   ///< nodes that read the result, one entry for each reading; the loss is none
  int layer = -1;             ///< of linear and conv2d: number in the order of nodes (N14.5)
  int norm = -1;              ///< of batch_norm: number in the order of nodes (N14.7)
  RecipeLayer rule;           ///< of linear and conv2d
  bool non_negative = false;  ///< can the result not be below 0?

  /// N6.3: is the result only read as codes, which are made of its sums at once? Then its one reader's operand x is
  /// made where the result is.
  bool result_at_once = false;
  /// N6.3: likewise of the gradient of the result, whose codes are made where its one reader computes it.
  bool gradient_at_once = false;

  // N5.5: how many bits raw views have in memory, and by how many a sum is shifted into them.
  int raw_bits = 32;             ///< of the result
  int result_shift = 0;          ///< of the sums that make it
  int gradient_bits = 32;        ///< of the result's gradient
  int input_gradient_bits = 32;  ///< of the gradient of its input that this node makes
  int input_gradient_shift = 0;  ///< of the sums that make that one
};

/// What a training step computes forward. Golden and the lowering derive their own backward pass from it.
struct TrainingGraph {
  std::vector<TrainingNode> nodes;  ///< in the network's order
  int layers = 0;                   ///< linear and conv2d
  int loss = -1;                    ///< index in Network::nodes
};

/// Makes the training graph, and is the one judge of what a network and a recipe may ask of integer training, whatever
/// executes it; for the float baseline, of the network alone. Throws Error naming network or recipe, layer, expectation
/// and limit.
TrainingGraph training_graph(const Network& network, const Recipe& recipe);

/// Throws Error where `samples` at once (a step's, or a micro-batch's) are more than sums and means hold.
void require_batch(const Network& network, const Recipe& recipe, const TrainingGraph& graph, int samples);

/// Returns the names of the linear and conv2d nodes, in the order of nodes.
std::vector<std::string> layer_names(const Network& network);

}  // namespace bitloom
