// Channels behind a machine's port: latencies, rates and turn-arounds against formulas of the standards' figures, in
// picoseconds of whole numbers; granules, merged writes, writes that wait for others.
#include "sim/dram/banked_memory.hpp"

#include <gtest/gtest.h>

#include <random>
#include <stdexcept>

#include "testbench/sim/dram/rules.hpp"

namespace bitloom::dram {
namespace {

using Edges = std::vector<std::uint64_t>;

std::uint64_t whole(int n) { return static_cast<std::uint64_t>(n); }
std::uint64_t divided(std::uint64_t a, std::uint64_t b) { return (a + b - 1) / b; }

/// A port of 8 bytes whose cycle takes 10^9 / khz ps.
constexpr Port kPort{8, 500'000};
constexpr Port kOddPort{8, 333'000};

BankedMemory memory_of(const Figures& f, int channels = 1, const Port& port = kPort) {
  return BankedMemory({shipped(f), channels}, port);
}

/// Returns the edge at which data are there that come `cycles` of the memory after what is asked at an edge.
std::uint64_t edge_after(const Figures& f, std::uint64_t edge, int cycles, const Port& port) {
  const std::uint64_t ps = whole(f.ck_ps) * port.khz;  // a cycle, and an edge is 10^9 of the same unit
  const std::uint64_t arrives = divided(edge * 1'000'000'000, ps);
  return divided((arrives + whole(cycles)) * ps, 1'000'000'000);
}

class Banked : public testing::TestWithParam<int> {
 protected:
  const Figures& f = kFigures[GetParam()];
};

TEST_P(Banked, AnUnloadedReadTakesActivateReadBurst) {
  for (const Port& port : {kPort, kOddPort}) {
    for (const std::uint64_t edge : {50, 51, 53, 57}) {
      BankedMemory memory = memory_of(f, 1, port);
      Edges edges;
      EXPECT_EQ(memory.read({4096, 1}, edge, &edges), edge_after(f, edge, f.RCDRD + f.CL + f.DQ_RD + f.BL, port));
      EXPECT_EQ(edges.size(), 1u);
    }
  }
}

/// It waits for others, and reads of other places do not see it.
TEST_P(Banked, AWriteIsAnsweredAtTheNextEdge) {
  BankedMemory memory = memory_of(f);
  EXPECT_EQ(memory.offer(50), 50u);
  EXPECT_EQ(memory.take({4096, true}, 50), 51u);
  const std::uint64_t beside = 4096 + whole(f.burst_bytes);
  EXPECT_EQ(memory.read({beside, 1}, 52, nullptr), edge_after(f, 52, f.RCDRD + f.CL + f.DQ_RD + f.BL, kPort));
}

TEST_P(Banked, WritesAreAskedForTogether) {
  BankedMemory memory = memory_of(f);
  const std::uint64_t unit = whole(f.burst_bytes), all = BankedMemory::kGathered;
  for (std::uint64_t n = 0; n + 1 < all; ++n) memory.take({n * unit, true}, memory.offer(n + 1));
  BankedMemory one_less = memory;
  memory.take({(all - 1) * unit, true}, memory.offer(100));
  const std::uint64_t far = 1 << 20, unloaded = edge_after(f, 101, f.RCDRD + f.CL + f.DQ_RD + f.BL, kPort);
  EXPECT_EQ(one_less.read({far, 1}, 101, nullptr), unloaded);
  EXPECT_GT(memory.read({far, 1}, 101, nullptr), edge_after(f, 100, static_cast<int>(all) * f.BL + f.CL, kPort));
  EXPECT_EQ(one_less.counts(5000).writes, 0u);
  one_less.write_rest(5000);
  EXPECT_EQ(one_less.counts(5000).writes, all - 1);
}

TEST_P(Banked, AReadOfWhatWaitsWaitsForTheBusToTurn) {
  BankedMemory memory = memory_of(f);
  memory.take({4096, true}, 50);
  const int turn = f.RCDWR + f.CWL + f.DQ_WR + f.BL + f.WTRL;
  EXPECT_EQ(memory.read({4096, 1}, 50, nullptr), edge_after(f, 50, turn + f.CL + f.DQ_RD + f.BL, kPort));
}

/// Returns 10^9 bytes a second of 4 MB in bursts of 2 KB that are all asked for at edge 0.
double stream(BankedMemory memory, const Port& port) {
  constexpr std::uint64_t kBytes = 4 << 20, kBurst = 2048;
  std::uint64_t last = 0;
  for (std::uint64_t at = 0; at < kBytes; at += kBurst) {
    last = memory.read({at, static_cast<std::uint32_t>(kBurst / whole(port.bytes))}, 0, nullptr);
  }
  return static_cast<double>(kBytes) * static_cast<double>(port.khz) * 1e-6 / static_cast<double>(last);
}

TEST_P(Banked, AFastPortGetsThePeakThatRefreshesLeave) {
  constexpr Port kFast{32, 4'000'000};  // 128 GB/s
  const double limit = f.peak_gb * (1 - static_cast<double>(f.RTP + f.RPAB + f.RFC + f.RCDRD) / f.REFI);
  for (const int channels : {1, 2, 3}) {
    EXPECT_NEAR(stream(memory_of(f, channels, kFast), kFast) / (channels * limit), 1, 0.01) << channels;
  }
}

TEST_P(Banked, ASlowPortGetsABeatACycle) {
  BankedMemory memory = memory_of(f);
  Edges edges;
  for (std::uint64_t at = 0; at < 1 << 16; at += 128) memory.read({at, 16}, 0, &edges);
  for (std::size_t beat = 1; beat < edges.size(); ++beat) ASSERT_EQ(edges[beat], edges[0] + beat);
}

TEST_P(Banked, TheFewestChannelsReachThePort) {
  for (const int bytes : {8, 16, 32}) {
    const Port port{bytes, 500'000};
    const Banks banks{shipped(f), channels_for(shipped(f), port)};
    EXPECT_GE(banks.channels * f.peak_gb, bytes * 0.5);
    EXPECT_LT((banks.channels - 1) * f.peak_gb, bytes * 0.5);
    EXPECT_DOUBLE_EQ(banks.gigabytes_per_second(), banks.channels * f.peak_gb);
  }
}

TEST_P(Banked, MoreChannelsAreNeverSlower) {
  const std::uint64_t granule = Banks{shipped(f)}.granule();
  for (const bool random : {false, true}) {
    std::uint64_t before = 0;
    for (const int channels : {1, 2, 4, 8}) {
      BankedMemory memory = memory_of(f, channels, {32, 4'000'000});
      std::mt19937 numbers(7);
      std::uint64_t last = 0;
      for (std::uint64_t n = 0; n < 3000; ++n) {
        const std::uint64_t at = (random ? numbers() % 100'000 : n) * granule;
        last = memory.read({at, static_cast<std::uint32_t>(granule / 32)}, 0, nullptr);
      }
      EXPECT_TRUE(channels == 1 || last <= before + 4) << channels << ": " << last << " after " << before;
      before = last;
    }
  }
}

TEST_P(Banked, WritesOfABurstAreMergedAndThoseOfSeveralAreNot) {
  const std::uint64_t unit = whole(f.burst_bytes);
  BankedMemory together = memory_of(f), apart = memory_of(f);
  std::uint64_t edge = 0;
  for (std::uint64_t at = 0; at < 64; at += 8) edge = together.offer(edge), together.take({at, at == 56}, edge);
  for (std::uint64_t at = 0; at < 64; at += 8) edge = apart.offer(edge), apart.take({at, true}, edge);
  together.write_rest(5000);
  apart.write_rest(5000);
  EXPECT_EQ(together.counts(5000).writes, 64 / unit);
  EXPECT_EQ(apart.counts(5000).writes, 8u);
}

TEST_P(Banked, WritesThatAreUnderWayHoldUpTheLastOfTheNext) {
  constexpr Port kFast{8, 4'000'000};
  BankedMemory memory = memory_of(f, 1, kFast);
  constexpr std::uint64_t kAll = BankedMemory::kGathered;
  std::uint64_t edge = 1, asked = 0;
  for (std::uint64_t n = 0; n < 4 * kAll; ++n) {
    const std::uint64_t accepted = memory.offer(edge);
    if (n % kAll == kAll - 1) {
      if (n > kAll) {
        EXPECT_GE(accepted, edge_after(f, asked, static_cast<int>(kAll) * f.BL, kFast));
      }
      asked = accepted;
    } else {
      EXPECT_EQ(accepted, edge);
    }
    EXPECT_EQ(memory.take({4096 * n, true}, accepted), accepted + 1);
    edge = accepted + 1;
  }
}

TEST_P(Banked, GranulesAlternateBetweenChannels) {
  ASSERT_EQ((Banks{shipped(f), 3}.granule()), 64u);
  BankedMemory memory = memory_of(f, 3);
  const int unloaded = f.RCDRD + f.CL + f.DQ_RD + f.BL, open = f.CL + f.DQ_RD + f.BL;
  for (std::uint64_t n = 0; n < 3; ++n) {  // each channel opens a row of its own
    EXPECT_EQ(memory.read({n * 64, 1}, 100 * n, nullptr), edge_after(f, 100 * n, unloaded, kPort));
  }
  for (std::uint64_t n = 0; n < 3; ++n) {  // and has it open for what lies behind the other channels' granules
    const std::uint64_t again = 300 + 100 * n, at = (3 * whole(f.groups) * 64 / whole(f.burst_bytes) + n) * 64;
    EXPECT_EQ(memory.read({at, 1}, again, nullptr), edge_after(f, again, open, kPort)) << n;
  }
  EXPECT_EQ(memory.counts(5000).activates, 3u);
}

TEST_P(Banked, ChannelsAreFullUpToTheirLastByte) {
  const Banks banks{shipped(f), 3};
  EXPECT_EQ(memory_of(f, 3).read({banks.bytes() - 8, 1}, 10, nullptr), memory_of(f, 3).read({0, 1}, 10, nullptr));
  EXPECT_THROW(memory_of(f, 3).read({banks.bytes(), 1}, 10, nullptr), std::out_of_range);
}

TEST_P(Banked, ACopyGoesOnAsTheOriginal) {
  BankedMemory memory = memory_of(f, 2);
  memory.read({0, 64}, 10, nullptr);
  memory.take({8192, true}, memory.offer(60));
  BankedMemory copy = memory;
  EXPECT_EQ(copy.read({128, 32}, 70, nullptr), memory.read({128, 32}, 70, nullptr));
  copy.read({1 << 20, 32}, 80, nullptr);
  EXPECT_EQ(copy.counts(9000).reads, memory.counts(9000).reads + 256 / whole(f.burst_bytes));
}

INSTANTIATE_TEST_SUITE_P(Standards, Banked, testing::Range(0, kStandards),
                         [](const auto& tested) { return std::string(kFigures[tested.param].name); });

TEST(ClocksTest, AreExactWhereNoPeriodIsAWholeNumberOfPicoseconds) {
  const Clocks clocks(333'000, 625);  // an edge takes 3003.003 ps = 1600 / 333 cycles
  EXPECT_EQ(clocks.cycle_at(0), 0u);
  EXPECT_EQ(clocks.cycle_at(1), 5u);
  EXPECT_EQ(clocks.cycle_at(333), 1600u);
  EXPECT_EQ(clocks.cycle_at(333'000'000'001), 1'600'000'000'005u);
  EXPECT_EQ(clocks.edge_at(1600), 333u);
  EXPECT_EQ(clocks.edge_at(1601), 334u);
  EXPECT_EQ(clocks.edge_at(4), 1u);
}

}  // namespace
}  // namespace bitloom::dram
