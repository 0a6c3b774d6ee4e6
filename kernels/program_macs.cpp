#include "kernels/program_macs.hpp"

#include <set>
#include <utility>

#include "model/network/macs.hpp"

namespace bitloom {
namespace {

PhaseMacs macs_of_product(const Program& program, const CommandInfo& info) {
  const LayerMacs layer = layer_macs(program.network, info.node);
  const auto samples = static_cast<std::uint64_t>(program.batch);
  const double cells = static_cast<double>(program.hardware.rows) * program.hardware.cols;
  PhaseMacs result{samples * layer.macs, samples * layer.macs_data, 0};
  result.array_cycles = static_cast<double>(result.macs_data) / (cells * info.macs_a_cycle);
  return result;
}

}  // namespace

PhaseMacs phase_macs(const Program& program, int node, const std::string& phase) {
  for (const CommandInfo& info : program.info) {
    if (info.macs_a_cycle != 0 && info.node == node && info.phase == phase) return macs_of_product(program, info);
  }
  return {};
}

PhaseMacs step_macs(const Program& program) {
  PhaseMacs sum;
  std::set<std::pair<int, std::string>> seen;
  for (const CommandInfo& info : program.info) {
    if (info.macs_a_cycle == 0 || !seen.emplace(info.node, info.phase).second) continue;
    const PhaseMacs phase = macs_of_product(program, info);
    sum.macs += phase.macs;
    sum.macs_data += phase.macs_data;
    sum.array_cycles += phase.array_cycles;
  }
  return sum;
}

}  // namespace bitloom
