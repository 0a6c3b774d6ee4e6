// Integer weights that few bits of their gradient move, without an optimizer (NITI, N24.3).
#include <algorithm>
#include <cmath>

#include "model/golden/store.hpp"
#include "model/network/step_config.hpp"
#include "model/numerics/niti.hpp"

namespace bitloom {
namespace {

constexpr int kLimit = qmax(8);

/// Returns the fraction bits of the smallest power-of-two scale with which the codes hold `max`.
int fraction_bits_for(double max) {
  int f = 0;  // scale 2^-f
  while (f < 40 && max > 0.0 && std::ldexp(kLimit, -(f + 1)) >= max) ++f;
  while (f > -15 && std::ldexp(kLimit, -f) < max) --f;
  return f;
}

class IntegerStore final : public GoldenStore {
 public:
  void list(StateList& to, const WeightPlace& place, const UpdateRule& /*update*/) const override {
    to.weights(StepTensor::kQ, place.depth, place.out, kLimit, member(place.layer, &LayerState::q));
  }

  StoreScalars scalars(const UpdateRule& /*update*/) const override { return {.scale = true}; }

  void start(const std::vector<float>& weights, const RecipeLayer& /*rule*/, const UpdateRule& /*update*/,
             LayerState& state) const override {
    const int f = fraction_bits_for(static_cast<double>(largest_magnitude(weights)));
    state.sw = power_of_two(f);
    std::transform(weights.begin(), weights.end(), state.q.begin(),
                   [f](float weight) { return static_cast<std::int8_t>(to_fixed(weight, f, kLimit)); });
  }

  std::vector<float> real_weights(const LayerState& state, const UpdateRule& /*update*/) const override {
    std::vector<float> weights;
    for (const std::int8_t q : state.q) weights.push_back(static_cast<float>(q * value(state.sw)));
    return weights;
  }

  UpdateStatistics update(LayerState& state, const GradientView& gradient, const RecipeLayer& /*rule*/, int /*layer*/,
                          GoldenTools& tools) const override {
    const auto max = static_cast<std::uint32_t>(tools.ops.max_of(gradient.data, gradient.size()));
    const int bits = gradient_bits_at(tools.recipe.update, tools.context.epoch);
    return {tools.ops.niti_update(state.q.data(), gradient.data, gradient.size(), niti_shift(max, bits), bits)};
  }

  Scale unit(Scale of) const override { return niti_unit(of); }
};

}  // namespace

namespace stores {

const GoldenStore& integer() { return object_of<IntegerStore>(); }

}  // namespace stores
}  // namespace bitloom
