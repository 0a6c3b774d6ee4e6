// Simulations that take LOADs from those like them, against simulations that plan each one.
#include <gtest/gtest.h>

#include "kernels/program.hpp"
#include "model/golden/step.hpp"
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

TEST(LoadMemoTest, ChangesNothingOfARun) {
  const Hyper hyper = read_hyper(resolve_trace(TraceKind::kHyper, "default"));
  for (const char* name : {"conv_small", "conv_ops", "conv_byte", "lenet_bn"}) {
    const Network network = read_network(resolve_trace(TraceKind::kNetwork, name));
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

}  // namespace
}  // namespace bitloom
