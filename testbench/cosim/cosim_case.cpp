#include "testbench/cosim/cosim_case.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "sim/cosim/rtl/harness.hpp"

namespace bitloom::cosim {

Dataset random_images(const Network& network, int samples, std::uint64_t seed) {
  const int classes = static_cast<int>(element_count(network.nodes.back().shape));
  return generate_flat(samples, static_cast<int>(element_count(network.input)), std::min(classes, 10), seed);
}

std::string cycles_that_differ(const CosimResult& result) {
  std::string text;
  const auto compare = [&](const std::string& what, std::uint64_t systemc, std::uint64_t rtl) {
    if (systemc != rtl) text += fmt::format("{}: {} cycles of SystemC, {} of the RTL\n", what, systemc, rtl);
  };
  compare("total", result.fidelity.systemc, result.fidelity.rtl);
  for (const PhaseCycles& p : result.fidelity.phases) {
    compare(fmt::format("node {}, {}", p.node, p.phase), p.systemc, p.rtl);
  }
  for (const CommandCycles& c : result.commands) {
    const CommandInfo& info = result.program.info[static_cast<std::size_t>(c.command)];
    compare(fmt::format("command {} ({}, {})", c.command, info.phase, info.text), c.systemc, c.rtl);
  }
  return text;
}

CosimResult run_case(const CosimCase& chosen, CosimOptions options) {
  const Network network = read_network(resolve_trace(TraceKind::kNetwork, chosen.network));
  const Recipe recipe = read_recipe(resolve_trace(TraceKind::kRecipe, chosen.recipe));
  const Hardware hardware = read_hardware(resolve_trace(TraceKind::kHardware, chosen.hardware));
  Hyper hyper = read_hyper(resolve_trace(TraceKind::kHyper, "default"));
  if (chosen.learning_rate > 0.0) hyper.learning_rate = {.base = chosen.learning_rate};
  const Dataset data = random_images(network, chosen.batch * chosen.steps, chosen.seed);
  const int micro_batches = std::max(1, recipe.update.micro_batches);
  options.batch = chosen.batch * micro_batches;
  options.steps = chosen.steps / micro_batches;
  options.stall = chosen.stall;
  options.seed = chosen.seed;
  options.rtl_library = rtl_library(hardware);
  return cosimulate(network, recipe, hardware, hyper, {data.images, data.labels}, options);
}

}  // namespace bitloom::cosim
