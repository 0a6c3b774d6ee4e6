#pragma once
#include <string>
#include <vector>

#include "model/network.hpp"
#include "model/recipe.hpp"

namespace bitloom {

/// What one phase of a training step does. Each becomes one loop group in each queue that it uses.
enum class PhaseOp {
  kLoadTable,           ///< the table page into T
  kQuantizeWeights,     ///< master → w (N6.4)
  kBias,                ///< bias → b_acc (N5.1)
  kForward,             ///< x · w + b_acc → z_raw, or with hindsight the next layer's x; mask (N5.1, N5.2)
  kQuantizeActivation,  ///< z_raw → the next layer's x (N6.1)
  kLoss,                ///< z_raw, labels → d_raw (N7)
  kGradientMaximum,     ///< max |d_raw| of the last layer (N6.1)
  kQuantizeGradient,    ///< d_raw → d (N6.3)
  kActivationGradient,  ///< d · w → d_raw, or with hindsight d, of the layer below (N5.3)
  kWeightGradient,      ///< x · d → dw, db (N5.4)
  kUpdateWeights,       ///< dw, master, momentum → master, momentum (N9)
  kUpdateBias,          ///< db, bias, bias_momentum → bias, bias_momentum (N9)
  kStoreTable,          ///< T into the table page
};

struct PhaseNode {
  PhaseOp op = PhaseOp::kLoadTable;
  int layer = -1;
};

/// The name that a phase's commands carry: weights, bias, forward, …
std::string phase_name(PhaseOp op);

/// The step of N10 for this chain, derived from the forward graph alone: which phases, in which order. An activation
/// gradient's codes are made after the weight gradient of the layer above, so that their raw view is in memory by then.
std::vector<PhaseNode> training_graph(const std::vector<LinearLayer>& chain, const Recipe& recipe);

}  // namespace bitloom
