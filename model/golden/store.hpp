#pragma once
#include <vector>

#include "model/golden/object.hpp"
#include "model/golden/optimizer.hpp"
#include "model/golden/record.hpp"
#include "model/golden/state.hpp"
#include "model/golden/state_list.hpp"
#include "model/golden/tools.hpp"
#include "model/network/recipe.hpp"

namespace bitloom {

/// Which weights a store holds: those of one layer, [K][out].
struct WeightPlace {
  const RecipeLayer& rule;
  int depth = 0;
  int out = 0;
  LayerAt layer;

  /// Returns where the optimizer's state of them lies.
  MomentPlace moments() const;
};

/// Which scalars of a layer's state a store and its optimizer use.
struct StoreScalars {
  bool scale = false;          ///< fixed, of the codes
  bool moment_scales = false;  ///< GoldenOptimizer::has_scales()
  bool levels = false;         ///< of residual codes
};

/// What golden knows of a way to store a layer's weights: its part of the state, where that starts and what it stands
/// for, and how the weights move by what the recipe's optimizer says. Objects keep nothing.
class GoldenStore : public GoldenObject {
 public:
  /// Lists the tensors that hold the weights, with what the optimizer keeps beside them.
  virtual void list(StateList& to, const WeightPlace& place, const UpdateRule& update) const = 0;
  /// Says which scalars it uses, those of the recipe's optimizer among them.
  virtual StoreScalars scalars(const UpdateRule& update) const;
  /// Makes the first state of real weights [K][out]. Tensors that stand for the parameter hold it already, the others
  /// are zeros.
  virtual void start(const std::vector<float>& weights, const RecipeLayer& rule, const UpdateRule& update,
                     LayerState& state) const = 0;
  /// Returns the weights [K][out] as real numbers; none where a tensor stands for them.
  virtual std::vector<float> real_weights(const LayerState& state, const UpdateRule& update) const;

  /// Moves the weights of layer number `layer` by their gradient [K][out]. Returns what was limited and added up.
  virtual UpdateStatistics update(LayerState& state, const GradientView& gradient, const RecipeLayer& rule, int layer,
                                  GoldenTools& tools) const = 0;
  /// Sets what the first update needs.
  virtual void calibrate(LayerState& state, const GradientView& gradient, int layer, GoldenTools& tools) const;
  /// Adds what it alone makes to the record of a step.
  virtual void record(const UpdateStatistics& made, const GoldenTools& tools, LayerRecord& to) const;

  /// Returns the unit that a raw view gets in a recipe of this store, from what its rule says (N24.4).
  virtual Scale unit(Scale of) const { return of; }
};

/// Returns the one object of a store.
const GoldenStore& golden_store(WeightStore store);

}  // namespace bitloom
