// Prints the tables of docs/fidelity.md: SystemC's cycles against the RTL's, for each recipe, hardware and stall rate.
// fidelity_table [mlps | recipes | networks]: one part only.
// fidelity_table --cycles FILE: writes cycles.json instead (cycle_record.hpp), by SystemC alone.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <exception>
#include <fstream>
#include <map>

#include "model/io/error.hpp"
#include "testbench/cosim/cycle_record.hpp"
#include "testbench/cosim/fidelity_cases.hpp"

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
  const std::string name = case_name(chosen);
  fmt::print("| {} | {} | {} | {} | {} | {:+.3f} % | {:.2f} % | {:.2f} % | {:.2f} % |\n", name,
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

void print_tables(const std::string& part) {
  fmt::print(
      "| case | elements compared | bits | SystemC cycles | RTL cycles | total error | per command: median | "
      "95th percentile | worst |\n|---|---|---|---|---|---|---|---|---|\n");
  std::map<std::string, Worst> classes;
  for (const CosimCase& chosen : fidelity_cases(part)) print_case(chosen, classes);
  fmt::print("\n| command class | executions | largest signed error of a case | case |\n|---|---|---|---|\n");
  for (const auto& [name, worst] : classes) {
    fmt::print("| {} | {} | {:+.2f} % | {} |\n", name, worst.executions, 100 * worst.error,
               worst.error == 0 ? "all" : worst.where);
  }
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
    print_tables(argc > 1 ? argv[1] : "");
    return 0;
  } catch (const std::exception& error) {
    fmt::print(stderr, "fidelity_table: {}\n", error.what());
    return 3;
  }
}
