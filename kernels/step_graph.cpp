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
      : network_(network), recipe_(recipe), batch_(batch), stage_of_(network.nodes.size(), kFromNetwork) {}

  StepGraph run() {
    for (const Node& node : network_.nodes) graph_.layers += is_layer(node) ? 1 : 0;
    int layer = 0;
    for (const Node& node : network_.nodes) {
      rules_.push_back(is_layer(node) ? layer_recipe(recipe_, layer, graph_.layers, node.name) : RecipeLayer{});
      layer += is_layer(node) ? 1 : 0;
    }
    for (std::size_t i = 0; i < network_.nodes.size(); ++i) add(i);
    if (graph_.loss_node < 0 || graph_.stages.empty() || !graph_.stages.back().readers.empty()) {
      throw Error(fmt::format("network {}: expected a loss on the last layer's result", network_.name));
    }
    require_input_codes();
    for (const Stage& stage : graph_.stages) {
      if (stage.is_gemm()) require_codes(stage);
    }
    graph_.chain = is_chain(network_);
    return std::move(graph_);
  }

 private:
  static bool is_layer(const Node& node) { return node.op == Op::kLinear || node.op == Op::kConv2d; }
  Stage& stage(int index) { return graph_.stages[static_cast<std::size_t>(index)]; }
  int stage_read(int node) const {
    return node == kNetworkInput ? kFromNetwork : stage_of_[static_cast<std::size_t>(node)];
  }

  bool reaches_signs_only(std::size_t node) const {
    bool any = false;
    for (std::size_t i = 0; i < network_.nodes.size(); ++i) {
      const Node& reader = network_.nodes[i];
      for (const int input : reader.inputs) {
        if (input != static_cast<int>(node)) continue;
        any = true;
        const bool passes = reader.op == Op::kMaxPool || reader.op == Op::kAveragePool || reader.op == Op::kFlatten;
        const bool signs = is_layer(reader) && rules_[i].activation.quantizer == Quantizer::kSign;
        if (passes ? !reaches_signs_only(i) : !signs) return false;
      }
    }
    return any;
  }

  [[noreturn]] void refuse(const Stage& stage, const std::string& why) const {
    throw Error(fmt::format("recipe {}: network {}: layer {}: {}", recipe_.name, network_.name, stage.name, why));
  }

  static int code_bits(const RecipeLayer& rule, const ViewRule& view) {
    if (view.quantizer == Quantizer::kSign) return 1;
    const bool clips = view.quantizer == Quantizer::kRoundClip || view.quantizer == Quantizer::kStandardizedRoundClip;
    return clips ? 4 : rule.width(view);
  }

  /// The host feeds one set of codes (N6.5).
  void require_input_codes() const {
    int width = 0;
    for (const Stage& stage : graph_.stages) {
      if (!stage.is_gemm() || stage.inputs.front() != kFromNetwork) continue;
      const ViewRule& view = stage.rule.activation;
      if (view.quantizer != Quantizer::kMax && view.quantizer != Quantizer::kNiti) {
        refuse(stage, "activation quantizer: expected max or niti, as it reads the network's input");
      }
      const int bits = stage.rule.width(view);
      if (width != 0 && bits != width) {
        refuse(stage,
               fmt::format("activation bits: expected {}, the width of the network's input, got {}", width, bits));
      }
      width = bits;
    }
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

  void add(std::size_t i) {
    const Node& node = network_.nodes[i];
    const int first = stage_read(node.inputs.front());
    switch (node.op) {
      case Op::kFlatten:
        stage_of_[i] = first;
        return;
      case Op::kRelu:
        if (first == kFromNetwork)
          throw Error(fmt::format("network {}: node {} reads the input", network_.name, node.name));
        stage_of_[i] = first;
        if (!reaches_signs_only(i)) stage(first).relu = stage(first).non_negative = true;
        return;
      case Op::kSoftmaxCrossEntropy:
        graph_.loss_node = static_cast<int>(i);
        return;
      default:
        add_stage(i);
    }
  }

  void add_stage(std::size_t i) {
    const Node& node = network_.nodes[i];
    Stage made;
    made.node = static_cast<int>(i);
    made.op = node.op;
    made.name = node.name;
    const int reads = node.inputs.front();
    const Shape& in = reads == kNetworkInput ? network_.input : network_.nodes[static_cast<std::size_t>(reads)].shape;
    made.in =
        node.op == Op::kLinear ? ImageShape{batch_, 1, 1, static_cast<int>(element_count(in))} : shape_of(in, batch_);
    made.out = shape_of(node.shape, batch_);
    require_windows(node, made);
    if (is_layer(node)) made.layer = next_layer_++;
    if (node.op == Op::kBatchNorm) made.norm = next_norm_++;
    made.rule = rules_[i];
    made.non_negative = made.layer < 0 && made.norm < 0;
    for (const int input : node.inputs) {
      const int from = stage_read(input);
      if (from == kFromNetwork && made.layer < 0) {
        throw Error(fmt::format("network {}: node {} reads the network's input; only linear and conv2d can",
                                network_.name, node.name));
      }
      made.inputs.push_back(from);
      if (from == kFromNetwork) continue;
      stage(from).readers.push_back(static_cast<int>(graph_.stages.size()));
      made.non_negative = made.non_negative && stage(from).non_negative;
    }
    stage_of_[i] = static_cast<int>(graph_.stages.size());
    graph_.stages.push_back(std::move(made));
  }

  const Network& network_;
  const Recipe& recipe_;
  int batch_;
  std::vector<int> stage_of_;
  std::vector<RecipeLayer> rules_;  ///< by node
  StepGraph graph_;
  int next_layer_ = 0, next_norm_ = 0;
};

}  // namespace

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
