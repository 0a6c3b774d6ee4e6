// The estimate of training's memory against what a process that trains a step takes.
#include "model/train/training_memory.hpp"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>

#include "model/data/glyphs.hpp"
#include "model/io/traces.hpp"
#include "model/train/trainer.hpp"
#include "testbench/model/support.hpp"

namespace bitloom {
namespace {

struct Case {
  const char* network;  ///< a name of traces/, or the text of a file
  const char* recipe;
  int batch;
};

Network network_of(const Case& of) {
  const std::string text = of.network;
  return text.starts_with("{") ? read_network(JsonObject::from_text(text, "network"))
                               : read_network(resolve_trace(TraceKind::kNetwork, text));
}

/// Trains one step in a process of its own and returns by how many bytes that has grown at most.
double measured(const Case& of) {
  const Network network = network_of(of);
  const Recipe recipe = read_recipe(resolve_trace(TraceKind::kRecipe, of.recipe));
  Hyper hyper = read_hyper(resolve_trace(TraceKind::kHyper, "default"));
  TrainOptions options = train_options(hyper);
  options.batch = of.batch;
  options.epochs = 1;
  Dataset data = generate_flat(of.batch, static_cast<int>(element_count(network.input)), 10, 1);
  if (network.input.size() == 3) {
    data.channels = network.input[0];
    data.rows = network.input[1];
    data.cols = network.input[2];
  }
  int pipe_ends[2];
  if (pipe(pipe_ends) != 0) return 0;
  const pid_t child = fork();
  if (child == 0) {
    rusage before = {}, after = {};
    getrusage(RUSAGE_SELF, &before);
    const auto trainer = recipe.fp32 ? make_fp32_trainer(network, hyper, options, recipe.normalization)
                                     : make_integer_trainer(network, recipe, hyper, options);
    trainer->run_epoch(data, 0, {});
    getrusage(RUSAGE_SELF, &after);
    const double grown = 1024.0 * static_cast<double>(after.ru_maxrss - before.ru_maxrss);
    _exit(write(pipe_ends[1], &grown, sizeof grown) == sizeof grown ? 0 : 1);
  }
  int status = 0;
  waitpid(child, &status, 0);
  double grown = 0;
  EXPECT_EQ(read(pipe_ends[0], &grown, sizeof grown), static_cast<ssize_t>(sizeof grown));
  close(pipe_ends[0]);
  close(pipe_ends[1]);
  return grown;
}

double estimated(const Case& of) {
  double sum = 0;
  const Recipe recipe = read_recipe(resolve_trace(TraceKind::kRecipe, of.recipe));
  for (const MemoryPart& part : training_memory(network_of(of), recipe, of.batch)) sum += part.bytes;
  return sum;
}

// Written out by hand for a batch of two: results of 32, 32 (its norm) and 3 elements; 18 and 96 weights.
TEST(TrainingMemory, OfASmallNetworkIsWhatItsVectorsTake) {
  const char* network = R"({"name": "small", "input": [2, 4, 4], "layers": [
    {"name": "conv", "op": "conv2d", "out": 2, "kernel": 3, "padding": 1, "groups": 2, "bias": false}, {"name": "bn", "op": "batch_norm"},
    {"name": "flat", "op": "flatten"}, {"name": "fc", "op": "linear", "out": 3, "bias": false},
    {"name": "loss", "op": "softmax_cross_entropy"}]})";
  const auto parts = [&](const char* recipe) {
    return training_memory(network_of({network, recipe, 2}), read_recipe(resolve_trace(TraceKind::kRecipe, recipe)), 2);
  };
  // Two raw views of each result, codes of both layers' operands and results, the sums of the largest layer.
  EXPECT_EQ(parts("int8")[0].bytes, 2 * (8 * (32 + 32 + 3) + (32 + 32) + (32 + 3) + 4 * 32));
  EXPECT_EQ(parts("int8")[1].bytes, 17 * (18 + 96) + 20 * 18);
  EXPECT_EQ(parts("fp32")[0].bytes, 2 * 8 * (32 + 32 + 3));
  EXPECT_EQ(parts("fp32")[1].bytes, 8 * (18 + 96) + (12 + 4 * 2 / 32.0) * 18);
}

constexpr const char* kManyWeights = R"({"name": "weights", "input": [1024], "layers": [
  {"name": "fc1", "op": "linear", "out": 4096, "bias": true}, {"name": "fc2", "op": "linear", "out": 4096, "bias": true},
  {"name": "fc3", "op": "linear", "out": 10, "bias": true}, {"name": "loss", "op": "softmax_cross_entropy"}]})";
constexpr const char* kManyKernels = R"({"name": "kernels", "input": [1, 8, 8], "layers": [
  {"name": "c1", "op": "conv2d", "out": 512, "kernel": 3, "padding": 1, "bias": true}, {"name": "r1", "op": "relu"},
  {"name": "c2", "op": "conv2d", "out": 1024, "kernel": 3, "padding": 1, "stride": 4, "bias": true},
  {"name": "flat", "op": "flatten"}, {"name": "fc", "op": "linear", "out": 10, "bias": true},
  {"name": "loss", "op": "softmax_cross_entropy"}]})";

constexpr const char* kManyParts = R"({"name": "parts", "input": [1, 2, 2], "layers": [
  {"name": "c1", "op": "conv2d", "out": 512, "kernel": 3, "padding": 1, "bias": true}, {"name": "r1", "op": "relu"},
  {"name": "c2", "op": "conv2d", "out": 512, "kernel": 3, "padding": 1, "stride": 2, "bias": true},
  {"name": "flat", "op": "flatten"}, {"name": "fc", "op": "linear", "out": 10, "bias": true},
  {"name": "loss", "op": "softmax_cross_entropy"}]})";

class MeasuredMemory : public ::testing::TestWithParam<Case> {};

TEST_P(MeasuredMemory, IsEstimatedWithinAFactorOfTwo) {
  const double truth = measured(GetParam()), guess = estimated(GetParam());
  std::printf("estimated %.0f MB, measured %.0f MB\n", guess / 1e6, truth / 1e6);
  EXPECT_GT(truth, 3e7) << "too little to tell it from what every process takes";
  EXPECT_LT(guess, 2 * truth);
  EXPECT_GT(guess, truth / 2);
}

INSTANTIATE_TEST_SUITE_P(Cases, MeasuredMemory,
                         ::testing::Values(Case{"lenet", "fp32", 1024}, Case{"lenet", "int8", 1024},
                                           Case{"lenet", "luq_smp2", 1024}, Case{"resnet8", "fp32", 128},
                                           Case{"resnet8", "int8", 128}, Case{"resnet8", "maqd", 128},
                                           Case{"lenet", "lwq_accumulate", 4096}, Case{kManyWeights, "fp32", 32},
                                           Case{kManyWeights, "int8", 32}, Case{kManyWeights, "lwq_adam", 32},
                                           Case{kManyKernels, "fp32", 64}, Case{kManyKernels, "int8", 64},
                                           Case{kManyParts, "fp32", 1024}),
                         [](const auto& each) { return std::to_string(each.index) + "_" + each.param.recipe; });

}  // namespace
}  // namespace bitloom
