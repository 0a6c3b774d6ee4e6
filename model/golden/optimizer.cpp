#include "model/golden/optimizer.hpp"

#include "model/io/error.hpp"

namespace bitloom {
namespace optimizers {

#define BITLOOM_DECLARE(each, object) const GoldenOptimizer& object();
BITLOOM_OPTIMIZERS(BITLOOM_DECLARE)
#undef BITLOOM_DECLARE

}  // namespace optimizers

const GoldenOptimizer& golden_optimizer(Optimizer optimizer) {
  switch (optimizer) {
#define BITLOOM_CASE(each, object) \
  case Optimizer::each:            \
    return optimizers::object();
    BITLOOM_OPTIMIZERS(BITLOOM_CASE)
#undef BITLOOM_CASE
  }
  throw Error("golden: no such optimizer");
}

void GoldenOptimizer::list_shared(StateList& /*to*/) const {}

void GoldenOptimizer::begin(TrainState& /*state*/, GoldenTools& /*tools*/) const {}

void GoldenOptimizer::calibrate(const CodeMoments& /*moments*/, const GradientView& /*gradient*/,
                                GoldenTools& /*tools*/) const {}

void GoldenOptimizer::record(const UpdateStatistics& /*made*/, LayerRecord& /*to*/) const {}

}  // namespace bitloom
