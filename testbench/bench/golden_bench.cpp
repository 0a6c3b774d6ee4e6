// Training at batch 128 on one thread by every method's integer recipe and in FP32: samples a second of the MLP
// 784-256-128-10 and of the convolutional networks lenet and lenet_bn, the host's work (input codes, random draws,
// quantization, update) included. The last lines are the ratios to FP32 of the same run, each the best of the
// repetitions, which take turns. Time is the thread's CPU time, so that a busy machine counts less.
#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include <algorithm>
#include <ctime>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "model/data/glyphs.hpp"
#include "model/golden/step.hpp"
#include "model/io/traces.hpp"
#include "model/network/hyper.hpp"
#include "model/network/recipe.hpp"
#include "model/train/trainer.hpp"
#include "testbench/model/perceptron.hpp"

namespace bitloom {
namespace {

constexpr int kSteps = 20;

const std::string kFp32 = "fp32";
const std::vector<std::pair<std::string, std::vector<std::string>>> kRuns{
    {"mlp", {kFp32, "int8", "int4", "int8_hindsight", "int4_hindsight"}},
    {"lenet", {kFp32, "int8", "int4", "luq", "luq_smp2", "luq_hindsight", "lwq", "lwq_w4", "niti", "psq", "ptq"}},
    {"lenet_bn",
     {kFp32, "int8", "int4", "luq", "luq_smp2", "lwq", "maqd", "maqd_bn", "maqd_ternary", "fqt1", "fqt1_bernoulli",
      "fqt1_psq", "int8_adam", "fqt1_adam", "niti", "psq"}}};

std::map<std::string, double> best_rates;

double cpu_seconds() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

void training(benchmark::State& state, const std::string& network_name, const std::string& recipe_name) {
  const Network network = read_network(resolve_trace(TraceKind::kNetwork, network_name));
  const Recipe recipe = read_recipe(resolve_trace(TraceKind::kRecipe, recipe_name));
  const Hyper hyper = read_hyper(resolve_trace(TraceKind::kHyper, "default"));
  static const Dataset data = generate_glyphs(kSteps * hyper.batch, 1);
  const TrainOptions options = train_options(hyper);
  const auto trainer =
      recipe.fp32 ? make_fp32_trainer(network, hyper, options) : make_integer_trainer(network, recipe, hyper, options);
  trainer->run_epoch(data, 0, {});
  double seconds = 0.0;
  double samples = 0.0;
  for (auto _ : state) {
    const double start = cpu_seconds();
    samples += static_cast<double>(trainer->run_epoch(data, 0, {}).samples);
    const double taken = cpu_seconds() - start;
    state.SetIterationTime(taken);
    seconds += taken;
  }
  state.counters["samples/s"] = samples / seconds;
  double& best = best_rates[network_name + "/" + recipe_name];
  best = std::max(best, samples / seconds);
}

void print_ratios() {
  for (const auto& [network, recipes] : kRuns) {
    const double fp32 = best_rates[network + "/" + kFp32];
    for (const std::string& recipe : recipes) {
      const double rate = best_rates[network + "/" + recipe];
      if (recipe == kFp32 || rate == 0.0 || fp32 == 0.0) continue;
      fmt::print("{} {}: {:.0f} samples/s, {:.2f} of FP32's {:.0f}\n", network, recipe, rate, rate / fp32, fp32);
    }
  }
}

}  // namespace
}  // namespace bitloom

int main(int argc, char** argv) {
  using namespace bitloom;
  for (const auto& [network, recipes] : kRuns) {
    for (const std::string& recipe : recipes) {
      benchmark::RegisterBenchmark(
          (network + "/" + recipe).c_str(),
          [network = network, recipe](benchmark::State& state) { training(state, network, recipe); })
          ->Unit(benchmark::kMillisecond)
          ->UseManualTime()
          ->Iterations(1)
          ->Repetitions(6);
    }
  }
  std::string take_turns = "--benchmark_enable_random_interleaving=true";
  std::string means_only = "--benchmark_display_aggregates_only=true";
  std::vector<char*> arguments{argv[0], take_turns.data(), means_only.data()};
  arguments.insert(arguments.end(), argv + 1, argv + argc);
  int count = static_cast<int>(arguments.size());
  arguments.push_back(nullptr);
  benchmark::Initialize(&count, arguments.data());
  if (benchmark::ReportUnrecognizedArguments(count, arguments.data())) return 1;
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
  const Recipe int8 = read_recipe(resolve_trace(TraceKind::kRecipe, "int8"));
  fmt::print("kernels: {}\n", GoldenEngine(test::perceptron(1, {1}), int8, 1).kernels_name());
  print_ratios();
  return 0;
}
