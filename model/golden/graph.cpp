#include "model/golden/graph.hpp"

#include "model/io/error.hpp"

namespace bitloom {
namespace {

/// Sets the shapes of one sample.
void set_shapes(const Network& network, const Node& node, GoldenNode& to) {
  const int reads = node.inputs[0];
  const Shape& in = reads == kNetworkInput ? network.input : network.nodes[size_of(reads)].shape;
  to.cols = size_of(node.shape[0]);
  if (node.shape.size() == 3) to.pixels = size_of(node.shape[1]) * size_of(node.shape[2]);
  if (const auto* linear = std::get_if<LinearAttributes>(&node.attributes)) {
    to.conv.in = linear->in;
    to.conv.out = linear->out;
    to.bias = linear->bias;
  } else if (const auto* conv = std::get_if<Conv2dAttributes>(&node.attributes)) {
    to.conv = conv_shape(*conv, 1, in[1], in[2]);
    to.bias = conv->bias;
  } else if (const auto* norm = std::get_if<NormAttributes>(&node.attributes)) {
    to.norm_facts = *norm;
  }
}

}  // namespace

GoldenGraph golden_graph(const Network& network, const Recipe& recipe) {
  if (recipe.fp32) throw Error("recipe " + recipe.name + ": expected an integer recipe");
  GoldenGraph graph;
  graph.facts = training_graph(network, recipe);
  for (const TrainingNode& node : graph.facts.nodes) {
    GoldenNode to;
    to.name = node.name;
    to.op = node.op;
    to.source = node.node;
    to.relu = node.relu;
    to.inputs = node.inputs;
    to.readers = static_cast<int>(node.readers.size());
    to.layer = node.layer;
    to.norm = node.norm;
    to.non_negative = node.non_negative;
    to.at_once = node.result_at_once;
    to.raw_bits = node.raw_bits;
    to.result_shift = node.result_shift;
    to.input_gradient_bits = node.input_gradient_bits;
    to.input_gradient_shift = node.input_gradient_shift;
    set_shapes(network, network.nodes[size_of(node.node)], to);
    if (to.layer >= 0) {
      graph.layer_nodes.push_back(static_cast<int>(graph.nodes.size()));
      graph.rules.push_back(node.rule);
    }
    if (to.norm >= 0) graph.norm_nodes.push_back(static_cast<int>(graph.nodes.size()));
    graph.nodes.push_back(std::move(to));
  }
  ++graph.nodes.back().readers;  // the loss
  graph.input_elements = static_cast<std::size_t>(element_count(network.input));
  graph.classes = static_cast<int>(graph.nodes.back().pixels * graph.nodes.back().cols);
  return graph;
}

}  // namespace bitloom
