// Two epochs of a small perceptron on glyphs by every width of latent weights, masters and momenta. Prints accuracies.
#include <gtest/gtest.h>

#include <cstdio>
#include <functional>

#include "model/data/glyphs.hpp"
#include "model/train/trainer.hpp"
#include "testbench/model/perceptron.hpp"
#include "testbench/model/support.hpp"

namespace bitloom {
namespace {

/// Accuracy on 1000 other images, in percent.
double accuracy(const char* name, const std::function<void(UpdateRule&)>& change) {
  static const Dataset train = generate_flat(3000, 400, 10, 11), other = generate_flat(1000, 400, 10, 12);
  Recipe recipe = read_recipe(test::source_file(std::string("traces/recipes/") + name + ".json"));
  change(recipe.update);
  Hyper hyper = read_hyper(test::source_file("traces/hyper/default.json"));
  const TrainOptions options{2, 25, 1, 1};
  const auto trainer = make_integer_trainer(test::perceptron(400, {48, 10}), recipe, hyper, options);
  for (int epoch = 0; epoch < options.epochs; ++epoch) trainer->run_epoch(train, epoch, {});
  return 100.0 * trainer->evaluate(other).accuracy;
}

TEST(Widths, LatentWeightsLearn) {  // N23.1
  const double whole = accuracy("lwq_master24", [](UpdateRule&) {});
  std::printf("latent weights kept whole: %.1f %%\n", whole);
  for (const int bits : {2, 3, 4, 5, 6, 7, 8}) {
    const double reached = accuracy("lwq", [&](UpdateRule& update) { update.latent_bits = bits; });
    std::printf("latent weights of %d bits: %.1f %%\n", bits, reached);
    EXPECT_GT(reached, whole - 10) << bits;
  }
}

TEST(Widths, MastersAndMomentaLearn) {  // N9
  const double wide = accuracy("int8", [](UpdateRule&) {});
  std::printf("masters of 24 bits, momenta of 16: %.1f %%\n", wide);
  for (const int bits : {12, 16, 20}) {
    const double reached = accuracy("int8", [&](UpdateRule& update) {
      update.master_bits = bits;
      update.master_frac_bits = bits - 3;
    });
    std::printf("masters of %d bits, momenta of 16: %.1f %%\n", bits, reached);
    EXPECT_GT(reached, wide - 10) << bits;
  }
  const double narrow = accuracy("int8", [](UpdateRule& update) {
    update.momentum_bits = 8;
    update.momentum_frac_bits = 8;
  });
  std::printf("masters of 24 bits, momenta of 8: %.1f %%\n", narrow);
  EXPECT_GT(narrow, wide - 10);
}

}  // namespace
}  // namespace bitloom
