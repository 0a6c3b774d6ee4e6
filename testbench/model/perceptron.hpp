#pragma once
#include <string>
#include <vector>

#include "model/network/network.hpp"

namespace bitloom::test {

/// One layer of a multilayer perceptron, y = relu?(W x + b), as the references of tests see it.
struct LinearLayer {
  std::string name;
  int in = 0;
  int out = 0;
  bool bias = true;
  bool relu = false;
};

/// Returns the network of these layers, each with its ReLU behind it, and the loss.
inline Network perceptron(const std::vector<LinearLayer>& layers) {
  Network network;
  network.name = "perceptron";
  network.input = {layers.front().in};
  const auto add = [&](Node node) {
    node.inputs = {static_cast<int>(network.nodes.size()) - 1};
    network.nodes.push_back(std::move(node));
  };
  for (const LinearLayer& layer : layers) {
    add({layer.name, Op::kLinear, {}, {layer.out}, LinearAttributes{layer.in, layer.out, layer.bias}});
    if (layer.relu) add({layer.name + "_relu", Op::kRelu, {}, {layer.out}, std::monostate{}});
  }
  add({"loss", Op::kSoftmaxCrossEntropy, {}, {layers.back().out}, std::monostate{}});
  return network;
}

/// Returns the network in -> widths[0] -> widths[1] …, with or without biases, and with ReLU behind all layers but the
/// last.
inline Network perceptron(int in, const std::vector<int>& widths, bool bias = true) {
  std::vector<LinearLayer> layers;
  for (std::size_t l = 0; l < widths.size(); ++l) {
    layers.push_back({"fc" + std::to_string(l + 1), in, widths[l], bias, l + 1 < widths.size()});
    in = widths[l];
  }
  return perceptron(layers);
}

/// Returns the layers of a perceptron, each with the ReLU that stands behind it.
inline std::vector<LinearLayer> linear_layers(const Network& network) {
  std::vector<LinearLayer> layers;
  for (const Node& node : network.nodes) {
    if (const auto* linear = std::get_if<LinearAttributes>(&node.attributes)) {
      layers.push_back({node.name, linear->in, linear->out, linear->bias, false});
    } else if (node.op == Op::kRelu) {
      layers.back().relu = true;
    }
  }
  return layers;
}

}  // namespace bitloom::test
