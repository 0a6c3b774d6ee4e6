// Prices against figures worked out by hand, and a small case.
#include "sim/dram/energy.hpp"

#include <gtest/gtest.h>

#include "testbench/sim/dram/rules.hpp"

namespace bitloom::dram {
namespace {

/// From the currents of the data sheets, by hand: nJ an activate with its precharge, pJ a bit read and written, nJ a
/// refresh, mW of standby with banks active and precharged.
struct Expected {
  int standard;
  double activate_nj, read_pj_bit, write_pj_bit, refresh_nj, active_mw, precharged_mw;
};
constexpr Expected kExpected[] = {
    {0, 4.20, 5.44, 4.59, 665, 499, 355},                 // 8 devices at 1.2 V
    {1, 1.20, 5.26 + 3.21, 3.87 + 1.17, 22.4, 38, 34},    // core and pins; VDDQ takes 0.8 mW
    {3, 0.83 / 2, 1.57, 2.09, 60.8 / 2, 66 / 2, 48 / 2},  // half of a channel of 128 bits
};

TEST(DramPrices, AreThoseWorkedOutByHand) {
  for (const Expected& e : kExpected) {
    const Figures& f = kFigures[e.standard];
    const Prices p = prices_of(shipped(f));
    const double bits = 8.0 * f.burst_bytes;
    EXPECT_NEAR(p.activate_pj / 1000, e.activate_nj, 0.01 * e.activate_nj) << f.name;
    EXPECT_NEAR(p.read_pj / bits, e.read_pj_bit, 0.01 * e.read_pj_bit) << f.name;
    EXPECT_NEAR(p.write_pj / bits, e.write_pj_bit, 0.01 * e.write_pj_bit) << f.name;
    EXPECT_NEAR(p.refresh_pj / 1000, e.refresh_nj, 0.01 * e.refresh_nj) << f.name;
    EXPECT_NEAR(p.active_mw, e.active_mw, 0.02 * e.active_mw) << f.name;
    EXPECT_NEAR(p.precharged_mw, e.precharged_mw, 0.02 * e.precharged_mw) << f.name;
  }
}

TEST(DramPrices, OfLpddr5And3AreOfTheirScaling) {
  const Prices lpddr5 = prices_of(shipped(kFigures[2])), hbm2 = prices_of(shipped(kFigures[3]));
  const Prices hbm3 = prices_of(shipped(kFigures[4]));
  // By the data sheet at 7500 Mb/s a bit read takes 3.75 pJ of the core and pins, as at any other rate.
  const double core = (350 * 1.05 + 15.2 * 1.8 + 111.3 * 0.5) * 1e-3 / (7.5e9 * 16) * 1e12;
  EXPECT_NEAR(lpddr5.read_pj / 256, core, 0.005 * core);
  EXPECT_NEAR(lpddr5.read_pj / 256, 3.75, 0.04);
  // Equal charge a bit, at 1.1 instead of 1.2 V.
  EXPECT_NEAR(hbm3.read_pj / hbm2.read_pj, 1.1 / 1.2, 1e-3);
  EXPECT_NEAR(hbm3.write_pj / hbm2.write_pj, 1.1 / 1.2, 1e-3);
}

TEST(DramEnergy, ASmallCaseByHand) {
  const Figures& f = kFigures[0];
  const Device device = shipped(f);
  Channel channel(device);
  channel.request({address_of(f, 0, 0, 0, 0), 128, false, 100});  // a burst in each of two groups
  channel.request({address_of(f, 0, 0, 1, 0), 1, true, 1000});
  const Counts counts = channel.counts(20'000);
  EXPECT_EQ(counts.activates, 2u);
  EXPECT_EQ(counts.reads, 2u);
  EXPECT_EQ(counts.read_bytes, 128u);
  EXPECT_EQ(counts.writes, 1u);
  EXPECT_EQ(counts.write_bytes, 64u);
  EXPECT_EQ(counts.busy_cycles, 12u);
  EXPECT_EQ(counts.refreshes, 1u);
  EXPECT_EQ(counts.active_cycles, 12480u - 100);  // from the activate to the refresh's precharge
  EXPECT_EQ(counts.precharged_cycles, 20'000u - 12380);
  const Energy e = energy_of(device, counts);
  EXPECT_NEAR(e.activate_pj, 2 * 8 * 525.0, 1e-6);        // 1.2 V (57 mA 46.25 ns - 52 32.5 - 37 13.75)
  EXPECT_NEAR(e.read_pj, 2 * 8 * 1.2 * 116 * 2.5, 1e-6);  // 168 - 52 mA, 2.5 ns
  EXPECT_NEAR(e.write_pj, 8 * 1.2 * 98 * 2.5, 1e-6);      // 150 - 52 mA
  EXPECT_NEAR(e.refresh_pj, 8 * 1.2 * 198 * 350, 1e-6);   // 250 - 52 mA, 350 ns
  EXPECT_NEAR(e.standby_pj, 8 * 1.2 * 0.625 * (52.0 * 12380 + 37.0 * 7620), 1e-3);
  EXPECT_DOUBLE_EQ(e.total_pj(), e.activate_pj + e.read_pj + e.write_pj + e.refresh_pj + e.standby_pj);
}

}  // namespace
}  // namespace bitloom::dram
