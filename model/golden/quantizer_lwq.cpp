// The stored integer weight itself is the code (LWQ, N23.7).
#include "model/golden/quantizer.hpp"

namespace bitloom {
namespace {

class LwqQuantizer final : public GoldenQuantizer {
 public:
  void weights(GoldenLayer& layer, const LayerState& state, GoldenTools& /*tools*/) const override {
    layer.stored_weights(state);
  }
};

}  // namespace

namespace quantizers {

const GoldenQuantizer& lwq() { return object_of<LwqQuantizer>(); }

}  // namespace quantizers
}  // namespace bitloom
