#include "model/golden/store.hpp"

#include "model/io/error.hpp"

namespace bitloom {
namespace stores {

#define BITLOOM_DECLARE(each, object) const GoldenStore& object();
BITLOOM_WEIGHT_STORES(BITLOOM_DECLARE)
#undef BITLOOM_DECLARE

}  // namespace stores

const GoldenStore& golden_store(WeightStore store) {
  switch (store) {
#define BITLOOM_CASE(each, object) \
  case WeightStore::each:          \
    return stores::object();
    BITLOOM_WEIGHT_STORES(BITLOOM_CASE)
#undef BITLOOM_CASE
  }
  throw Error("golden: no such store of weights");
}

MomentPlace WeightPlace::moments() const {
  return {Parameter::kWeight, depth, out, StatePart<std::vector<std::int32_t>>(member(layer, &LayerState::momentum)),
          StatePart<AdamState>(member(layer, &LayerState::adam))};
}

StoreScalars GoldenStore::scalars(const UpdateRule& /*update*/) const { return {}; }

std::vector<float> GoldenStore::real_weights(const LayerState& /*state*/, const UpdateRule& /*update*/) const {
  return {};
}

void GoldenStore::calibrate(LayerState& /*state*/, const GradientView& /*gradient*/, int /*layer*/,
                            GoldenTools& /*tools*/) const {}

void GoldenStore::record(const UpdateStatistics& /*made*/, const GoldenTools& /*tools*/, LayerRecord& /*to*/) const {}

}  // namespace bitloom
