// A memory at a slower clock than its file's.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "model/io/error.hpp"
#include "sim/dram/device.hpp"

namespace bitloom::dram {

namespace {

/// What the standards state in time. JEDEC's lower limits in cycles are not in the files, so they are not kept.
constexpr int Timing::*kTimes[] = {
    &Timing::cl,     &Timing::dqsck, &Timing::cwl,   &Timing::rcd_read, &Timing::rcd_write, &Timing::rp,
    &Timing::rp_all, &Timing::ras,   &Timing::rc,    &Timing::rrd_s,    &Timing::rrd_l,     &Timing::faw,
    &Timing::ccd_l,  &Timing::wtr_s, &Timing::wtr_l, &Timing::rtp,      &Timing::wr,        &Timing::rfc};

/// From the end of a read's data to the start of a write's, in cycles: what rtw has beyond what cl, cwl and a burst
/// ask.
int turn_of(const Timing& t, int burst) { return t.rtw - (t.cl + t.dqsck + burst - t.cwl - t.dqss); }

}  // namespace

Device at_clock(const Device& device, double mhz) {
  const int fastest = device.timing.clock_ps, ps = static_cast<int>(std::lround(1e6 / mhz));
  if (ps < fastest) {
    throw Error(fmt::format("expected at most the {} MHz of {}, got {}", 1e6 / fastest, device.name, mhz));
  }
  Device slower = device;
  Timing& t = slower.timing;
  const int burst = device.organisation.burst_cycles();
  const auto scaled = [&](int cycles) { return static_cast<std::int64_t>(cycles) * fastest; };
  t.clock_ps = ps;
  for (int Timing::*const time : kTimes) t.*time = static_cast<int>((scaled(device.timing.*time) + ps - 1) / ps);
  t.ccd_l = std::max(t.ccd_l, t.ccd_s);
  t.refi = static_cast<int>(scaled(t.refi) / ps);  // the latest time: rounded down
  t.rtw = t.cl + t.dqsck + burst - t.cwl - t.dqss + turn_of(device.timing, burst);
  for (Supply& supply : slower.supplies) {
    const double ratio = static_cast<double>(fastest) / ps;
    supply.idd4r = supply.idd3n + (supply.idd4r - supply.idd3n) * ratio;
    supply.idd4w = supply.idd3n + (supply.idd4w - supply.idd3n) * ratio;
  }
  return slower;
}

}  // namespace bitloom::dram
