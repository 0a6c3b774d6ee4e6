#include "sim/dram/energy.hpp"

namespace bitloom::dram {

namespace {

/// Adds what one device takes from one supply: mA times V times ns is pJ.
void add_supply(const Supply& s, const Timing& t, int burst, Prices& prices) {
  const double ns = t.clock_ps * 1e-3;
  const double standby = s.idd3n * t.ras + s.idd2n * (t.rc - t.ras);  // of the loop that measures idd0
  prices.activate_pj += s.volts * (s.idd0 * t.rc - standby) * ns;
  prices.read_pj += s.volts * (s.idd4r - s.idd3n) * burst * ns;
  prices.write_pj += s.volts * (s.idd4w - s.idd3n) * burst * ns;
  prices.refresh_pj += s.volts * (s.idd5 - s.idd3n) * t.rfc * ns;
  prices.active_mw += s.volts * s.idd3n;
  prices.precharged_mw += s.volts * s.idd2n;
}

}  // namespace

Prices prices_of(const Device& device) {
  Prices prices;
  for (const Supply& supply : device.supplies) {
    add_supply(supply, device.timing, device.organisation.burst_cycles(), prices);
  }
  const int devices = device.organisation.devices();
  for (double* price : {&prices.activate_pj, &prices.read_pj, &prices.write_pj, &prices.refresh_pj, &prices.active_mw,
                        &prices.precharged_mw}) {
    *price *= devices;
  }
  return prices;
}

Energy energy_of(const Device& device, const Counts& counts) {
  const Prices prices = prices_of(device);
  const double ns = device.timing.clock_ps * 1e-3;
  const auto count = [](std::uint64_t n) { return static_cast<double>(n); };
  Energy energy;
  energy.activate_pj = count(counts.activates) * prices.activate_pj;
  energy.read_pj = count(counts.reads) * prices.read_pj;
  energy.write_pj = count(counts.writes) * prices.write_pj;
  energy.refresh_pj = count(counts.refreshes) * prices.refresh_pj;
  energy.standby_pj =
      (count(counts.active_cycles) * prices.active_mw + count(counts.precharged_cycles) * prices.precharged_mw) * ns;
  return energy;
}

}  // namespace bitloom::dram
