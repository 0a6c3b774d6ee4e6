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
  /// The plan, with its beats found, must stay where it is. `word`: bytes of a beat. `before`: of the LOADs before it,
  /// from its start on.
  LoadBursts(const LoadPlan& plan, std::uint32_t word, std::uint32_t max_burst, const LoadRest& before)
      : plan_(&plan),
        word_(word),
        max_burst_(max_burst),
        fifo_(std::max<std::uint64_t>(timing::kLoadBeats, 2 * std::uint64_t{max_burst})),
        pieces_before_(before.left.size()),
        beats_before_(before.consumed.size()),
        opens_(plan.opens == kUnknownCycle ? 0 : plan.opens),
        steps_(8 * word, plan, before),
        addressed_(plan.start + timing::kLoadSetup) {}

  enum class Next {
    kBurst,
    kBlocked,  ///< the next burst waits for steps, and when the LOAD opens is not known
    kNone,     ///< there is no other
  };
  /// Goes on to the next burst, after all beats of those before it were told. May be called again where it was blocked.
  Next next() {
    if (left_ == 0) {
      const Next piece = next_piece();
      if (piece != Next::kBurst) return piece;
    }
    const auto boundary = static_cast<std::uint32_t>((4096 - beat_ * word_ % 4096) / word_);
    burst_ = {beat_ * word_, std::min({left_, max_burst_, boundary})};
    const std::uint64_t beats = beats_before_ + beats_ + burst_.beats;
    if (beats > fifo_) {
      const std::uint64_t consumed = steps_.consumed(beats - fifo_ - 1);
      if (consumed == kUnknownCycle) return Next::kBlocked;
      asked_ = std::max(asked_, consumed + 1);
    }
    beats_ += burst_.beats;
    return Next::kBurst;
  }
  /// Says in which cycle the LOAD opens.
  void open(std::uint64_t cycle) {
    opens_ = cycle;
    steps_.open(cycle);
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

  /// Returns the edge from which on it has asked for all and is open, and that of the LOAD's end; behind the last
  /// burst.
  std::uint64_t asked_all() const { return std::max({taken_, granted_, opens_}) + 1; }
  std::uint64_t end() {
    steps_.left(pieces_before_ + plan_->pieces.size() - 1);
    return steps_.end();
  }
  /// Returns what it and those before it leave from an edge on; behind end().
  LoadRest rest(std::uint64_t edge) const { return steps_.rest(edge); }

 private:
  /// Takes pieces up to the next one that has bursts.
  Next next_piece() {
    while (number_ < plan_->pieces.size()) {
      const LoadPiece& piece = plan_->pieces[number_];
      std::uint64_t taken = std::max(addressed_ + piece.walk, granted_);
      const std::size_t number = pieces_before_ + number_;
      if (number >= timing::kLoadPieces) {
        const std::uint64_t left = steps_.left(number - timing::kLoadPieces);
        if (left == kUnknownCycle) return Next::kBlocked;
        taken = std::max(taken, left + 1);
      }
      steps_.piece(piece, taken);
      taken_ = addressed_ = taken;  // the next piece's first tap
      ++number_;
      if (piece.asked == 0) continue;
      beat_ = (piece.bit + piece.bits - 1) / (8 * word_) + 1 - piece.asked;
      left_ = piece.asked;
      asked_ = taken + 1;
      return Next::kBurst;
    }
    return Next::kNone;
  }

  const LoadPlan* plan_;
  std::uint32_t word_, max_burst_;
  std::uint64_t fifo_;
  std::size_t pieces_before_, beats_before_;
  std::uint64_t opens_;
  LoadSteps steps_;
  std::size_t number_ = 0;  ///< of the next piece
  std::uint64_t addressed_, taken_ = 0, granted_ = 0, asked_ = 0, beat_ = 0, beats_ = 0;
  std::uint32_t left_ = 0;  ///< beats of the piece that no burst asked for
  ReadBurst burst_;
};

}  // namespace bitloom
