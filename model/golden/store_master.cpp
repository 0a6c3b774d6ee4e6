// Masters in fixed point, whatever quantizer makes codes of them (N9).
#include "model/golden/store.hpp"

namespace bitloom {
namespace {

class MasterStore final : public GoldenStore {
 public:
  void list(StateList& to, const WeightPlace& place, const UpdateRule& update) const override {
    StateTensor& master = to.weights(StepTensor::kMaster, place.depth, place.out, qmax(update.master_bits),
                                     member(place.layer, &LayerState::master));
    master.parameter = &NodeParameters::weight;
    master.frac_bits = update.master_frac_bits;
    golden_optimizer(update.optimizer).list(to, place.moments(), update);
  }

  void start(const std::vector<float>& /*weights*/, const RecipeLayer& /*rule*/, const UpdateRule& /*update*/,
             LayerState& state) const override {
    state.wmax = largest_magnitude(state.master);
  }

  UpdateStatistics update(LayerState& state, const GradientView& gradient, const RecipeLayer& /*rule*/, int layer,
                          GoldenTools& tools) const override {
    const UpdateRule& rule = tools.recipe.update;
    const FixedTensor weights{state.master,           state.momentum, state.adam,         rule.master_frac_bits,
                              qmax(rule.master_bits), layer,          TensorKind::kWeight};
    const RowStatistics made = tools.optimizer.update(weights, gradient, tools);
    state.wmax = static_cast<std::uint32_t>(made.max);
    return {made.saturated, made.momentum_saturated};
  }
};

}  // namespace

namespace stores {

const GoldenStore& master() { return object_of<MasterStore>(); }

}  // namespace stores
}  // namespace bitloom
