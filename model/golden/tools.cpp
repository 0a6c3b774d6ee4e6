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

}  // namespace bitloom
