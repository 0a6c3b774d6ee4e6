// Simulations that take LOADs from those like them, against simulations that plan each one.
#include <gtest/gtest.h>

#include <string>

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

}  // namespace
}  // namespace bitloom
