#include "model/golden/tools.hpp"

#include "model/golden/optimizer.hpp"
#include "model/golden/store.hpp"

namespace bitloom {

GoldenTools::GoldenTools(const Recipe& the_recipe, int threads)
    : recipe(the_recipe),
      optimizer(golden_optimizer(recipe.update.optimizer)),
      gemm(threads),
      conv(threads),
      xnor(threads),
      tensors(threads),
      ops(threads) {}

Scale GoldenTools::unit(Scale of) const { return golden_store(recipe.update.store).unit(of); }

std::uint64_t GoldenTools::narrow(RawTensor& of, int shift, bool relu) {
  const RowStatistics made = ops.narrow(of.data.data(), of.data.size(), shift, relu);
  if (shift > 0) of.unit = mul(of.unit, power_of_two(-shift), totals.scale_saturated);
  of.max = made.max;
  of.bits = 16;
  return made.saturated;
}

}  // namespace bitloom
