#include "kernels/training_graph.hpp"

namespace bitloom {

std::string phase_name(PhaseOp op) {
  switch (op) {
    case PhaseOp::kLoadTable:
    case PhaseOp::kStoreTable:
      return "tables";
    case PhaseOp::kQuantizeWeights:
      return "weights";
    case PhaseOp::kBias:
      return "bias";
    case PhaseOp::kForward:
      return "forward";
    case PhaseOp::kQuantizeActivation:
    case PhaseOp::kQuantizeGradient:
      return "quantize";
    case PhaseOp::kLoss:
    case PhaseOp::kGradientMaximum:
      return "loss";
    case PhaseOp::kActivationGradient:
      return "dgrad";
    case PhaseOp::kWeightGradient:
      return "wgrad";
    case PhaseOp::kUpdateWeights:
    case PhaseOp::kUpdateBias:
      return "update";
  }
  return "";
}

std::vector<PhaseNode> training_graph(const std::vector<LinearLayer>& chain, const Recipe& recipe) {
  const int last = static_cast<int>(chain.size()) - 1;
  const bool exact_x = recipe.activation.scale == ScaleRule::kExact;
  const bool exact_d = recipe.gradient.scale == ScaleRule::kExact;
  const auto has_bias = [&](int layer) { return chain[static_cast<std::size_t>(layer)].bias; };
  std::vector<PhaseNode> graph{{PhaseOp::kLoadTable, -1}};
  for (int l = 0; l <= last; ++l) graph.push_back({PhaseOp::kQuantizeWeights, l});
  for (int l = 0; l <= last; ++l) {
    if (has_bias(l)) graph.push_back({PhaseOp::kBias, l});
    graph.push_back({PhaseOp::kForward, l});
    if (l < last && exact_x) graph.push_back({PhaseOp::kQuantizeActivation, l});
  }
  graph.push_back({PhaseOp::kLoss, last});
  if (exact_d) graph.push_back({PhaseOp::kGradientMaximum, last});
  graph.push_back({PhaseOp::kQuantizeGradient, last});
  for (int l = last; l >= 0; --l) {
    if (l > 0) graph.push_back({PhaseOp::kActivationGradient, l});
    graph.push_back({PhaseOp::kWeightGradient, l});
    if (l > 0 && exact_d) graph.push_back({PhaseOp::kQuantizeGradient, l - 1});
    graph.push_back({PhaseOp::kUpdateWeights, l});
    if (has_bias(l)) graph.push_back({PhaseOp::kUpdateBias, l});
  }
  graph.push_back({PhaseOp::kStoreTable, -1});
  return graph;
}

}  // namespace bitloom
