// The line buffer's window (docs/timing.md, LOAD, Lines), against a buffer whose places are written out: every sequence
// of pieces in a small memory.
#include <gtest/gtest.h>

#include <algorithm>
#include <optional>
#include <random>
#include <vector>

#include "sim/load_lines.hpp"

namespace bitloom {
namespace {

/// A buffer of beats, each at its number modulo the size.
class Places {
 public:
  explicit Places(std::uint64_t beats) : at_(beats) {}
  void write(std::uint64_t beat) { at_[beat % at_.size()] = beat; }
  bool has(std::uint64_t beat) const { return at_[beat % at_.size()] == beat; }

 private:
  std::vector<std::optional<std::uint64_t>> at_;
};

struct Piece {
  std::uint64_t first, last;
};

/// Takes pieces one after the other, and looks at what the buffer then has.
class Sequence {
 public:
  explicit Sequence(std::uint64_t beats) : window_(beats), places_(beats) {}

  void take(const Piece& piece) {
    const std::uint64_t first = window_.first(), end = window_.end(), size = window_.beats();
    const bool held = first < end && first <= piece.first && piece.last < end;
    const bool goes_on = !held && first < end && first <= piece.first && piece.last < end + size;
    const std::uint64_t asked = window_.take(piece.first, piece.last);
    EXPECT_EQ(asked, held ? 0 : goes_on ? piece.last - end + 1 : piece.last - piece.first + 1);
    for (std::uint64_t beat = piece.last + 1 - asked; beat <= piece.last; ++beat) places_.write(beat);
    for (std::uint64_t beat = piece.first; beat <= piece.last; ++beat) EXPECT_TRUE(places_.has(beat));
    for (std::uint64_t beat = window_.first(); beat < window_.end(); ++beat) EXPECT_TRUE(places_.has(beat));
    // It holds as many as it can.
    const std::uint64_t top = std::max(end, piece.last + 1), most = std::max(first, top - std::min(size, top));
    EXPECT_EQ(window_.first(), held ? first : goes_on ? most : piece.first);
    EXPECT_LE(window_.end() - window_.first(), size);
    EXPECT_LE(window_.first(), piece.first);
    EXPECT_GT(window_.end(), piece.last);
  }

 private:
  LineWindow window_;
  Places places_;
};

void all_sequences(const Sequence& before, std::uint64_t beats, int length) {
  constexpr std::uint64_t kMemory = 11;
  for (std::uint64_t first = 0; first < kMemory; ++first) {
    for (std::uint64_t last = first; last < std::min(kMemory, first + beats); ++last) {
      Sequence sequence = before;
      sequence.take({first, last});
      if (length > 1 && !testing::Test::HasFailure()) all_sequences(sequence, beats, length - 1);
    }
  }
}

TEST(LineWindowTest, HoldsWhatEveryPieceNeeds) {
  for (const std::uint64_t beats : {2, 4}) all_sequences(Sequence(beats), beats, 4);
}

TEST(LineWindowTest, ServesPiecesThatFit) {
  const LineWindow window(4);
  EXPECT_TRUE(window.serves(7, 10));
  EXPECT_FALSE(window.serves(7, 11));
  EXPECT_FALSE(LineWindow(0).serves(7, 7));
}

/// What some pieces change is the same at another place of memory, where the same was held, or more in front of all
/// that they touch.
TEST(LineWindowTest, RepeatsAChangeElsewhere) {
  std::mt19937 random(5);
  const auto below = [&](std::uint64_t n) { return std::uint64_t{random()} % n; };
  int more_in_front = 0;
  for (int round = 0; round < 20000; ++round) {
    const std::uint64_t base = 1000, far = 1000 + below(100000);
    LineWindow here(8), there(8);
    if (below(2) == 0) there.take(far - 3, far - 1);
    for (std::uint64_t pieces = below(6); pieces-- > 0;) {
      const std::uint64_t first = below(12), last = first + below(8);
      here.take(base + first, base + last);
      there.take(far + first, far + last);
    }
    if (here.empty() != there.empty() || here.end() - base != there.end() - far) continue;
    LineWindow direct = there;
    const bool more = here.first() - base != there.first() - far;
    here.mark();
    for (std::uint64_t pieces = below(4); pieces-- > 0;) {
      const std::uint64_t first = (more ? here.first() - base : 0) + below(20), last = first + below(8);
      here.take(base + first, base + last);
      direct.take(far + first, far + last);
    }
    there.apply(here.change(static_cast<std::int64_t>(base)), static_cast<std::int64_t>(far));
    ASSERT_EQ(direct.first(), there.first());
    ASSERT_EQ(direct.end(), there.end());
    more_in_front += more ? 1 : 0;
  }
  EXPECT_GT(more_in_front, 100);
}

}  // namespace
}  // namespace bitloom
