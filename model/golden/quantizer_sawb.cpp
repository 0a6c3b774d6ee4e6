// Even steps of 4-bit codes that statistics choose (SAWB, N18).
#include "model/golden/quantizer.hpp"
#include "model/numerics/sawb.hpp"
#include "model/numerics/statistics.hpp"

namespace bitloom {
namespace {

constexpr int kBits = 4;
constexpr int kUnsignedLimit = 15;

/// Returns SAWB's scale of the tensor u, whose largest magnitude is max, in `unit` (N18).
Scale scale_of(const std::int32_t* u, std::size_t count, std::uint32_t max, Scale unit, const ViewRule& rule,
               bool is_unsigned, GoldenTools& tools) {
  const MagnitudeSums sums = tools.ops.magnitude_sums(u, statistics_shift(max), count);
  return sawb_scale({static_cast<std::int64_t>(count), max, sums.absolute, sums.square}, unit, real_constant(rule.c1),
                    real_constant(rule.c2), is_unsigned, tools.totals.scale_saturated);
}

class SawbQuantizer final : public GoldenQuantizer {
 public:
  void weights(GoldenLayer& layer, const LayerState& state, GoldenTools& tools) const override {
    const Scale unit = power_of_two(tools.recipe.update.master_frac_bits);
    layer.sw = scale_of(state.master.data(), state.master.size(), state.wmax, unit, layer.rule.weight, false, tools);
    layer.even_weights(state, qmax(kBits), tools);
    layer.w_form = {kBits, CodeKind::kSigned};
  }

  void input(GoldenLayer& layer, const LayerInput& from, const LayerState& /*state*/,
             GoldenTools& tools) const override {
    const ViewRule& view = layer.rule.activation;
    const bool is_unsigned = view.is_unsigned && from.non_negative;
    const RawTensor& raw = from.raw;
    layer.sx = scale_of(raw.data.data(), raw.data.size(), raw.magnitude(), raw.unit, view, is_unsigned, tools);
    layer.x_form = {kBits, is_unsigned ? CodeKind::kUnsigned : CodeKind::kSigned};
    layer.even_input(from, is_unsigned ? kUnsignedLimit : qmax(kBits), tools);
  }
};

}  // namespace

namespace quantizers {

const GoldenQuantizer& sawb() { return object_of<SawbQuantizer>(); }

}  // namespace quantizers
}  // namespace bitloom
