#pragma once
#include <algorithm>
#include <cstdint>

#include "sim/dram/memory_port.hpp"
#include "sim/engine.hpp"
#include "sim/load_plan.hpp"
#include "sim/timing.hpp"

namespace bitloom {

/// The beats of a STORE, one after the other, by the recurrences of docs/timing.md: a VOUT word, or a beat
/// of it, is appended a cycle, full beats and the rest of a row are offered. When one is offered depends on when those
/// before it were accepted, which the caller tells.
class StoreBeats {
 public:
  /// Makes the beats of an execution that starts at edge `start`; `shape` is its descriptor, null where it is not
  /// shaped.
  StoreBeats(const Execution& e, const Instruction* shape, const Hardware& hardware, std::uint64_t start)
      : e_(e),
        shape_(shape),
        word_(static_cast<std::uint64_t>(hardware.axi_bytes)),
        bits_(width_bits(e.command->MEMORY_BITS)),
        most_(std::min(static_cast<std::uint32_t>(hardware.lanes), static_cast<std::uint32_t>(8 * word_ / bits_))),
        max_burst_(static_cast<std::uint32_t>(hardware.max_burst)),
        cycle_(start + timing::kStoreSetup) {
    begin_row();
  }

  /// Goes on to the next beat, after that before it was accepted; returns false behind the last.
  bool next() {
    if (rest_) return complete(true);
    for (; row_ < e_.rows; end_append()) {
      const std::uint32_t elements = std::min(most_, e_.cols - done_);
      const bool ends = done_ + elements == e_.cols;
      fill_ += std::uint64_t{elements} * bits_;
      rest_ = ends && fill_ > 8 * word_;
      if (fill_ >= 8 * word_ || ends) return complete(ends && !rest_);
    }
    return false;
  }
  const WriteBeat& beat() const { return beat_; }
  /// Returns the first edge that it is offered to.
  std::uint64_t offered() const { return cycle_ + timing::kAppendToOffer; }
  /// Says which edge accepted it.
  void accepted(std::uint64_t edge) {
    accepted_ = edge;
    if (rest_ && !in_rest_) {
      in_rest_ = true;
      ++cycle_;
      return;
    }
    rest_ = in_rest_ = false;
    end_append();
  }

 private:
  /// Completes a beat in this cycle, or when the one before it is accepted at the cycle's end.
  bool complete(bool ends_row) {
    if (accepted_ > cycle_ + 1) cycle_ = accepted_ - 1;
    beat_.address = address_;
    address_ += word_;
    ++burst_;
    beat_.last = ends_row || burst_ == max_burst_ || address_ % 4096 == 0;
    if (beat_.last) burst_ = 0;
    return true;
  }
  void end_append() {
    fill_ %= 8 * word_;
    ++cycle_;
    done_ += most_;
    if (done_ < e_.cols) return;
    ++row_;
    begin_row();
  }
  void begin_row() {
    done_ = 0;
    if (row_ == e_.rows) return;
    const std::uint64_t byte = store_row(e_, shape_, row_);
    address_ = byte / word_ * word_;
    fill_ = byte % word_ * 8;
  }

  Execution e_;
  const Instruction* shape_;
  std::uint64_t word_;
  std::uint32_t bits_;
  std::uint32_t most_;  ///< elements that a cycle appends: of a VOUT word, at most a beat of them
  std::uint32_t max_burst_;
  std::uint64_t cycle_;  ///< of the append
  std::uint32_t row_ = 0, done_ = 0, burst_ = 0;
  std::uint64_t fill_ = 0, address_ = 0, accepted_ = 0;
  bool rest_ = false;     ///< the row's last append does not fit into the beat
  bool in_rest_ = false;  ///< and its first beat was accepted
  WriteBeat beat_;
};

}  // namespace bitloom
