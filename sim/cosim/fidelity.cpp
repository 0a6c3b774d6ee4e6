#include "sim/cosim/fidelity.hpp"

#include <algorithm>
#include <cmath>
#include <map>

namespace bitloom::cosim {
namespace {

double signed_error(std::uint64_t model, std::uint64_t truth) {
  if (truth == 0) return model == 0 ? 0.0 : 1.0;
  return (static_cast<double>(model) - static_cast<double>(truth)) / static_cast<double>(truth);
}

std::vector<ClassCycles> by_class(const Program& program, const std::vector<CommandCycles>& commands) {
  std::map<std::string, ClassCycles> classes;
  std::uint64_t all = 0;
  for (const CommandCycles& c : commands) {
    ClassCycles& sum = classes[command_class(program.commands[static_cast<std::size_t>(c.command)])];
    sum.commands += 1;
    sum.executions += c.executions;
    sum.systemc += c.systemc;
    sum.rtl += c.rtl;
    all += c.rtl;
  }
  std::vector<ClassCycles> result;
  for (auto& [name, sum] : classes) {
    sum.name = name;
    sum.error = signed_error(sum.systemc, sum.rtl);
    sum.counted = sum.executions >= 20 || sum.rtl * 100 >= all;
    result.push_back(sum);
  }
  return result;
}

/// Finds where the per-command errors lie.
void spread(const std::vector<CommandCycles>& commands, Fidelity& result) {
  std::vector<double> errors;
  for (const CommandCycles& c : commands) {
    if (c.rtl == 0 && c.systemc == 0) continue;
    const double error = std::abs(signed_error(c.systemc, c.rtl));
    errors.push_back(error);
    if (error > result.worst) {
      result.worst = error;
      result.worst_command = c.command;
    }
  }
  if (errors.empty()) return;
  std::sort(errors.begin(), errors.end());
  result.median = errors[errors.size() / 2];
  result.p95 = errors[std::min(errors.size() - 1, errors.size() * 95 / 100)];
}

struct PhaseEnd {
  int node;
  std::string phase;
  std::uint64_t systemc;
  std::uint64_t rtl;
};

}  // namespace

void add_phases(const Program& program, const std::vector<std::uint64_t>& systemc_end,
                const std::vector<std::uint64_t>& rtl_end, std::vector<PhaseCycles>& phases) {
  std::vector<PhaseEnd> ends;  // in program order
  for (std::size_t c = 0; c < program.info.size(); ++c) {
    const CommandInfo& info = program.info[c];
    if (ends.empty() || ends.back().node != info.node || ends.back().phase != info.phase) {
      ends.push_back({info.node, info.phase, 0, 0});
    }
    ends.back().systemc = std::max(ends.back().systemc, systemc_end[c]);
    ends.back().rtl = std::max(ends.back().rtl, rtl_end[c]);
  }
  std::uint64_t systemc_before = 0, rtl_before = 0;
  for (const PhaseEnd& end : ends) {
    auto found = std::find_if(phases.begin(), phases.end(),
                              [&](const PhaseCycles& p) { return p.node == end.node && p.phase == end.phase; });
    if (found == phases.end()) found = phases.insert(phases.end(), {end.node, end.phase, 0, 0});
    found->systemc += std::max(end.systemc, systemc_before) - systemc_before;
    found->rtl += std::max(end.rtl, rtl_before) - rtl_before;
    systemc_before = std::max(systemc_before, end.systemc);
    rtl_before = std::max(rtl_before, end.rtl);
  }
}

std::string command_class(const Command& command) {
  static const char* const kTargets[] = {"A", "B", "VIN"};
  std::string name(opcode_name(command.opcode()));
  if (command.opcode() != Opcode::LOAD) return name;
  name += std::string(" ") + kTargets[command.get(Field::TARGET) % 3];
  if (command.get(Field::SHAPED) != 0) name += " shaped";
  if (command.get(Field::TRANSPOSE) != 0) name += " transposed";
  return name;
}

Fidelity fidelity(const Program& program, const std::vector<CommandCycles>& commands, std::uint64_t systemc,
                  std::uint64_t rtl) {
  Fidelity result;
  result.systemc = systemc;
  result.rtl = rtl;
  result.error = signed_error(systemc, rtl);
  result.classes = by_class(program, commands);
  spread(commands, result);
  return result;
}

}  // namespace bitloom::cosim
