// Logarithmic codes of gradients, one set a sample of SMP (N19).
#include <algorithm>
#include <bit>
#include <cstdlib>

#include "model/golden/quantizer.hpp"
#include "model/numerics/log_code.hpp"

namespace bitloom {
namespace {

constexpr int kBits = 4;

class LogQuantizer final : public GoldenQuantizer {
 public:
  Kept keeps(const ViewRule& view) const override {
    return view.scale == ScaleRule::kHindsight ? Kept::kMean : Kept::kNothing;
  }

  void gradient(GoldenLayer& layer, const RawTensor& g, const LayerState& state, GoldenTools& tools) const override {
    layer.d.resize(static_cast<std::size_t>(layer.rule.gradient.samples));
    for (std::vector<std::int8_t>& codes : layer.d) codes.resize(g.data.size());
    layer.d_form = {kBits, CodeKind::kLog};
    const ViewRule& view = layer.rule.gradient;
    std::uint64_t& counted = tools.totals.scale_saturated;
    const std::uint32_t max = tools.hindsight(view) ? log_hindsight_max(state.mhat, g.unit, counted) : layer.d_max;
    layer.log_max = log_top(max, view.power_of_two);
    layer.sd = log_unit(g.unit, layer.log_max, view.binades, counted);
    for (std::size_t sample = 0; sample < layer.d.size(); ++sample) {
      layer.counts.d +=
          tools.ops.log(g.data.data(), g.rows, g.cols, layer.log_max, view.binades, view.rounding,
                        layer.gradient_stream(tools, RandomUse::kQuantize, static_cast<std::uint32_t>(sample)),
                        layer.d[sample].data());
    }
  }

  void keep_gradient(const GoldenLayer& layer, const GoldenTools& tools, LayerState& state) const override {
    if (keeps(layer.rule.gradient) == Kept::kNothing) return;
    const Real first = rmul(from_int(std::max(1U, layer.d_max)), from_scale(layer.d_unit));
    state.mhat = tools.exact_scales ? first : log_hindsight_next(state.mhat, layer.d_max, layer.d_unit);
  }

  /// Makes codes of the values that the layer keeps (N19.2).
  void record_gradient(const GoldenLayer& layer, const GoldenTools& tools, LayerRecord& record) const override {
    for (std::size_t sample = 0; sample < layer.d.size(); ++sample) {
      std::vector<std::int32_t> codes(layer.d[sample].begin(), layer.d[sample].end());
      for (std::int32_t& code : codes) {
        code = std::bit_width(static_cast<unsigned>(std::abs(code))) | (code < 0 ? 8 : 0);
      }
      record.put(codes_of_sample(static_cast<int>(sample)), layer.rows(tools), kBits, codes, CodeKind::kLog);
    }
    record.scalar(StepScalar::kLogMax, layer.log_max);
  }
};

}  // namespace

namespace quantizers {

const GoldenQuantizer& log() { return object_of<LogQuantizer>(); }

}  // namespace quantizers
}  // namespace bitloom
