#pragma once
#include <memory>
#include <optional>
#include <vector>

#include "sim/command_values.hpp"
#include "sim/dma_load.hpp"
#include "sim/dma_store.hpp"
#include "sim/simulator.hpp"
#include "sim/tokens.hpp"

namespace bitloom {

/// Everything of one run that is not SystemC: the decoded program, memories, channels, engines and results.
struct Run {
  Run(const Program& source, const Hardware& hardware, MemoryImage* image, const StepRegisters& registers,
      const SimOptions& run_options);

  /// Lets a LOAD that overlaps ask for its data from an edge on; execute() follows when it may fill.
  void ask(const Execution& e, std::uint64_t start);
  /// Runs an execution whose cycles start at an edge: counts it, computes its values, returns the edge from which its
  /// queue may go on. That is its end; or, of one that overlaps(), the one from which on a LOAD has asked for all its
  /// data, a STORE has read VOUT.
  std::uint64_t execute(const Execution& e, std::uint64_t start);
  /// Lets a memory with banks go on to a cycle. Returns the edge from which a queue may go on, which was by then or was
  /// thought to be edge `end`; or, where that is not known yet, a later cycle to ask again in.
  std::uint64_t go_on(int queue, std::uint64_t cycle, std::uint64_t end);
  /// Does the same for the edge at which the oldest LOAD or STORE under way ends, which was thought to be `end`.
  std::uint64_t oldest_end(int queue, std::uint64_t cycle, std::uint64_t end);
  /// Does the same for the fetch of a command.
  std::uint64_t fetched(std::size_t command, std::uint64_t cycle, std::uint64_t end);
  /// Notes an execution that has ended.
  void ended(const Execution& e, std::uint64_t start, std::uint64_t end);
  /// Adds up the cycles of the phases, after the last execution.
  void finish(std::uint64_t cycles);

  const Program& program;
  SimOptions options;
  Machine machine;
  std::optional<CommandValues> values;
  std::vector<Instruction> instructions;
  TokenCounters tokens;
  ReadChannel reads;
  Memory flat_writes;  ///< a flat memory's writes, which know nothing of its reads
  DmaLoad load;
  DmaStore store;
  SimResult result;

 private:
  struct Segment {
    std::uint32_t phase = 0;
    std::uint64_t end = 0;  ///< of its last execution
  };
  void decode();
  void find_like();
  std::uint64_t gemm_end(const Execution& e, std::uint64_t start);

  std::vector<Segment> segments_;
  std::uint64_t drained_ = 0;  ///< the edge by which the sums of the last GEMM are read
};

}  // namespace bitloom
