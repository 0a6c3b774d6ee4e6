#pragma once
#include <cstdint>
#include <memory>
#include <vector>

#include "model/data/dataset.hpp"
#include "model/fp32/kernels.hpp"
#include "model/fp32/norm.hpp"
#include "model/fp32/operation.hpp"
#include "model/fp32/primitives.hpp"
#include "model/network/hyper.hpp"
#include "model/network/init.hpp"
#include "model/network/recipe.hpp"

namespace bitloom::fp32 {

/// One node of the network with its parameters, optimizer state and the buffers of a step.
struct GraphNode {
  Node facts;
  /// The node whose buffers hold this node's result and gradient: itself, except for flatten (the same memory, also
  /// that of kNetworkInput) and a ReLU that its input's node does itself, having no other reader. Such nodes do
  /// nothing.
  int home = 0;
  bool relu = false;            ///< its buffers hold the result after a ReLU, gradients arrive for that
  bool needs_gradient = false;  ///< has parameters at or below it
  std::vector<bool> add;        ///< by input: its gradient is added to what a later node left there
  std::int64_t elements = 0;    ///< of one sample's result
  std::vector<float> result;    ///< [samples][elements], images [rows][columns][channels]
  std::vector<float> gradient;  ///< of the loss by the result
  NodeParameters parameters;
  NodeParameters velocity;

  /// Returns the rows of channels in one sample's result.
  std::int64_t places() const { return elements / facts.shape[0]; }

  std::unique_ptr<Convolution> conv;
  std::unique_ptr<Norm> norm;
  std::unique_ptr<Operation> operation;      ///< of a node without parameters
  std::vector<std::vector<float>> partials;  ///< weight gradient of a convolution by part, in private order
  std::vector<std::vector<float>> bias_partials;
};

/// A network in FP32: GEMMs, convolutions and poolings by oneDNN, everything else in kernels.hpp. A batch is cut into
/// parts of a fixed number of samples, each computed by one thread, and sums over parts are added in their order, so
/// the number of threads changes no bit. Parts pass through the nodes forward and back on their own and meet only where
/// a normalization needs sums over the batch; then all parameters are updated.
class Graph {
 public:
  /// Throws Error unless the network ends in its only softmax_cross_entropy.
  Graph(const Network& network, const Hyper& hyper, const TrainOptions& options, Normalization normalization);

  int batch() const { return batch_; }

  /// Takes over samples `indices[0 … rows)`, rows at most batch(), for one call of evaluate() or train().
  void load(const Dataset& data, const std::uint32_t* indices, int rows);
  /// Does the same from numbers: input [rows][elements], images [rows][columns][channels].
  void load(const float* input, const std::uint8_t* labels, int rows);

  /// Returns loss and correct predictions of the loaded samples; norms use running values.
  LossSums evaluate();
  /// One step on the loaded samples, batch() of them: forward, loss, backward, update. Sums are those before the
  /// update.
  LossSums train(float learning_rate);

  /// Calls visit(name, shape, values, is_parameter) for each tensor of the state. Values may be changed.
  template <class Visit>
  void for_tensors(const Visit& visit) {
    for (GraphNode& node : nodes_) visit_tensors(node, visit);
  }
  template <class Visit>
  void for_tensors(const Visit& visit) const {
    for (const GraphNode& node : nodes_) visit_tensors(node, visit);
  }

 private:
  enum class Phase { kForward, kSums, kLoss, kGradientSums, kBackward };
  struct Work {
    std::size_t node;
    Phase phase;
  };
  using Stage = std::vector<Work>;  ///< what a part of the batch does in one go
  struct Rows {
    int first;
    int count;
  };
  struct Part {
    std::size_t index;
    Rows rows;
  };
  struct Update {
    std::size_t node;
    Rows rows;  ///< of a linear layer's weights; other nodes are updated as a whole
  };

  template <class Visit, class AnyNode>
  static void visit_tensors(AnyNode& node, const Visit& visit);

  void connect(const Network& network);
  void prepare(std::size_t index, Normalization normalization);
  void plan_forward();
  void plan_backward();
  void plan_updates();

  template <class Body>
  void for_each(std::size_t count, const Body& body) const;
  void load_weights();
  void run_stage(const Stage& stage, bool with_gradient);
  bool run(const Work& work, const Part& part, bool with_gradient);
  void finish_stage(const Stage& stage);
  LossSums total() const;
  void loss(const GraphNode& node, const Part& part, bool with_gradient);
  PartAt part_at(GraphNode& node, const Part& part);
  bool forward(GraphNode& node, const Part& part);
  void gradient_sums(GraphNode& node, const Part& part);
  bool backward(GraphNode& node, const Part& part);
  bool backward_linear(GraphNode& node, const Rows& rows);
  bool backward_conv(GraphNode& node, const Part& part);
  bool update(const Update& work, float learning_rate);
  bool update_linear(GraphNode& node, const Rows& rows, float learning_rate);
  bool update_conv(GraphNode& node, float learning_rate);

  int parts_of(int rows) const { return (rows + part_rows_ - 1) / part_rows_; }
  std::int64_t input_elements(int index) const;
  Shape input_shape(int index) const;
  bool wants_gradient(int index) const;
  int home_of(int index) const;
  const float* value(int index, int row) const;
  float* gradient_of(int index, int row);

  InputScaling scaling_;
  float momentum_;
  int batch_;
  int threads_;
  int rows_ = 0;  ///< loaded
  int part_rows_ = 64;
  Shape input_shape_;
  std::vector<float> input_;          ///< [samples][elements]
  std::vector<std::uint8_t> labels_;  ///< [samples]
  std::vector<GraphNode> nodes_;
  std::vector<Stage> training_stages_;
  Stage evaluation_stage_;
  std::vector<Update> updates_;
  std::vector<LossSums> sums_;  ///< by part of the batch
};

template <class Visit, class AnyNode>
void Graph::visit_tensors(AnyNode& node, const Visit& visit) {
  using Extents = std::vector<std::int64_t>;
  Extents weight;
  if (const auto* linear = std::get_if<LinearAttributes>(&node.facts.attributes)) {
    weight = {linear->out, linear->in};
  } else if (const auto* conv = std::get_if<Conv2dAttributes>(&node.facts.attributes)) {
    weight = {conv->out, conv->kernel.rows, conv->kernel.cols, conv->in / conv->groups};
  }
  const auto show = [&](const char* suffix, const Extents& shape, auto& values, auto& velocity) {
    if (values.empty()) return;
    visit(node.facts.name + suffix, shape, values, true);
    visit(node.facts.name + suffix + "_velocity", shape, velocity, false);
  };
  const auto size = [](const auto& values) { return Extents{static_cast<std::int64_t>(values.size())}; };
  show(".weight", weight, node.parameters.weight, node.velocity.weight);
  show(".bias", size(node.parameters.bias), node.parameters.bias, node.velocity.bias);
  show(".gamma", size(node.parameters.gamma), node.parameters.gamma, node.velocity.gamma);
  show(".beta", size(node.parameters.beta), node.parameters.beta, node.velocity.beta);
  if (node.norm) {
    auto& norm = *node.norm;
    visit(node.facts.name + ".running_mean", size(norm.running_mean), norm.running_mean, true);
    visit(node.facts.name + ".running_variance", size(norm.running_variance), norm.running_variance, true);
  }
}

/// Keeps oneDNN to one thread for a scope, whatever OpenMP's default is: our own parts are the parallel work.
class SingleThreadedLibrary {
 public:
  SingleThreadedLibrary();
  SingleThreadedLibrary(const SingleThreadedLibrary&) = delete;
  SingleThreadedLibrary& operator=(const SingleThreadedLibrary&) = delete;
  ~SingleThreadedLibrary();

 private:
  int saved_;
};

}  // namespace bitloom::fp32
