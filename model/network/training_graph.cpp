#include "model/network/training_graph.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "model/io/error.hpp"
#include "model/network/limits.hpp"
#include "model/network/network_layers.hpp"
#include "model/network/raw_views.hpp"

namespace bitloom {
namespace {

std::size_t size_of(int extent) { return static_cast<std::size_t>(extent); }

bool is_layer(const Node& node) { return node.op == Op::kLinear || node.op == Op::kConv2d; }

class Judge {
 public:
  Judge(const Network& network, const Recipe& recipe) : network_(network), recipe_(recipe) {}

  TrainingGraph run();

 private:
  /// Whose result a reader of a network node gets, and whether behind that one's ReLU.
  struct View {
    int made_by = kNetworkInput;
    bool rectified = false;
  };
  struct Reading {
    std::size_t reader;  ///< node of the network
    View of;
  };

  View view_of(int node) const { return node == kNetworkInput ? View{} : views_[size_of(node)]; }
  void read_rules();
  bool reaches_signs_only(std::size_t node) const;
  void add(std::size_t n);
  void add_relu(std::size_t n);
  void add_node(std::size_t n);
  void add_loss(std::size_t n);
  void require_limits(const Node& node) const;
  void require_products(const Node& node, std::size_t products, const char* sum) const;
  void require_readers_of_relus() const;
  void require_input_readers() const;
  const TrainingNode* only_reader(const TrainingNode& node) const;
  void find_codes_at_once();
  [[noreturn]] void fail(const Node& node, const std::string& message) const {
    throw Error(fmt::format("network {}: layer {} ({}): {}", network_.name, node.name, op_name(node.op), message));
  }

  const Network& network_;
  const Recipe& recipe_;
  TrainingGraph graph_;
  std::vector<View> views_;         ///< by node of the network
  std::vector<RecipeLayer> rules_;  ///< by node of the network
  std::vector<int> relu_of_;        ///< by node of the graph: the ReLU that belongs to it, or −1
  std::vector<Reading> readings_;
  int next_layer_ = 0, next_norm_ = 0;
};

void Judge::read_rules() {
  const std::vector<std::string> names = layer_names(network_);
  graph_.layers = static_cast<int>(names.size());
  if (names.empty()) {
    throw Error(fmt::format("network {}: expected at least one linear or conv2d layer", network_.name));
  }
  int layer = 0;
  for (const Node& node : network_.nodes) {
    const bool has_rule = is_layer(node) && !recipe_.fp32;
    rules_.push_back(has_rule ? layer_recipe(recipe_, layer, graph_.layers, node.name) : RecipeLayer{});
    layer += is_layer(node) ? 1 : 0;
  }
}

/// Does the result reach layers with sign codes only, through pools and flatten (N22.1)?
bool Judge::reaches_signs_only(std::size_t node) const {
  bool any = false;
  for (std::size_t n = 0; n < network_.nodes.size(); ++n) {
    const Node& reader = network_.nodes[n];
    if (std::find(reader.inputs.begin(), reader.inputs.end(), static_cast<int>(node)) == reader.inputs.end()) continue;
    any = true;
    const bool signs = is_layer(reader) && rules_[n].activation.quantizer == Quantizer::kSign;
    if (keeps_signs(reader.op) ? !reaches_signs_only(n) : !signs) return false;
  }
  return any;
}

void Judge::add_relu(std::size_t n) {
  const Node& node = network_.nodes[n];
  const View before = view_of(node.inputs[0]);
  views_[n] = before;
  if (before.made_by == kNetworkInput) fail(node, "the network's input has no node to which a relu could belong");
  if (before.rectified || reaches_signs_only(n)) return;
  TrainingNode& owner = graph_.nodes[size_of(before.made_by)];
  if (!takes_relu(owner.op)) {
    fail(node, fmt::format("expected behind linear, conv2d, batch_norm or add, got {} {}; put it before the {}",
                           op_name(owner.op), owner.name, op_name(owner.op)));
  }
  owner.relu = owner.non_negative = true;
  relu_of_[size_of(before.made_by)] = static_cast<int>(n);
  views_[n].rectified = true;
}

void Judge::require_products(const Node& node, std::size_t products, const char* sum) const {
  if (products <= kMostProducts) return;
  fail(node, fmt::format("expected at most {} products in a sum of {}, got {}", kMostProducts, sum, products));
}

void Judge::require_limits(const Node& node) const {
  if (const auto* linear = std::get_if<LinearAttributes>(&node.attributes)) {
    const int largest = std::max(linear->in, linear->out);
    if (largest > kLargestDimension) {
      fail(node, fmt::format("expected at most {} inputs and outputs, got {}", kLargestDimension, largest));
    }
  } else if (const auto* conv = std::get_if<Conv2dAttributes>(&node.attributes)) {
    const std::size_t area = size_of(conv->kernel.rows) * size_of(conv->kernel.cols);
    require_products(node, area * size_of(conv->in / conv->groups), "the forward pass");
    require_products(node, area * size_of(conv->out / conv->groups), "the activation gradient");
  }
  const WindowTaps window = window_taps(node);
  if (window.taps <= window.most) return;
  fail(node, fmt::format("kernel: expected a window of at most {} taps, got {}", window.most, window.taps));
}

void Judge::add_node(std::size_t n) {
  const Node& node = network_.nodes[n];
  require_limits(node);
  TrainingNode to;
  to.node = static_cast<int>(n);
  to.op = node.op;
  to.name = node.name;
  to.rule = rules_[n];
  if (is_layer(node)) to.layer = next_layer_++;
  if (node.op == Op::kBatchNorm) to.norm = next_norm_++;
  to.non_negative = to.layer < 0 && to.norm < 0;
  for (const int input : node.inputs) {
    const View of = view_of(input);
    if (of.made_by == kNetworkInput && to.layer < 0) {
      fail(node, "only linear and conv2d layers read the network's input, as codes");
    }
    to.inputs.push_back(of.made_by);
    if (of.made_by == kNetworkInput) continue;
    readings_.push_back({n, of});
    TrainingNode& from = graph_.nodes[size_of(of.made_by)];
    from.readers.push_back(static_cast<int>(graph_.nodes.size()));
    to.non_negative = to.non_negative && from.non_negative;
  }
  views_[n].made_by = static_cast<int>(graph_.nodes.size());
  graph_.nodes.push_back(std::move(to));
  relu_of_.push_back(-1);
}

void Judge::add_loss(std::size_t n) {
  const Node& node = network_.nodes[n];
  if (n + 1 != network_.nodes.size()) fail(node, "nothing may follow the loss");
  const View of = view_of(node.inputs[0]);
  if (of.made_by == kNetworkInput || of.made_by + 1 != static_cast<int>(graph_.nodes.size())) {
    fail(node, "expected to read the last node");
  }
  readings_.push_back({n, of});
  graph_.loss = static_cast<int>(n);
}

void Judge::add(std::size_t n) {
  const Node& node = network_.nodes[n];
  if (node.op == Op::kSoftmaxCrossEntropy) return add_loss(n);
  if (node.op == Op::kRelu) return add_relu(n);
  if (!is_view(node)) return add_node(n);
  views_[n] = view_of(node.inputs[0]);
}

/// A ReLU becomes part of the node before it, so nothing else can have that node's result without it.
void Judge::require_readers_of_relus() const {
  for (const Reading& reading : readings_) {
    const TrainingNode& made = graph_.nodes[size_of(reading.of.made_by)];
    if (!made.relu || reading.of.rectified) continue;
    const Node& relu = network_.nodes[size_of(relu_of_[size_of(reading.of.made_by)])];
    const std::string& reader = network_.nodes[reading.reader].name;
    fail(relu, fmt::format("expected to be the only reader of {}, which {} reads too; let {} read {}", made.name,
                           reader, reader, relu.name));
  }
}

/// The host feeds one set of codes (N6.5).
void Judge::require_input_readers() const {
  int width = 0;
  for (const TrainingNode& node : graph_.nodes) {
    if (node.layer < 0 || node.inputs.front() != kNetworkInput) continue;
    const Quantizer quantizer = node.rule.activation.quantizer;
    const auto refuse = [&](const std::string& message) {
      throw Error(fmt::format("recipe {}: network {}: layer {} reads the network's input: {}", recipe_.name,
                              network_.name, node.name, message));
    };
    if (quantizer != Quantizer::kMax && quantizer != Quantizer::kNiti) {
      refuse("expected activation quantizer max or niti");
    }
    const int bits = node.rule.width(node.rule.activation);
    if (width != 0 && bits != width) {
      refuse(fmt::format("expected activations of {} bits, as its first reader has, got {}", width, bits));
    }
    width = bits;
  }
}

/// Returns the layer that alone reads the layer's result, row for row as it was made; nullptr where there is none.
const TrainingNode* Judge::only_reader(const TrainingNode& node) const {
  if (node.layer < 0 || node.readers.size() != 1) return nullptr;
  const TrainingNode& reader = graph_.nodes[size_of(node.readers.front())];
  if (reader.layer < 0) return nullptr;
  const Shape& shape = network_.nodes[size_of(node.node)].shape;
  const bool flattens = reader.op == Op::kLinear && shape.size() == 3 && shape[1] * shape[2] > 1;
  return flattens ? nullptr : &reader;
}

/// Finds the edges of N6.3 whose codes are made at once.
void Judge::find_codes_at_once() {
  const auto has_groups = [&](const TrainingNode& node) {
    const auto* conv = std::get_if<Conv2dAttributes>(&network_.nodes[size_of(node.node)].attributes);
    return conv != nullptr && conv->groups > 1;
  };
  const auto strides = [&](const TrainingNode& node) {
    const auto* conv = std::get_if<Conv2dAttributes>(&network_.nodes[size_of(node.node)].attributes);
    return conv != nullptr && (conv->stride.rows > 1 || conv->stride.cols > 1);
  };
  for (TrainingNode& node : graph_.nodes) {
    const TrainingNode* reader = only_reader(node);
    if (reader == nullptr) continue;
    const ViewRule& x = reader->rule.activation;
    const bool one_sum = x.quantizer == Quantizer::kMax &&                        // others may have a window (N17.1)
                         reader->rule.gradient.quantizer != Quantizer::kGroup &&  // makes two sums (N21.3)
                         !has_groups(*reader) && !strides(*reader);
    node.result_at_once = follows_hindsight(x) && !has_groups(node);
    node.gradient_at_once = follows_hindsight(node.rule.gradient) && one_sum;
  }
}

TrainingGraph Judge::run() {
  if (!recipe_.fp32) require_fit(recipe_, network_);
  read_rules();
  views_.resize(network_.nodes.size());
  for (std::size_t n = 0; n < network_.nodes.size(); ++n) add(n);
  if (graph_.loss < 0) {
    throw Error(fmt::format("network {}: expected softmax_cross_entropy as its last layer", network_.name));
  }
  require_readers_of_relus();
  require_input_readers();
  find_codes_at_once();
  if (!recipe_.fp32) find_raw_views(network_, recipe_.raw_bits, graph_);
  return std::move(graph_);
}

}  // namespace

TrainingGraph training_graph(const Network& network, const Recipe& recipe) { return Judge(network, recipe).run(); }

void require_batch(const Network& network, const Recipe& recipe, const TrainingGraph& graph, int samples) {
  const auto require = [&](const TrainingNode& node, std::size_t got, std::size_t most, const char* what) {
    if (got <= most) return;
    throw Error(fmt::format("network {}: layer {} ({}), batch {}: expected at most {} {}, got {}", network.name,
                            node.name, op_name(node.op), samples, most, what, got));
  };
  if (samples < 1 || samples > kLargestBatch) {
    throw Error(fmt::format("batch: expected 1 to {} samples at once, got {}", kLargestBatch, samples));
  }
  for (const TrainingNode& node : graph.nodes) {
    if (node.layer < 0 && node.norm < 0) continue;
    const Shape& shape = network.nodes[size_of(node.node)].shape;
    std::size_t rows = size_of(samples);
    if (shape.size() == 3) rows *= size_of(shape[1]) * size_of(shape[2]);
    if (node.layer >= 0) require(node, rows, kMostRows, "rows of its output (batch · rows · columns)");
    const bool whole = recipe.normalization == Normalization::kLayerBatch;
    if (node.norm >= 0) require(node, whole ? rows * size_of(shape[0]) : rows, kMostValues - 1, "values in a mean");
  }
}

std::vector<std::string> layer_names(const Network& network) {
  std::vector<std::string> names;
  for (const Node& node : network.nodes) {
    if (is_layer(node)) names.push_back(node.name);
  }
  return names;
}

}  // namespace bitloom
