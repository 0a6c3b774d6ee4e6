#pragma once
#include <cstdint>
#include <optional>
#include <variant>
#include <vector>

#include "kernels/hardware.hpp"
#include "sim/dram/banked_memory.hpp"
#include "sim/flat_memory.hpp"

namespace bitloom {

/// The memory at the machine's port, flat or with banks: one class for the SystemC model and the Verilator harness.
/// Copies are snapshots.
class Memory {
 public:
  Memory(const FlatMemory& flat) : memory_(flat) {}                  // NOLINT: any of them is a memory
  Memory(const DramTiming& timing) : memory_(FlatMemory(timing)) {}  // NOLINT
  Memory(const dram::BankedMemory& banked) : memory_(banked) {}      // NOLINT

  /// Times a read burst whose address was accepted at `edge`; returns the edge of its last beat and appends all edges.
  std::uint64_t read(const ReadBurst& burst, std::uint64_t edge, std::vector<std::uint64_t>* edges) {
    if (FlatMemory* flat = std::get_if<FlatMemory>(&memory_)) return flat->read(burst, edge, edges);
    return std::get<dram::BankedMemory>(memory_).read(burst, edge, edges);
  }
  /// Returns the edge that accepts the next write beat, which is offered to `edge` and all after it.
  std::uint64_t offer(std::uint64_t edge) {
    if (FlatMemory* flat = std::get_if<FlatMemory>(&memory_)) return flat->offer(edge);
    return std::get<dram::BankedMemory>(memory_).offer(edge);
  }
  /// Takes the beat that was offered last, at the edge that accepts it; returns the edge of its burst's response, which
  /// counts where the beat is the last.
  std::uint64_t take(const WriteBeat& beat, std::uint64_t edge) {
    if (FlatMemory* flat = std::get_if<FlatMemory>(&memory_)) return flat->take(beat, edge);
    return std::get<dram::BankedMemory>(memory_).take(beat, edge);
  }

  /// Returns the flat memory or the one with banks, null where it is the other. Where there are banks, reads and writes
  /// must be asked for in the order of their edges; a flat one's reads and writes know nothing of each other.
  FlatMemory* flat() { return std::get_if<FlatMemory>(&memory_); }
  dram::BankedMemory* banked() { return std::get_if<dram::BankedMemory>(&memory_); }
  const dram::BankedMemory* banked() const { return std::get_if<dram::BankedMemory>(&memory_); }

 private:
  std::variant<FlatMemory, dram::BankedMemory> memory_;
};

/// Returns a machine's memory port. Throws Error naming the hardware where its clock is no whole number of kHz.
dram::Port memory_port(const Hardware& hardware);

/// Makes a machine's memory as it is at edge 0: with banks, or flat by the hardware's latencies and with stalls. Throws
/// Error where a memory with banks would have stalls.
Memory make_memory(const Hardware& hardware, const std::optional<dram::Banks>& banks, int stall_percent,
                   std::uint64_t seed);

/// Throws Error naming the network where its program needs more bytes than the banks have.
void require_room(const dram::Banks& banks, const std::string& network, std::uint64_t bytes);

}  // namespace bitloom
