#pragma once
#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <vector>

#include "model/golden/graph.hpp"
#include "model/golden/layer.hpp"
#include "model/golden/norm.hpp"
#include "model/golden/state_schema.hpp"
#include "model/golden/step.hpp"

namespace bitloom {

inline std::size_t size_of(int extent) { return static_cast<std::size_t>(extent); }

/// What GoldenEngine is made of: step.cpp computes, engine.cpp checks arguments and records.
struct GoldenEngine::Impl {
  Impl(const Network& network, const Recipe& recipe, int threads);

  void require_batch(const Batch& batch) const;
  void begin(const TrainState& state, const Batch& batch, const StepContext& context, bool exact, bool training);
  void forward(const TrainState& state);
  void forward_layer(std::size_t n, const TrainState& state);
  void forward_pool(std::size_t n);
  void loss();
  /// Gradients of activations, and of weights where `weights`; updates `updated` where it is not null.
  void backward(const TrainState& state, TrainState* updated, bool weights);
  void backward_layer(std::size_t n, const TrainState& state, TrainState* updated, bool weights);
  void backward_pool(std::size_t n);
  RawTensor& destination(int node);
  void deliver(int node);
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
  // By node.
  std::vector<RawTensor> z, g;
  std::vector<bool> has_gradient;
  std::vector<std::vector<std::uint8_t>> winners;
  std::vector<std::uint64_t> z_saturated, g_saturated;  ///< of pools, adds and forks
  RawTensor made, sum;           ///< a further gradient of a node, and the sum with those before it
  std::vector<bool> has_mask;    ///< by node: did its gradient come behind the mask of its ReLU?
  std::vector<std::int32_t> dy;  ///< gradient of a pool behind the mask of the node below

  const Batch* batch = nullptr;
};

}  // namespace bitloom
