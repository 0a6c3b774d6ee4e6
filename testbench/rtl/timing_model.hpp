// For tests: the recurrences of docs/timing.md for reads and LOADs, and for STOREs, one behind the other.
#pragma once
#include <algorithm>
#include <cstdint>
#include <deque>
#include <optional>
#include <vector>

#include "testbench/rtl/transfer.hpp"

namespace bitloom {

using Edge = std::uint64_t;

inline DramTiming dram_timing(const Hardware& hw, int stall, std::uint64_t seed) {
  return {hw.dram_read_latency, hw.dram_write_latency, stall, seed};
}

/// The read channel of docs/timing.md without LOAD and fetch asking at once: burst by burst.
class Reads {
 public:
  Reads(const Hardware& hw, const DramTiming& timing) : hw_(hw), timing_(timing) {}
  /// A burst that is asked for in cycle `asked`; the edges of its beats.
  std::vector<Edge> burst(Edge asked, int beats) {
    grant = std::max(asked, next_);
    if (static_cast<int>(last_.size()) >= hw_.max_outstanding) {
      grant = std::max(grant, last_[last_.size() - static_cast<std::size_t>(hw_.max_outstanding)]);
    }
    next_ = grant + 1;
    std::vector<Edge> edges;
    for (int i = 0; i < beats; ++i) edges.push_back(timing_.read_beat(grant + 2));
    last_.push_back(edges.back());
    return edges;
  }
  Edge grant = 0;  ///< of the last burst

 private:
  const Hardware& hw_;
  DramTiming timing_;
  Edge next_ = 0;
  std::deque<Edge> last_;
};

/// A run of neighbouring taps of one row.
struct Piece {
  std::int64_t bit;  ///< of its start in DRAM
  int bits, walk;    ///< walk: cycles that walking its taps takes
  bool padding, ends_row;
  bool lines = false;  ///< of a LOAD with LINES, and not of more beats than the line buffer
  int asked = 0;       ///< beats that it asks for, up to its last one
};
std::vector<Piece> pieces(const TransferCase& transfer, const Iteration& at);

/// The beats that the line buffer holds, one by one.
class Lines {
 public:
  explicit Lines(int beats) : beats_(static_cast<std::size_t>(beats)) {}
  void clear() { held_.clear(); }
  /// Takes a piece from beat `first` to `last`; returns how many it asks for, or nothing where it does without.
  std::optional<int> take(std::int64_t first, std::int64_t last);

 private:
  std::size_t beats_;
  std::deque<std::int64_t> held_;  ///< one behind the other
};

/// The side of LOADs that consumes beats, by steps. It knows which LOAD a piece is of only by its widths.
class LoadSteps {
 public:
  explicit LoadSteps(const Hardware& hw) : beat_bits_(8 * hw.axi_bytes), vin_bits_(32 * hw.lanes) {}

  /// A piece whose elements get from `bits` to `local_bits` bits, those of VIN to 32.
  void piece(const Piece& piece, int bits, int local_bits, Edge taken) {
    pieces_.push_back({piece, local_bits / bits, local_bits == 32 ? vin_bits_ : beat_bits_, taken});
  }
  void beats(const std::vector<Edge>& edges) { edges_.insert(edges_.end(), edges.begin(), edges.end()); }
  /// Returns the cycle in which piece number `piece` leaves.
  Edge left(std::size_t piece) {
    while (left_.size() <= piece) consume();
    return left_[piece];
  }
  /// The cycle in which beat number `beat` is consumed. Its piece may still wait for later beats.
  Edge consumed(std::size_t beat) {
    while (consumed_.size() <= beat) consume();
    return consumed_[beat];
  }
  /// The first cycle in which the next step can be.
  Edge end() const { return cycle_; }
  /// Says that no step from now on is before a cycle.
  void not_before(Edge cycle) { cycle_ = std::max(cycle_, cycle); }

 private:
  struct Entry {
    Piece piece;
    int growth;     ///< local bits of a memory bit
    int word_bits;  ///< of a word of VIN or of a scratchpad
    Edge taken;
  };
  void consume();
  void move(Edge from);

  int beat_bits_, vin_bits_;
  std::vector<Entry> pieces_;
  std::vector<Edge> edges_, consumed_, left_;
  Edge cycle_ = 0;
  int done_ = 0, fill_ = 0;
  std::vector<Edge> moved_;  ///< cycles in which beats of the piece in front moved to the line buffer
};

/// The LOADs of a program, in order.
class Loads {
 public:
  Loads(const Hardware& hw, Reads& reads)
      : hw_(hw), reads_(reads), steps_(hw), lines_(hw.line_buffer_bytes / hw.axi_bytes) {}
  /// A LOAD_SHAPE.
  void shape() { lines_.clear(); }
  struct Times {
    Edge open, goes_on, end;  ///< edges: it has its tokens, the queue looks at the next step, it is over
  };
  /// A LOAD that starts at edge `start` and opens in cycle `opens`.
  Times from(Edge start, Edge opens, const TransferCase& transfer, const Iteration& at, int local_bits);
  /// A LOAD that is looked at from cycle `looked` on. The tokens with which it asks are there from cycle `early` on,
  /// those with which it fills from cycle `late` on.
  Times looked_at(Edge looked, Edge early, Edge late, const TransferCase& transfer, const Iteration& at,
                  int local_bits);
  /// The first cycle from `looked` on in which an execution can start that is no LOAD with elements.
  Edge alone(Edge looked) const { return ends_.empty() ? looked : std::max(looked, ends_.back()); }

 private:
  const Hardware& hw_;
  Reads& reads_;
  LoadSteps steps_;
  Lines lines_;
  std::vector<Edge> ends_;
  std::size_t pieces_ = 0, beats_ = 0;
};

/// The STOREs of a program, in order, VOUT word by word.
class Stores {
 public:
  Stores(const Hardware& hw, const DramTiming& timing) : hw_(hw), timing_(timing) {}
  struct Times {
    Edge start, read, end;  ///< edges: it has its tokens, has read VOUT and lets the queue go on, is over
  };
  /// A STORE that starts at edge `start`.
  Times from(Edge start, const TransferCase& transfer, const Iteration& at);
  /// A STORE that is looked at from cycle `looked` on, whose tokens are there from cycle `tokens` on.
  Times looked_at(Edge looked, Edge tokens, const TransferCase& transfer, const Iteration& at);
  /// The first cycle from `looked` on in which an execution can start that is no STORE with elements.
  Edge alone(Edge looked) const { return ends_.empty() ? looked : std::max(looked, ends_.back()); }
  /// Beats up to now.
  Edge beats() const { return beats_; }

 private:
  /// Appends a row from a byte address on, whose first word is read in cycle `read` at the earliest.
  void row(std::int64_t byte, int cols, int bits, Edge read);
  void complete();

  const Hardware& hw_;
  DramTiming timing_;
  std::vector<Edge> ends_;
  Edge beats_ = 0, accepted_ = 0;
  Edge cycle_ = 0;                ///< of the append
  Edge read_ = 0, appended_ = 0;  ///< the cycles in which the last word was read, and its last part appended
};

}  // namespace bitloom
