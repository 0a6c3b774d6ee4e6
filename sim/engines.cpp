#include "sim/engines.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "kernels/image.hpp"
#include "sim/timing.hpp"

namespace bitloom {
namespace {

/// Decodes the program and gives each command its layer and phase; the phases come in program order.
std::vector<Instruction> decode_program(const Program& program, std::vector<PhaseResult>& phases) {
  std::vector<Instruction> instructions;
  for (std::size_t position = 0; position < program.commands.size(); ++position) {
    Instruction c = decode_instruction(program.commands[position].words());
    const CommandInfo info = position < program.info.size() ? program.info[position] : CommandInfo{};
    const auto same = [&](const PhaseResult& p) { return p.layer == info.layer && p.phase == info.phase; };
    const auto phase = std::find_if(phases.begin(), phases.end(), same);
    c.position = static_cast<std::uint32_t>(position);
    c.phase = static_cast<std::uint32_t>(phase - phases.begin());
    if (phase == phases.end()) {
      phases.emplace_back();
      phases.back().layer = info.layer;
      phases.back().phase = info.phase;
    }
    if (c.GROUP >= kGroupMax || c.N0 == 0 || c.N1 == 0 || c.N2 == 0) {
      throw Error(
          fmt::format("command {}: expected GROUP below {} and loop counts of at least 1", position, kGroupMax));
    }
    instructions.push_back(c);
  }
  return instructions;
}

}  // namespace

Run::Run(const Program& source, const Hardware& hardware, MemoryImage* image, const StepRegisters& registers,
         const SimOptions& run_options)
    : program(source),
      options(run_options),
      machine{hardware, registers, nullptr},
      reads(hardware, options.stall_percent, options.stall_seed),
      load(machine, reads),
      array(machine),
      vector(machine),
      store(machine, BurstTiming(hardware, options.stall_percent, options.stall_seed)) {
  if (options.stall_percent < 0 || options.stall_percent > 99) {
    throw Error(fmt::format("stalls: expected 0 to 99 percent, got {}", options.stall_percent));
  }
  if (options.values) {
    if (image == nullptr) throw Error("a run with values needs a memory image");
    memories.emplace(hardware);
    memories->dram = image->bytes;
    memories->dram_base = registers.base;
    memories->learning_rate = registers.learning_rate;
    machine.memories = &*memories;
  }
  instructions = decode_program(program, result.phases);
  phase_ends_.resize(result.phases.size());
  result.command_cycles.resize(instructions.size());
  result.command_executions.resize(instructions.size());
}

std::uint64_t Run::execute(const Execution& e, std::uint64_t start) {
  if ((e.command->OPCODE & 63u) == 0) return start + timing::kNop;
  ActionCounts& counts = result.phases[e.command->phase].counts;
  const auto use = [&](auto& engine) {
    engine.count(e, counts);
    if (options.values) engine.compute(e);
    return engine.plan(e, start);
  };
  switch (e.command->queue) {
    case kLoadQueue:
      return use(load);
    case kArrayQueue:
      return use(array);
    case kVectorQueue:
      return use(vector);
    default:
      return use(store);
  }
}

void Run::ended(const Execution& e, std::uint64_t start, std::uint64_t end) {
  const Instruction& c = *e.command;
  const auto queue = static_cast<std::size_t>(c.queue);
  result.command_cycles[c.position] += end - start;
  result.command_executions[c.position] += 1;
  result.queues[queue].executions += 1;
  result.queues[queue].busy += end - start;
  result.phases[c.phase].busy[queue] += end - start;
  phase_ends_[c.phase] = std::max(phase_ends_[c.phase], end);
  if (options.record_executions) {
    result.executions.push_back({static_cast<std::uint8_t>(c.queue), c.position, start, end});
  }
}

void Run::finish(std::uint64_t cycles) {
  result.cycles = cycles;
  std::uint64_t before = 0;
  for (std::size_t p = 0; p < result.phases.size(); ++p) {
    const std::uint64_t end = p + 1 == result.phases.size() ? cycles : std::max(before, phase_ends_[p]);
    result.phases[p].cycles = end - before;
    before = end;
    result.counts += result.phases[p].counts;
  }
  result.counts[Action::command_fetch_bytes] = instructions.size() * std::uint64_t{kCommandBytes};
  for (QueueStatistics& queue : result.queues) queue.starved = cycles - queue.busy - queue.stalled() - queue.overhead;
}

}  // namespace bitloom
