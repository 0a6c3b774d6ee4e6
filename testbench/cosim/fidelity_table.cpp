// Prints the tables of docs/fidelity.md: SystemC's cycles against the RTL's, for each recipe, hardware and stall rate.
// fidelity_table [mlps | recipes | networks]: one part only.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <exception>
#include <map>

#include "testbench/cosim/cosim_case.hpp"

namespace {

using namespace bitloom;
using namespace bitloom::cosim;

/// Largest signed error of a class over all cases.
struct Worst {
  double error = 0;
  std::uint64_t executions = 0;
  std::string where;
};

void print_case(const CosimCase& chosen, std::map<std::string, Worst>& classes) {
  const CosimResult result = run_case(chosen);
  const Fidelity& f = result.fidelity;
  const std::string name = fmt::format("{}, {}, {}, batch {}, stalls {} %", chosen.network, chosen.recipe,
                                       chosen.hardware, chosen.batch, chosen.stall);
  fmt::print("| {} | {} | {} | {} | {} | {} | {:+.3f} % | {:.2f} % | {:.2f} % | {:.2f} % |\n", name, chosen.steps,
             result.comparison.elements, result.equal() ? "equal" : "DIFFER", f.systemc, f.rtl, 100 * f.error,
             100 * f.median, 100 * f.p95, 100 * f.worst);
  std::fflush(stdout);
  for (const ClassCycles& c : f.classes) {
    if (!c.counted) continue;
    Worst& worst = classes[c.name];
    worst.executions += c.executions;
    if (std::abs(c.error) >= std::abs(worst.error)) {
      worst.error = c.error;
      worst.where = name;
    }
  }
}

using Classes = std::map<std::string, Worst>;

void print_mlps(Classes& classes) {
  for (const char* hardware : {"tiny", "base", "odd"}) {
    for (const char* recipe : {"int8", "int4", "int8_hindsight", "int4_hindsight"}) {
      for (int stall : {0, 25, 75}) print_case({"mlp_odd", recipe, hardware, 19, 3, stall, 1}, classes);
    }
  }
  for (const char* recipe : {"int8", "int4"}) {
    for (int stall : {0, 25}) print_case({"mlp", recipe, "base", 128, 1, stall, 1}, classes);
  }
}

/// conv_small by every recipe file that is not a float baseline.
void print_recipes(Classes& classes) {
  for (const std::string& recipe : known_traces(TraceKind::kRecipe)) {
    const Recipe rules = read_recipe(resolve_trace(TraceKind::kRecipe, recipe));
    if (rules.fp32) continue;
    const int steps = std::max(3, 2 * rules.update.micro_batches);  // two whole steps where micro-batches add up
    for (const char* hardware : {"tiny", "odd", "base"}) {
      print_case({"conv_small", recipe, hardware, 3, steps, 25, 1}, classes);
    }
  }
}

void print_networks(Classes& classes) {
  for (const char* recipe : {"int4", "luq_smp2", "fqt1", "lwq", "niti", "maqd_bn"}) {
    print_case({"conv_ops", recipe, "odd", 3, 2, 0, 1}, classes);
  }
  for (const char* recipe : {"int4", "luq", "fqt1"}) {
    print_case({"conv_byte", recipe, "odd", 3, 2, 0, 1}, classes);
  }
  for (const char* recipe : {"int8", "luq", "lwq", "fqt1", "maqd"}) {
    print_case({"lenet", recipe, "base", 4, 1, 0, 1}, classes);
  }
}

void print_tables(const std::string& part) {
  fmt::print(
      "| case | steps | elements compared | bits | SystemC cycles | RTL cycles | total error | per command: median | "
      "95th percentile | worst |\n|---|---|---|---|---|---|---|---|---|---|\n");
  Classes classes;
  if (part.empty() || part == "mlps") print_mlps(classes);
  if (part.empty() || part == "recipes") print_recipes(classes);
  if (part.empty() || part == "networks") print_networks(classes);
  fmt::print("\n| command class | executions | largest signed error of a case | case |\n|---|---|---|---|\n");
  for (const auto& [name, worst] : classes) {
    fmt::print("| {} | {} | {:+.2f} % | {} |\n", name, worst.executions, 100 * worst.error,
               worst.error == 0 ? "all" : worst.where);
  }
}

}  // namespace

int main(int argc, char** argv) {
  try {
    print_tables(argc > 1 ? argv[1] : "");
    return 0;
  } catch (const std::exception& error) {
    fmt::print(stderr, "fidelity_table: {}\n", error.what());
    return 3;
  }
}
