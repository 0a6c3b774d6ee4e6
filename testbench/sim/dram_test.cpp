// The channels: whole bursts against DramTiming beat by beat, and the shared read channel, which plans a LOAD at once
// and takes it back when a fetch comes, against an arbiter that steps through every cycle.
#include <gtest/gtest.h>

#include <deque>
#include <random>
#include <utility>
#include <vector>

#include "sim/flat_memory.hpp"
#include "sim/read_channel.hpp"

namespace bitloom {
namespace {

Hardware hardware(int word, int outstanding, int burst) {
  Hardware h;
  h.axi_bytes = word;
  h.lanes = word / 4;
  h.max_outstanding = outstanding;
  h.max_burst = burst;
  h.dram_read_latency = 23;
  h.dram_write_latency = 9;
  return h;
}

class Bursts : public testing::TestWithParam<int> {};

TEST_P(Bursts, EqualDramTimingBeatByBeat) {
  const Hardware h = hardware(8, 4, 16);
  FlatMemory memory(h, GetParam(), 7);
  DramTiming beats(h.dram_read_latency, h.dram_write_latency, GetParam(), 7);
  std::mt19937 random(3);
  std::uint64_t asked = 0, offer = 0;
  for (int n = 0; n < 2000; ++n) {
    const auto count = static_cast<std::uint32_t>(1 + random() % 16);
    asked += 1 + random() % 30;
    offer += 1 + random() % 30;
    std::vector<std::uint64_t> edges;
    const std::uint64_t last = memory.read({random() % 4096 * 8, count}, asked, &edges);
    ASSERT_EQ(edges.size(), count);
    for (std::uint32_t k = 0; k < count; ++k) {
      const std::uint64_t r = beats.read_beat(asked), w = beats.write_beat(offer + k);
      ASSERT_EQ(edges[k], r) << n;
      ASSERT_EQ(memory.offer(offer + k), w) << n;
      ASSERT_EQ(memory.take({random() % 4096 * 8, k + 1 == count}, w), beats.write_response(w)) << n;
    }
    ASSERT_EQ(last, edges.back()) << n;
  }
}

INSTANTIATE_TEST_SUITE_P(Stalls, Bursts, testing::Values(0, 25, 75));

TEST(BurstsTest, WithoutStallsABeatACycleAfterTheLatency) {
  FlatMemory memory(hardware(8, 4, 16), 0, 1);
  EXPECT_EQ(memory.read({0, 4}, 100, nullptr), 126u);
  EXPECT_EQ(memory.read({800, 4}, 101, nullptr), 130u);  // waits for the burst before it
  EXPECT_EQ(memory.read({64, 1}, 200, nullptr), 223u);   // the channel was idle
}

struct LoadJob {
  std::uint64_t gap = 0;     // cycles after the one before it has asked and is open
  std::uint64_t closed = 0;  // cycles from that before its start to the one in which it opens
  LoadPlan plan;
};
struct FetchJob {
  std::uint64_t ready;
  std::uint32_t bursts, beats;
};

/// Ends of loads, then of fetches.
using Ends = std::vector<std::uint64_t>;

/// The steps of a piece: the local bits of each, and whether it uses up a beat.
struct Step {
  std::uint32_t bits;
  bool ends_beat, ends_piece;
};

std::vector<Step> steps_of(const LoadPiece& piece, std::uint32_t word_bits, const LoadPlan& plan) {
  const std::uint32_t most = std::min(word_bits, plan.local / plan.growth);
  std::vector<Step> steps;
  std::uint32_t run = 0;
  for (std::uint32_t k = 0; k < piece.bits; ++k) {  // bit by bit
    const std::uint64_t next = (piece.padding ? 0 : piece.bit) + k + 1;
    const bool last = k + 1 == piece.bits;
    ++run;
    if (!last && next % most != 0) continue;
    steps.push_back({run * plan.growth, !piece.padding && (last || next % word_bits == 0), last});
    run = 0;
  }
  return steps;
}

/// LOADs one behind the other, cycle by cycle: docs/timing.md's queues, filled and emptied.
class SteppedLoads {
 public:
  explicit SteppedLoads(const Hardware& h)
      : h_(h),
        word_bits_(static_cast<std::uint32_t>(8 * h.axi_bytes)),
        places_(static_cast<std::size_t>(h.line_buffer_bytes / h.axi_bytes), kNone) {}

  /// Starts a LOAD after the one before it has asked(). It opens in a cycle. The plan must stay.
  void begin(const LoadPlan& plan, std::uint64_t start, std::uint64_t opens) {
    opens_.push_back(opens);
    for (const LoadPiece& piece : plan.pieces) {
      pieces_.emplace_back(piece, &plan);
      pieces_.back().first.lines = plan.lines && !piece.padding;
    }
    lasts_.push_back(pieces_.size());
    addressed_ = start + 2 + plan.pieces[0].walk - 1;
  }

  /// A step of the side that consumes.
  void consume(std::uint64_t cycle) {
    pieces_left_ = beats_left_ = 0;
    if (gap_) {
      gap_ = false;
      return end_row(cycle);
    }
    if (front_ == taken_.size() || taken_[front_] >= cycle || opens_[ends_.size()] >= cycle) return;
    auto& [piece, plan] = pieces_[front_];
    if (step_ == 0) steps_ = steps_of(piece, word_bits_, *plan);
    const bool beat = !beats_.empty() && beats_.front() <= cycle;
    if (piece.lines ? !has_line(piece, beat) : !piece.padding && !beat) return;
    const Step step = steps_[step_++];
    fill_ += step.bits;
    if (step.ends_beat && piece.lines) ++beat_of_step_;
    if (step.ends_beat && !piece.lines) beats_.pop_front(), beats_left_ = 1;
    gap_ = step.ends_piece && piece.ends_row && fill_ > plan->local;
    fill_ %= plan->local;
    if (!step.ends_piece) return;
    pieces_left_ = 1;
    step_ = 0;
    begun_front_ = false;
    ++front_;
    if (!piece.ends_row) return;
    fill_ = 0;
    if (!gap_) end_row(cycle);
  }

  /// Beats of the burst that it asks for in this cycle, or 0.
  std::uint32_t asks(std::uint64_t cycle) const {
    if (left_ == 0 || taken_.back() >= cycle) return 0;
    std::uint32_t beats = 1;
    while (beats < left_ && beats < static_cast<std::uint32_t>(h_.max_burst) &&
           (beat_ + beats) * static_cast<std::uint64_t>(h_.axi_bytes) % 4096 != 0) {
      ++beats;
    }
    const std::size_t held = beats_.size() + beats_left_;  // what leaves in this cycle is still here
    return held + beats <= std::max<std::size_t>(64, 2 * static_cast<std::size_t>(h_.max_burst)) ? beats : 0;
  }
  void granted(std::uint32_t beats, const std::vector<std::uint64_t>& edges) {
    beats_.insert(beats_.end(), edges.begin(), edges.end());
    left_ -= beats;
    beat_ += beats;
  }

  /// Lets the next piece enter the FIFO.
  void take(std::uint64_t cycle) {
    const std::size_t next = taken_.size();
    if (next == pieces_.size() || left_ > 0 || cycle <= addressed_) return;
    if (next - front_ + pieces_left_ >= 128) return;
    LoadPiece& piece = pieces_[next].first;
    taken_.push_back(cycle);
    if (!piece.padding) ask(piece, piece.bit / word_bits_, (piece.bit + piece.bits - 1) / word_bits_);
    if (next + 1 < pieces_.size()) addressed_ = cycle + pieces_[next + 1].first.walk - 1;
  }

  bool asked(std::uint64_t cycle) const {
    return taken_.size() == pieces_.size() && left_ == 0 && opens_.back() <= cycle;
  }
  const std::vector<std::uint64_t>& ends() const { return ends_; }
  std::size_t begun() const { return lasts_.size(); }

 private:
  static constexpr std::uint64_t kNone = ~std::uint64_t{0};

  /// Says what a piece from beat `first` to `last` asks for.
  void ask(LoadPiece& piece, std::uint64_t first, std::uint64_t last) {
    const std::uint64_t size = places_.size();
    beat_ = first;
    piece.lines = piece.lines && last - first < size;
    if (piece.lines) {
      const bool near = low_ < high_ && low_ <= first && last < high_ + size;
      beat_ = near ? high_ : first;
      low_ = near ? low_ : first;
      high_ = near ? std::max(high_, last + 1) : last + 1;
      while (high_ - low_ > size) ++low_;
    }
    piece.asked = left_ = static_cast<std::uint32_t>(last + 1 - std::min(beat_, last + 1));
  }

  /// Moves a beat to the line buffer where one is there; returns whether the one of the next step is in its place.
  bool has_line(LoadPiece& piece, bool beat) {
    const std::uint64_t last = (piece.bit + piece.bits - 1) / word_bits_, size = places_.size();
    if (!begun_front_) {
      beat_of_step_ = piece.bit / word_bits_;
      move_ = last + 1 - piece.asked;
      for (std::uint64_t n = std::max(beat_of_step_, move_); n <= last; ++n) places_[n % size] = kNone;
      begun_front_ = true;
    }
    if (beat && move_ <= last) {
      places_[move_ % size] = move_;
      ++move_;
      beats_.pop_front(), beats_left_ = 1;
    }
    return places_[beat_of_step_ % size] == beat_of_step_;
  }

  void end_row(std::uint64_t cycle) {
    if (front_ == lasts_[ends_.size()]) ends_.push_back(cycle + 1);
  }

  const Hardware& h_;
  std::uint32_t word_bits_, left_ = 0, fill_ = 0;
  std::uint64_t addressed_ = 0, beat_ = 0;
  std::vector<std::pair<LoadPiece, const LoadPlan*>> pieces_;
  std::vector<std::size_t> lasts_;  // pieces up to the end of each LOAD
  std::vector<std::uint64_t> taken_, opens_, ends_;
  std::deque<std::uint64_t> beats_;
  std::vector<Step> steps_;  // of the piece in front
  std::size_t front_ = 0, step_ = 0, pieces_left_ = 0, beats_left_ = 0;
  bool gap_ = false;
  // The line buffer: what is asked for, and what is there; of the piece in front, the next beats to move and to step
  // on.
  std::uint64_t low_ = 0, high_ = 0, beat_of_step_ = 0, move_ = 0;
  std::vector<std::uint64_t> places_;
  bool begun_front_ = false;
};

/// Goes one cycle after the other: a grant where there is room, fetch first.
Ends by_cycles(const Hardware& h, int stall, const std::vector<LoadJob>& loads, const std::vector<FetchJob>& fetches) {
  DramTiming timing(h.dram_read_latency, h.dram_write_latency, stall, 5);
  Ends fetch_ends(fetches.size());
  std::vector<std::uint64_t> lasts;
  std::size_t fetch = 0;
  std::uint32_t fetch_burst = 0;
  std::uint64_t start = loads[0].gap;
  SteppedLoads load(h);
  for (std::uint64_t cycle = 0; load.ends().size() < loads.size() || fetch < fetches.size(); ++cycle) {
    if (cycle == start && load.begun() < loads.size()) {
      const LoadJob& job = loads[load.begun()];
      load.begin(job.plan, start, start - 1 + job.closed);
    }
    load.consume(cycle);
    int in_flight = 0;
    for (std::size_t n = lasts.size(); n-- > 0 && lasts[n] > cycle;) ++in_flight;
    const auto grant = [&](std::uint32_t beats) {
      std::vector<std::uint64_t> edges;
      for (std::uint32_t k = 0; k < beats; ++k) edges.push_back(timing.read_beat(cycle + 2));
      lasts.push_back(edges.back());
      return edges;
    };
    const std::uint32_t beats = load.asks(cycle);
    if (in_flight < h.max_outstanding) {
      if (fetch < fetches.size() && fetches[fetch].ready <= cycle) {
        fetch_ends[fetch] = grant(fetches[fetch].beats).back();
        if (++fetch_burst == fetches[fetch].bursts) fetch_burst = 0, ++fetch;
      } else if (beats > 0) {
        load.granted(beats, grant(beats));
      }
    }
    load.take(cycle);
    if (start <= cycle && load.asked(cycle) && load.begun() < loads.size()) start = cycle + 1 + loads[load.begun()].gap;
  }
  Ends ends = load.ends();
  ends.insert(ends.end(), fetch_ends.begin(), fetch_ends.end());
  return ends;
}

/// Draws rows of pieces anywhere in memory, some of them padding.
LoadPlan random_plan(std::mt19937& random, std::uint32_t word) {
  const auto below = [&](std::uint32_t n) { return static_cast<std::uint32_t>(random()) % n; };
  LoadPlan plan;
  const std::uint32_t bits = std::uint32_t{1} << below(4);
  plan.growth = std::uint32_t{1} << below(4);
  plan.local = 8 * word << below(2);
  const std::uint32_t rows = 1 + below(20), most = below(4) == 0 ? 2000 : 60;
  plan.lines = below(2) == 0;
  const std::uint32_t reach = plan.lines ? 1 + below(1000) : 100000;  // so that pieces meet
  for (std::uint32_t row = 0; row < rows; ++row) {
    for (std::uint32_t k = below(4) + 1; k-- > 0;) {
      plan.pieces.push_back({below(reach) * 8ull, (1 + below(most)) * bits, 1 + below(4), below(4) == 0, k == 0});
    }
  }
  return plan;
}

/// The same through ReadChannel, called in the order of time as the queues do.
Ends planned(const Hardware& h, int stall, std::vector<LoadJob> loads, const std::vector<FetchJob>& fetches) {
  ReadChannel channel(h, FlatMemory(h, stall, 5));
  Ends load_ends, fetch_ends;
  std::size_t load = 0, fetch = 0;
  std::uint64_t next_load = loads[0].gap, opens = 0;
  bool closed = false;
  while (load < loads.size() || fetch < fetches.size() || closed) {
    const std::uint64_t until = fetch == fetches.size() ? ~std::uint64_t{0} : fetches[fetch].ready;
    if (closed && opens <= until) {
      channel.open(opens);
      closed = false;
    } else if (!closed && load < loads.size() && next_load <= until) {
      if (load > 0) load_ends.push_back(channel.load_end());
      loads[load].plan.start = next_load;
      loads[load].plan.opens = kUnknownCycle;
      channel.load(loads[load].plan);
      opens = next_load - 1 + loads[load].closed;
      closed = true;
      ++load;
    } else {
      fetch_ends.push_back(channel.fetch(fetches[fetch].ready, fetches[fetch].bursts, {0, fetches[fetch].beats}));
      ++fetch;
    }
    if (!closed && load > 0 && load < loads.size()) next_load = channel.load_asked() + loads[load].gap;
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
    const int word = 8 << below(4);
    Hardware h = hardware(word, 1 + static_cast<int>(below(8)), 1 << below(7));
    h.line_buffer_bytes = word << (1 + below(8));
    const int stall = n % 3 == 0 ? 0 : static_cast<int>(below(80));
    std::vector<LoadJob> loads(8);
    for (LoadJob& job : loads) {
      job = {1 + below(n % 2 == 0 ? 3 : 60), below(2) == 0 ? 0 : below(300),
             random_plan(random, static_cast<std::uint32_t>(h.axi_bytes))};
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
