// The same bits everywhere: a short training run must leave the recorded digest of its state in every build type, on
// every instruction set and for any number of threads. The digests say nothing about correctness (golden_step_test and
// judge_test do); they were recorded once, so that a Debug and a Release build, which cannot meet in one program, are
// compared too.
#include <gtest/gtest.h>
#include <zlib.h>

#include <filesystem>
#include <random>

#include "model/io/checkpoint.hpp"
#include "model/io/traces.hpp"
#include "model/network/hyper.hpp"
#include "model/network/recipe.hpp"
#include "model/train/trainer.hpp"

namespace bitloom {
namespace {

Dataset random_images(int count, int pixels) {
  std::mt19937_64 random(11);
  Dataset data;
  data.name = "random";
  data.rows = 1;
  data.cols = pixels;
  data.classes = 10;
  for (int i = 0; i < count * pixels; ++i) data.images.push_back(static_cast<std::uint8_t>(random() >> 40));
  for (int i = 0; i < count; ++i) data.labels.push_back(static_cast<std::uint8_t>((random() >> 40) % 10));
  return data;
}

/// Returns the CRC-32 over the integer tensors of a saved state.
unsigned long digest_of(const Trainer& trainer, const std::string& recipe_name) {
  const std::string file = testing::TempDir() + "bitloom_identity_" + recipe_name + std::to_string(::getpid());
  trainer.save(file);
  const auto tensors = read_checkpoint(file).tensors;
  std::filesystem::remove(file);
  unsigned long crc = crc32(0, nullptr, 0);
  for (const auto& [name, array] : tensors) {
    if (array.type == NpyType::kFloat32) continue;  // copies for --init
    crc = crc32(crc, reinterpret_cast<const Bytef*>(array.bytes.data()), static_cast<uInt>(array.bytes.size()));
  }
  return crc;
}

/// Of five steps of mlp at batch 128.
unsigned long digest(const std::string& recipe_name, int threads) {
  const Network network = read_network(resolve_trace(TraceKind::kNetwork, "mlp"));
  const Recipe recipe = read_recipe(resolve_trace(TraceKind::kRecipe, recipe_name));
  const Hyper hyper = read_hyper(resolve_trace(TraceKind::kHyper, "default"));
  TrainOptions options = train_options(hyper);
  options.threads = threads;
  const auto trainer = make_integer_trainer(network, recipe, hyper, options);
  trainer->run_epoch(random_images(5 * options.batch, 784), 0, {});
  return digest_of(*trainer, recipe_name);
}

/// Of four steps of conv_small, two epochs of two.
unsigned long conv_digest(const std::string& recipe_name, int threads) {
  const Network network = read_network(resolve_trace(TraceKind::kNetwork, "conv_small"));
  const Recipe recipe = read_recipe(resolve_trace(TraceKind::kRecipe, recipe_name));
  const Hyper hyper = read_hyper(resolve_trace(TraceKind::kHyper, "default"));
  TrainOptions options = train_options(hyper);
  options.batch = 24;
  options.threads = threads;
  Dataset data = random_images(50, 2 * 9 * 7);
  data.rows = 9;
  data.cols = 7;
  data.channels = 2;
  data.classes = 5;
  for (std::uint8_t& label : data.labels) label = static_cast<std::uint8_t>(label % 5);
  const auto trainer = make_integer_trainer(network, recipe, hyper, options);
  for (int epoch = 0; epoch < 2; ++epoch) trainer->run_epoch(data, epoch, {});
  return digest_of(*trainer, recipe_name);
}

TEST(Identity, RecordedRuns) {
  const std::pair<const char*, unsigned long> recorded[] = {
      {"int8", 2056768180u}, {"int4", 357615486u}, {"int8_hindsight", 3904364696u}, {"int4_hindsight", 1689161001u}};
  for (const auto& [recipe, expected] : recorded) {
    for (int threads : {1, 2}) EXPECT_EQ(digest(recipe, threads), expected) << recipe << ", threads " << threads;
  }
}

TEST(Identity, RecordedRunsOfAConvolutionalNetwork) {
  const std::pair<const char*, unsigned long> recorded[] = {{"int8", 3285249370u},
                                                            {"int4", 3808155373u},
                                                            {"int8_hindsight", 185625380u},
                                                            {"luq", 3258144678u},
                                                            {"luq_smp2", 2044851152u},
                                                            {"luq_hindsight", 3550325966u},
                                                            {"luq_uniform", 1427333450u},
                                                            {"psq", 3729492550u},
                                                            {"ptq", 1591909678u},
                                                            {"fqt1", 1158971313u},
                                                            {"fqt1_bernoulli", 1910145155u},
                                                            {"fqt1_adam", 4195769173u},
                                                            {"maqd", 1118424543u},
                                                            {"maqd_ternary", 3770173089u},
                                                            {"lwq", 1625421105u},
                                                            {"lwq_master24", 4003318731u},
                                                            {"lwq_nearest", 2125983235u},
                                                            {"lwq_w4", 1583898458u},
                                                            {"lwq_accumulate", 565350728u},
                                                            {"niti", 3421443272u},
                                                            {"int8_adam", 4267417962u},
                                                            {"lwq_adam", 1922933434u}};
  for (const auto& [recipe, expected] : recorded) {
    for (int threads : {1, 3}) EXPECT_EQ(conv_digest(recipe, threads), expected) << recipe << ", threads " << threads;
  }
}

}  // namespace
}  // namespace bitloom
