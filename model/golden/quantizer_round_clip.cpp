// Round-clip codes of activations, and of standardized weights (N22.2, N16.4).
#include "model/golden/quantizer.hpp"
#include "model/numerics/clip_code.hpp"

namespace bitloom {
namespace {

constexpr int kBits = 4;

class RoundClipQuantizer final : public GoldenQuantizer {
 public:
  /// Standardizes the master weights by output channel first (N16.4), then makes codes of them (N22.2).
  void weights(GoldenLayer& layer, const LayerState& state, GoldenTools& tools) const override {
    const ViewRule& view = layer.rule.weight;
    const std::vector<Real> ones(layer.out(), exp2_real(0));
    const std::vector<Real> zeros(layer.out());
    layer.what.resize(layer.w.size());
    layer.w_mask.resize(layer.w.size());
    layer.w_form = {kBits, CodeKind::kSigned};
    layer.standardizer.prepare(state.master.data(), layer.depth(), layer.out(),
                               power_of_two(tools.recipe.update.master_frac_bits), state.wmax, ones, zeros, tools);
    layer.counts.w =
        layer.standardizer.forward(state.master.data(), layer.depth(), layer.out(), false, tools, layer.what.data())
            .saturated;
    const Scale unit = power_of_two(16);
    const Real clip = real_constant(view.clip);
    layer.sw = clip_scale(clip, view.levels, tools.totals.scale_saturated);
    tools.ops.clip(layer.what.data(), layer.what.size(), clip_ratio(unit, view.levels, clip), -view.levels, view.levels,
                   clip_window(clip, unit, tools.totals.scale_saturated), layer.w.data(), layer.w_mask.data());
  }

  void through_weights(GoldenLayer& layer, const LayerState& state, GoldenTools& tools) const override {
    GoldenQuantizer::through_weights(layer, state, tools);
    RawTensor of_what, of_master;
    of_what.resize(layer.depth(), layer.out());
    of_what.data = layer.dw;
    of_what.unit = layer.dw_unit;
    of_what.max = tools.ops.max_of(layer.dw.data(), layer.dw.size());
    layer.standardizer.backward(state.master.data(), of_what, of_master, tools);
    layer.dwhat = std::move(of_what.data);
    layer.dw = std::move(of_master.data);
    layer.dw_unit = of_master.unit;
    layer.counts.dw += layer.standardizer.dz_saturated;
  }

  /// Adds the raw view of the standardized weights, and its gradient.
  void record_weights(const GoldenLayer& layer, LayerRecord& record) const override {
    record.put(StepTensor::kWhatRaw, layer.depth(), 32, layer.what);
    record.put(StepTensor::kDwhatRaw, layer.depth(), 32, layer.dwhat);
  }

  void input(GoldenLayer& layer, const LayerInput& from, const LayerState& /*state*/,
             GoldenTools& tools) const override {
    const ViewRule& view = layer.rule.activation;
    std::uint64_t& counted = tools.totals.scale_saturated;
    const Real clip = real_constant(view.clip);
    layer.sx = clip_scale(clip, view.levels, counted);
    layer.x_form = {kBits, CodeKind::kUnsigned};
    layer.x_mask.resize(layer.x.size());
    tools.ops.clip(from.raw.data.data(), layer.x.size(), clip_ratio(from.raw.unit, view.levels, clip), 0, view.levels,
                   clip_window(clip, from.raw.unit, counted), layer.x.data(), layer.x_mask.data());
  }
};

}  // namespace

namespace quantizers {

const GoldenQuantizer& round_clip() { return object_of<RoundClipQuantizer>(); }

}  // namespace quantizers
}  // namespace bitloom
