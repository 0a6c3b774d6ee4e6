#include "model/golden/quantizer.hpp"

#include "model/io/error.hpp"
#include "model/numerics/linear.hpp"

namespace bitloom {
namespace quantizers {

#define BITLOOM_DECLARE(each, text, object) const GoldenQuantizer& object();
BITLOOM_VIEW_QUANTIZERS(BITLOOM_DECLARE)
#undef BITLOOM_DECLARE

}  // namespace quantizers

const GoldenQuantizer& golden_quantizer(Quantizer quantizer) {
  switch (quantizer) {
#define BITLOOM_CASE(each, text, object) \
  case Quantizer::each:                  \
    return quantizers::object();
    BITLOOM_VIEW_QUANTIZERS(BITLOOM_CASE)
#undef BITLOOM_CASE
  }
  throw Error("golden: no such quantizer");
}

Kept GoldenQuantizer::keeps(const ViewRule& /*view*/) const { return Kept::kNothing; }

void GoldenQuantizer::weights(GoldenLayer& layer, const LayerState& /*state*/, GoldenTools& /*tools*/) const {
  throw Error("layer " + layer.node.name + ": its weight quantizer makes no codes of weights");
}

void GoldenQuantizer::through_weights(GoldenLayer& layer, const LayerState& /*state*/, GoldenTools& tools) const {
  if (!layer.w_mask.empty()) tools.ops.apply_mask(layer.dw.data(), layer.w_mask.data(), layer.dw.size());
}

void GoldenQuantizer::record_weights(const GoldenLayer& /*layer*/, LayerRecord& /*record*/) const {}

void GoldenQuantizer::input(GoldenLayer& layer, const LayerInput& /*from*/, const LayerState& /*state*/,
                            GoldenTools& /*tools*/) const {
  throw Error("layer " + layer.node.name + ": its activation quantizer makes no codes of inputs");
}

void GoldenQuantizer::keep_input(const GoldenLayer& /*layer*/, LayerState& /*state*/) const {}

void GoldenQuantizer::gradient(GoldenLayer& layer, const RawTensor& /*g*/, const LayerState& /*state*/,
                               GoldenTools& /*tools*/) const {
  throw Error("layer " + layer.node.name + ": its gradient quantizer makes no codes of gradients");
}

void GoldenQuantizer::activation_gradient(GoldenLayer& layer, GoldenTools& tools, RawTensor& to) const {
  layer.gemm_activation(tools, layer.d[0].data(), tools.samples, to.data.data());
  to.unit = mul(layer.sd, layer.sw, tools.totals.scale_saturated);
}

void GoldenQuantizer::weight_gradient(GoldenLayer& layer, GoldenTools& tools) const {
  std::uint64_t& counted = tools.totals.scale_saturated;
  layer.counts.dw = layer.gemm_weight(tools, layer.d, layer.node.conv.out, layer.dw);
  layer.dw_unit = mul(layer.sd, layer.sx, counted);
  if (layer.node.bias) {
    std::vector<std::int64_t> total(layer.out());
    for (const std::vector<std::int8_t>& codes : layer.d) {
      tools.tensors.column_sums(codes.data(), layer.rows(tools), layer.out(), layer.db.data());
      for (std::size_t o = 0; o < layer.out(); ++o) total[o] += layer.db[o];
    }
    for (std::size_t o = 0; o < layer.out(); ++o) layer.db[o] = raw_view(total[o], layer.counts.db);
  }
  layer.db_unit = layer.sd;
  if (layer.d.size() < 2) return;
  const Real samples = from_int(static_cast<std::int64_t>(layer.d.size()));
  layer.dw_unit = to_scale(rdiv(from_scale(layer.dw_unit), samples), counted);
  layer.db_unit = to_scale(rdiv(from_scale(layer.db_unit), samples), counted);
}

void GoldenQuantizer::keep_gradient(const GoldenLayer& /*layer*/, const GoldenTools& /*tools*/,
                                    LayerState& /*state*/) const {}

void GoldenQuantizer::record_gradient(const GoldenLayer& layer, const GoldenTools& tools, LayerRecord& record) const {
  for (std::size_t sample = 0; sample < layer.d.size(); ++sample) {
    record.put(codes_of_sample(static_cast<int>(sample)), layer.rows(tools), layer.d_form.bits, layer.d[sample],
               layer.d_form.kind);
  }
}

}  // namespace bitloom
