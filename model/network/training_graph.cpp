#include "model/network/training_graph.hpp"

#include <algorithm>

namespace bitloom {

bool is_chain(const Network& network) {
  return std::all_of(network.nodes.begin(), network.nodes.end(), [&](const Node& node) {
    const bool simple = node.op == Op::kLinear || node.op == Op::kRelu || node.op == Op::kFlatten ||
                        node.op == Op::kSoftmaxCrossEntropy;
    return simple && node.inputs == std::vector<int>{static_cast<int>(&node - network.nodes.data()) - 1};
  });
}

}  // namespace bitloom
