#include "sim/cosim/report.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "sim/text_table.hpp"

namespace bitloom::cosim {
namespace {

/// Returns (model − truth) / truth with its sign.
std::string signed_percent(std::uint64_t model, std::uint64_t truth) {
  if (truth == 0) return model == 0 ? "+0.00 %" : "+100.00 %";
  const double error = (static_cast<double>(model) - static_cast<double>(truth)) / static_cast<double>(truth);
  return fmt::format("{:+.2f} %", 100.0 * error);
}

std::string wrap(const std::string& text, int columns) { return columns > 0 ? wrapped(text, columns, 2) : text + "\n"; }

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

/// Returns the optimizer steps that golden ran, the last one perhaps not to its end.
std::size_t steps_of(const CosimResult& result) {
  const auto parts = static_cast<std::size_t>(result.micro_batches);
  return (result.losses.size() + parts - 1) / parts;
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
  json["steps"] = steps_of(result);
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
  if (!result.waves.file.empty()) {
    json["waves"] = result.waves.file;
    json["waves_window"] = {{"step", result.waves.step}, {"from", result.waves.from}, {"to", result.waves.to}};
    if (result.waves.at >= 0) json["waves_window"]["at"] = result.waves.at;
  }
  return json;
}

std::string verdict_text(const CosimResult& result, int columns) {
  const Comparison& c = result.comparison;
  const Fidelity& f = result.fidelity;
  std::string text;
  for (const Difference& d : c.first) text += wrap("- " + describe(result.program, d), columns);
  if (!c.first.empty()) text += "\n";
  Table table({"verdict", result.equal() ? "equal" : "DIFFERENT"});
  table.row({"steps", grouped(static_cast<std::uint64_t>(steps_of(result)))});
  table.row({"tensors and table entries compared", grouped(c.tensors + c.scalars)});
  table.row({"elements compared", grouped(c.elements)});
  table.row({"elements equal", c.mismatches == 0 ? "all equal" : grouped(c.elements - c.mismatches)});
  if (c.mismatches != 0) table.row({"elements that differ", grouped(c.mismatches)});
  table.row({"cycles of SystemC", grouped(f.systemc)});
  table.row({"cycles of the RTL", grouped(f.rtl)});
  table.row({"error of SystemC's cycles", signed_percent(f.systemc, f.rtl)});
  table.row({"largest error of a command", percent(f.worst)});
  table.row({"use of the array", percent(result.array_utilisation, 1)});
  text += table.text(columns);
  if (!result.waves.file.empty()) text += wrap(describe(result.waves), columns);
  return text;
}

std::string details_text(const CosimResult& result, int columns) {
  const Comparison& c = result.comparison;
  const Fidelity& f = result.fidelity;
  Table phases({"cycles by phase", "SystemC", "RTL", "error"});
  for (const PhaseCycles& p : f.phases) {
    phases.row({phase_name(result.program, p), grouped(p.systemc), grouped(p.rtl), signed_percent(p.systemc, p.rtl)});
  }
  phases.row({"all", grouped(f.systemc), grouped(f.rtl), signed_percent(f.systemc, f.rtl)});
  Table classes({"cycles by command class", "executed", "SystemC", "RTL", "error"});
  for (const ClassCycles& k : f.classes) {
    classes.row({k.name, grouped(k.executions), grouped(k.systemc), grouped(k.rtl), signed_percent(k.systemc, k.rtl)});
  }
  std::string text = phases.text(columns) + "\n" + classes.text(columns) + "\n";
  text += wrap(fmt::format("{} commands, {} executions in all steps", grouped(result.program.commands.size()),
                           grouped(result.executions)),
               columns);
  text += wrap(fmt::format("errors of the commands: median {}, 95th percentile {}, worst {}{}", percent(f.median),
                           percent(f.p95), percent(f.worst),
                           f.worst_command < 0
                               ? ""
                               : fmt::format(" (command {}: {})", f.worst_command,
                                             result.program.info[static_cast<std::size_t>(f.worst_command)].text)),
               columns);
  if (!c.unseen.empty())
    text += wrap(fmt::format("not in memory after a step: {}", fmt::join(c.unseen, ", ")), columns);
  return text;
}

std::string to_text(const CosimResult& result) { return details_text(result) + "\n" + verdict_text(result); }

}  // namespace bitloom::cosim
