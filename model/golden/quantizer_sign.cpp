// Signs (N22.1).
#include "model/golden/quantizer.hpp"
#include "model/numerics/clip_code.hpp"

namespace bitloom {
namespace {

class SignQuantizer final : public GoldenQuantizer {
 public:
  void weights(GoldenLayer& layer, const LayerState& state, GoldenTools& tools) const override {
    layer.sw = kOne;
    layer.w_mask.resize(layer.w.size());
    layer.w_form = {1, CodeKind::kSign};
    tools.ops.sign(state.master.data(), layer.w.size(), 1 << tools.recipe.update.master_frac_bits, layer.w.data(),
                   layer.w_mask.data());
  }

  void input(GoldenLayer& layer, const LayerInput& from, const LayerState& /*state*/,
             GoldenTools& tools) const override {
    layer.sx = kOne;
    layer.x_mask.resize(layer.x.size());
    layer.x_form = {1, CodeKind::kSign};
    const std::int32_t window = sign_window(from.raw.unit, tools.totals.scale_saturated);
    tools.ops.sign(from.raw.data.data(), layer.x.size(), window, layer.x.data(), layer.x_mask.data());
  }
};

}  // namespace

namespace quantizers {

const GoldenQuantizer& sign() { return object_of<SignQuantizer>(); }

}  // namespace quantizers
}  // namespace bitloom
