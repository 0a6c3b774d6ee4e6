#pragma once
#include <algorithm>
#include <cstdint>
#include <vector>

#include "sim/dram/memory_port.hpp"
#include "sim/load_plan.hpp"
#include "sim/load_steps.hpp"
#include "sim/timing.hpp"

namespace bitloom {

/// The bursts of a LOAD, one after the other, by the recurrences of docs/timing.md: taps, pieces, bursts. When one can
/// be asked for depends on the grants and the beats of those before it, which the caller tells.
class LoadBursts {
 public:
  /// The plan must stay where it is. `word`: bytes of a beat.
  LoadBursts(const LoadPlan& plan, std::uint32_t word, std::uint32_t max_burst)
      : plan_(&plan),
        word_(word),
        max_burst_(max_burst),
        fifo_(std::max<std::uint64_t>(timing::kLoadBeats, 2 * std::uint64_t{max_burst})),
        steps_(8 * word, plan.local, plan.growth),
        addressed_(plan.start + timing::kLoadSetup) {}

  /// Goes on to the next burst, after all beats of those before it were told; returns false behind the last.
  bool next() {
    if (left_ == 0 && !next_piece()) return false;
    const auto boundary = static_cast<std::uint32_t>((4096 - beat_ * word_ % 4096) / word_);
    burst_ = {beat_ * word_, std::min({left_, max_burst_, boundary})};
    beats_ += burst_.beats;
    if (beats_ > fifo_) asked_ = std::max(asked_, steps_.consumed(beats_ - fifo_ - 1) + 1);
    return true;
  }
  const ReadBurst& burst() const { return burst_; }
  /// Returns the first cycle in which the burst is asked for.
  std::uint64_t asked() const { return asked_; }
  /// Says in which cycle it was granted.
  void granted(std::uint64_t cycle) {
    granted_ = cycle;
    asked_ = cycle + 1;
    beat_ += burst_.beats;
    left_ -= burst_.beats;
  }
  /// Takes the edges of the beats, in order.
  std::vector<std::uint64_t>& edges() { return steps_.edges(); }

  /// Returns the edge of the LOAD's end, and the number of its beats; behind the last burst.
  std::uint64_t end() {
    steps_.left(plan_->pieces.size() - 1);
    return steps_.end();
  }
  std::uint64_t beats() const { return beats_; }

 private:
  /// Takes pieces up to the next one that has bursts.
  bool next_piece() {
    while (number_ < plan_->pieces.size()) {
      const LoadPiece& piece = plan_->pieces[number_];
      addressed_ += piece.walk - 1;  // its last tap
      std::uint64_t taken = std::max(addressed_ + 1, granted_);
      if (number_ >= timing::kLoadPieces) taken = std::max(taken, steps_.left(number_ - timing::kLoadPieces) + 1);
      steps_.piece(piece, taken);
      addressed_ = taken;  // the next piece's first tap
      ++number_;
      if (piece.padding) continue;
      beat_ = piece.bit / (8 * word_);
      left_ = static_cast<std::uint32_t>((piece.bit + piece.bits - 1) / (8 * word_) - beat_ + 1);
      asked_ = taken + 1;
      return true;
    }
    return false;
  }

  const LoadPlan* plan_;
  std::uint32_t word_, max_burst_;
  std::uint64_t fifo_;
  LoadSteps steps_;
  std::size_t number_ = 0;  ///< of the next piece
  std::uint64_t addressed_, granted_ = 0, asked_ = 0, beat_ = 0, beats_ = 0;
  std::uint32_t left_ = 0;  ///< beats of the piece that no burst asked for
  ReadBurst burst_;
};

}  // namespace bitloom
