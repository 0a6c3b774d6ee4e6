#include "model/golden/graph.hpp"

#include <algorithm>

#include "model/golden/state.hpp"
#include "model/io/error.hpp"
#include "model/network/training_graph.hpp"

namespace bitloom {
namespace {

constexpr int kLargestDimension = 65535;

std::size_t size_of(int extent) { return static_cast<std::size_t>(extent); }

class Compiler {
 public:
  Compiler(const Network& network, const Recipe& recipe) : network_(network), recipe_(recipe) {}

  GoldenGraph run();

 private:
  const Shape& shape_of(int node) const {
    return node == kNetworkInput ? network_.input : network_.nodes[size_of(node)].shape;
  }
  bool drops_relu(std::size_t node) const;
  bool only_sign_readers(std::size_t node) const;
  void add_relu(std::size_t n);
  void add_node(std::size_t n);
  void set_layer(const Node& node, GoldenNode& to);
  void set_pool(const Node& node, GoldenNode& to);
  void require_input_readers() const;
  void require_one_reader(const Node& relu, std::size_t before) const;
  [[noreturn]] void fail(const Node& node, const std::string& message) const {
    throw Error("network " + network_.name + ": layer " + node.name + " (" + op_name(node.op) + "): " + message);
  }

  const Network& network_;
  const Recipe& recipe_;
  GoldenGraph graph_;
  std::vector<int> made_by_;   ///< graph node that makes the output of a network node
  std::vector<int> layer_of_;  ///< layer number of a network node, or −1
  std::vector<RecipeLayer> rules_;
};

/// A ReLU becomes part of the layer before it, so nothing else can have that layer's result without it.
void Compiler::require_one_reader(const Node& relu, std::size_t before) const {
  for (const Node& other : network_.nodes) {
    if (&other == &relu ||
        std::find(other.inputs.begin(), other.inputs.end(), static_cast<int>(before)) == other.inputs.end())
      continue;
    fail(relu, "expected to be the only reader of " + network_.nodes[before].name + ", which " + other.name +
                   " reads too; let " + other.name + " read " + relu.name);
  }
}

/// Does the result reach layers with sign codes only, through pools and flatten (N22.1)?
bool Compiler::only_sign_readers(std::size_t node) const {
  bool any = false;
  for (std::size_t n = 0; n < network_.nodes.size(); ++n) {
    const Node& other = network_.nodes[n];
    if (std::find(other.inputs.begin(), other.inputs.end(), static_cast<int>(node)) == other.inputs.end()) continue;
    any = true;
    const bool passes = other.op == Op::kMaxPool || other.op == Op::kAveragePool || other.op == Op::kFlatten;
    if (passes ? !only_sign_readers(n)
               : layer_of_[n] < 0 || rules_[size_of(layer_of_[n])].activation.quantizer != Quantizer::kSign) {
      return false;
    }
  }
  return any;
}

void Compiler::add_relu(std::size_t n) {
  const Node& node = network_.nodes[n];
  const int before = node.inputs[0];
  made_by_[n] = before == kNetworkInput ? kNetworkInput : made_by_[size_of(before)];
  if (made_by_[n] == kNetworkInput) fail(node, "the network's input has no node to which a relu could belong");
  if (only_sign_readers(n)) return;
  const Op op = network_.nodes[size_of(before)].op;
  if (op == Op::kRelu) fail(node, "expected no relu behind a relu; leave it out, it changes nothing");
  if (op == Op::kMaxPool || op == Op::kAveragePool || op == Op::kFlatten) {
    fail(node, std::string("expected behind linear, conv2d, batch_norm or add, got ") + op_name(op) + " " +
                   network_.nodes[size_of(before)].name + "; put it before the " + op_name(op));
  }
  require_one_reader(node, size_of(before));
  GoldenNode& owner = graph_.nodes[size_of(made_by_[n])];
  owner.relu = owner.non_negative = true;
}

void Compiler::set_layer(const Node& node, GoldenNode& to) {
  to.layer = static_cast<int>(graph_.layer_nodes.size());
  graph_.layer_nodes.push_back(static_cast<int>(graph_.nodes.size()));
  if (node.op == Op::kLinear) {
    const auto& facts = std::get<LinearAttributes>(node.attributes);
    if (std::max(facts.in, facts.out) > kLargestDimension) {
      throw Error("layer " + node.name + ": a dimension exceeds " + std::to_string(kLargestDimension));
    }
    to.conv.in = facts.in;
    to.conv.out = facts.out;
    to.bias = facts.bias;
  } else {
    const auto& facts = std::get<Conv2dAttributes>(node.attributes);
    const Shape& in = shape_of(node.inputs[0]);
    to.conv = conv_shape(facts, 1, in[1], in[2]);
    to.bias = facts.bias;
  }
}

void Compiler::set_pool(const Node& node, GoldenNode& to) {
  const Shape& in = shape_of(node.inputs[0]);
  to.pool = pool_shape(std::get<PoolAttributes>(node.attributes), 1, in[1], in[2], in[0]);
  const int taps = to.pool.kernel.rows * to.pool.kernel.cols, most = largest_window(node.op == Op::kMaxPool);
  if (taps > most) {
    fail(node, "kernel: expected a window of at most " + std::to_string(most) + " taps, got " + std::to_string(taps));
  }
}

void Compiler::add_node(std::size_t n) {
  const Node& node = network_.nodes[n];
  GoldenNode to;
  to.name = node.name;
  to.op = node.op;
  for (const int input : node.inputs) {
    to.inputs.push_back(input == kNetworkInput ? kNetworkInput : made_by_[size_of(input)]);
  }
  to.cols = size_of(node.shape[0]);
  if (node.shape.size() == 3) to.pixels = size_of(node.shape[1]) * size_of(node.shape[2]);
  const auto input_is_non_negative = [&](int input) {
    return input != kNetworkInput && graph_.nodes[size_of(input)].non_negative;
  };
  if (node.op == Op::kLinear || node.op == Op::kConv2d) {
    set_layer(node, to);
  } else if (node.op == Op::kBatchNorm) {
    to.norm = static_cast<int>(graph_.norm_nodes.size());
    graph_.norm_nodes.push_back(static_cast<int>(graph_.nodes.size()));
    to.norm_facts = std::get<NormAttributes>(node.attributes);
  } else {
    if (node.op != Op::kAdd) set_pool(node, to);
    to.non_negative = std::all_of(to.inputs.begin(), to.inputs.end(), input_is_non_negative);
  }
  if (to.layer < 0 && std::find(to.inputs.begin(), to.inputs.end(), kNetworkInput) != to.inputs.end()) {
    fail(node, "only linear and conv2d layers read the network's input, as codes");
  }
  for (const int input : to.inputs) {
    if (input != kNetworkInput) ++graph_.nodes[size_of(input)].readers;
  }
  made_by_[n] = static_cast<int>(graph_.nodes.size());
  graph_.nodes.push_back(std::move(to));
}

/// The host feeds one set of codes (N6.5).
void Compiler::require_input_readers() const {
  int width = 0;
  for (const int n : graph_.layer_nodes) {
    const GoldenNode& node = graph_.nodes[size_of(n)];
    if (node.inputs[0] != kNetworkInput) continue;
    const RecipeLayer& rule = graph_.rules[size_of(node.layer)];
    const Quantizer quantizer = rule.activation.quantizer;
    if (quantizer != Quantizer::kMax && quantizer != Quantizer::kNiti) {
      throw Error("recipe " + recipe_.name + ": layer " + node.name +
                  " reads the network's input: expected activation quantizer max or niti");
    }
    const int bits = rule.width(rule.activation);
    if (width != 0 && bits != width) {
      throw Error("recipe " + recipe_.name + ": layer " + node.name + ": expected the input width of the first layer");
    }
    width = bits;
  }
}

GoldenGraph Compiler::run() {
  if (recipe_.fp32) throw Error("recipe " + recipe_.name + ": expected an integer recipe");
  require_fit(recipe_, network_);
  const std::vector<std::string> names = layer_names(network_);
  if (names.empty()) throw Error("the network has no linear layer");
  layer_of_.assign(network_.nodes.size(), -1);
  made_by_.assign(network_.nodes.size(), kNetworkInput);
  for (std::size_t n = 0; n < network_.nodes.size(); ++n) {
    const Node& node = network_.nodes[n];
    if (node.op != Op::kLinear && node.op != Op::kConv2d) continue;
    layer_of_[n] = static_cast<int>(rules_.size());
    rules_.push_back(layer_recipe(recipe_, layer_of_[n], static_cast<int>(names.size()), node.name));
  }
  graph_.rules = rules_;
  graph_.input_elements = static_cast<std::size_t>(element_count(network_.input));
  graph_.chain = is_chain(network_);
  for (std::size_t n = 0; n < network_.nodes.size(); ++n) {
    const Node& node = network_.nodes[n];
    if (node.op == Op::kSoftmaxCrossEntropy) {
      if (n + 1 != network_.nodes.size()) fail(node, "nothing may follow the loss");
      const int input = node.inputs[0];
      if (input == kNetworkInput || graph_.nodes.empty() ||
          made_by_[size_of(input)] + 1 != static_cast<int>(graph_.nodes.size())) {
        fail(node, "expected to read the last node");
      }
      ++graph_.nodes.back().readers;
      graph_.classes = static_cast<int>(graph_.nodes.back().pixels * graph_.nodes.back().cols);
      require_input_readers();
      return std::move(graph_);
    }
    if (node.op == Op::kRelu) {
      add_relu(n);
    } else if (node.op == Op::kFlatten) {
      if (node.inputs[0] != kNetworkInput) made_by_[n] = made_by_[size_of(node.inputs[0])];
    } else {
      add_node(n);
    }
  }
  throw Error("network " + network_.name + ": expected softmax_cross_entropy as its last layer");
}

}  // namespace

GoldenGraph golden_graph(const Network& network, const Recipe& recipe) { return Compiler(network, recipe).run(); }

}  // namespace bitloom
