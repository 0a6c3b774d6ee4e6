#include "sim/dram/banks.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace bitloom::dram {

std::uint64_t Banks::granule() const {
  constexpr std::uint64_t kGranule = 64;
  return std::max(kGranule, device.organisation.burst_bytes());
}

double Banks::gigabytes_per_second() const {
  const Organisation& o = device.organisation;
  const double burst_ps = static_cast<double>(o.burst_cycles()) * device.timing.clock_ps;
  return channels * static_cast<double>(o.burst_bytes()) * 1e3 / burst_ps;
}

int channels_for(const Device& device, const Port& port) {
  const Organisation& o = device.organisation;
  const auto burst_ps =
      static_cast<std::uint64_t>(o.burst_cycles()) * static_cast<std::uint64_t>(device.timing.clock_ps);
  const std::uint64_t asked = static_cast<std::uint64_t>(port.bytes) * port.khz * burst_ps;
  const std::uint64_t given = o.burst_bytes() * 1'000'000'000;  // both in bytes times ps / ms
  return static_cast<int>((asked + given - 1) / given);
}

std::string describe(const Banks& banks, const Port& port) {
  const int ranks = banks.device.organisation.ranks;
  return fmt::format("{}, {} channel{}{}: {:.1f} GB/s at most, the machine's port {:.1f} GB/s", banks.device.name,
                     banks.channels, banks.channels == 1 ? "" : "s",
                     ranks == 1 ? "" : fmt::format(" of {} ranks", ranks), banks.gigabytes_per_second(),
                     port.gigabytes_per_second());
}

}  // namespace bitloom::dram
