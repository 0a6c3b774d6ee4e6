#pragma once
#include "sim/dram/banked_memory.hpp"
#include "sim/statistics.hpp"

namespace bitloom {

/// Counts what reads and writes did in a memory with banks since they were counted last.
inline void count_use(dram::BankedMemory& memory, ActionCounts& counts) {
  const dram::Use use = memory.take_use();
  counts[Action::dram_activates] += use.activates;
  counts[Action::dram_reads] += use.reads;
  counts[Action::dram_writes] += use.writes;
}

/// Sets the counts of a whole program that ended at an edge.
inline void count_all(const dram::BankedMemory& memory, std::uint64_t end, ActionCounts& counts) {
  const dram::Counts all = memory.counts(end);
  counts[Action::dram_activates] = all.activates;
  counts[Action::dram_reads] = all.reads;
  counts[Action::dram_writes] = all.writes;
  counts[Action::dram_refreshes] = all.refreshes;
  counts[Action::dram_active_cycles] = all.active_cycles;
  counts[Action::dram_precharged_cycles] = all.precharged_cycles;
}

}  // namespace bitloom
