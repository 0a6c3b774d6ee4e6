// Prints the tables of docs/fidelity.md: a line for each network and recipe, that sums up its hardware and stall rates.
// fidelity_table [mlps | recipes | networks]: one part only.
// fidelity_table --cycles FILE: writes cycles.json instead (cycle_record.hpp), by SystemC alone.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <exception>
#include <fstream>
#include <map>
#include <utility>
#include <vector>

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

/// What the runs of one network by one recipe have in common.
struct Summary {
  std::map<std::string, std::uint64_t> cycles;  ///< the RTL's by hardware, of the run with the fewest stalls
  std::uint64_t runs = 0;
  std::uint64_t elements = 0;
  std::uint64_t different = 0;  ///< elements
  double total_error = 0;       ///< the largest, signed
  double worst = 0;             ///< the largest error of a command, absolute
};

double larger(double a, double b) { return std::abs(b) > std::abs(a) ? b : a; }

void add_run(const CosimCase& chosen, Summary& summary, std::map<std::string, Worst>& classes) {
  const CosimResult result = run_case(chosen);
  const Fidelity& f = result.fidelity;
  summary.cycles.emplace(chosen.hardware, f.rtl);  // cases come with the fewest stalls first
  summary.runs += 1;
  summary.elements += result.comparison.elements;
  summary.different += result.comparison.mismatches;
  summary.total_error = larger(summary.total_error, f.error);
  summary.worst = larger(summary.worst, f.worst);
  for (const ClassCycles& c : f.classes) {
    if (!c.counted) continue;
    Worst& worst = classes[c.name];
    worst.executions += c.executions;
    if (std::abs(c.error) >= std::abs(worst.error)) {
      worst.error = c.error;
      worst.where = case_name(chosen);
    }
  }
}

void print_summary(const std::string& name, const Summary& summary) {
  const auto cycles = [&](const char* hardware) {
    const auto found = summary.cycles.find(hardware);
    return found == summary.cycles.end() ? std::string("–") : std::to_string(found->second);
  };
  fmt::print("| {} | {} | {} | {} | {} | {} | {} | {:+.3f} % | {:.2f} % |\n", name, summary.runs, summary.elements,
             summary.different == 0 ? "all equal" : fmt::format("{} DIFFER", summary.different), cycles("tiny"),
             cycles("odd"), cycles("base"), 100 * summary.total_error, 100 * summary.worst);
  std::fflush(stdout);
}

/// The cases of one network and recipe, in the order in which the first of each came.
std::vector<std::pair<std::string, std::vector<CosimCase>>> grouped(const std::vector<CosimCase>& cases) {
  std::vector<std::pair<std::string, std::vector<CosimCase>>> groups;
  for (const CosimCase& chosen : cases) {
    const std::string name = fmt::format("{}, {}", chosen.network, chosen.recipe);
    auto group = std::find_if(groups.begin(), groups.end(), [&](const auto& other) { return other.first == name; });
    if (group == groups.end()) group = groups.insert(group, {name, {}});
    group->second.push_back(chosen);
  }
  return groups;
}

void print_tables(const std::string& part) {
  fmt::print(
      "| network, recipe | runs | elements compared | bits | RTL cycles: tiny | odd | base | largest total error | "
      "worst command |\n|---|---|---|---|---|---|---|---|---|\n");
  std::map<std::string, Worst> classes;
  for (const auto& [name, cases] : grouped(fidelity_cases(part))) {
    Summary summary;
    for (const CosimCase& chosen : cases) add_run(chosen, summary, classes);
    print_summary(name, summary);
  }
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
