// Even steps from the largest value (N6).
#include <optional>

#include "model/golden/quantizer.hpp"

namespace bitloom {
namespace {

/// Sets `next` to the scale that this step's maximum gives, and returns the one that counts (N6.1, N6.2).
Scale scale_of(std::uint32_t max, Scale unit, int limit, const ViewRule& view, Scale kept, Scale& next,
               GoldenTools& tools) {
  const bool hindsight = tools.hindsight(view);
  next = max_to_scale(max, unit, limit, hindsight ? std::optional<Scale>(kept) : std::nullopt,
                      tools.totals.scale_saturated);
  return hindsight ? kept : next;
}

class MaxQuantizer final : public GoldenQuantizer {
 public:
  Kept keeps(const ViewRule& view) const override {
    return view.scale == ScaleRule::kHindsight ? Kept::kScale : Kept::kNothing;
  }

  /// Makes even steps of the masters, from the largest of them (N6.4).
  void weights(GoldenLayer& layer, const LayerState& state, GoldenTools& tools) const override {
    const int limit = qmax(layer.rule.width(layer.rule.weight));
    const Scale unit = power_of_two(tools.recipe.update.master_frac_bits);
    layer.sw = max_to_scale(state.wmax, unit, limit, std::nullopt, tools.totals.scale_saturated);
    layer.even_weights(state, limit, tools);
    layer.w_form = {layer.rule.width(layer.rule.weight), CodeKind::kSigned};
  }

  void input(GoldenLayer& layer, const LayerInput& from, const LayerState& state, GoldenTools& tools) const override {
    const ViewRule& view = layer.rule.activation;
    const int limit = qmax(layer.rule.width(view));
    layer.sx = scale_of(from.raw.magnitude(), from.raw.unit, limit, view, state.sx_next, layer.sx_next, tools);
    layer.even_input(from, limit, tools);
    layer.x_form = {layer.rule.width(view), CodeKind::kSigned};
  }

  void keep_input(const GoldenLayer& layer, LayerState& state) const override {
    if (keeps(layer.rule.activation) == Kept::kScale) state.sx_next = layer.sx_next;
  }

  void gradient(GoldenLayer& layer, const RawTensor& g, const LayerState& state, GoldenTools& tools) const override {
    const ViewRule& view = layer.rule.gradient;
    const int limit = qmax(layer.rule.width(view));
    layer.sd = scale_of(layer.d_max, g.unit, limit, view, state.sd_next, layer.sd_next, tools);
    const Scale ratio = div(g.unit, layer.sd, tools.totals.scale_saturated);
    layer.d.resize(1);
    layer.d[0].resize(g.data.size());
    layer.d_form = {layer.rule.width(view), CodeKind::kSigned};
    layer.counts.d =
        tools.tensors.quantize(g.data.data(), g.rows, g.cols, ratio, view.rounding,
                               layer.gradient_stream(tools, RandomUse::kQuantize), limit, layer.d[0].data());
  }

  void keep_gradient(const GoldenLayer& layer, const GoldenTools& /*tools*/, LayerState& state) const override {
    if (keeps(layer.rule.gradient) == Kept::kScale) state.sd_next = layer.sd_next;
  }
};

}  // namespace

namespace quantizers {

const GoldenQuantizer& max() { return object_of<MaxQuantizer>(); }

}  // namespace quantizers
}  // namespace bitloom
