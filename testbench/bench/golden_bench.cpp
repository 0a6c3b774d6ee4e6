// Training of the MLP 784-256-128-10 at batch 128 on one thread, by every integer recipe and in FP32: samples a second,
// the host's work (shuffling, input codes, random draws, quantization, update) included. The last lines are the ratios
// to FP32 of the same run, each the best of the repetitions. Time is the thread's CPU time, so that a busy machine
// counts less.
#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include <algorithm>
#include <ctime>
#include <map>
#include <string>

#include "model/glyphs.hpp"
#include "model/golden_step.hpp"
#include "model/hyper.hpp"
#include "model/recipe.hpp"
#include "model/traces.hpp"
#include "model/trainer.hpp"

namespace bitloom {
namespace {

constexpr int kSteps = 100;

std::map<std::string, double> best_rates;

double cpu_seconds() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

void training(benchmark::State& state, const std::string& recipe_name) {
  const Network network = read_network(resolve_trace(TraceKind::kNetwork, "mlp"));
  const Recipe recipe = read_recipe(resolve_trace(TraceKind::kRecipe, recipe_name));
  const Hyper hyper = read_hyper(resolve_trace(TraceKind::kHyper, "hyper"));
  const Dataset data = generate_glyphs(kSteps * hyper.batch, 1);
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
  best_rates[recipe_name] = std::max(best_rates[recipe_name], samples / seconds);
}

}  // namespace
}  // namespace bitloom

int main(int argc, char** argv) {
  using namespace bitloom;
  const std::string fp32 = "fp32";
  const std::vector<std::string> recipes{fp32, "int8", "int4", "int8_hindsight", "int4_hindsight"};
  for (const std::string& recipe : recipes) {
    benchmark::RegisterBenchmark(recipe.c_str(), [recipe](benchmark::State& state) { training(state, recipe); })
        ->Unit(benchmark::kMillisecond)
        ->UseManualTime()
        ->Repetitions(5);
  }
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
  const Recipe int8 = read_recipe(resolve_trace(TraceKind::kRecipe, "int8"));
  fmt::print("kernels: {}\n", GoldenEngine({{"fc1", 1, 1, false, false}}, int8, 1).kernels_name());
  for (const std::string& recipe : recipes) {
    if (recipe == fp32 || best_rates[recipe] == 0.0 || best_rates[fp32] == 0.0) continue;
    fmt::print("{}: {:.0f} samples/s, {:.2f} of FP32's {:.0f}\n", recipe, best_rates[recipe],
               best_rates[recipe] / best_rates[fp32], best_rates[fp32]);
  }
  return 0;
}
