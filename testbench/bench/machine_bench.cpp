// Simulated cycles a second of one training step of the MLP at batch 128 on `base`: SystemC without and with values,
// and the Verilated RTL
// (-O3, no trace, coverage or assertions). The last lines are the ratios of the same run, each the best of the
// repetitions.
#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include <algorithm>
#include <ctime>
#include <functional>
#include <map>
#include <string>

#include "kernels/image.hpp"
#include "model/data/glyphs.hpp"
#include "model/io/traces.hpp"
#include "model/network/hyper.hpp"
#include "model/network/init.hpp"
#include "sim/cosim/rtl/harness.hpp"
#include "sim/simulator.hpp"

namespace bitloom {
namespace {

std::map<std::string, double> best_rates;

double cpu_seconds() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

/// The step that all three run: program, memory and registers.
struct Step {
  Program program;
  MemoryImage image;
  StepRegisters registers;
  std::string library;
};

Step make_step() {
  const Network network = read_network(resolve_trace(TraceKind::kNetwork, "mlp"));
  const Recipe recipe = read_recipe(resolve_trace(TraceKind::kRecipe, "int8"));
  const std::string hardware_file = resolve_trace(TraceKind::kHardware, "base");
  const Hyper hyper = read_hyper(resolve_trace(TraceKind::kHyper, "default"));
  const auto mu16 = momentum16(hyper);
  const Dataset data = generate_glyphs(hyper.batch, 1);
  const auto table = input_code_table(hyper.input, qmax(recipe.bits));
  Batch batch;
  batch.M = hyper.batch;
  for (std::uint8_t pixel : data.images) batch.X.push_back(table[pixel]);
  batch.labels = data.labels;
  batch.scale = nearest_scale(input_code_value(hyper.input, qmax(recipe.bits)));
  Step step;
  step.program = lower(network, recipe, read_hardware(hardware_file), {hyper.batch, mu16, 1});
  step.image =
      initial_image(step.program, initial_state(network, recipe, initial_parameters(network, 1)), recipe, batch.scale);
  write_batch(step.program, step.image.bytes, 0, batch);
  step.registers.learning_rate = word(nearest_scale(learning_rate_at(hyper.learning_rate, 0, hyper.epochs)));
  step.registers.seed = 1;
  step.registers.batch = batch_offset(step.program, 0);
  step.library = rtl_library(read_hardware(hardware_file));
  return step;
}

std::uint64_t run_rtl(RtlMachine& machine, const Step& step) {
  machine.memory() = step.image.bytes;
  machine.write_register(Register::SEED_LO, 1);
  machine.write_register(Register::LEARNING_RATE, step.registers.learning_rate);
  machine.write_register(Register::BATCH, Register::BATCH_HIGH, step.registers.batch);
  machine.write_register(Register::PROGRAM, Register::PROGRAM_HIGH, step.program.program_address);
  machine.write_register(Register::PROGRAM_LENGTH, static_cast<std::uint32_t>(step.program.commands.size()));
  return machine.run(std::uint64_t{1} << 40).cycles;
}

void measure(benchmark::State& state, const std::string& name, const std::function<std::uint64_t()>& run) {
  run();
  double seconds = 0, cycles = 0;
  for (auto _ : state) {
    const double start = cpu_seconds();
    cycles += static_cast<double>(run());
    const double taken = cpu_seconds() - start;
    state.SetIterationTime(taken);
    seconds += taken;
  }
  state.counters["cycles/s"] = cycles / seconds;
  best_rates[name] = std::max(best_rates[name], cycles / seconds);
}

}  // namespace
}  // namespace bitloom

int main(int argc, char** argv) {
  using namespace bitloom;
  const Step step = make_step();
  const Hardware& hw = step.program.hardware;
  RtlMachine machine(step.library, hw, FlatMemory(hw, 0, 1));
  const auto systemc = [&step, &hw](bool values) {
    SimOptions options;
    options.values = values;
    MemoryImage image = values ? step.image : MemoryImage{};
    return simulate(step.program, hw, values ? &image : nullptr, step.registers, options).cycles;
  };
  const std::map<std::string, std::function<std::uint64_t()>> runs{{"rtl", [&] { return run_rtl(machine, step); }},
                                                                   {"systemc", [&] { return systemc(false); }},
                                                                   {"systemc_values", [&] { return systemc(true); }}};
  for (const auto& [name, run] : runs) {
    benchmark::RegisterBenchmark(("mlp_step_on_base/" + name).c_str(),
                                 [&name = name, &run = run](benchmark::State& state) { measure(state, name, run); })
        ->UseManualTime()
        ->Unit(benchmark::kMillisecond)
        ->Repetitions(3)
        ->ReportAggregatesOnly(false);
  }
  benchmark::Initialize(&argc, argv);
  benchmark::RunSpecifiedBenchmarks();
  for (const char* name : {"systemc", "systemc_values"}) {
    if (best_rates["rtl"] > 0 && best_rates[name] > 0) {
      fmt::print("{} / rtl: {:.1f} times the simulated cycles per second ({:.1f} M against {:.2f} M cycles/s)\n", name,
                 best_rates[name] / best_rates["rtl"], best_rates[name] / 1e6, best_rates["rtl"] / 1e6);
    }
  }
}
