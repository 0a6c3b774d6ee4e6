// Simulations that take LOADs from those like them, against simulations that plan each one.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "kernels/program.hpp"
#include "model/golden/step.hpp"
#include "model/io/json_reader.hpp"
#include "model/io/traces.hpp"
#include "model/network/hyper.hpp"
#include "sim/simulator.hpp"

namespace bitloom {
namespace {

SimResult run(const Program& program, const Hardware& hardware, bool remember) {
  SimOptions options;
  options.remember_loads = remember;
  options.record_executions = true;
  return simulate(program, hardware, nullptr, {}, options);
}

/// A convolution whose backward weights, gathered by input channel, lie on several pages.
Network wide_channels() {
  return read_network(JsonObject::from_text(R"({"name": "wide", "input": [12, 6, 6], "layers": [
      {"name": "conv1", "op": "conv2d", "out": 48, "kernel": 3, "padding": 1, "bias": true},
      {"name": "conv2", "op": "conv2d", "out": 12, "kernel": 3, "padding": 1, "bias": true},
      {"name": "flatten", "op": "flatten"}, {"name": "fc", "op": "linear", "out": 5, "bias": true},
      {"name": "loss", "op": "softmax_cross_entropy"}]})",
                                            "wide.json"));
}

TEST(LoadMemoTest, ChangesNothingOfARun) {
  const Hyper hyper = read_hyper(resolve_trace(TraceKind::kHyper, "default"));
  for (const char* name : {"conv_small", "conv_ops", "conv_byte", "lenet_bn", "wide"}) {
    const bool own = std::string(name) == "wide";
    const Network network = own ? wide_channels() : read_network(resolve_trace(TraceKind::kNetwork, name));
    for (const char* method : {"int8", "luq", "fqt1"}) {
      const Recipe recipe = read_recipe(resolve_trace(TraceKind::kRecipe, method));
      for (const char* machine : {"tiny", "odd", "base"}) {
        const Hardware hardware = read_hardware(resolve_trace(TraceKind::kHardware, machine));
        const StepConfig config = step_config(network, recipe, hyper, 5);
        const Program program = lower(network, recipe, hardware, lower_options(config, {false, true}));
        EXPECT_EQ(run(program, hardware, true), run(program, hardware, false))
            << name << " by " << method << " on " << machine;
      }
    }
  }
}

/// The longer DRAM's latency is, the more is left of the LOADs before one, and the fewer bursts may be in flight, the
/// more it matters what is left.
TEST(LoadMemoTest, ChangesNothingAtAnyLatency) {
  const Hyper hyper = read_hyper(resolve_trace(TraceKind::kHyper, "default"));
  const Recipe recipe = read_recipe(resolve_trace(TraceKind::kRecipe, "int8"));
  std::vector<std::uint64_t> cycles;
  for (const int latency : {1, 2, 13, 100, 400}) {
    for (const int outstanding : {1, 5, 32}) {
      Hardware hardware = read_hardware(resolve_trace(TraceKind::kHardware, "base"));
      hardware.dram_read_latency = latency;
      hardware.max_outstanding = outstanding;
      for (const char* name : {"conv_ops", "lenet_bn"}) {
        const Network network = read_network(resolve_trace(TraceKind::kNetwork, name));
        const StepConfig config = step_config(network, recipe, hyper, 16);
        const Program program = lower(network, recipe, hardware, lower_options(config, {false, true}));
        const SimResult remembered = run(program, hardware, true);
        EXPECT_EQ(remembered, run(program, hardware, false))
            << name << " by latency " << latency << " and " << outstanding << " bursts";
        cycles.push_back(remembered.cycles);
      }
    }
  }
  EXPECT_LT(cycles[0], cycles[24]);  // latency 1 against 400, one burst
}

}  // namespace
}  // namespace bitloom
