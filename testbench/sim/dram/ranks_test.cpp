// Several ranks on a channel, and a slower clock: between ranks only the data bus counts, and a file's times are
// rounded up.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "model/io/error.hpp"
#include "sim/dram/banks.hpp"
#include "sim/dram/command_times.hpp"
#include "sim/dram/energy.hpp"
#include "testbench/sim/dram/streams.hpp"

namespace bitloom::dram {
namespace {

constexpr int kSwitch = 2;  // cycles between the data of two ranks, of every file

Device with_ranks(const Figures& f, int ranks) {
  Device device = shipped(f);
  device.organisation.ranks = ranks;
  return device;
}

std::uint64_t cycles(int n) { return static_cast<std::uint64_t>(n); }

class Ranks : public testing::TestWithParam<int> {
 protected:
  const Figures& f = kFigures[GetParam()];
  const int banks_ = f.groups * f.banks;
  /// The cycle of a command's first data.
  std::uint64_t data(Command c, std::uint64_t cycle) const {
    return cycle + cycles(c == Command::kWrite ? f.CWL + f.DQ_WR : f.CL + f.DQ_RD);
  }
};

/// Between ranks the second data may begin two cycles behind the end of the first, and not a cycle earlier.
TEST_P(Ranks, KeepTheirDataApart) {
  const Device device = with_ranks(f, 2);
  for (const Command from : {Command::kRead, Command::kWrite}) {
    for (const Command to : {Command::kRead, Command::kWrite}) {
      for (const int first : {0, banks_}) {  // from either rank to the other
        CommandTimes times(device.organisation, device.timing);
        times.issue(from, first, 1000);
        const std::uint64_t allowed = times.earliest(to, banks_ - first),
                            free = data(from, 1000) + cycles(f.BL + kSwitch);
        EXPECT_GE(data(to, allowed), free) << f.name;
        if (allowed > 1000) {
          EXPECT_LT(data(to, allowed - 1), free) << f.name;
        }
      }
    }
  }
}

/// Nothing else holds between ranks: rows, refreshes and turn-arounds of one are no matter of the other.
TEST_P(Ranks, ShareNothingElse) {
  const Device device = with_ranks(f, 2);
  const auto column = [](Command c) { return c == Command::kRead || c == Command::kWrite; };
  constexpr Command kAll[] = {Command::kActivate, Command::kPrecharge, Command::kPrechargeAll,
                              Command::kRead,     Command::kWrite,     Command::kRefresh};
  for (const Command from : kAll) {
    CommandTimes times(device.organisation, device.timing);
    for (int n = 0; n < 4; ++n) times.issue(from, n * f.banks % banks_, 1000 + cycles(n));
    for (const Command to : kAll) {
      if (column(from) && column(to)) continue;
      EXPECT_EQ(times.earliest(to, banks_), 0u) << f.name;
    }
  }
}

/// A channel of two ranks has twice the bytes; its second rank begins where the banks of a row of the first end.
TEST_P(Ranks, TakeTheDigitAboveTheBanks) {
  const Device one = shipped(f), two = with_ranks(f, 2);
  EXPECT_EQ(two.organisation.bytes(), 2 * one.organisation.bytes());
  const std::uint64_t rank = cycles(f.banks * f.bursts_in_row * f.groups * f.burst_bytes);
  for (const auto& [address, bank, row] :
       {std::tuple{rank - 1, banks_ - 1, 0}, {rank, banks_, 0}, {2 * rank - 1, 2 * banks_ - 1, 0}, {2 * rank, 0, 1}}) {
    const Place place = place_of(address, two.organisation);
    EXPECT_EQ(place.bank, bank) << f.name;
    EXPECT_EQ(place.row, cycles(row)) << f.name;
  }
}

/// Each rank is refreshed every refi cycles, the second half of them behind the first, and stands by all the time.
TEST_P(Ranks, RefreshInTurn) {
  Channel channel(with_ranks(f, 2));
  std::vector<Issued> all;
  const std::uint64_t end = cycles(4 * f.REFI) + 10;
  channel.request({.address = 0, .bytes = 1, .write = false, .earliest = end}, &all);
  std::vector<std::uint64_t> due[2];
  for (const Issued& c : all) {
    if (c.command == Command::kRefresh) due[c.bank / banks_].push_back(c.cycle);
  }
  ASSERT_EQ(due[0].size(), 4u);
  ASSERT_EQ(due[1].size(), 3u);
  for (std::size_t n = 0; n < 4; ++n) EXPECT_EQ(due[0][n], (n + 1) * cycles(f.REFI)) << f.name;
  for (std::size_t n = 0; n < 3; ++n) EXPECT_EQ(due[1][n], (n + 1) * cycles(f.REFI) + cycles(f.REFI / 2)) << f.name;
  const Counts counts = Channel(with_ranks(f, 2)).counts(1000);
  EXPECT_EQ(counts.precharged_cycles, 2000u);
  const Energy idle = energy_of(with_ranks(f, 2), counts),
               half = energy_of(shipped(f), Channel(shipped(f)).counts(1000));
  EXPECT_GT(half.standby_pj, 0);
  EXPECT_NEAR(idle.standby_pj, 2 * half.standby_pj, 1e-9 * idle.standby_pj);
}

/// A stream over both ranks: each keeps the rules of a rank, and the bus has their data apart.
TEST_P(Ranks, KeepTheRulesInRandomStreams) {
  const Device device = with_ranks(f, 2);
  Channel channel(device);
  std::vector<Issued> all, of[2];
  std::mt19937_64 random(7);
  for (Request r : random_requests(f, 11, 1500)) {
    r.address += random() % 2 * cycles(f.banks * f.bursts_in_row * f.groups * f.burst_bytes);
    channel.request(r, &all);
  }
  std::ranges::stable_sort(all, {}, &Issued::cycle);
  struct Data {
    std::uint64_t first;
    int rank;
  };
  std::vector<Data> bus;
  for (Issued c : all) {
    const int rank = c.bank / banks_;
    c.bank %= banks_;
    of[rank].push_back(c);
    if (c.command == Command::kRead || c.command == Command::kWrite) bus.push_back({data(c.command, c.cycle), rank});
  }
  for (const std::vector<Issued>& commands : of) {
    EXPECT_GT(commands.size(), 500u);
    for (const std::string& text : timing_faults(f, commands)) ADD_FAILURE() << text;
  }
  for (const std::string& text : state_faults(f, of[0])) ADD_FAILURE() << text;
  int switches = 0;
  for (std::size_t n = 1; n < bus.size(); ++n) {
    const bool other = bus[n].rank != bus[n - 1].rank;
    switches += other;
    ASSERT_GE(bus[n].first, bus[n - 1].first + cycles(f.BL + (other ? kSwitch : 0))) << f.name;
  }
  EXPECT_GT(switches, 100);
}

/// Random reads: more banks are open at once, so two ranks take no longer than one, but for the switches.
TEST_P(Ranks, AreNoSlowerThanOneBeyondTheSwitches) {
  std::mt19937_64 random(3);
  const Device one = shipped(f), two = with_ranks(f, 2);
  Channel single(one), twin(two);
  std::uint64_t end_single = 0, end_twin = 0, switches = 0;
  int rank = 0;
  for (int n = 0; n < 4000; ++n) {
    const std::uint64_t address =
        random() % (cycles(f.burst_bytes) << 20) / cycles(f.burst_bytes) * cycles(f.burst_bytes);
    end_single = single.request({.address = address, .bytes = 1}).last;
    end_twin = twin.request({.address = address, .bytes = 1}).last;
    const int now = place_of(address, two.organisation).bank / banks_;
    switches += now != rank;
    rank = now;
  }
  EXPECT_GT(switches, 1000u);
  EXPECT_LE(end_twin, end_single + switches * cycles(kSwitch)) << f.name;
}

/// Half the clock: half the peak, about half the rate of a stream, the same charge a burst and the same standby.
TEST_P(Ranks, HalfTheClockIsHalfTheRate) {
  const Device fast = shipped(f), slow = at_clock(fast, 0.5e6 / f.ck_ps);
  EXPECT_EQ(slow.timing.clock_ps, 2 * f.ck_ps);
  EXPECT_NEAR((Banks{slow, 1}).gigabytes_per_second(), f.peak_gb / 2, 1e-9);
  const std::uint64_t bytes = 1 << 20;
  const double half = rate_of(f, slow, bytes, false) / 2;  // rate_of counts cycles of the file's clock
  EXPECT_NEAR(half / rate_of(f, fast, bytes, false), 0.5, 0.06) << f.name;
  const Prices a = prices_of(fast), b = prices_of(slow);
  EXPECT_NEAR(a.read_pj, b.read_pj, 1e-9 * a.read_pj);
  EXPECT_NEAR(a.write_pj, b.write_pj, 1e-9 * a.write_pj);
  EXPECT_EQ(a.active_mw, b.active_mw);
}

INSTANTIATE_TEST_SUITE_P(All, Ranks, testing::Range(0, kStandards),
                         [](const auto& each) { return std::string(kFigures[each.param].name); });

/// DDR4-3200 at other clocks, worked out by hand from its times: 13.75 ns are 11 cycles of 1.25 ns and 17 of 833 ps.
TEST(Clock, RoundsTimesUpAndKeepsCycles) {
  const Device fast = shipped(kFigures[0]);
  const Timing half = at_clock(fast, 800).timing, odd = at_clock(fast, 1200).timing;
  EXPECT_EQ(half.cl, 11);
  EXPECT_EQ(half.rcd_read, 11);
  EXPECT_EQ(half.cwl, 8);
  EXPECT_EQ(half.ras, 26);
  EXPECT_EQ(half.rc, 37);
  EXPECT_EQ(half.faw, 17);
  EXPECT_EQ(half.rfc, 280);
  EXPECT_EQ(half.refi, 6240);
  EXPECT_EQ(half.ccd_s, 4);
  EXPECT_EQ(half.ccd_l, 4);
  EXPECT_EQ(half.rtrs, 2);
  EXPECT_EQ(half.rtw, 11 + 4 + 2 - 8);
  EXPECT_EQ(odd.clock_ps, 833);
  EXPECT_EQ(odd.cl, 17);
  EXPECT_EQ(odd.ras, 40);
  EXPECT_EQ(odd.rc, 56);
  EXPECT_EQ(odd.faw, 26);
  EXPECT_EQ(odd.rfc, 421);
  EXPECT_EQ(odd.refi, 9363);  // the latest time: rounded down
}

TEST(Clock, IsNoFasterThanTheFile) {
  const Device fast = shipped(kFigures[0]);
  EXPECT_EQ(at_clock(fast, 1600).timing.cl, fast.timing.cl);
  try {
    at_clock(fast, 1700);
    FAIL() << "no error";
  } catch (const Error& error) {
    EXPECT_STREQ(error.what(), "expected at most the 1600 MHz of ddr4_3200, got 1700");
  }
}

}  // namespace
}  // namespace bitloom::dram
