#pragma once
#include "sim/dram/channel.hpp"
#include "sim/dram/device.hpp"

namespace bitloom::dram {

/// Holds what actions of a whole channel cost, beyond standby, and the power of standby.
struct Prices {
  double activate_pj = 0;  ///< with its precharge
  double read_pj = 0;      ///< of a burst
  double write_pj = 0;     ///< of a burst
  double refresh_pj = 0;
  double active_mw = 0;      ///< of standby with banks active
  double precharged_mw = 0;  ///< of standby with all banks precharged
};

/// Derives the prices from the currents, by JEDEC's loops in which they are measured (docs/dram.md has the formulas).
Prices prices_of(const Device& device);

/// Holds the energy of a channel by what it was spent on, in pJ.
struct Energy {
  double activate_pj = 0, read_pj = 0, write_pj = 0, refresh_pj = 0, standby_pj = 0;
  double total_pj() const { return activate_pj + read_pj + write_pj + refresh_pj + standby_pj; }
};
/// Prices the counts of a channel.
Energy energy_of(const Device& device, const Counts& counts);

}  // namespace bitloom::dram
