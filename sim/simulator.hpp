#pragma once
#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "kernels/hardware.hpp"
#include "kernels/image.hpp"
#include "kernels/program.hpp"
#include "sim/dram/banked_memory.hpp"
#include "sim/dram/banks.hpp"
#include "sim/statistics.hpp"

namespace bitloom {

/// The accelerator's registers for one step (BITLOOM_REGISTERS). Addresses are DRAM bytes.
struct StepRegisters {
  std::uint64_t seed = 0;
  std::uint32_t step = 0;
  std::uint32_t learning_rate = 0;  ///< a scale word (N2.1)
  std::uint64_t base = 0;
  std::uint64_t batch = 0;
};

/// The number of the track, beside the queues, that has the waits for commands (ExecutionRecord::queue).
inline constexpr std::uint8_t kFetchTrack = kQueues;
inline constexpr std::size_t kTracks = kQueues + 1;

/// One execution of a command: from its waits satisfied to its signals sent (docs/commands.md, last section).
struct ExecutionRecord {
  std::uint8_t queue = 0;     ///< or kFetchTrack
  std::uint32_t command = 0;  ///< position in the program
  std::uint64_t start = 0;
  std::uint64_t end = 0;
  bool operator==(const ExecutionRecord&) const = default;
};

/// What a simulation does besides its program.
struct SimOptions {
  bool values = false;              ///< compute on the memory image; without, only time and counts
  int stall_percent = 0;            ///< of DramTiming, 0..99
  std::uint64_t stall_seed = 1;     ///< of DramTiming
  std::optional<dram::Banks> dram;  ///< a memory with banks in place of the flat one; then without stalls
  bool remember_loads = true;       ///< LOADs alike take their cycles from the first of them, which changes no result
  bool record_executions = false;   ///< fill SimResult::executions
  /// Is called after each execution, and after each wait of the command processor for a command; what it throws ends
  /// simulate(). Those of one track come in order and do not overlap. May be empty.
  std::function<void(const ExecutionRecord& execution)> executed;
  /// Is called after each burst on a data bus of `dram`; those of one channel come in order and do not overlap. May be
  /// empty.
  std::function<void(const dram::BusSlice& slice)> bus_moved;
  /// Is called after each execution with its command's position; what it throws ends simulate(). May be empty.
  std::function<void(std::uint32_t command)> progress;
};

/// What one node and phase took.
struct PhaseResult {
  int node = -1;      ///< of the network; -1: of none
  std::string phase;  ///< the lowering's name
  /// The program is cut into runs of commands of one node and phase; a run takes the cycles from the end of the runs
  /// before it to the end of its own last execution. So the phases' cycles add up to the program's, and overlap counts
  /// for the earlier one.
  std::uint64_t cycles = 0;
  std::array<std::uint64_t, kQueues> busy{};  ///< cycles in executions, by queue
  ActionCounts counts;
  bool operator==(const PhaseResult&) const = default;
};

/// What one run of a program on the SystemC model gave.
struct SimResult {
  std::uint64_t cycles = 0;                   ///< from CONTROL.start to STATUS.done
  std::vector<std::uint64_t> command_cycles;  ///< by position in the program: the sum over its executions
  std::vector<std::uint64_t> command_executions;
  std::vector<std::uint64_t> command_bytes;  ///< likewise, of DRAM: what a LOAD reads or a STORE writes, in whole beats
  std::array<QueueStatistics, kQueues> queues;
  std::uint64_t fetch_busy = 0;             ///< cycles in which the command processor waits for memory
  std::vector<PhaseResult> phases;          ///< in program order
  ActionCounts counts;                      ///< of all phases and of command fetch
  std::vector<ExecutionRecord> executions;  ///< in order of their ends, on request
  bool operator==(const SimResult&) const = default;
};

/// Runs one step of a program on the transaction-level model. With options.values, `image` (DRAM from BASE on, at
/// least as long as every address that the program uses) is read and changed; without, it may be null. The same
/// arguments give the same result. Throws Error when the program is malformed, deadlocks, overflows a token counter,
/// ends with tokens left or leaves the image. One call at a time in a process (SystemC has one kernel).
SimResult simulate(const Program& program, const Hardware& hardware, MemoryImage* image, const StepRegisters& registers,
                   const SimOptions& options);

}  // namespace bitloom
