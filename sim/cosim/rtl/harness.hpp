// The Verilated accelerator as an object: registers through AXI4-Lite, DRAM behind AXI4, runs programs and records
// executions.
#pragma once
#include <array>
#include <cstdint>
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
#include "sim/dram_timing.hpp"
#include "sim/simulator.hpp"

namespace bitloom {

/// The library of a named hardware of traces/hardware, which the build makes. Throws Error when it is not there.
std::string rtl_library_path(const std::string& hardware_name);
/// The library of any hardware: the one that the build made if its parameters are the same, else one that is made
/// now (needs Verilator and a compiler) and kept in own_cache_folder(), with a seal: a damaged one is made again. It
/// says with `progress` what takes long. Throws Error with the tools' messages, and Interrupted, which leaves nothing.
std::string rtl_library(const Hardware& hardware, const LongTask& progress = {});
/// The variant of a library that writes waves and checks assertions; made now if there is none, as rtl_library() does.
std::string trace_library(const std::string& library, const LongTask& progress = {});

/// What a queue did, in cycles: nothing to do, waiting for tokens (by the token's id too), running, taking a group's
/// commands or stepping over iterations.
struct QueueCycles {
  std::uint64_t idle = 0, waiting = 0, running = 0, taking = 0;
  std::array<std::uint64_t, kTokenCounters> waiting_for{};
};

struct RtlResult {
  bool finished = false;                    ///< false: max_cycles were over first
  std::uint64_t cycles = 0;                 ///< from CONTROL.start to STATUS.done
  std::uint32_t error_code = 0;             ///< ErrorCode
  std::uint32_t error_index = 0;            ///< INDEX of the command
  std::vector<ExecutionRecord> executions;  ///< in order of their ends
  AxiCounters dram;
  std::array<QueueCycles, kQueues> queues;
};

/// The machine hangs. The message has the state of its queues.
class RtlHang : public Error {
 public:
  RtlHang(const std::string& message, std::uint64_t last_sign) : Error(message), last_sign_(last_sign) {}
  /// The cycle in which something happened last.
  std::uint64_t last_sign() const { return last_sign_; }

 private:
  std::uint64_t last_sign_;
};

class RtlMachine {
 public:
  using OnExecution = std::function<void(const ExecutionRecord&)>;

  /// Loads the library, which must have been made for this hardware. `timing` in its first state: each program starts
  /// with a copy. `seed` fills all state that has no reset.
  RtlMachine(const std::string& library, const Hardware& hardware, const DramTiming& timing, std::uint64_t seed = 1);
  ~RtlMachine();
  RtlMachine(const RtlMachine&) = delete;
  RtlMachine& operator=(const RtlMachine&) = delete;

  /// DRAM from address 0; Hardware::dram_bytes of it, at most 64 MiB, 0 at first. May be resized.
  std::vector<std::uint8_t>& memory() { return dram_.bytes(); }
  AxiMemory& dram() { return dram_; }

  void write_register(Register address, std::uint32_t value);
  std::uint32_t read_register(Register address);

  /// Starts the program and runs it to its end or for max_cycles. Throws RtlHang when the machine hangs, and Error when
  /// it breaks the AXI protocol or disagrees with itself. After an unfinished run the machine can only be
  /// destroyed.
  RtlResult run(std::uint64_t max_cycles, const OnExecution& on_execution = {});

  /// Writes waves of cycles [from, to] of the next run to an FST file. Needs a library of trace_library().
  void waves(const std::string& path, std::uint64_t from, std::uint64_t to);
  /// Cycles without any sign of life after which run() gives up. Default 2,000,000.
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
  DramTiming timing_;
  std::uint64_t watchdog_ = 2'000'000;
  std::uint64_t last_sign_ = 0;
  std::array<ExecutionRecord, kQueues> open_{};
  std::string waves_path_;
  std::uint64_t waves_from_ = 0, waves_to_ = 0;
};

}  // namespace bitloom
