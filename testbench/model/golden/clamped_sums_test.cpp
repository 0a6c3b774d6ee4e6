// Bias gradients of a micro-batch that leave the 32 bits of their sum (N26.4) are counted, one by one.
#include <gtest/gtest.h>

#include <cstdlib>

#include "model/golden/record.hpp"
#include "model/golden/step.hpp"
#include "model/io/traces.hpp"
#include "model/network/init.hpp"
#include "testbench/model/named_record.hpp"
#include "testbench/model/perceptron.hpp"

namespace bitloom {
namespace {

// All weights stand at their limit, and the gradients of the three layers grow 64-fold from layer to layer. The first
// layer's biases get so much of each micro-batch that its product is limited to 2^30 (N3.6). The third one reaches
// 2^31.
TEST(ClampedSums, AreCountedByElement) {
  const Network network = test::perceptron(8, {16, 16, 3});
  Recipe recipe = read_recipe(resolve_trace(TraceKind::kRecipe, "int8"));
  recipe.update.micro_batches = 2;
  recipe.update.master_frac_bits = 21;  // weights within 4
  TrainState state = initial_state(network, recipe, initial_parameters(network, 5));
  const std::int32_t limit = qmax(recipe.update.master_bits);
  for (LayerState& layer : state.layers) {
    for (std::int32_t& weight : layer.master) weight = limit;
    layer.wmax = static_cast<std::uint32_t>(limit);
  }
  // The last layer's gradients add up to 0, so its weights differ: the first class against the others.
  for (std::size_t i = 0; i < state.layers[2].master.size(); ++i)
    state.layers[2].master[i] = i % 3 == 0 ? limit : -limit;

  Batch batch;
  batch.M = 300;
  batch.scale = input_format(network, recipe, {}).scale;
  batch.X.assign(300 * 8, 100);
  batch.labels.assign(300, 1);
  StepContext context;
  context.lr = nearest_scale(0.01);
  const auto clamped = [&](std::size_t layer) {
    std::uint32_t count = 0;
    for (const std::int32_t sum : state.layers[layer].bias_sum) {
      count += std::abs(std::int64_t{sum}) >= kRawLimit ? 1 : 0;
    }
    return count;
  };
  for (const std::uint32_t expected : {0u, 16u}) {
    NamedRecord record;
    golden_step(network, recipe, state, batch, context, ByName(record, network), 1);
    ++context.step;
    EXPECT_EQ(clamped(0), expected) << context.step;
    EXPECT_EQ(record.scalars.at("fc1.bufsat"), expected) << context.step;
    EXPECT_EQ(clamped(1), 0u);
    EXPECT_EQ(record.scalars.at("fc2.bufsat"), 0u);
  }
}

TEST(ClampedSums, ARecordHoldsCountsOf32Bits) {
  EXPECT_EQ(counter(70000), 70000u);
  EXPECT_EQ(counter(std::uint64_t{1} << 40), 0xffffffffu);
}

}  // namespace
}  // namespace bitloom
