// FP32 training of the MLP 784-256-128-10 at batch 128 on one thread, against oneDNN's own sgemm on the GEMMs of that
// step, and of the convolutional networks lenet, lenet_bn and resnet8. The last lines are the ratio of the first two
// and the rates of the others, each the best of the repetitions.
#include <benchmark/benchmark.h>
#include <dnnl.h>
#include <fmt/format.h>

#include <algorithm>
#include <ctime>
#include <map>
#include <string>
#include <vector>

#include "model/data/glyphs.hpp"
#include "model/fp32/graph.hpp"
#include "model/io/traces.hpp"
#include "model/train/trainer.hpp"

namespace bitloom {
namespace {

constexpr int kBatch = 128;
constexpr int kWidths[] = {784, 256, 128, 10};
constexpr int kLayers = 3;

double best_training_rate = 0.0;  // FLOP/s
double best_sgemm_rate = 0.0;

Network mlp() {
  return read_network(JsonObject::from_text(
      R"({"name": "mlp", "input": [784], "layers": [
           {"name": "fc1", "op": "linear", "out": 256, "bias": true}, {"name": "relu1", "op": "relu"},
           {"name": "fc2", "op": "linear", "out": 128, "bias": true}, {"name": "relu2", "op": "relu"},
           {"name": "fc3", "op": "linear", "out": 10, "bias": true}, {"name": "loss", "op": "softmax_cross_entropy"}]})",
      "mlp"));
}

double cpu_seconds() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

// Forward and weight gradient of every layer, activation gradient of all but the first.
double flops_of_a_step() {
  double macs = 0.0;
  for (int i = 0; i < kLayers; ++i) macs += static_cast<double>(kWidths[i]) * kWidths[i + 1] * (i == 0 ? 2 : 3);
  return 2.0 * kBatch * macs;
}

void report(benchmark::State& state, double seconds, double steps, double& best) {
  const double rate = flops_of_a_step() * steps / seconds;
  best = std::max(best, rate);
  state.counters["GFLOP/s"] = rate / 1e9;
  state.counters["samples/s"] = kBatch * steps / seconds;
}

void fp32_training(benchmark::State& state) {
  Hyper hyper;
  hyper.learning_rate.base = 0.01;
  hyper.input = {73, 0.353};
  const Dataset data = generate_glyphs(100 * kBatch, 1);
  const auto trainer = make_fp32_trainer(mlp(), hyper, {1, kBatch, 1, 1});
  double seconds = 0.0;
  double steps = 0.0;
  int epoch = 0;
  for (auto _ : state) {
    const double start = cpu_seconds();
    steps += static_cast<double>(trainer->run_epoch(data, epoch++, {}).steps);
    seconds += cpu_seconds() - start;
  }
  report(state, seconds, steps, best_training_rate);
}

void onednn_sgemm(benchmark::State& state) {
  const fp32::SingleThreadedLibrary single;
  std::vector<std::vector<float>> weights;
  std::vector<std::vector<float>> results;
  for (int i = 0; i <= kLayers; ++i) {
    results.emplace_back(static_cast<std::size_t>(kBatch * kWidths[i]), 0.01F);
    if (i > 0) weights.emplace_back(static_cast<std::size_t>(kWidths[i - 1] * kWidths[i]), 0.01F);
  }
  std::vector<std::vector<float>> gradients = results;
  std::vector<std::vector<float>> weight_gradients = weights;
  double seconds = 0.0;
  double steps = 0.0;
  for (auto _ : state) {
    const double start = cpu_seconds();
    for (std::size_t i = 0; i < kLayers; ++i) {
      const int in = kWidths[i];
      const int out = kWidths[i + 1];
      const float* w = weights[i].data();
      dnnl_sgemm('N', 'T', kBatch, out, in, 1.0F, results[i].data(), in, w, in, 0.0F, results[i + 1].data(), out);
      dnnl_sgemm('T', 'N', out, in, kBatch, 1.0F, gradients[i + 1].data(), out, results[i].data(), in, 0.0F,
                 weight_gradients[i].data(), in);
      if (i > 0) {
        dnnl_sgemm('N', 'N', kBatch, in, out, 1.0F, gradients[i + 1].data(), out, w, in, 0.0F, gradients[i].data(), in);
      }
    }
    seconds += cpu_seconds() - start;
    steps += 1.0;
  }
  benchmark::DoNotOptimize(weight_gradients);
  report(state, seconds, steps, best_sgemm_rate);
}

struct Rate {
  double samples = 0.0;  // a second
  double flops = 0.0;
};
std::map<std::string, Rate> best_network_rates;

// Of one sample, of the linear and conv2d layers: forward and weight gradient, activation gradient where the layer does
// not read the input.
double flops_of_a_sample(const Network& network) {
  double macs = 0.0;
  for (const Node& node : network.nodes) {
    const double passes = node.inputs[0] == kNetworkInput ? 2.0 : 3.0;
    macs += passes * static_cast<double>(element_count(node.shape)) * fan_in(node);
  }
  return 2.0 * macs;
}

void network_training(benchmark::State& state, const std::string& name) {
  const Network network = read_network(resolve_trace(TraceKind::kNetwork, name));
  Hyper hyper;
  hyper.learning_rate.base = 0.01;
  hyper.input = {73, 0.353};
  Dataset data = generate_flat(10 * kBatch, static_cast<int>(element_count(network.input)), 10, 1);
  data.channels = network.input[0];
  data.rows = network.input[1];
  data.cols = network.input[2];
  const auto trainer = make_fp32_trainer(network, hyper, {1, kBatch, 1, 1});
  trainer->run_epoch(data, 0, {});
  double seconds = 0.0;
  double samples = 0.0;
  for (auto _ : state) {
    const double start = cpu_seconds();
    samples += static_cast<double>(trainer->run_epoch(data, 0, {}).samples);
    seconds += cpu_seconds() - start;
  }
  const double rate = samples / seconds;
  Rate& best = best_network_rates[name];
  best.samples = std::max(best.samples, rate);
  best.flops = best.samples * flops_of_a_sample(network);
  state.counters["samples/s"] = rate;
}

BENCHMARK(fp32_training)->Unit(benchmark::kMillisecond)->Repetitions(5);
BENCHMARK(onednn_sgemm)->Unit(benchmark::kMillisecond)->Repetitions(5);
BENCHMARK_CAPTURE(network_training, lenet, "lenet")->Unit(benchmark::kMillisecond)->Repetitions(5);
BENCHMARK_CAPTURE(network_training, lenet_bn, "lenet_bn")->Unit(benchmark::kMillisecond)->Repetitions(5);
BENCHMARK_CAPTURE(network_training, resnet8, "resnet8")->Unit(benchmark::kMillisecond)->Repetitions(3);

}  // namespace
}  // namespace bitloom

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
  using namespace bitloom;
  if (best_training_rate > 0.0 && best_sgemm_rate > 0.0) {
    fmt::print("FP32 training {:.1f} GFLOP/s, oneDNN sgemm {:.1f} GFLOP/s: {:.1f} %\n", best_training_rate / 1e9,
               best_sgemm_rate / 1e9, 100.0 * best_training_rate / best_sgemm_rate);
  }
  for (const auto& [name, rate] : best_network_rates) {
    fmt::print("FP32 training of {}: {:.0f} samples/s, {:.1f} GFLOP/s in its layers with weights\n", name, rate.samples,
               rate.flops / 1e9);
  }
  return 0;
}
