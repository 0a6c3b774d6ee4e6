#pragma once
#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <vector>

#include "model/golden/graph.hpp"
#include "model/golden/layer.hpp"
#include "model/golden/norm.hpp"
#include "model/golden/operation.hpp"
#include "model/golden/state_schema.hpp"
#include "model/golden/step.hpp"

namespace bitloom {

inline std::size_t size_of(int extent) { return static_cast<std::size_t>(extent); }

/// What GoldenEngine is made of: the step at work, which its operations share. step.cpp leads them through it,
/// engine.cpp checks arguments and records.
struct GoldenRun {
  GoldenRun(const Network& network, const Recipe& recipe, int threads);

  void require_batch(const Batch& batch) const;
  void begin(const TrainState& state, const Batch& batch, const StepContext& context, bool exact, bool training);
  void forward(const TrainState& state);
  void loss();
  void backward(const BackwardWork& work);
  /// Returns where the next gradient of a node's output is made, for deliver().
  RawTensor& destination(int node);
  /// Takes over the gradient of a node's output that was made there; of several the sum counts (N14.4).
  void deliver(int node);
  /// Adds two raw views to `out`, which is 0 below 0 where `relu`. Returns the saturations (N14.6).
  std::uint64_t add(const RawTensor& a, const RawTensor& b, bool relu, RawTensor& out);
  StepResult result() const;
  void record(const TrainState& state, StepRecord& to) const;
  void record_node(std::size_t n, StepRecord& to) const;

  Network source;
  GoldenGraph graph;
  StateSchema schema;
  GoldenTools tools;
  std::vector<GoldenLayer> layers;
  std::deque<GoldenNorm> norms;
  // Each has one element a node.
  std::vector<std::unique_ptr<GoldenOperation>> operations;
  std::vector<RawTensor> z, g;
  std::vector<bool> has_gradient;
  std::vector<std::uint64_t> z_saturated, g_saturated;  ///< of nodes that are no layers and no norms, and of forks
  RawTensor made, sum;         ///< a further gradient of a node, and the sum with those before it
  std::vector<bool> has_mask;  ///< by node: did its gradient come behind the mask of its ReLU?

  const Batch* batch = nullptr;
};

}  // namespace bitloom
