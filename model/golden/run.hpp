#pragma once
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <vector>

#include "model/golden/graph.hpp"
#include "model/golden/layer.hpp"
#include "model/golden/norm.hpp"
#include "model/golden/operation.hpp"
#include "model/golden/state_schema.hpp"
#include "model/golden/step.hpp"

namespace bitloom {

/// A step at work. GoldenEngine (step.hpp) leads it from begin() to record(), and the operations of its nodes share it.
struct GoldenRun {
  GoldenRun(const Network& network, const Recipe& recipe, int threads);

  /// Throws Error where the batch does not fit the network, or is larger than sums and means hold.
  void require_batch(const Batch& batch) const;
  /// Sets the facts of the step, and makes the codes of weights and input: steps (1) and (2) of N10. `exact`: no scale
  /// comes from the step before.
  void begin(const TrainState& state, const Batch& batch, const StepContext& context, bool exact, bool training);
  /// Computes all results z: step (3) of N10.
  void forward(const TrainState& state);
  /// Computes the loss and the raw view of the last gradient (N7).
  void loss();
  /// Computes all gradients and makes the updates: the rest of step (4), and step (5) of N10.
  void backward(const BackwardWork& work);
  /// Returns where the next gradient of a node's output is made, for deliver().
  RawTensor& destination(int node);
  /// Takes over the gradient of a node's output that was made there; of several the sum counts (N14.4).
  void deliver(int node);
  /// Makes a view of 16 bits of the gradient that node `maker` has made of its input `node`, where it has that (N5.5).
  /// `behind_mask`: what a ReLU's mask will hide cannot saturate any more.
  void narrow_gradient(std::size_t maker, int node, bool behind_mask);
  /// Adds two raw views of one shape to `out` of so many bits, which is 0 below 0 where `relu`. Returns the saturations
  /// (N14.6).
  std::uint64_t add(const RawTensor& a, const RawTensor& b, int bits, bool relu, RawTensor& out);
  StepResult result() const;
  /// Puts all that the step made into a record; `state` is as the step left it.
  void record(const TrainState& state, StepRecord& to) const;
  void record_node(std::size_t n, StepRecord& to) const;

  Network source;
  GoldenGraph graph;
  StateSchema schema;
  GoldenTools tools;
  std::vector<GoldenLayer> layers;
  std::deque<GoldenNorm> norms;
  // Each has one element a node of the graph.
  std::vector<std::unique_ptr<GoldenOperation>> operations;
  std::vector<RawTensor> z, g;  ///< results, and gradients of the loss by them
  std::vector<bool> has_gradient;
  std::vector<std::uint64_t> z_saturated, g_saturated;  ///< of nodes that are no layers, and of gradients
  std::uint64_t part_saturated = 0;                     ///< of the parts of forks' gradients
  RawTensor made, sum;         ///< a further gradient of a node, and the sum with those before it
  std::vector<bool> has_mask;  ///< by node: did its gradient come behind the mask of its ReLU?

  const Batch* batch = nullptr;
};

}  // namespace bitloom
