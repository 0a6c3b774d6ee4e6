// The Verilated accelerator as an object: registers through AXI4-Lite, DRAM behind AXI4, runs programs and records
// executions.
#pragma once
#include <array>
#include <cstdint>
#include <deque>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "kernels/command.hpp"
#include "kernels/hardware.hpp"
#include "model/io/error.hpp"
#include "sim/cosim/rtl/abi.hpp"
#include "sim/cosim/rtl/axi_memory.hpp"
#include "sim/cosim/rtl/child.hpp"
#include "sim/simulator.hpp"

namespace bitloom {

/// Returns the path of the library of a named hardware of traces/hardware, which the build makes. Throws Error when it
/// is not there.
std::string rtl_library_path(const std::string& hardware_name);
/// Returns the path of the library of any hardware: of the one that the build made if its parameters are the same, else
/// of one that is made now, which needs Verilator and a compiler. That one is kept in own_cache_folder(), with a seal,
/// so that a damaged one is made again. It says with `progress` what takes long. Throws Error with the tools' messages,
/// and Interrupted, which leaves nothing.
std::string rtl_library(const Hardware& hardware, const LongTask& progress = {});
/// Returns the path of the variant of a library that writes waves and checks assertions. It is made now if there is
/// none, as rtl_library() does.
std::string trace_library(const std::string& library, const LongTask& progress = {});

/// Says what a queue did, in cycles: it had nothing to do, it waited for tokens (by the token's id too), it ran, or it
/// took a group's commands and stepped over iterations.
struct QueueCycles {
  std::uint64_t idle = 0, waiting = 0, running = 0, taking = 0;
  std::array<std::uint64_t, kTokenCounters> waiting_for{};
};

/// What one run of a program on the RTL gave.
struct RtlResult {
  bool finished = false;                    ///< false: max_cycles were over first
  std::uint64_t cycles = 0;                 ///< from CONTROL.start to STATUS.done
  std::uint32_t error_code = 0;             ///< ErrorCode
  std::uint32_t error_index = 0;            ///< INDEX of the command
  std::vector<ExecutionRecord> executions;  ///< in order of their ends
  AxiCounters dram;
  std::array<QueueCycles, kQueues> queues;
};

/// Says that the machine hangs. The message has the state of its queues.
class RtlHang : public Error {
 public:
  RtlHang(const std::string& message, std::uint64_t last_sign) : Error(message), last_sign_(last_sign) {}
  /// Returns the cycle in which something happened last.
  std::uint64_t last_sign() const { return last_sign_; }

 private:
  std::uint64_t last_sign_;
};

/// A Verilated accelerator with its memory, which runs programs.
class RtlMachine {
 public:
  using OnExecution = std::function<void(const ExecutionRecord&)>;

  /// Loads the library, which must have been made for this hardware. Each program starts with a copy of `memory`, which
  /// is in its first state. `seed` fills all state that has no reset.
  RtlMachine(const std::string& library, const Hardware& hardware, const Memory& memory, std::uint64_t seed = 1);
  ~RtlMachine();
  RtlMachine(const RtlMachine&) = delete;
  RtlMachine& operator=(const RtlMachine&) = delete;

  /// Returns the DRAM from address 0, or from dram().set_origin() on: Hardware::dram_bytes bytes of it, at most 64 MiB,
  /// all 0 at first. It may be resized.
  std::vector<std::uint8_t>& memory() { return dram_.bytes(); }
  AxiMemory& dram() { return dram_; }

  void write_register(Register address, std::uint32_t value);
  /// Writes the two halves of a 64-bit register.
  void write_register(Register low, Register high, std::uint64_t value) {
    write_register(low, static_cast<std::uint32_t>(value));
    write_register(high, static_cast<std::uint32_t>(value >> 32));
  }
  std::uint32_t read_register(Register address);

  /// Starts the program and runs it to its end or for max_cycles. Throws RtlHang when the machine hangs, and Error when
  /// it breaks the AXI protocol or disagrees with itself. After an unfinished run the machine can only be
  /// destroyed.
  RtlResult run(std::uint64_t max_cycles, const OnExecution& on_execution = {});

  /// Writes waves of cycles [from, to] of the next run to an FST file. Needs a library of trace_library().
  void waves(const std::string& path, std::uint64_t from, std::uint64_t to);
  /// Sets the cycles without any sign of life after which run() gives up, 2,000,000 at first.
  void set_watchdog(std::uint64_t cycles) { watchdog_ = cycles; }

 private:
  struct Library;

  void reset();
  void cycle();
  void start_program();
  void observe(std::uint64_t edge, RtlResult& result, const OnExecution& on_execution);
  void account(RtlResult& result) const;
  [[noreturn]] void hang(std::uint64_t edge, const RtlResult& result) const;

  std::unique_ptr<Library> library_;
  void* machine_ = nullptr;
  RtlPins* pins_ = nullptr;
  AxiMemory dram_;
  Memory timing_;
  std::uint64_t watchdog_ = 2'000'000;
  std::uint64_t last_sign_ = 0;
  std::array<std::deque<ExecutionRecord>, kQueues> open_;  ///< started and not ended, the oldest first
  std::array<std::uint64_t, kQueues> last_end_{};          ///< of each queue's executions
  std::string waves_path_;
  std::uint64_t waves_from_ = 0, waves_to_ = 0;
};

}  // namespace bitloom
