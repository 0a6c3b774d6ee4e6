// Latencies, bandwidths and refreshes against formulas of the standards' figures.
#include <gtest/gtest.h>

#include <algorithm>
#include <stdexcept>

#include "testbench/sim/dram/streams.hpp"

namespace bitloom::dram {
namespace {

class Channels : public testing::TestWithParam<int> {
 protected:
  const Figures& f = kFigures[GetParam()];

  Request read(std::uint64_t row, int bank, int column, int group, std::uint64_t earliest, bool write = false) const {
    return {address_of(f, row, bank, column, group), static_cast<std::uint64_t>(f.burst_bytes), write, earliest};
  }
};

std::uint64_t cycles(int n) { return static_cast<std::uint64_t>(n); }

TEST_P(Channels, UnloadedLatencyIsActivateReadBurst) {
  Channel channel(shipped(f));
  const DataSpan span = channel.request(read(3, 1, 5, 0, 700));
  EXPECT_EQ(span.first, 700 + cycles(f.RCDRD + f.CL + f.DQ_RD));
  EXPECT_EQ(span.last + 1 - 700, cycles(f.RCDRD + f.CL + f.DQ_RD + f.BL));
}

TEST_P(Channels, UnloadedWriteIsActivateWriteBurst) {
  Channel channel(shipped(f));
  const DataSpan span = channel.request(read(3, 1, 5, 0, 700, true));
  EXPECT_EQ(span.last + 1 - 700, cycles(f.RCDWR + f.CWL + f.DQ_WR + f.BL));
}

TEST_P(Channels, AHitNeedsNoActivateAndAConflictAPrecharge) {
  Channel channel(shipped(f));
  channel.request(read(3, 1, 5, 0, 0));
  const DataSpan hit = channel.request(read(3, 1, 6, 0, 1000));
  EXPECT_EQ(hit.last + 1 - 1000, cycles(f.CL + f.DQ_RD + f.BL));
  const DataSpan conflict = channel.request(read(4, 1, 6, 0, 2000));
  EXPECT_EQ(conflict.last + 1 - 2000, cycles(f.RP + f.RCDRD + f.CL + f.DQ_RD + f.BL));
  EXPECT_EQ(channel.counts(2500).activates, 2u);
}

/// Two rows of one bank that are wanted at once: the second waits until the first may be closed.
TEST_P(Channels, ABusyConflictWaitsForTheRow) {
  Channel reads(shipped(f));
  reads.request(read(3, 1, 5, 0, 0));
  const int closed = std::max({f.RAS, f.RCDRD + f.RTP, f.RC - f.RP});
  EXPECT_EQ(reads.request(read(4, 1, 5, 0, 0)).last + 1, cycles(closed + f.RP + f.RCDRD + f.CL + f.DQ_RD + f.BL));
  Channel writes(shipped(f));
  writes.request(read(3, 1, 5, 0, 0, true));
  const int written = f.RCDWR + f.CWL + f.DQ_WR + f.BL + f.WR;
  EXPECT_EQ(writes.request(read(4, 1, 5, 0, 0)).last + 1,
            cycles(std::max({f.RAS, written, f.RC - f.RP}) + f.RP + f.RCDRD + f.CL + f.DQ_RD + f.BL));
}

TEST_P(Channels, TheBusTurnsRoundByTheFigures) {
  Channel channel(shipped(f));
  channel.request(read(3, 1, 5, 0, 0));
  const int first = f.RCDRD;  // the first read
  EXPECT_EQ(channel.request(read(3, 1, 6, 0, 0, true)).first, cycles(first + f.RTW + f.CWL + f.DQ_WR));
  const int data = first + f.RTW + f.CWL + f.DQ_WR + f.BL;
  EXPECT_EQ(channel.request(read(3, 1, 7, 0, 0)).first, cycles(data + f.WTRL + f.CL + f.DQ_RD));
}

/// A row is opened when its burst enters the window: with one burst in it, not before the read of the burst ahead.
TEST_P(Channels, OpenRowsAheadWithinTheWindow) {
  const int rrd = f.groups > 1 ? f.RRDS : f.RRDL;
  const auto opened = [&](int window) {
    Channel channel(shipped(f), window);
    std::vector<std::uint64_t> cycle_of;
    for (int n = 0; n < 3; ++n) {
      std::vector<Issued> commands;
      channel.request(f.groups > 1 ? read(0, 0, 0, n, 0) : read(0, n, 0, 0, 0), &commands);
      cycle_of.push_back(commands.front().cycle);
    }
    return cycle_of;
  };
  EXPECT_EQ(opened(1)[1], cycles(f.RCDRD + 1));  // behind the read itself, on the bus
  EXPECT_EQ(opened(2)[1], cycles(rrd));
  EXPECT_EQ(opened(2)[2], cycles(std::max(f.RCDRD + 1, 2 * rrd)));
  EXPECT_EQ(opened(3)[2], cycles(2 * rrd));
}

TEST_P(Channels, SequentialBandwidthIsThePeakWithoutRefreshes) {
  for (const bool write : {false, true}) {
    const double gb = rate_of(f, without_refresh(f), 8 << 20, write);
    EXPECT_LE(gb, f.peak_gb * (1 + 1e-9));
    EXPECT_GE(gb, 0.98 * f.peak_gb) << f.name;
  }
}

/// A refresh takes the bus from the last read's precharge to the first read of rows that were closed.
TEST_P(Channels, SequentialReadsAreLimitedByRefreshes) {
  const double lost = static_cast<double>(f.RTP + f.RPAB + f.RFC + f.RCDRD) / f.REFI;
  const double quiet = rate_of(f, without_refresh(f), 8 << 20, false);
  const double gb = rate_of(f, shipped(f), 8 << 20, false);
  EXPECT_NEAR(gb / quiet, 1 - lost, 0.005) << f.name;
}

TEST_P(Channels, AreRefreshedWhileNobodyAsks) {
  Channel channel(shipped(f));
  const std::uint64_t end = 10 * cycles(f.REFI);
  EXPECT_EQ(channel.counts(end).refreshes, 9u);
  EXPECT_EQ(channel.counts(end + 1).refreshes, 10u);
  EXPECT_EQ(channel.counts(end).precharged_cycles, end);
  std::vector<Issued> commands;
  channel.request(read(0, 0, 0, 0, end + 1), &commands);
  ASSERT_EQ(commands.size(), 12u);  // ten refreshes, activate, read
  for (std::uint64_t n = 0; n < 10; ++n) {
    EXPECT_EQ(commands[n].command, Command::kRefresh);
    EXPECT_EQ(commands[n].cycle, (n + 1) * cycles(f.REFI));
  }
  EXPECT_EQ(commands[10].cycle, end + cycles(f.RFC));
}

/// A refresh that is due, but still waits for a write's recovery when the counting ends, has not closed the rows yet.
TEST_P(Channels, CountNoCyclesBehindTheEnd) {
  Channel channel(shipped(f));
  const std::uint64_t activate = cycles(f.REFI - 1);
  const std::uint64_t end = channel.request(read(0, 0, 0, 0, activate, true)).last + 1;
  for (const std::uint64_t more : {cycles(0), cycles(1), cycles(f.WR), cycles(f.WR + 1)}) {
    const Counts counts = channel.counts(end + more);
    EXPECT_EQ(counts.refreshes, 1u);
    EXPECT_EQ(counts.active_cycles, end + std::min(more, cycles(f.WR)) - activate);
    EXPECT_EQ(counts.precharged_cycles, activate + more - std::min(more, cycles(f.WR)));
  }
}

TEST_P(Channels, RefuseWhatLiesBehindTheMemory) {
  Channel channel(shipped(f));
  const std::uint64_t size = shipped(f).organisation.bytes();
  EXPECT_NO_THROW(channel.request({size - 1, 1, false, 0}));
  EXPECT_THROW(channel.request({size - 1, 2, false, 0}), std::out_of_range);
  EXPECT_THROW(channel.request({size, 1, false, 0}), std::out_of_range);
  EXPECT_THROW(channel.request({0, 0, false, 0}), std::out_of_range);
}

INSTANTIATE_TEST_SUITE_P(All, Channels, testing::Range(0, kStandards),
                         [](const auto& each) { return std::string(kFigures[each.param].name); });

}  // namespace
}  // namespace bitloom::dram
