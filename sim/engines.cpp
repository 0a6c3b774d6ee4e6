#include "sim/engines.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>

#include "kernels/image.hpp"
#include "sim/action_counts.hpp"
#include "sim/dram_actions.hpp"
#include "sim/timing.hpp"

namespace bitloom {

Run::Run(const Program& source, const Hardware& hardware, MemoryImage* image, const StepRegisters& registers,
         const SimOptions& run_options)
    : program(source),
      options(run_options),
      machine{hardware, registers},
      reads(hardware, make_memory(hardware, options.dram, options.stall_percent, options.stall_seed),
            options.remember_loads),
      flat_writes(make_memory(hardware, std::nullopt, options.stall_percent, options.stall_seed)),
      load(machine, reads),
      store(machine, reads.ordered() != nullptr ? reads.ordered()->memory() : flat_writes) {
  if (options.stall_percent < 0 || options.stall_percent > 99) {
    throw Error(fmt::format("stalls: expected 0 to 99 percent, got {}", options.stall_percent));
  }
  if (options.values) {
    if (image == nullptr) throw Error("a run with values needs a memory image");
    values.emplace(machine, image->bytes);
  }
  if (reads.ordered() != nullptr) {
    if (options.bus_moved) reads.ordered()->memory().banked()->watch_bus(options.bus_moved);
    reads.ordered()->before_reads([this](std::uint64_t edge) { store.store_until(edge); });
  }
  decode();
  result.command_cycles.resize(instructions.size());
  result.command_executions.resize(instructions.size());
  result.command_bytes.resize(instructions.size());
}

/// Gives each command its layer and phase, in the order in which they first come.
void Run::decode() {
  for (std::size_t position = 0; position < program.commands.size(); ++position) {
    Instruction c = decode_instruction(program.commands[position].words());
    const CommandInfo info = position < program.info.size() ? program.info[position] : CommandInfo{};
    const auto same = [&](const PhaseResult& p) { return p.node == info.node && p.phase == info.phase; };
    const auto phase = std::find_if(result.phases.begin(), result.phases.end(), same);
    c.position = static_cast<std::uint32_t>(position);
    c.phase = static_cast<std::uint32_t>(phase - result.phases.begin());
    if (phase == result.phases.end()) {
      result.phases.emplace_back();
      result.phases.back().node = info.node;
      result.phases.back().phase = info.phase;
    }
    if (segments_.empty() || segments_.back().phase != c.phase) segments_.push_back({c.phase, 0});
    c.segment = static_cast<std::uint32_t>(segments_.size() - 1);
    if (c.GROUP >= kGroupMax || c.N0 == 0 || c.N1 == 0 || c.N2 == 0) {
      throw Error(
          fmt::format("command {}: expected GROUP below {} and loop counts of at least 1", position, kGroupMax));
    }
    instructions.push_back(c);
  }
  find_like();
}

/// Finds for each LOAD and LOAD_SHAPE the first that differs from it only in addresses, places in local memories, loops
/// and tokens, which load_signature() has besides or which change no cycle.
void Run::find_like() {
  std::map<std::array<std::uint32_t, 16>, std::uint32_t> first;
  for (Instruction& c : instructions) {
    std::array<std::uint32_t, 16> key{c.OPCODE};
    if (is(c, Opcode::LOAD)) {
      const bool vin = c.TARGET == static_cast<std::uint32_t>(LoadTarget::VIN);
      key = {c.OPCODE, c.MEMORY_BITS, c.LOCAL_BITS, c.PITCH, c.SHAPED, c.TAP_LOOP, vin ? 1u : 0u, c.LINES};
    } else if (is(c, Opcode::LOAD_SHAPE)) {
      key = {c.OPCODE,
             c.EXTENT_X,
             c.EXTENT_Y,
             c.LIMIT_X,
             c.LIMIT_Y,
             c.OFFSET_X,
             c.OFFSET_Y,
             c.SCALE_X << 4 | c.SCALE_Y,
             c.TAP_X,
             c.TAP_Y,
             c.LINE_PITCH,
             c.IMAGE_PITCH,
             c.PIXEL_PITCH,
             c.SEGMENT,
             c.TAPS_X << 8 | c.TAPS_Y,
             c.SEGMENT_BASE};
    } else {
      continue;
    }
    c.like = first.emplace(key, c.position).first->second;
  }
}

void Run::ask(const Execution& e, std::uint64_t start) { load.ask(e, start, result.phases[e.command->phase].counts); }

std::uint64_t Run::execute(const Execution& e, std::uint64_t start) {
  if ((e.command->OPCODE & 63u) == 0) return start + timing::kNop;
  if (values) values->execute(e);
  ActionCounts& counts = result.phases[e.command->phase].counts;
  const auto transferred = [&](auto& engine, Action bytes) {
    const std::uint64_t before = counts[bytes];
    const std::uint64_t end = engine.plan(e, start, counts);
    result.command_bytes[e.command->position] += counts[bytes] - before;
    return end;
  };
  switch (e.command->queue) {
    case kLoadQueue:
      return transferred(load, Action::dram_read_bytes);
    case kArrayQueue:
      count_gemm(machine.hardware, e, counts);
      return gemm_end(e, start);
    case kVectorQueue:
      count_vector(machine.hardware, e, counts);
      return start + timing::vector(machine.hardware, e);
    default:  // not ours: a number; kStoreQueue
      return transferred(store, Action::dram_write_bytes);
  }
}

/// Returns the end of a GEMM, which waits for the rows of the one before it.
std::uint64_t Run::gemm_end(const Execution& e, std::uint64_t start) {
  const std::uint64_t end = std::max(start + timing::gemm(e), drained_);
  drained_ = end + timing::gemm_rows(machine.hardware);
  return end;
}

std::uint64_t Run::go_on(int queue, std::uint64_t cycle, std::uint64_t end) {
  if (reads.ordered() == nullptr) return end;
  reads.ordered()->until(cycle);
  if (queue == kLoadQueue) return std::max(end, reads.load_asked());
  if (queue == kStoreQueue) {
    store.store_until(cycle + 1);
    return std::max(end, store.read());
  }
  return end;
}

std::uint64_t Run::oldest_end(int queue, std::uint64_t cycle, std::uint64_t end) {
  if (queue == kLoadQueue) return end;
  if (reads.ordered() != nullptr) {
    reads.ordered()->until(cycle);
    store.store_until(cycle + 1);
  }
  return store.end();
}

std::uint64_t Run::fetched(std::size_t command, std::uint64_t cycle, std::uint64_t end) {
  if (reads.ordered() == nullptr) return end;
  reads.ordered()->until(cycle);
  return reads.ordered()->fetch_end(command);
}

void Run::ended(const Execution& e, std::uint64_t start, std::uint64_t end) {
  const Instruction& c = *e.command;
  const auto queue = static_cast<std::size_t>(c.queue);
  result.command_cycles[c.position] += end - start;
  result.command_executions[c.position] += 1;
  result.queues[queue].executions += 1;
  result.queues[queue].busy += end - start;
  result.phases[c.phase].busy[queue] += end - start;
  segments_[c.segment].end = std::max(segments_[c.segment].end, end);
  if (options.record_executions) {
    result.executions.push_back({static_cast<std::uint8_t>(c.queue), c.position, start, end});
  }
  if (options.executed) options.executed({static_cast<std::uint8_t>(c.queue), c.position, start, end});
  if (options.progress) options.progress(c.position);
}

void Run::finish(std::uint64_t cycles) {
  result.cycles = cycles;
  if (!segments_.empty()) segments_.back().end = cycles;
  std::uint64_t before = 0;
  for (const Segment& segment : segments_) {
    const std::uint64_t end = std::max(before, segment.end);
    result.phases[segment.phase].cycles += end - before;
    before = end;
  }
  for (const PhaseResult& phase : result.phases) result.counts += phase.counts;
  if (reads.ordered() != nullptr) {
    dram::BankedMemory& memory = *reads.ordered()->memory().banked();
    memory.write_rest(cycles);
    count_all(memory, cycles, result.counts);
  }
  result.counts[Action::command_fetch_bytes] = instructions.size() * std::uint64_t{kCommandBytes};
  for (QueueStatistics& queue : result.queues) queue.starved = cycles - queue.busy - queue.stalled() - queue.overhead;
}

}  // namespace bitloom
