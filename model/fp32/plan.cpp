// Graph: which node's buffers hold what, and the order of the work.

#include <algorithm>

#include "model/fp32/graph.hpp"
#include "model/network/network_layers.hpp"

namespace bitloom::fp32 {

namespace {

constexpr int kPartRows = 64;       // of GEMMs, so that they are not too thin
constexpr int kImagePartRows = 32;  // images fill the caches sooner

}  // namespace

Graph::Graph(const Network& network, const Hyper& hyper, const TrainOptions& options, Normalization normalization)
    : scaling_(hyper.input),
      momentum_(static_cast<float>(hyper.momentum)),
      batch_(options.batch),
      threads_(std::max(1, options.threads)),
      input_shape_(network.input) {
  const SingleThreadedLibrary single;
  const bool images =
      std::any_of(network.nodes.begin(), network.nodes.end(), [](const Node& node) { return node.op == Op::kConv2d; });
  part_rows_ = std::min(batch_, images ? kImagePartRows : kPartRows);
  const int parts = parts_of(batch_);
  sums_.resize(static_cast<std::size_t>(parts));
  labels_.resize(static_cast<std::size_t>(parts * part_rows_));
  input_.resize(labels_.size() * static_cast<std::size_t>(element_count(network.input)));
  const std::vector<NodeParameters> initial = initial_parameters(network, options.seed);
  nodes_.resize(network.nodes.size());
  for (std::size_t i = 0; i < nodes_.size(); ++i) {
    nodes_[i].facts = network.nodes[i];
    nodes_[i].elements = element_count(network.nodes[i].shape);
  }
  connect(initial);
  for (std::size_t i = 0; i < nodes_.size(); ++i) prepare(i, initial[i], normalization);
  plan_forward();
  plan_backward();
  plan_updates();
}

/// Finds homes, ReLUs that another node does, and who needs a gradient.
void Graph::connect(const std::vector<NodeParameters>& initial) {
  std::vector<int> readers(nodes_.size(), 0);
  for (const GraphNode& node : nodes_) {
    for (const int input : node.facts.inputs) {
      if (input != kNetworkInput) ++readers[static_cast<std::size_t>(input)];
    }
  }
  for (std::size_t i = 0; i < nodes_.size(); ++i) {
    GraphNode& node = nodes_[i];
    node.home = static_cast<int>(i);
    node.needs_gradient = !initial[i].weight.empty() || !initial[i].gamma.empty();
    for (const int input : node.facts.inputs) node.needs_gradient = node.needs_gradient || wants_gradient(input);
    const int below = node.facts.inputs[0];
    if (node.facts.op == Op::kFlatten) node.home = home_of(below);
    if (node.facts.op != Op::kRelu || below == kNetworkInput || readers[static_cast<std::size_t>(below)] > 1) continue;
    GraphNode& only = nodes_[static_cast<std::size_t>(below)];
    if (!takes_relu(only.facts.op)) continue;
    only.relu = true;
    node.home = below;
  }
}

/// Makes a node's buffers and its operation.
void Graph::prepare(std::size_t index, const NodeParameters& initial, Normalization normalization) {
  GraphNode& node = nodes_[index];
  if (static_cast<std::size_t>(node.home) != index || node.facts.op == Op::kSoftmaxCrossEntropy) return;
  node.result.assign(labels_.size() * static_cast<std::size_t>(node.elements), 0.0F);
  if (node.needs_gradient) node.gradient.assign(node.result.size(), 0.0F);
  node.operation = make_operation(
      {node.facts, input_shape(node.facts.inputs[0]), part_rows_, sums_.size(), node.relu, initial, normalization});
}

/// Makes the stages of the forward pass. A stage ends where sums over the whole batch must be known.
void Graph::plan_forward() {
  training_stages_.emplace_back();
  for (std::size_t i = 0; i < nodes_.size(); ++i) {
    if (nodes_[i].home != static_cast<int>(i)) continue;
    const Operation* operation = nodes_[i].operation.get();
    if (operation != nullptr && operation->needs_sums()) {
      training_stages_.back().push_back({i, Phase::kSums});
      training_stages_.emplace_back();
    }
    const Work work{i, operation == nullptr ? Phase::kLoss : Phase::kForward};
    training_stages_.back().push_back(work);
    evaluation_stage_.push_back(work);
  }
}

/// Makes those of the backward pass, nodes from the last to the first. The first writer of a gradient sets it, the
/// others add to it.
void Graph::plan_backward() {
  std::vector<bool> written(nodes_.size(), false);
  for (std::size_t i = nodes_.size(); i-- > 0;) {
    GraphNode& node = nodes_[i];
    if (node.home != static_cast<int>(i) || !node.needs_gradient) continue;
    for (const int input : node.facts.inputs) {
      const bool wanted = wants_gradient(input);
      const std::size_t home = wanted ? static_cast<std::size_t>(home_of(input)) : 0;
      node.add.push_back(wanted && written[home]);
      if (wanted) written[home] = true;
    }
    if (!node.operation) continue;  // the loss
    if (node.operation->needs_sums()) {
      training_stages_.back().push_back({i, Phase::kGradientSums});
      training_stages_.emplace_back();
    }
    training_stages_.back().push_back({i, Phase::kBackward});
  }
}

void Graph::plan_updates() {
  for (std::size_t i = 0; i < nodes_.size(); ++i) {
    const std::size_t pieces = nodes_[i].operation ? nodes_[i].operation->update_pieces() : 0;
    for (std::size_t piece = 0; piece < pieces; ++piece) updates_.push_back({i, piece});
  }
}

bool Graph::wants_gradient(int index) const {
  return index != kNetworkInput && nodes_[static_cast<std::size_t>(index)].needs_gradient;
}

std::int64_t Graph::input_elements(int index) const {
  return index == kNetworkInput ? element_count(input_shape_) : nodes_[static_cast<std::size_t>(index)].elements;
}

Shape Graph::input_shape(int index) const {
  return index == kNetworkInput ? input_shape_ : nodes_[static_cast<std::size_t>(index)].facts.shape;
}

int Graph::home_of(int index) const {
  return index == kNetworkInput ? kNetworkInput : nodes_[static_cast<std::size_t>(index)].home;
}

const float* Graph::value(int index, int row) const {
  const int home = home_of(index);
  const std::vector<float>& values = home == kNetworkInput ? input_ : nodes_[static_cast<std::size_t>(home)].result;
  return values.data() + row * input_elements(index);
}

float* Graph::gradient_of(int index, int row) {
  return nodes_[static_cast<std::size_t>(home_of(index))].gradient.data() + row * input_elements(index);
}

}  // namespace bitloom::fp32
