#include "model/network/raw_views.hpp"

#include "model/network/network_layers.hpp"
#include "model/numerics/raw_view.hpp"

namespace bitloom {
namespace {

std::size_t size_of(int extent) { return static_cast<std::size_t>(extent); }

/// How many products the sums of a layer have.
struct Terms {
  std::size_t forward = 0, backward = 0;
};
Terms terms_of(const Node& node) {
  if (const auto* linear = std::get_if<LinearAttributes>(&node.attributes)) {
    return {size_of(linear->in), size_of(linear->out)};
  }
  const auto& conv = std::get<Conv2dAttributes>(node.attributes);
  const std::size_t taps = size_of(conv.kernel.rows) * size_of(conv.kernel.cols);
  return {taps * size_of(conv.in / conv.groups), taps * size_of(conv.out / conv.groups)};
}

/// Sets the shifts of the sums that a layer makes.
void shift_layer(const TrainingGraph& graph, const Node& source, TrainingNode& node) {
  const RecipeLayer& rule = node.rule;
  const bool reads_input = node.inputs.front() == kNetworkInput;
  const int w = largest_code(rule, rule.weight, false);
  const int x = reads_input ? qmax(rule.width(rule.activation))
                            : largest_code(rule, rule.activation, graph.nodes[size_of(node.inputs[0])].non_negative);
  const Terms terms = terms_of(source);
  const bool groups = rule.gradient.quantizer == Quantizer::kGroup;  // their own unit makes them fit (N21.2)
  node.result_shift = raw_shift(terms.forward, x, w);
  node.input_gradient_shift = groups ? 0 : raw_shift(terms.backward, largest_code(rule, rule.gradient, false), w);
}

/// Sets the shifts of the sums that a pool makes; an add has none.
void shift_pool(const Node& source, TrainingNode& node) {
  const PoolSums sums = pool_sums(source);
  node.result_shift = pool_shift(size_of(sums.values));
  node.input_gradient_shift = pool_shift(size_of(sums.windows));
}

}  // namespace

int largest_code(const RecipeLayer& rule, const ViewRule& view, bool non_negative) {
  switch (view.quantizer) {
    case Quantizer::kSign:
      return 1;
    case Quantizer::kRoundClip:
    case Quantizer::kStandardizedRoundClip:
      return view.levels;
    case Quantizer::kLog:
      return 1 << view.binades;
    case Quantizer::kSawb:
      return view.is_unsigned && non_negative ? 15 : qmax(4);
    case Quantizer::kGroup:
      return (1 << view.dgrad.bits) - 1;
    case Quantizer::kMax:
    case Quantizer::kLwq:
    case Quantizer::kNiti:
      break;
  }
  return qmax(rule.width(view));
}

/// The logits keep 32 bits, and so does their gradient where it is only handed on.
void find_raw_views(const Network& network, int bits, TrainingGraph& graph) {
  for (std::size_t n = graph.nodes.size(); n-- > 0;) {
    TrainingNode& node = graph.nodes[n];
    const bool last = n + 1 == graph.nodes.size();
    node.raw_bits = last || node.result_at_once ? 32 : bits;
    node.gradient_bits = last ? 32 : bits;
    if (node.readers.size() == 1) {
      node.gradient_bits = graph.nodes[size_of(node.readers.front())].input_gradient_bits;
    }
    const bool hands_on = node.layer < 0 && node.norm < 0;
    const int below = node.inputs.front();
    const bool at_once = below != kNetworkInput && graph.nodes[size_of(below)].gradient_at_once;
    node.input_gradient_bits = hands_on ? node.gradient_bits : at_once ? 32 : bits;
    const Node& source = network.nodes[size_of(node.node)];
    if (node.layer >= 0) shift_layer(graph, source, node);
    if (hands_on) shift_pool(source, node);
    if (node.raw_bits == 32) node.result_shift = 0;
    if (node.input_gradient_bits == 32) node.input_gradient_shift = 0;
  }
}

}  // namespace bitloom
