// Which memory with banks a machine has: a standard and a number of channels.
#pragma once
#include <cstdint>
#include <string>

#include "sim/dram/device.hpp"

namespace bitloom::dram {

/// A machine's memory port, as far as its memory must know it.
struct Port {
  int bytes = 0;          ///< of a beat; at most one a cycle and direction
  std::uint64_t khz = 0;  ///< the machine's clock
  double gigabytes_per_second() const { return static_cast<double>(bytes) * static_cast<double>(khz) * 1e-6; }
};

/// Several channels of one standard, between which granules of an address space alternate.
struct Banks {
  Device device;
  int channels = 1;

  /// Returns the bytes of neighbouring addresses that lie in one channel: 64, or a burst where that is longer.
  std::uint64_t granule() const;
  std::uint64_t bytes() const { return static_cast<std::uint64_t>(channels) * device.organisation.bytes(); }
  /// Returns 10^9 bytes a second of bursts without a pause, in all channels.
  double gigabytes_per_second() const;
};

/// Returns the fewest channels whose bursts without a pause move as many bytes as a port's beats.
int channels_for(const Device& device, const Port& port);

/// Says in words what a memory is and how its peak compares with the port's.
std::string describe(const Banks& banks, const Port& port);

}  // namespace bitloom::dram
