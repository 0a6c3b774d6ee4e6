// Golden convolutions on one thread: multiply-adds a second of the three int8 sums, and the one-bit convolution against
// the int8 one on the same codes ±1, packing of both operands included. The last lines are the ratios, each of the best
// repetitions, which take turns. Time is the thread's CPU time.
#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include <algorithm>
#include <ctime>
#include <functional>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "model/rows/conv.hpp"
#include "model/rows/xnor.hpp"

namespace bitloom {
namespace {

struct Case {
  std::string name;
  ConvShape shape;
};

const std::vector<Case> kCases{{"lenet_conv1", {128, 28, 28, 1, 8, {5, 5}, {1, 1}, {2, 2}, {1, 1}, 1}},
                               {"lenet_conv2", {128, 14, 14, 8, 16, {5, 5}, {1, 1}, {0, 0}, {1, 1}, 1}},
                               {"3x3_64_stride2", {16, 28, 28, 64, 64, {3, 3}, {2, 2}, {1, 1}, {1, 1}, 1}},
                               {"3x3_128", {8, 28, 28, 128, 128, {3, 3}, {1, 1}, {1, 1}, {1, 1}, 1}},
                               {"3x3_256", {8, 14, 14, 256, 256, {3, 3}, {1, 1}, {1, 1}, {1, 1}, 1}},
                               {"3x3_512", {8, 7, 7, 512, 512, {3, 3}, {1, 1}, {1, 1}, {1, 1}, 1}}};

std::map<std::string, double> best_seconds;

double cpu_seconds() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

void measure(benchmark::State& state, const std::string& name, const ConvShape& shape,
             const std::function<void()>& run) {
  run();
  double seconds = 0.0;
  for (auto _ : state) {
    const double start = cpu_seconds();
    run();
    const double taken = cpu_seconds() - start;
    state.SetIterationTime(taken);
    seconds += taken;
    const auto old = best_seconds.find(name);
    best_seconds[name] = old == best_seconds.end() ? taken : std::min(old->second, taken);
  }
  const double products = static_cast<double>(shape.out_pixels() * shape.depth()) * shape.out;
  state.counters["GMAC/s"] = products * static_cast<double>(state.iterations()) / seconds / 1e9;
}

/// Draws codes ±1.
std::vector<std::int8_t> signs(std::size_t count) {
  std::mt19937 random(3);
  std::vector<std::int8_t> codes(count);
  for (std::int8_t& code : codes) code = random() % 2 == 0 ? 1 : -1;
  return codes;
}

/// Runs one benchmark of a case: its name's end, and what it runs.
void run_case(benchmark::State& state, const Case& of, const std::string& what) {
  const ConvShape& s = of.shape;
  const std::vector<std::int8_t> x = signs(s.in_pixels() * static_cast<std::size_t>(s.in));
  const std::vector<std::int8_t> w = signs(s.depth() * static_cast<std::size_t>(s.out));
  const std::vector<std::int8_t> d = signs(s.out_pixels() * static_cast<std::size_t>(s.out));
  std::vector<std::int32_t> sums(std::max({x.size(), w.size(), d.size()}));
  std::vector<std::int64_t> long_sums(w.size());
  Convolution int8(1);
  XnorConvolution xnor(1);
  const std::map<std::string, std::function<void()>> runs{
      {"int8", [&] { int8.forward(s, x.data(), w.data(), sums.data()); }},
      {"activation_gradient", [&] { int8.activation_gradient(s, d.data(), w.data(), sums.data()); }},
      {"weight_gradient", [&] { int8.weight_gradient(s, x.data(), d.data(), long_sums.data()); }},
      {"xnor", [&] { xnor.forward(s, x.data(), w.data(), sums.data()); }}};
  measure(state, of.name + "/" + what, s, runs.at(what));
}

}  // namespace
}  // namespace bitloom

int main(int argc, char** argv) {
  using namespace bitloom;
  for (const Case& of : kCases) {
    for (const std::string what : {"int8", "activation_gradient", "weight_gradient", "xnor"}) {
      if (what == "xnor" && !XnorConvolution::worth_it(of.shape)) continue;
      benchmark::RegisterBenchmark((of.name + "/" + what).c_str(),
                                   [&of, what](benchmark::State& state) { run_case(state, of, what); })
          ->Unit(benchmark::kMillisecond)
          ->UseManualTime()
          ->Iterations(10)
          ->Repetitions(5);
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
  for (const Case& of : kCases) {
    const double int8 = best_seconds[of.name + "/int8"], xnor = best_seconds[of.name + "/xnor"];
    if (int8 == 0.0 || xnor == 0.0) continue;
    fmt::print("{}: one-bit {:.3f} ms, int8 {:.3f} ms: {:.1f} times as fast\n", of.name, xnor * 1e3, int8 * 1e3,
               int8 / xnor);
  }
  return 0;
}
