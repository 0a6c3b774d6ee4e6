#pragma once
#include <cstdint>
#include <vector>

#include "model/network/network.hpp"

namespace bitloom {

/// Parameters of one node as real numbers; empty where the operation has none. This is the form in which initial and
/// checkpoint parameters pass between the FP32 and the integer trainer.
struct NodeParameters {
  /// linear: [out][in]; conv2d: [out][rows][columns][in / groups]. Both are [out][K] with the K of numerics.md N14.1,
  /// so the integer weight view [K][out] is the transpose.
  std::vector<float> weight;
  std::vector<float> bias;   ///< [out]
  std::vector<float> gamma;  ///< [channels] of a norm
  std::vector<float> beta;   ///< [channels] of a norm
  /// Of a norm, [channels] or one value with LBN. Empty: 0 and 1. The integer recipes take them from checkpoints; the
  /// FP32 path keeps its own elsewhere.
  std::vector<float> running_mean{};
  std::vector<float> running_variance{};
};

/// Returns the number of weights that make one output of a linear or conv2d node (its K), 0 for other nodes.
int fan_in(const Node& node);
/// Has the node weights: is it a linear or conv2d node?
inline bool has_weights(const Node& node) { return fan_in(node) > 0; }
/// Has it a bias beside its weights?
bool has_bias(const Node& node);

/// Returns the parameters that every recipe starts from, one element a node: linear and conv2d nodes draw weights, then
/// biases, in the order of the nodes, uniform in ±1/sqrt(fan_in), from one mt19937_64 on the seed; gamma is 1 and beta
/// 0. The same bits on every machine.
std::vector<NodeParameters> initial_parameters(const Network& network, std::uint64_t seed);

}  // namespace bitloom
