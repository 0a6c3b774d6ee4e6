#include "model/train/training_memory.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "model/network/training_graph.hpp"

namespace bitloom {
namespace {

/// Sums over the nodes that have a memory of their own, in elements; those of samples are of one sample.
struct Sizes {
  double results = 0;
  double largest_result = 0;
  double operands = 0;  ///< of linear and conv2d: their inputs and results, which have codes
  double weights = 0;
  double kernels = 0;  ///< weights of conv2d
};

Sizes sizes_of(const Network& network, const TrainingGraph& graph) {
  Sizes sizes;
  for (const TrainingNode& each : graph.nodes) {
    const Node& node = network.nodes[static_cast<std::size_t>(each.node)];
    const auto result = static_cast<double>(element_count(node.shape));
    const int from = node.inputs[0];
    const Shape& read = from == kNetworkInput ? network.input : network.nodes[static_cast<std::size_t>(from)].shape;
    const auto input = static_cast<double>(element_count(read));
    sizes.results += result;
    sizes.largest_result = std::max(sizes.largest_result, result);
    if (each.layer < 0) continue;
    sizes.operands += input + result;
    double weights = input * result;
    if (const auto* conv = std::get_if<Conv2dAttributes>(&node.attributes)) {
      weights = static_cast<double>(conv->in) / conv->groups * conv->out * conv->kernel.rows * conv->kernel.cols;
      sizes.kernels += weights;
    }
    sizes.weights += weights;
  }
  return sizes;
}

// Bytes of the vectors that the two engines keep. FP32: result and gradient a node; weights and velocity; of kernels
// also oneDNN's copies and a gradient for each part of the batch. Golden: two raw views a node, codes of operands, the
// sums of the largest layer; master, momentum, gradient, codes and float parameters a weight; of kernels packed copies
// and wide sums.
constexpr double kFp32PartRows = 32;

double sample_bytes(const Sizes& sizes, bool fp32) {
  return fp32 ? 8 * sizes.results : 8 * sizes.results + sizes.operands + 4 * sizes.largest_result;
}

double weight_bytes(const Sizes& sizes, bool fp32, double samples) {
  return fp32 ? 8 * sizes.weights + (12 + 4 * samples / kFp32PartRows) * sizes.kernels
              : 17 * sizes.weights + 20 * sizes.kernels;
}

}  // namespace

std::vector<MemoryPart> training_memory(const Network& network, const Recipe& recipe, int batch) {
  const Sizes sizes = sizes_of(network, training_graph(network, recipe));
  const int parts = recipe.fp32 ? 1 : std::max(1, recipe.update.micro_batches);
  const double samples = static_cast<double>(batch) / parts;
  return {{fmt::format("{} samples at once", samples), samples * sample_bytes(sizes, recipe.fp32), "a smaller batch"},
          {"parameters and their state", weight_bytes(sizes, recipe.fp32, samples), "a smaller network"}};
}

}  // namespace bitloom
