// Integers with a power of two for the tensor (NITI, N24).
#include "model/golden/quantizer.hpp"
#include "model/numerics/niti.hpp"

namespace bitloom {
namespace {

class NitiQuantizer final : public GoldenQuantizer {
 public:
  /// Takes the stored integers themselves (N24.3).
  void weights(GoldenLayer& layer, const LayerState& state, GoldenTools& /*tools*/) const override {
    layer.stored_weights(state);
  }

  void input(GoldenLayer& layer, const LayerInput& from, const LayerState& /*state*/,
             GoldenTools& tools) const override {
    const RawTensor& raw = from.raw;
    const int shift = niti_shift(raw.magnitude(), layer.rule.bits);
    layer.sx = normalized(raw.unit.m, raw.unit.s - shift, tools.totals.scale_saturated);
    layer.x_form = {layer.rule.width(layer.rule.activation), CodeKind::kSigned};
    layer.counts.x = tools.ops.niti(raw.data.data(), layer.x.size(), shift, layer.rule.bits, layer.x.data());
  }

  void gradient(GoldenLayer& layer, const RawTensor& g, const LayerState& /*state*/,
                GoldenTools& tools) const override {
    const int shift = niti_shift(layer.d_max, layer.rule.bits);
    layer.sd = normalized(g.unit.m, g.unit.s - shift, tools.totals.scale_saturated);
    layer.d.resize(1);
    layer.d[0].resize(g.data.size());
    layer.d_form = {layer.rule.width(layer.rule.gradient), CodeKind::kSigned};
    layer.counts.d = tools.ops.niti(g.data.data(), g.data.size(), shift, layer.rule.bits, layer.d[0].data());
  }
};

}  // namespace

namespace quantizers {

const GoldenQuantizer& niti() { return object_of<NitiQuantizer>(); }

}  // namespace quantizers
}  // namespace bitloom
