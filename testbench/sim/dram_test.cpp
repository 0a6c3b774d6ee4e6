// The channels: whole bursts against DramTiming beat by beat, and the shared read channel, which plans a LOAD at once
// and takes it back when a fetch comes, against an arbiter that steps through every cycle.
#include <gtest/gtest.h>

#include <random>
#include <vector>

#include "sim/dram_channels.hpp"
#include "sim/read_channel.hpp"

namespace bitloom {
namespace {

Hardware hardware(int word, int outstanding, int burst) {
  Hardware h;
  h.axi_bytes = word;
  h.max_outstanding = outstanding;
  h.max_burst = burst;
  h.dram_read_latency = 23;
  h.dram_write_latency = 9;
  return h;
}

class Bursts : public testing::TestWithParam<int> {};

TEST_P(Bursts, EqualDramTimingBeatByBeat) {
  const Hardware h = hardware(8, 4, 16);
  BurstTiming bursts(h, GetParam(), 7);
  DramTiming beats(h.dram_read_latency, h.dram_write_latency, GetParam(), 7);
  std::mt19937 random(3);
  std::uint64_t address = 0, offer = 0;
  for (int n = 0; n < 2000; ++n) {
    const std::uint64_t count = 1 + random() % 16;
    address += 1 + random() % 30;
    offer += 1 + random() % 30;
    const BeatSpan read = bursts.read(address, count), write = bursts.write(offer, count);
    for (std::uint64_t k = 0; k < count; ++k) {
      const std::uint64_t r = beats.read_beat(address), w = beats.write_beat(offer + k);
      if (k == 0) {
        ASSERT_TRUE(read.first == r && write.first == w) << n;
      }
      if (k + 1 == count) {
        ASSERT_TRUE(read.last == r && write.last == w) << n;
        ASSERT_EQ(bursts.response(write), beats.write_response(w));
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Stalls, Bursts, testing::Values(0, 25, 75));

TEST(BurstsTest, WithoutStallsABeatACycleAfterTheLatency) {
  BurstTiming bursts(hardware(8, 4, 16), 0, 1);
  EXPECT_EQ(bursts.read(100, 4).first, 123u);
  EXPECT_EQ(bursts.read(101, 4).last, 130u);   // waits for the burst before it
  EXPECT_EQ(bursts.read(200, 1).first, 223u);  // the channel was idle
}

struct LoadJob {
  std::uint64_t gap;  // cycles after the LOAD before it
  ReadPlan plan;
};
struct FetchJob {
  std::uint64_t ready;
  std::uint32_t bursts, beats;
};

/// Ends of loads, then of fetches.
using Ends = std::vector<std::uint64_t>;

/// One cycle after the other: a grant where there is room, fetch first.
Ends by_cycles(const Hardware& h, int stall, std::vector<LoadJob> loads, const std::vector<FetchJob>& fetches) {
  DramTiming timing(h.dram_read_latency, h.dram_write_latency, stall, 5);
  Ends load_ends(loads.size()), fetch_ends(fetches.size());
  std::vector<std::uint64_t> lasts;
  std::size_t load = 0, fetch = 0;
  std::uint32_t row = 0, row_beat = 0, fetch_burst = 0;
  std::uint64_t load_from = loads[0].gap;
  const auto word = static_cast<std::uint32_t>(h.axi_bytes);
  for (std::uint64_t cycle = 0; load < loads.size() || fetch < fetches.size(); ++cycle) {
    int in_flight = 0;
    for (std::size_t n = lasts.size(); n-- > 0 && lasts[n] > cycle;) ++in_flight;
    if (in_flight == h.max_outstanding) continue;
    const auto grant = [&](std::uint32_t beats) {
      std::uint64_t last = 0;
      for (std::uint32_t k = 0; k < beats; ++k) last = timing.read_beat(cycle + 2);
      lasts.push_back(last);
      return last;
    };
    if (fetch < fetches.size() && fetches[fetch].ready <= cycle) {
      fetch_ends[fetch] = grant(fetches[fetch].beats);
      if (++fetch_burst == fetches[fetch].bursts) fetch_burst = 0, ++fetch;
    } else if (load < loads.size() && load_from <= cycle) {
      const ReadPlan& p = loads[load].plan;
      const std::uint32_t address = p.address + row * p.pitch + row_beat * word;
      std::uint32_t beats = 0;  // beat by beat until the row, the burst or the page ends
      do {
        ++beats, ++row_beat;
      } while (row_beat < p.beats && beats < static_cast<std::uint32_t>(h.max_burst) &&
               (address + beats * word) % 4096 != 0);
      load_ends[load] = grant(beats);
      if (row_beat == p.beats) row_beat = 0, ++row;
      if (row == p.rows) {
        row = 0;
        if (++load < loads.size()) load_from = load_ends[load - 1] + loads[load].gap;
      }
    }
  }
  load_ends.insert(load_ends.end(), fetch_ends.begin(), fetch_ends.end());
  return load_ends;
}

/// The same through ReadChannel, called in the order of time as the queues do.
Ends planned(const Hardware& h, int stall, std::vector<LoadJob> loads, const std::vector<FetchJob>& fetches) {
  ReadChannel channel(h, stall, 5);
  Ends load_ends, fetch_ends;
  std::size_t load = 0, fetch = 0;
  std::uint64_t next_load = loads[0].gap;
  while (load < loads.size() || fetch < fetches.size()) {
    if (load < loads.size() && (fetch == fetches.size() || next_load <= fetches[fetch].ready)) {
      if (load > 0) load_ends.push_back(channel.load_end());
      loads[load].plan.ready = next_load;
      channel.load(loads[load].plan);
      ++load;
    } else {
      fetch_ends.push_back(channel.fetch(fetches[fetch].ready, fetches[fetch].bursts, fetches[fetch].beats));
      ++fetch;
    }
    if (load < loads.size()) next_load = channel.load_end() + loads[load].gap;
  }
  load_ends.push_back(channel.load_end());
  load_ends.insert(load_ends.end(), fetch_ends.begin(), fetch_ends.end());
  return load_ends;
}

TEST(ReadChannelTest, EqualsAnArbiterThatStepsThroughEveryCycle) {
  std::mt19937 random(11);
  const auto below = [&](std::uint32_t n) { return static_cast<std::uint32_t>(random()) % n; };
  int delayed = 0;
  for (int n = 0; n < 300; ++n) {
    const int word = 8 << below(3);
    const Hardware h = hardware(word, 1 + static_cast<int>(below(8)), 1 << below(7));
    const int stall = n % 3 == 0 ? 0 : static_cast<int>(below(80));
    std::vector<LoadJob> loads(8);
    for (LoadJob& job : loads) {
      const auto unit = static_cast<std::uint32_t>(word);
      job = {3 + below(40), {0, below(4096) * unit, below(300) * unit, 1 + below(20), 1 + below(40)}};
    }
    std::vector<FetchJob> fetches(12);
    std::uint64_t ready = 0;
    for (FetchJob& job : fetches) {
      ready += below(200);
      job = {ready, 1 + below(2), 1 + below(4)};
    }
    const Ends expected = by_cycles(h, stall, loads, fetches);
    ASSERT_EQ(planned(h, stall, loads, fetches), expected) << "case " << n;
    delayed += by_cycles(h, stall, loads, {{1u << 20, 1, 1}})[7] != expected[7] ? 1 : 0;
  }
  EXPECT_GT(delayed, 200);  // the fetches did come in between
}

}  // namespace
}  // namespace bitloom
