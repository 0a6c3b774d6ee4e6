// Prints the tables of docs/fidelity.md: SystemC and RTL against each other and against golden, a line for each recipe
// and for each class of commands. Each case has a line on stderr as it ends.
// fidelity_table [mlps | recipes | networks]: one part only.
// fidelity_table --cycles FILE: writes cycles.json instead (cycle_record.hpp), by SystemC alone.
#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <fstream>
#include <map>
#include <string>

#include "model/io/error.hpp"
#include "testbench/cosim/cycle_record.hpp"
#include "testbench/cosim/fidelity_cases.hpp"

namespace {

using namespace bitloom;
using namespace bitloom::cosim;

/// What the cases of a recipe have in common, or those of a class of commands.
struct Sum {
  int cases = 0;
  int unequal_bits = 0;                             ///< cases in which a bit differs from golden's
  int unequal_cycles = 0;                           ///< cases in which SystemC's cycles differ from the RTL's
  std::uint64_t elements = 0;                       ///< compared with golden's, of both machines
  std::uint64_t executions = 0;                     ///< of commands, by the RTL
  std::map<std::string, std::uint64_t> rtl_cycles;  ///< by hardware
};

using Sums = std::map<std::string, Sum>;

std::string equal_or(int unequal, int cases) {
  return unequal == 0 ? "equal" : fmt::format("**{} of {} differ**", unequal, cases);
}

/// Runs a case, says on stderr how it went, and adds it to the sum of its recipe and of the commands that it runs.
void add_case(const CosimCase& chosen, Sums& recipes, Sums& classes) {
  const CosimResult result = run_case(chosen);
  const std::string differing = cycles_that_differ(result);
  fmt::print(stderr, "{}: bits {}, {} cycles by SystemC, {} by the RTL\n{}", case_name(chosen),
             result.equal() ? "equal" : "DIFFER", result.fidelity.systemc, result.fidelity.rtl, differing);
  Sum& recipe = recipes[chosen.recipe];
  recipe.cases += 1;
  recipe.unequal_bits += result.equal() ? 0 : 1;
  recipe.unequal_cycles += differing.empty() ? 0 : 1;
  recipe.elements += result.comparison.elements;
  recipe.rtl_cycles[chosen.hardware] += result.fidelity.rtl;
  for (const ClassCycles& commands : result.fidelity.classes) {
    Sum& sum = classes[commands.name];
    sum.cases += 1;
    sum.unequal_cycles += commands.systemc == commands.rtl ? 0 : 1;
    sum.executions += commands.executions;
  }
}

std::string cycles_on(const Sum& sum, const std::string& hardware) {
  const auto found = sum.rtl_cycles.find(hardware);
  return found == sum.rtl_cycles.end() ? "–" : fmt::format("{}", found->second);
}

/// Returns whether all bits and all cycles are equal.
bool print_tables(const std::string& part) {
  Sums recipes, classes;
  for (const CosimCase& chosen : fidelity_cases(part)) add_case(chosen, recipes, classes);
  fmt::print(
      "| recipe | cases | elements compared | bits | SystemC's cycles | RTL cycles on tiny | on odd | on base |\n"
      "|---|---|---|---|---|---|---|---|\n");
  for (const auto& [name, sum] : recipes) {
    fmt::print("| {} | {} | {} | {} | {} | {} | {} | {} |\n", name, sum.cases, sum.elements,
               equal_or(sum.unequal_bits, sum.cases), equal_or(sum.unequal_cycles, sum.cases), cycles_on(sum, "tiny"),
               cycles_on(sum, "odd"), cycles_on(sum, "base"));
  }
  fmt::print("\n| command class | cases | executions | SystemC's cycles |\n|---|---|---|---|\n");
  for (const auto& [name, sum] : classes) {
    fmt::print("| {} | {} | {} | {} |\n", name, sum.cases, sum.executions, equal_or(sum.unequal_cycles, sum.cases));
  }
  return std::ranges::all_of(
      recipes, [](const auto& recipe) { return recipe.second.unequal_bits == 0 && recipe.second.unequal_cycles == 0; });
}

/// Writes the cycles of all cases, by the SystemC model alone.
void write_cycles(const std::string& file) {
  CycleRecord record;
  for (const CosimCase& chosen : fidelity_cases()) record[case_name(chosen)] = systemc_cycles(chosen);
  std::ofstream stream(file);
  stream << to_text(record) << std::flush;
  if (!stream) throw Error(fmt::format("{}: cannot be written", file));
}

}  // namespace

int main(int argc, char** argv) {
  try {
    if (argc == 3 && std::string(argv[1]) == "--cycles") {
      write_cycles(argv[2]);
      return 0;
    }
    return print_tables(argc > 1 ? argv[1] : "") ? 0 : 1;
  } catch (const std::exception& error) {
    fmt::print(stderr, "fidelity_table: {}\n", error.what());
    return 3;
  }
}
