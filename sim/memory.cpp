#include "sim/memory.hpp"

#include <fmt/format.h>

#include <cmath>

#include "model/io/error.hpp"

namespace bitloom {

dram::Port memory_port(const Hardware& hardware) {
  const double khz = hardware.clock_mhz * 1e3;
  const auto whole = static_cast<std::uint64_t>(std::llround(khz));
  if (whole == 0 || std::abs(khz - static_cast<double>(whole)) > 1e-9 * khz) {
    throw Error(
        fmt::format("hardware {}: clock_mhz: expected a whole number of kHz beside a DRAM with banks, got {} MHz",
                    hardware.name, hardware.clock_mhz));
  }
  return {hardware.axi_bytes, whole};
}

Memory make_memory(const Hardware& hardware, const std::optional<dram::Banks>& banks, int stall_percent,
                   std::uint64_t seed) {
  if (!banks) return FlatMemory(hardware, stall_percent, seed);
  if (stall_percent != 0) {
    throw Error(fmt::format("stalls: expected 0 percent beside the DRAM {}, whose banks decide when it waits, got {}",
                            banks->device.name, stall_percent));
  }
  return dram::BankedMemory(*banks, memory_port(hardware));
}

void require_room(const dram::Banks& banks, const std::string& network, std::uint64_t bytes) {
  if (bytes <= banks.bytes()) return;
  throw Error(
      fmt::format("network {}: it needs {} bytes of memory, and {} with {} channel{} has {}: expected a smaller "
                  "batch or more channels",
                  network, bytes, banks.device.name, banks.channels, banks.channels == 1 ? "" : "s", banks.bytes()));
}

}  // namespace bitloom
