#include "testbench/cosim/cosim_case.hpp"

#include <algorithm>

#include "sim/cosim/rtl/harness.hpp"

namespace bitloom::cosim {

Dataset random_images(const Network& network, int samples, std::uint64_t seed) {
  const int classes = static_cast<int>(element_count(network.nodes.back().shape));
  return generate_flat(samples, static_cast<int>(element_count(network.input)), std::min(classes, 10), seed);
}

CosimResult run_case(const CosimCase& chosen, CosimOptions options) {
  const Network network = read_network(resolve_trace(TraceKind::kNetwork, chosen.network));
  const Recipe recipe = read_recipe(resolve_trace(TraceKind::kRecipe, chosen.recipe));
  const std::string hardware_file = resolve_trace(TraceKind::kHardware, chosen.hardware);
  Hyper hyper = read_hyper(resolve_trace(TraceKind::kHyper, "default"));
  if (chosen.learning_rate > 0.0) hyper.learning_rate = {.base = chosen.learning_rate};
  const Dataset data = random_images(network, chosen.batch * chosen.steps, chosen.seed);
  options.batch = chosen.batch;
  options.steps = chosen.steps;
  options.stall = chosen.stall;
  options.seed = chosen.seed;
  options.rtl_library = rtl_library(hardware_file);
  return cosimulate(network, recipe, read_hardware(hardware_file), hyper, {data.images, data.labels}, options);
}

}  // namespace bitloom::cosim
