#pragma once
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "model/data/dataset.hpp"
#include "model/fp32/kernels.hpp"
#include "model/fp32/operation.hpp"
#include "model/network/hyper.hpp"
#include "model/network/init.hpp"
#include "model/network/recipe.hpp"

namespace bitloom::fp32 {

/// One node of the network with its operation and the buffers of a step.
struct GraphNode {
  Node facts;
  /// Tells whose buffers hold this node's result and gradient: its own, except for flatten (the same memory, also that
  /// of kNetworkInput) and a ReLU that its input's node does itself, having no other reader. Such nodes do nothing.
  int home = 0;
  bool relu = false;                     ///< its buffers hold the result after a ReLU, gradients arrive for that
  bool needs_gradient = false;           ///< has parameters at or below it
  std::vector<bool> add;                 ///< by input: its gradient is added to what a later node left there
  std::int64_t elements = 0;             ///< of one sample's result
  std::vector<float> result;             ///< [samples][elements], images [rows][columns][channels]
  std::vector<float> gradient;           ///< of the loss by the result
  std::unique_ptr<Operation> operation;  ///< none of a node that does nothing, and of the loss
};

/// A network in FP32. Each node has an object of its operation (operation.hpp); GEMMs, convolutions and poolings run in
/// oneDNN, all else in kernels.hpp. A batch is cut into parts of a fixed number of samples, each computed by one
/// thread, and sums over parts are added in their order, so the number of threads changes no bit. Parts pass through
/// the nodes forward and back on their own and meet only where a normalization needs sums over the batch; then all
/// parameters are updated.
class Graph {
 public:
  /// Takes a network that training_graph() accepts.
  Graph(const Network& network, const Hyper& hyper, const TrainOptions& options, Normalization normalization);

  int batch() const { return batch_; }

  /// Takes over samples `indices[0 … rows)`, rows at most batch(), for one call of evaluate() or train().
  void load(const Dataset& data, const std::uint32_t* indices, int rows);
  /// Does the same from numbers: input [rows][elements], images [rows][columns][channels].
  void load(const float* input, const std::uint8_t* labels, int rows);

  /// Returns loss and correct predictions of the loaded samples; norms use running values.
  LossSums evaluate();
  /// Makes a step on the loaded samples, batch() of them: forward, loss, backward, update. Returns the sums before the
  /// update.
  LossSums train(float learning_rate);

  /// Calls visit(name, shape, values, is_parameter) for each tensor of the state. Values may be changed.
  template <class Visit>
  void for_tensors(const Visit& visit) {
    for (const GraphNode& node : nodes_) {
      for (const KeptTensor& tensor : tensors_of(node)) {
        visit(node.facts.name + tensor.name, tensor.shape, tensor.values, tensor.is_parameter);
      }
    }
  }
  template <class Visit>
  void for_tensors(const Visit& visit) const {
    for (const GraphNode& node : nodes_) {
      for (const KeptTensor& tensor : tensors_of(node)) {
        visit(node.facts.name + tensor.name, tensor.shape, std::as_const(tensor.values), tensor.is_parameter);
      }
    }
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
    std::size_t piece;
  };

  static std::vector<KeptTensor> tensors_of(const GraphNode& node) {
    return node.operation ? node.operation->tensors() : std::vector<KeptTensor>{};
  }

  void connect(const std::vector<NodeParameters>& initial);
  void prepare(std::size_t index, const NodeParameters& initial, Normalization normalization);
  void plan_forward();
  void plan_backward();
  void plan_updates();

  template <class Body>
  void for_each(std::size_t count, const Body& body) const;
  void begin(bool training);
  void run_stage(const Stage& stage, bool with_gradient);
  bool run(const Work& work, const Part& part, bool with_gradient);
  void finish_stage(const Stage& stage);
  LossSums total() const;
  void loss(const GraphNode& node, const Part& part, bool with_gradient);
  PartAt part_at(GraphNode& node, const Part& part);
  bool update(const Update& work, float learning_rate);

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
