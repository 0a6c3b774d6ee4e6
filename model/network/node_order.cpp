#include "model/network/node_order.hpp"

#include <utility>

namespace bitloom {
namespace {

std::size_t size_of(int index) { return static_cast<std::size_t>(index); }

/// Walks depth first from the last node, inputs before their reader. A stack of our own: a file may nest deeply.
std::vector<std::size_t> order_of(const std::vector<Node>& nodes) {
  std::vector<std::size_t> order;
  std::vector<bool> seen(nodes.size(), false);
  std::vector<std::pair<std::size_t, std::size_t>> path{{nodes.size() - 1, 0}};  // a node and its next input
  seen[nodes.size() - 1] = true;
  while (!path.empty()) {
    auto& [node, next] = path.back();
    if (next == nodes[node].inputs.size()) {
      order.push_back(node);
      path.pop_back();
      continue;
    }
    const int input = nodes[node].inputs[next++];
    if (input == kNetworkInput || seen[size_of(input)]) continue;
    seen[size_of(input)] = true;
    path.emplace_back(size_of(input), 0);
  }
  return order;
}

}  // namespace

Network in_node_order(Network network) {
  const std::vector<std::size_t> order = order_of(network.nodes);
  std::vector<int> place(network.nodes.size(), kNetworkInput);
  std::vector<Node> nodes;
  for (const std::size_t from : order) {
    place[from] = static_cast<int>(nodes.size());
    nodes.push_back(std::move(network.nodes[from]));
    for (int& input : nodes.back().inputs) {
      if (input != kNetworkInput) input = place[size_of(input)];
    }
  }
  network.nodes = std::move(nodes);
  return network;
}

}  // namespace bitloom
