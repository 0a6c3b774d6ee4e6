// Two epochs of a small perceptron on glyphs by every width of latent weights, masters and momenta. Prints accuracies,
// the mean of five seeds (that of one seed moves by several percent), and holds the values of the state to the width:
// they do not leave it, and they use it.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <functional>

#include "model/data/glyphs.hpp"
#include "model/golden/state_file.hpp"
#include "model/golden/state_schema.hpp"
#include "model/train/trainer.hpp"
#include "testbench/model/perceptron.hpp"
#include "testbench/model/support.hpp"

namespace bitloom {
namespace {

/// What a training has reached.
struct Trained {
  double accuracy;   ///< on 1000 other images, in percent, the mean of the seeds 1 … 5
  LayerState first;  ///< state of the first layer by the last seed
};

Trained trained(const char* name, const std::function<void(UpdateRule&)>& change) {
  static const Dataset train = generate_flat(3000, 400, 10, 11), other = generate_flat(1000, 400, 10, 12);
  static const Network network = test::perceptron(400, {48, 10});
  Recipe recipe = read_recipe(test::source_file(std::string("traces/recipes/") + name + ".json"));
  change(recipe.update);
  Hyper hyper = read_hyper(test::source_file("traces/hyper/default.json"));
  const test::TemporaryFolder folder;
  const std::string file = folder / "state";
  constexpr unsigned kSeeds = 5;
  double sum = 0;
  for (unsigned seed = 1; seed <= kSeeds; ++seed) {
    const TrainOptions options{2, 25, seed, 1};
    const auto trainer = make_integer_trainer(network, recipe, hyper, options);
    for (int epoch = 0; epoch < options.epochs; ++epoch) trainer->run_epoch(train, epoch, {});
    trainer->save(file);
    sum += 100.0 * trainer->evaluate(other).accuracy;
  }
  TrainState state = state_schema(network, recipe).zeros();
  read_state_tensors(read_checkpoint(file), file, network, recipe, state);
  return {sum / kSeeds, state.layers.front()};
}

/// Returns max |v|.
template <class Value>
int largest(const std::vector<Value>& values) {
  int most = 0;
  for (const Value value : values) most = std::max(most, std::abs(int{value}));
  return most;
}

TEST(Widths, LatentWeightsLearn) {  // N23.1
  const double whole = trained("lwq_master24", [](UpdateRule&) {}).accuracy;
  std::printf("latent weights kept whole: %.1f %%\n", whole);
  for (const int bits : {2, 3, 4, 5, 6, 7, 8}) {
    const Trained reached = trained("lwq", [&](UpdateRule& update) { update.latent_bits = bits; });
    std::printf("latent weights of %d bits: %.1f %%, codes up to %d\n", bits, reached.accuracy,
                largest(reached.first.residual));
    EXPECT_GT(reached.accuracy, whole - 5) << bits;
    EXPECT_EQ(largest(reached.first.residual), 1 << (bits - 1)) << "of many weights one lies half a step off";
  }
}

/// Training takes some weights beyond 1/2 and some momenta beyond 1/8, in whatever width they are kept.
void expect_range(const LayerState& layer, int master_frac_bits, int momentum_frac_bits) {
  EXPECT_GT(largest(layer.master), 1 << (master_frac_bits - 1));
  EXPECT_GT(largest(layer.momentum), 1 << (momentum_frac_bits - 3));
}

TEST(Widths, MastersAndMomentaLearn) {  // N9
  const Trained wide = trained("int8", [](UpdateRule&) {});
  std::printf("masters of 24 bits, momenta of 16: %.1f %%\n", wide.accuracy);
  expect_range(wide.first, 21, 15);
  for (const int bits : {12, 16, 20}) {
    const Trained reached = trained("int8", [&](UpdateRule& update) {
      update.master_bits = bits;
      update.master_frac_bits = bits - 3;
    });
    std::printf("masters of %d bits, momenta of 16: %.1f %%\n", bits, reached.accuracy);
    EXPECT_GT(reached.accuracy, wide.accuracy - 5) << bits;
    expect_range(reached.first, bits - 3, 15);
  }
  const Trained narrow = trained("int8", [](UpdateRule& update) {
    update.momentum_bits = 8;
    update.momentum_frac_bits = 8;
  });
  std::printf("masters of 24 bits, momenta of 8: %.1f %%\n", narrow.accuracy);
  EXPECT_GT(narrow.accuracy, wide.accuracy - 5);
  expect_range(narrow.first, 21, 8);
}

}  // namespace
}  // namespace bitloom
