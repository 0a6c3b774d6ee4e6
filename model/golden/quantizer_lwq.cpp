// The stored integer weight itself (LWQ, N23.7).
#include "model/golden/quantizer.hpp"

namespace bitloom {
namespace {

class LwqQuantizer final : public GoldenQuantizer {
 public:
  void weights(GoldenLayer& layer, const LayerState& state, GoldenTools& /*tools*/) const override {
    layer.sw = state.sw;
    layer.w = state.q;
    layer.w_form = {layer.rule.width(layer.rule.weight), CodeKind::kSigned};
  }
};

}  // namespace

namespace quantizers {

const GoldenQuantizer& lwq() {
  static const LwqQuantizer quantizer;
  return quantizer;
}

}  // namespace quantizers
}  // namespace bitloom
