// The tables of docs/dram.md hold what the model gives; this test prints their rows.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <iterator>

#include "sim/dram/energy.hpp"
#include "testbench/sim/dram/streams.hpp"

namespace bitloom::dram {
namespace {

std::string page() {
  const char* source = std::getenv("BITLOOM_SOURCE_DIR");
  std::ifstream file(std::string(source == nullptr ? "." : source) + "/docs/dram.md");
  return {std::istreambuf_iterator<char>(file), {}};
}

void expect_row(const std::string& row) {
  fmt::print("{}\n", row);
  EXPECT_NE(page().find(row + "\n"), std::string::npos) << "docs/dram.md lacks this row:\n" << row;
}

std::uint64_t latency(Channel& channel, const Figures& f, std::uint64_t row, std::uint64_t at) {
  return channel.request({address_of(f, row, 0, 0, 0), 1, false, at}).last + 1 - at;
}

TEST(DramPage, HoldsTheTimes) {
  for (const Figures& f : kFigures) {
    Channel channel(shipped(f));
    const auto ns = [&](std::uint64_t cycles) { return static_cast<double>(cycles) * f.ck_ps * 1e-3; };
    const std::uint64_t miss = latency(channel, f, 0, 0), hit = latency(channel, f, 0, 1000);
    const std::uint64_t conflict = latency(channel, f, 1, 2000);
    const double limit = f.peak_gb * (1 - static_cast<double>(f.RTP + f.RPAB + f.RFC + f.RCDRD) / f.REFI);
    expect_row(fmt::format("| `{}` | {} | {:.1f} | {:.2f} | {:.2f} | {} | {:.1f} | {:.1f} | {:.1f} |", f.name,
                           shipped(f).organisation.channel_bits, f.peak_gb, limit,
                           rate_of(f, shipped(f), 8 << 20, false), miss, ns(miss), ns(hit), ns(conflict)));
  }
}

TEST(DramPage, HoldsThePrices) {
  for (const Figures& f : kFigures) {
    const Prices p = prices_of(shipped(f));
    const double bits = 8.0 * f.burst_bytes;
    expect_row(fmt::format("| `{}` | {:.2f} | {:.2f} | {:.2f} | {:.1f} | {:.0f} | {:.0f} |", f.name,
                           p.activate_pj * 1e-3, p.read_pj / bits, p.write_pj / bits, p.refresh_pj * 1e-3, p.active_mw,
                           p.precharged_mw));
  }
}

}  // namespace
}  // namespace bitloom::dram
