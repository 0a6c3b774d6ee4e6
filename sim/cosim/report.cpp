#include "sim/cosim/report.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace bitloom::cosim {
namespace {

double percent(std::uint64_t model, std::uint64_t truth) {
  if (truth == 0) return model == 0 ? 0.0 : 100.0;
  return 100.0 * (static_cast<double>(model) - static_cast<double>(truth)) / static_cast<double>(truth);
}

std::string phase_name(const Program& program, const PhaseCycles& phase) {
  if (phase.node < 0) return phase.phase;
  return program.network.nodes[static_cast<std::size_t>(phase.node)].name + " " + phase.phase;
}

nlohmann::ordered_json difference_json(const Program& program, const Difference& d) {
  return {{"executor", d.executor}, {"step", d.step},       {"tensor", d.tensor},
          {"row", d.row},           {"col", d.col},         {"expected", d.expected},
          {"got", d.got},           {"writers", d.writers}, {"text", describe(program, d)}};
}

nlohmann::ordered_json classes_json(const Fidelity& fidelity) {
  nlohmann::ordered_json list = nlohmann::ordered_json::array();
  for (const ClassCycles& c : fidelity.classes) {
    list.push_back({{"name", c.name},
                    {"commands", c.commands},
                    {"executions", c.executions},
                    {"systemc", c.systemc},
                    {"rtl", c.rtl},
                    {"error", c.error},
                    {"counted", c.counted}});
  }
  return list;
}

}  // namespace

nlohmann::ordered_json to_json(const CosimResult& result) {
  const Comparison& c = result.comparison;
  const Fidelity& f = result.fidelity;
  nlohmann::ordered_json json;
  json["tensors_compared"] = c.tensors;
  json["elements_compared"] = c.elements;
  json["table_entries_compared"] = c.scalars;
  json["mismatches"] = c.mismatches;
  json["tensors_not_in_memory"] = c.unseen;
  json["differences"] = nlohmann::ordered_json::array();
  for (const Difference& d : c.first) json["differences"].push_back(difference_json(result.program, d));
  json["steps"] = result.losses.size();
  json["cycles"] = {{"systemc", f.systemc}, {"rtl", f.rtl}, {"error", f.error}};
  json["commands"] = result.program.commands.size();
  json["executions"] = result.executions;
  json["command_error"] = {
      {"median", f.median}, {"p95", f.p95}, {"worst", f.worst}, {"worst_command", f.worst_command}};
  json["classes"] = classes_json(f);
  json["phases"] = nlohmann::ordered_json::array();
  for (const PhaseCycles& p : f.phases) {
    json["phases"].push_back({{"name", phase_name(result.program, p)}, {"systemc", p.systemc}, {"rtl", p.rtl}});
  }
  json["macs"] = result.macs;
  json["macs_data"] = result.macs_data;
  json["array_utilisation"] = result.array_utilisation;
  if (!result.waves.empty()) json["waves"] = result.waves;
  return json;
}

std::string to_text(const CosimResult& result) {
  const Comparison& c = result.comparison;
  const Fidelity& f = result.fidelity;
  std::string text = fmt::format(
      "{} steps, {} commands, {} executions\ncompared with golden: {} tensors and {} table entries, {} elements: {}\n",
      result.losses.size(), result.program.commands.size(), result.executions, c.tensors, c.scalars, c.elements,
      c.mismatches == 0 ? "all equal" : fmt::format("{} differ", c.mismatches));
  for (const Difference& d : c.first) text += "  " + describe(result.program, d) + "\n";
  if (!c.unseen.empty()) text += fmt::format("not in memory after a step: {}\n", fmt::join(c.unseen, ", "));
  text += fmt::format("\n{:<24} {:>12} {:>12} {:>8}\n", "cycles of phase", "SystemC", "RTL", "error");
  for (const PhaseCycles& p : f.phases) {
    text += fmt::format("{:<24} {:>12} {:>12} {:>+7.2f}%\n", phase_name(result.program, p), p.systemc, p.rtl,
                        percent(p.systemc, p.rtl));
  }
  text += fmt::format("{:<24} {:>12} {:>12} {:>+7.2f}%\n\n", "total", f.systemc, f.rtl, 100 * f.error);
  text += fmt::format("{:<16} {:>10} {:>12} {:>12} {:>8}\n", "command class", "executed", "SystemC", "RTL", "error");
  for (const ClassCycles& k : f.classes) {
    text += fmt::format("{:<16} {:>10} {:>12} {:>12} {:>+7.2f}%{}\n", k.name, k.executions, k.systemc, k.rtl,
                        100 * k.error, k.counted ? "" : "  (few)");
  }
  text += fmt::format("per-command error: median {:.2f} %, 95th percentile {:.2f} %, worst {:.2f} %{}\n",
                      100 * f.median, 100 * f.p95, 100 * f.worst,
                      f.worst_command < 0
                          ? ""
                          : fmt::format(" (command {}: {})", f.worst_command,
                                        result.program.info[static_cast<std::size_t>(f.worst_command)].text));
  text += fmt::format("array utilisation {:.1f} % (multiply-accumulates that meet data, over the array's peak)\n",
                      100 * result.array_utilisation);
  return text;
}

}  // namespace bitloom::cosim
