#pragma once
#include <cstddef>
#include <memory>

#include "model/golden/graph.hpp"
#include "model/golden/object.hpp"
#include "model/golden/state.hpp"
#include "model/golden/step_record.hpp"
#include "model/network/network.hpp"

namespace bitloom {

struct GoldenRun;

/// What the backward half of a step does.
struct BackwardWork {
  const TrainState& state;  ///< before the step
  TrainState* updated;      ///< what updates change; nullptr: there are none
  bool weights = true;      ///< are gradients of parameters made?
};

/// What golden knows of one node's operation, with all that it keeps from forward to backward. Results and gradients
/// are GoldenRun's: forward() makes z of its node; backward() finds the gradient of z before a ReLU in g, makes the
/// gradients of its inputs in GoldenRun::destination() and hands each over by deliver().
class GoldenOperation : public GoldenObject {
 public:
  explicit GoldenOperation(std::size_t node) : n_(node) {}

  /// Computes the result of the node.
  virtual void forward(GoldenRun& run, const TrainState& state) = 0;
  /// Computes the gradients of the inputs, and of parameters with their updates as `work` says.
  virtual void backward(GoldenRun& run, const BackwardWork& work) = 0;
  /// Adds what the operation alone knows to the record of a step.
  virtual void record(const GoldenRun& run, StepRecord& to) const;

 protected:
  /// Returns the node that makes the first input.
  std::size_t input(const GoldenRun& run) const;

  const std::size_t n_;  ///< of the graph
};

/// Where an operation stands in its network.
struct GoldenPlace {
  const Network& network;
  const GoldenGraph& graph;
  std::size_t node = 0;  ///< of the graph
  int threads = 1;
};

/// Makes the operation of a node of the graph.
std::unique_ptr<GoldenOperation> golden_operation(const GoldenPlace& place);

}  // namespace bitloom
