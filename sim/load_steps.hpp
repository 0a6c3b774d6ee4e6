#pragma once
#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

#include "sim/load_plan.hpp"
#include "sim/load_rest.hpp"

namespace bitloom {

/// The side of a LOAD that consumes beats (docs/timing.md, LOAD, Steps and Lines): which step of which piece happens in
/// which cycle, and which beat moves to the line buffer.
class LoadSteps {
 public:
  /// Makes the steps of a LOAD for beats of `beat` bits, behind those of LOADs before it. Their pieces and beats, as
  /// far as `before` has them, count as the first ones.
  LoadSteps(std::uint32_t beat, const LoadPlan& plan, const LoadRest& before)
      : beat_(beat),
        local_(plan.local),
        growth_(plan.growth),
        part_(std::min(beat, plan.local / plan.growth)),
        pieces_(before.left.size()),
        edges_(before.consumed.size()),
        consumed_(before.consumed),
        left_(before.left),
        cycle_(before.next_step) {
    if (plan.opens != kUnknownCycle) open(plan.opens);
  }
  /// Says in which cycle it opens.
  void open(std::uint64_t cycle) {
    open_ = true;
    cycle_ = std::max(cycle_, cycle + 1);
  }

  /// Says that the next piece entered the FIFO in cycle `taken`.
  void piece(const LoadPiece& piece, std::uint64_t taken) { pieces_.emplace_back(&piece, taken); }
  /// Gives the edges of the next beats, in order.
  std::vector<std::uint64_t>& edges() { return edges_; }

  /// Returns the cycle in which piece number `piece` leaves the FIFO; kUnknownCycle where the LOAD is not open.
  std::uint64_t left(std::size_t piece) { return cycle_of(left_, piece); }
  /// Returns likewise the cycle in which beat number `beat` is consumed.
  std::uint64_t consumed(std::size_t beat) { return cycle_of(consumed_, beat); }
  /// Returns the first cycle without a step, after all that were asked about.
  std::uint64_t end() const { return cycle_; }
  /// Returns what is left from cycle `from` on, after all that were asked about.
  LoadRest rest(std::uint64_t from) const {
    const auto since = [&](const std::vector<std::uint64_t>& all) {
      return std::vector<std::uint64_t>(std::lower_bound(all.begin(), all.end(), from), all.end());
    };
    return {since(consumed_), since(left_), cycle_};
  }

 private:
  std::uint64_t cycle_of(const std::vector<std::uint64_t>& all, std::size_t number) {
    if (!open_ && all.size() <= number) return kUnknownCycle;
    while (all.size() <= number) consume();
    return all[number];
  }

  /// Goes on by a step, or by a beat that moves to the line buffer; those of a piece move before its steps are found.
  void consume() {
    const auto& [piece, taken] = pieces_[left_.size()];
    const std::uint64_t from = std::max(cycle_, taken + 1);
    if (piece->lines && moved_ < piece->asked) return move(from);
    step(*piece, from);
  }

  void move(std::uint64_t from) {
    if (moved_ > 0) from = std::max(from, consumed_.back() + 1);
    consumed_.push_back(std::max(from, edges_[consumed_.size()]));
    ++moved_;
  }

  void step(const LoadPiece& piece, std::uint64_t cycle) {
    const auto base = piece.padding ? 0 : static_cast<std::uint32_t>(piece.bit % beat_);
    const std::uint32_t at = base + done_;
    const std::uint32_t bits = std::min(piece.bits - done_, part_ - at % part_);
    if (piece.lines) {
      const std::uint32_t behind = (base + piece.bits - 1) / beat_ - at / beat_;  // beats of the piece
      if (behind < moved_) cycle = std::max(cycle, consumed_[consumed_.size() - 1 - behind]);
    } else if (!piece.padding) {
      cycle = std::max(cycle, edges_[consumed_.size()]);
    }
    done_ += bits;
    const bool ends = done_ == piece.bits;
    if (!piece.lines && !piece.padding && (ends || (at + bits) % beat_ == 0)) consumed_.push_back(cycle);
    cycle_ = cycle + 1;
    fill_ += bits * growth_;
    const bool overflows = fill_ > local_;
    fill_ %= local_;
    if (!ends) return;
    left_.push_back(cycle);
    done_ = moved_ = 0;
    if (!piece.ends_row) return;
    if (overflows) ++cycle_;
    fill_ = 0;
  }

  std::uint32_t beat_, local_, growth_;
  std::uint32_t part_;  ///< bits of a beat that a step takes at most
  std::vector<std::pair<const LoadPiece*, std::uint64_t>> pieces_;
  std::vector<std::uint64_t> edges_, consumed_, left_;
  std::uint64_t cycle_ = 0;
  std::uint32_t done_ = 0, fill_ = 0;
  std::uint32_t moved_ = 0;  ///< beats that the piece in front moved to the line buffer
  bool open_ = false;
};

}  // namespace bitloom
