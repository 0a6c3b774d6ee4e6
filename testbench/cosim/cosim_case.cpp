#include "testbench/cosim/cosim_case.hpp"

#include "testbench/rtl/harness.hpp"

namespace bitloom::cosim {

CosimResult run_case(const CosimCase& chosen, CosimOptions options) {
  const Network network = read_network(resolve_trace(TraceKind::kNetwork, chosen.network));
  const Recipe recipe = read_recipe(resolve_trace(TraceKind::kRecipe, chosen.recipe));
  const std::string hardware_file = resolve_trace(TraceKind::kHardware, chosen.hardware);
  const Hyper hyper = read_hyper(resolve_trace(TraceKind::kHyper, "hyper"));
  const Chain chain = linear_chain(network);
  const Dataset data =
      generate_flat(std::int64_t{chosen.batch} * chosen.steps, chain.front().in, chain.back().out, chosen.seed);
  options.batch = chosen.batch;
  options.steps = chosen.steps;
  options.stall = chosen.stall;
  options.seed = chosen.seed;
  options.rtl_library = rtl_library(hardware_file);
  return cosimulate(network, recipe, read_hardware(hardware_file), hyper, {data.images, data.labels}, options);
}

}  // namespace bitloom::cosim
