#include "kernels/step_graph.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "model/io/error.hpp"
#include "model/network/training_graph.hpp"

namespace bitloom {

namespace {

ImageShape shape_of(const Shape& shape, int batch) {
  if (shape.size() == 1) return {batch, 1, 1, shape[0]};
  return {batch, shape[1], shape[2], shape[0]};
}

class Deriver {
 public:
  Deriver(const Network& network, const Recipe& recipe, int batch)
      : network_(network), recipe_(recipe), batch_(batch) {}

  StepGraph run() {
    const TrainingGraph facts = training_graph(network_, recipe_);
    graph_.layers = facts.layers;
    graph_.loss_node = facts.loss;
    for (const TrainingNode& node : facts.nodes) add(node);
    for (const Stage& stage : graph_.stages) {
      if (stage.is_gemm()) require_codes(stage);
    }
    return std::move(graph_);
  }

 private:
  [[noreturn]] void refuse(const Stage& stage, const std::string& why) const {
    throw Error(fmt::format("recipe {}: network {}: layer {}: {}", recipe_.name, network_.name, stage.name, why));
  }

  /// Logarithmic codes meet the array as shifts of 4-bit operands (MAC4); there is no such mode for 8-bit ones.
  void require_codes(const Stage& stage) const {
    if (stage.rule.gradient.quantizer != Quantizer::kLog) return;
    const int x = code_bits(stage.rule, stage.rule.activation);
    const int w = code_bits(stage.rule, stage.rule.weight);
    const bool reads_w = stage.inputs.front() != kFromNetwork;  // else there is no activation gradient
    if (x <= 4 && (w <= 4 || !reads_w)) return;
    refuse(stage, fmt::format("gradient quantizer log: expected activations and weights of at most 4 bits, the array "
                              "has no logarithmic mode for others; got {} and {}",
                              x, w));
  }

  /// Descriptors of shaped transfers count rows of windows in fields of a few bits.
  void require_window(const Node& node, const char* field, const Pair& value, int limit, bool rows, bool cols) const {
    const int largest = std::max(rows ? value.rows : 0, cols ? value.cols : 0);
    if (largest <= limit) return;
    throw Error(fmt::format("network {}: node {}: {}: the accelerator takes at most {}, got {}", network_.name,
                            node.name, field, limit, largest));
  }
  void require_windows(const Node& node, const Stage& made) const {
    const auto check = [&](const auto& of, const Pair& dilation) {
      require_window(node, "kernel", of.kernel, 255, true, true);
      require_window(node, "dilation", dilation, 127, of.kernel.rows > 1, of.kernel.cols > 1);
      require_window(node, "padding", of.padding, 32767, true, true);
      // A stride that no second place of the result or of the gradient needs does not count.
      require_window(node, "stride", of.stride, 15, made.out.height > 1 || made.in.height > of.stride.rows,
                     made.out.width > 1 || made.in.width > of.stride.cols);
    };
    if (const auto* conv = std::get_if<Conv2dAttributes>(&node.attributes)) check(*conv, conv->dilation);
    if (const auto* pool = std::get_if<PoolAttributes>(&node.attributes)) check(*pool, Pair{1, 1});
  }

  void add(const TrainingNode& of) {
    const Node& node = network_.nodes[static_cast<std::size_t>(of.node)];
    const int reads = node.inputs.front();
    const Shape& in = reads == kNetworkInput ? network_.input : network_.nodes[static_cast<std::size_t>(reads)].shape;
    Stage made;
    made.node = of.node;
    made.op = of.op;
    made.name = of.name;
    made.relu = of.relu;
    made.inputs = of.inputs;
    made.readers = of.readers;
    made.in =
        of.op == Op::kLinear ? ImageShape{batch_, 1, 1, static_cast<int>(element_count(in))} : shape_of(in, batch_);
    made.out = shape_of(node.shape, batch_);
    made.layer = of.layer;
    made.norm = of.norm;
    made.rule = of.rule;
    made.non_negative = of.non_negative;
    made.result_at_once = of.result_at_once;
    made.gradient_at_once = of.gradient_at_once;
    made.raw_bits = of.raw_bits;
    made.result_shift = of.result_shift;
    made.input_gradient_bits = of.input_gradient_bits;
    made.input_gradient_shift = of.input_gradient_shift;
    require_windows(node, made);
    graph_.stages.push_back(std::move(made));
  }

  const Network& network_;
  const Recipe& recipe_;
  int batch_;
  StepGraph graph_;
};

}  // namespace

int code_bits(const RecipeLayer& rule, const ViewRule& view) {
  switch (view.quantizer) {
    case Quantizer::kSign:
      return 1;
    case Quantizer::kRoundClip:
    case Quantizer::kStandardizedRoundClip:
    case Quantizer::kLog:
      return 4;
    case Quantizer::kMax:
    case Quantizer::kSawb:
    case Quantizer::kLwq:
    case Quantizer::kNiti:
    case Quantizer::kGroup:
      break;
  }
  return rule.width(view);
}

StepGraph step_graph(const Network& network, const Recipe& recipe, int batch) {
  return Deriver(network, recipe, batch).run();
}

Conv2dAttributes convolution_of(const Network& network, const Stage& stage) {
  const Node& node = network.nodes[static_cast<std::size_t>(stage.node)];
  if (const auto* conv = std::get_if<Conv2dAttributes>(&node.attributes)) return *conv;
  const auto& linear = std::get<LinearAttributes>(node.attributes);
  Conv2dAttributes result;
  result.in = linear.in;
  result.out = linear.out;
  result.bias = linear.bias;
  return result;
}

}  // namespace bitloom
