// A channel in which nothing varies has no scale of its own: N16.1 gives it beta, and no gradient passes it. Before
// that rule the roundings of its mean were enlarged to full codes, and training on equal images diverged.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <random>

#include "model/golden/step.hpp"
#include "model/io/json_reader.hpp"
#include "model/io/traces.hpp"
#include "model/network/init.hpp"
#include "model/train/trainer.hpp"
#include "testbench/model/named_record.hpp"

namespace bitloom {
namespace {

std::vector<std::string> recipes_with_norms() {
  std::vector<std::string> names;
  const std::filesystem::path int8 = resolve_trace(TraceKind::kRecipe, "int8");
  for (const auto& entry : std::filesystem::directory_iterator(int8.parent_path())) {
    const Recipe recipe = read_recipe(entry.path().string());
    // Standardized weights and ±1 codes change nothing here; every recipe must keep the rule.
    if (!recipe.fp32) names.push_back(entry.path().stem().string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

class ConstantChannel : public testing::TestWithParam<std::string> {};

// All samples are alike, so each of fc1's outputs is constant over the batch: a channel without variance for BN. LBN
// takes all outputs of a layer together, which do vary, so there a single output is asked.
TEST_P(ConstantChannel, GivesBetaAndPassesNoGradient) {
  const Recipe recipe = read_recipe(resolve_trace(TraceKind::kRecipe, GetParam()));
  const bool whole = recipe.normalization == Normalization::kLayerBatch;
  const Network network = read_network(JsonObject::from_text(
      std::string(
          R"({"name": "alike", "input": [40], "layers": [{"name": "fc1", "op": "linear", "bias": true, "out": )") +
          (whole ? "1" : "6") + R"(}, {"name": "bn", "op": "batch_norm"},
          {"name": "fc2", "op": "linear", "out": 3, "bias": true}, {"name": "loss", "op": "softmax_cross_entropy"}]})",
      "alike.json"));
  TrainState state = initial_state(network, recipe, initial_parameters(network, 5));
  std::mt19937 random(7);
  for (std::int32_t& beta : state.norms[0].beta) beta = static_cast<std::int32_t>(random() % (1u << 25)) - (1 << 24);
  const std::vector<std::int32_t> beta = state.norms[0].beta;

  const InputFormat format = input_format(network, recipe, {});
  Batch batch;
  batch.M = 16;
  batch.scale = format.scale;
  std::vector<std::int8_t> sample(40);
  for (std::int8_t& code : sample) {
    code = static_cast<std::int8_t>(static_cast<int>(random() % (2u * format.largest_code + 1)) - format.largest_code);
  }
  for (int m = 0; m < batch.M; ++m) {
    batch.X.insert(batch.X.end(), sample.begin(), sample.end());
    batch.labels.push_back(static_cast<std::uint8_t>(m % 3));
  }
  StepContext context;
  context.lr = nearest_scale(0.01);
  calibrate(network, recipe, state, batch, context, 1);
  NamedRecord record;
  golden_step(network, recipe, state, batch, context, ByName(record, network), 1);

  const NamedTensor& y = record.tensors.at("bn.z_raw");
  ASSERT_EQ(y.values.size(), 16 * beta.size());
  const int shift = recipe.raw_bits == 16 ? 13 : 8;  // units 2^-16 or 2^-11 of y (N5.5) against 2^-24 of beta
  for (std::size_t i = 0; i < y.values.size(); ++i) {
    const std::int32_t of_column = beta[i % beta.size()];
    // A real keeps 16 bits of beta.
    EXPECT_NEAR(y.values[i], std::ldexp(of_column, -shift), 1.0 + std::ldexp(std::abs(of_column), -shift - 16));
  }
  for (const std::int32_t g : record.tensors.at("fc1.d_raw").values) EXPECT_EQ(g, 0);
  for (const std::int32_t g : record.tensors.at("bn.dgamma").values) EXPECT_EQ(g, 0);
}

INSTANTIATE_TEST_SUITE_P(Golden, ConstantChannel, testing::ValuesIn(recipes_with_norms()),
                         [](const auto& named) { return named.param; });

// Equal images with random labels can teach nothing but how often each label comes, a loss of ln 10 = 2.303 nats.
TEST(ConstantImages, TrainingStaysWhereThereIsNothingToLearn) {
  const Network network = read_network(resolve_trace(TraceKind::kNetwork, "lenet_bn"));
  Dataset black;
  black.rows = black.cols = 28;
  black.classes = 10;
  black.images.resize(512 * 28 * 28);
  std::mt19937 random(11);
  for (int i = 0; i < 512; ++i) black.labels.push_back(static_cast<std::uint8_t>(random() % 10));
  Hyper hyper = read_hyper(resolve_trace(TraceKind::kHyper, "default"));
  for (const char* name : {"int8", "psq", "ptq", "lwq", "int8_adam"}) {
    const Recipe recipe = read_recipe(resolve_trace(TraceKind::kRecipe, name));
    TrainOptions options = train_options(hyper);
    options.epochs = 4;
    const std::unique_ptr<Trainer> trainer = make_integer_trainer(network, recipe, hyper, options);
    double worst = 0.0;
    for (int epoch = 0; epoch < 4; ++epoch) worst = std::max(worst, trainer->run_epoch(black, epoch, {}).loss);
    EXPECT_LT(worst, 2.9) << name;
    EXPECT_LT(trainer->evaluate(black).loss, 2.6) << name;
  }
}

}  // namespace
}  // namespace bitloom
