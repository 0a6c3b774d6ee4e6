#include "kernels/step_graph.hpp"

#include <fmt/format.h>

#include "model/error.hpp"

namespace bitloom {

namespace {

ImageShape shape_of(const Shape& shape, int batch) {
  if (shape.size() == 1) return {batch, 1, 1, shape[0]};
  return {batch, shape[1], shape[2], shape[0]};
}

}  // namespace

StepGraph step_graph(const Network& network, int batch) {
  StepGraph graph;
  std::vector<int> stage_of(network.nodes.size(), kFromNetwork);
  int norms = 0;
  const auto stage_read = [&](int node) { return node == kNetworkInput ? kFromNetwork : stage_of[static_cast<std::size_t>(node)]; };
  for (std::size_t i = 0; i < network.nodes.size(); ++i) {
    const Node& node = network.nodes[i];
    const int first = stage_read(node.inputs.front());
    if (node.op == Op::kFlatten || node.op == Op::kRelu || node.op == Op::kSoftmaxCrossEntropy) {
      stage_of[i] = first;
      if (node.op == Op::kFlatten) continue;
      if (first == kFromNetwork) {
        throw Error(fmt::format("network {}: node {} reads the network's input, expected a layer before it",
                                network.name, node.name));
      }
      if (node.op == Op::kRelu) {
        graph.stages[static_cast<std::size_t>(first)].relu = true;
      } else {
        graph.loss_node = static_cast<int>(i);
      }
      continue;
    }
    Stage stage;
    stage.node = static_cast<int>(i);
    stage.op = node.op;
    stage.name = node.name;
    const int reads = node.inputs.front();
    const Shape& in = reads == kNetworkInput ? network.input : network.nodes[static_cast<std::size_t>(reads)].shape;
    stage.in = node.op == Op::kLinear ? ImageShape{batch, 1, 1, static_cast<int>(element_count(in))} : shape_of(in, batch);
    stage.out = shape_of(node.shape, batch);
    if (node.op == Op::kLinear || node.op == Op::kConv2d) stage.layer = graph.layers++;
    if (node.op == Op::kBatchNorm) stage.norm = norms++;
    for (const int input : node.inputs) {
      const int from = stage_read(input);
      if (from == kFromNetwork && stage.layer < 0) {
        throw Error(fmt::format("network {}: node {} reads the network's input; only linear and conv2d can",
                                network.name, node.name));
      }
      stage.inputs.push_back(from);
      if (from != kFromNetwork) {
        graph.stages[static_cast<std::size_t>(from)].readers.push_back(static_cast<int>(graph.stages.size()));
      }
    }
    stage_of[i] = static_cast<int>(graph.stages.size());
    graph.stages.push_back(std::move(stage));
  }
  if (graph.loss_node < 0 || graph.stages.empty() || !graph.stages.back().readers.empty()) {
    throw Error(fmt::format("network {}: expected a loss on the last layer's result", network.name));
  }
  return graph;
}

Conv2dAttributes convolution_of(const Network& network, const Stage& stage) {
  const Node& node = network.nodes[static_cast<std::size_t>(stage.node)];
  if (const auto* conv = std::get_if<Conv2dAttributes>(&node.attributes)) return *conv;
  const auto& linear = std::get<LinearAttributes>(node.attributes);
  Conv2dAttributes result;
  result.in = linear.in;
  result.out = linear.out;
  result.bias = linear.bias;
  return result;
}

}  // namespace bitloom
