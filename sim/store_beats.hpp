#pragma once
#include <algorithm>
#include <cstdint>
#include <deque>
#include <optional>

#include "sim/dram/memory_port.hpp"
#include "sim/engine.hpp"
#include "sim/load_plan.hpp"
#include "sim/timing.hpp"

namespace bitloom {

/// The beats of STOREs, one after the other, by the recurrences of docs/timing.md: a VOUT word, or a beat of it, is
/// appended a cycle, full beats and the rest of a row are offered. When one is offered depends on when the one before
/// it was accepted, which the caller tells. What is appended before that is known ahead.
class StoreBeats {
 public:
  explicit StoreBeats(const Hardware& hardware)
      : word_(static_cast<std::uint64_t>(hardware.axi_bytes)),
        lanes_(static_cast<std::uint32_t>(hardware.lanes)),
        max_burst_(static_cast<std::uint32_t>(hardware.max_burst)) {}

  /// A beat, the first edge that it is offered to, and what its STORE is.
  struct Beat {
    WriteBeat beat;
    std::uint64_t offered = 0;
    bool ends = false;               ///< it is the last of its STORE
    ActionCounts* counts = nullptr;  ///< of the phase
  };

  /// Adds an execution that starts at edge `start`; `shape` is its descriptor, null where it is not shaped.
  void add(const Execution& e, const Instruction* shape, std::uint64_t start, ActionCounts* counts) {
    stores_.push_back({e, shape, start, counts});
    read_.reset();
    if (stores_.size() > 1) return;
    begin_store();
    walk();
  }
  /// Makes the next beat, where that before it was accepted at an edge; returns false where none is left.
  bool next(std::uint64_t accepted) {
    if (!completes_) return false;
    cycle_ = std::max(cycle_ + 1, accepted) - 1;
    const bool rest_follows = !rest_ && ends_row_ && fill_ > 8 * word_;
    if (!rest_ && ends_word_) end_word();
    make_beat(ends_row_ && !rest_follows);
    rest_ = rest_follows;
    if (rest_) {
      ++cycle_;
    } else {
      end_append();
      walk();
    }
    return true;
  }
  /// Returns the one that was made last.
  const Beat& beat() const { return beat_; }
  /// Returns the edge from which on the last STORE has read VOUT, if the beats that were made tell it.
  std::optional<std::uint64_t> read() const { return read_; }

 private:
  struct Store {
    Execution execution;
    const Instruction* shape;
    std::uint64_t start;
    ActionCounts* counts;
  };

  /// Appends up to an append that completes a beat.
  void walk() {
    for (; !stores_.empty(); end_append()) {
      const std::uint32_t cols = stores_.front().execution.cols, end = std::min(done_ + most_, cols);
      ends_row_ = end == cols;
      ends_word_ = ends_row_ || end % lanes_ == 0;
      fill_ += std::uint64_t{end - done_} * bits_;
      completes_ = fill_ >= 8 * word_ || ends_row_;
      if (completes_) return;
      if (ends_word_) end_word();
    }
    completes_ = false;
  }
  void make_beat(bool ends_row) {
    const Store& store = stores_.front();
    beat_ = {{address_, false}, cycle_ + timing::kAppendToOffer, false, store.counts};
    address_ += word_;
    ++burst_;
    beat_.beat.last = ends_row || burst_ == max_burst_ || address_ % 4096 == 0;
    if (beat_.beat.last) burst_ = 0;
    beat_.ends = ends_row && row_ + 1 == store.execution.rows;
  }
  /// Ends a VOUT word in this cycle, in which the next one is read.
  void end_word() {
    appended_ = cycle_;
    if (--words_ == 1) has_read(cycle_ + 1);
  }
  void has_read(std::uint64_t edge) {
    if (stores_.size() == 1) read_ = edge;
  }
  void end_append() {
    fill_ %= 8 * word_;
    ++cycle_;
    done_ += most_;
    if (done_ < stores_.front().execution.cols) return;
    ++row_;
    if (row_ < stores_.front().execution.rows) return begin_row();
    stores_.pop_front();
    if (!stores_.empty()) begin_store();
  }
  void begin_store() {
    const Execution& e = stores_.front().execution;
    const std::uint64_t append = stores_.front().start + timing::kStoreSetup;
    bits_ = width_bits(e.command->MEMORY_BITS);
    most_ = std::min(lanes_, static_cast<std::uint32_t>(8 * word_ / bits_));
    words_ = e.rows * ceil_div(e.cols, lanes_);
    if (words_ == 1) has_read(std::max(append, appended_ + 1));
    cycle_ = std::max(cycle_, append);
    row_ = 0;
    begin_row();
  }
  void begin_row() {
    done_ = 0;
    const std::uint64_t byte = store_row(stores_.front().execution, stores_.front().shape, row_);
    address_ = byte / word_ * word_;
    fill_ = byte % word_ * 8;
  }

  std::uint64_t word_;
  std::uint32_t lanes_, max_burst_;
  std::deque<Store> stores_;    ///< the first is appended, the others follow
  std::uint32_t bits_ = 0;      ///< of an element
  std::uint32_t most_ = 0;      ///< elements that a cycle appends: of a VOUT word, at most a beat of them
  std::uint64_t words_ = 0;     ///< VOUT words that are not yet appended as a whole
  std::uint64_t cycle_ = 0;     ///< of the append, or the first in which one can be
  std::uint64_t appended_ = 0;  ///< the cycle in which the last VOUT word was
  std::optional<std::uint64_t> read_ = 0;
  std::uint32_t row_ = 0, done_ = 0, burst_ = 0;
  std::uint64_t fill_ = 0, address_ = 0;
  bool completes_ = false;                     ///< the append completes a beat, which is not made yet
  bool ends_row_ = false, ends_word_ = false;  ///< of the append
  bool rest_ = false;                          ///< what is left of the append is a beat of its own
  Beat beat_;
};

}  // namespace bitloom
