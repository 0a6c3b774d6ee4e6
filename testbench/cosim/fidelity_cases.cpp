#include "testbench/cosim/fidelity_cases.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "model/io/error.hpp"
#include "model/io/traces.hpp"
#include "model/network/recipe.hpp"

namespace bitloom::cosim {
namespace {

void add_mlps(std::vector<CosimCase>& cases) {
  for (const char* hardware : {"tiny", "base", "odd"}) {
    for (const char* recipe : {"int8", "int4", "int8_hindsight", "int4_hindsight"}) {
      for (int stall : {0, 25, 75}) cases.push_back({"mlp_odd", recipe, hardware, 19, 3, stall, 1});
    }
  }
  for (const char* recipe : {"int8", "int4"}) {
    for (int stall : {0, 25}) cases.push_back({"mlp", recipe, "base", 128, 1, stall, 1});
  }
}

/// conv_small by every recipe file that is not a float baseline.
void add_recipes(std::vector<CosimCase>& cases) {
  for (const std::string& recipe : known_traces(TraceKind::kRecipe)) {
    const Recipe rules = read_recipe(resolve_trace(TraceKind::kRecipe, recipe));
    if (rules.fp32) continue;
    const int steps = std::max(3, 2 * rules.update.micro_batches);  // two whole steps where micro-batches add up
    for (const char* hardware : {"tiny", "odd", "base"}) {
      cases.push_back({"conv_small", recipe, hardware, 3, steps, 25, 1});
    }
  }
}

void add_networks(std::vector<CosimCase>& cases) {
  for (const char* recipe : {"int4", "luq_smp2", "fqt1", "lwq", "niti", "maqd_bn"}) {
    cases.push_back({"conv_ops", recipe, "odd", 3, 2, 0, 1});
  }
  for (const char* recipe : {"int4", "luq", "fqt1"}) {
    cases.push_back({"conv_byte", recipe, "odd", 3, 2, 0, 1});
  }
  for (const char* recipe : {"int8", "luq", "lwq", "fqt1", "maqd"}) {
    cases.push_back({"lenet", recipe, "base", 4, 1, 0, 1});
  }
}

}  // namespace

std::vector<CosimCase> fidelity_cases(const std::string& part) {
  std::vector<CosimCase> cases;
  if (part.empty() || part == "mlps") add_mlps(cases);
  if (part.empty() || part == "recipes") add_recipes(cases);
  if (part.empty() || part == "networks") add_networks(cases);
  if (cases.empty()) throw Error(fmt::format("part {}: expected mlps, recipes or networks", part));
  return cases;
}

std::string case_name(const CosimCase& chosen) {
  return fmt::format("{}, {}, {}, batch {}, steps {}, stalls {} %", chosen.network, chosen.recipe, chosen.hardware,
                     chosen.batch, chosen.steps, chosen.stall);
}

}  // namespace bitloom::cosim
