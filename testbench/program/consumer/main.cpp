// Reads a named network from the installed share folder and counts its parameters.
#include <cstdio>

#include "kernels/hardware.hpp"
#include "model/io/traces.hpp"
#include "model/io/version.hpp"
#include "model/network/network.hpp"
#include "model/network/recipe.hpp"
#include "sim/simulator.hpp"

int main() {
  using namespace bitloom;
  const Network network = read_network(resolve_trace(TraceKind::kNetwork, "mlp"));
  long parameters = 0;
  for (const Node& node : network.nodes) {
    if (const auto* linear = std::get_if<LinearAttributes>(&node.attributes)) {
      parameters += static_cast<long>(linear->in) * linear->out + linear->out;
    }
  }
  std::printf("%s: %ld parameters\n", network.name.c_str(), parameters);
  return version().version.empty() ? 1 : 0;
}
