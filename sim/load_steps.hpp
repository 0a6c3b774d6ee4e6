#pragma once
#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

#include "sim/load_plan.hpp"

namespace bitloom {

/// The side of a LOAD that consumes beats (docs/timing.md, LOAD, Steps): which step of which piece happens in which
/// cycle.
class LoadSteps {
 public:
  /// Makes the side for beats of `beat` bits and local words of `local` bits, `growth` to a bit of memory.
  LoadSteps(std::uint32_t beat, std::uint32_t local, std::uint32_t growth)
      : beat_(beat), local_(local), growth_(growth), part_(std::min(beat, local / growth)) {}

  /// Says that the next piece entered the FIFO in cycle `taken`.
  void piece(const LoadPiece& piece, std::uint64_t taken) { pieces_.emplace_back(&piece, taken); }
  /// Gives the edges of the next beats, in order.
  std::vector<std::uint64_t>& edges() { return edges_; }

  /// Returns the cycle in which piece number `piece` leaves the FIFO.
  std::uint64_t left(std::size_t piece) {
    while (left_.size() <= piece) consume();
    return left_[piece];
  }
  /// Returns the cycle in which beat number `beat` is consumed.
  std::uint64_t consumed(std::size_t beat) {
    while (consumed_.size() <= beat) consume();
    return consumed_[beat];
  }
  /// Returns the first cycle without a step, after all that were asked about.
  std::uint64_t end() const { return cycle_; }

 private:
  void consume() {
    const auto& [piece, taken] = pieces_[left_.size()];
    const auto base = piece->padding ? 0 : static_cast<std::uint32_t>(piece->bit % beat_);
    const std::uint32_t at = base + done_;
    const std::uint32_t bits = std::min(piece->bits - done_, part_ - at % part_);
    std::uint64_t cycle = std::max(cycle_, taken + 1);
    if (!piece->padding) cycle = std::max(cycle, edges_[consumed_.size()]);
    done_ += bits;
    const bool ends = done_ == piece->bits;
    if (!piece->padding && (ends || (at + bits) % beat_ == 0)) consumed_.push_back(cycle);
    cycle_ = cycle + 1;
    fill_ += bits * growth_;
    const bool overflows = fill_ > local_;
    fill_ %= local_;
    if (!ends) return;
    left_.push_back(cycle);
    done_ = 0;
    if (!piece->ends_row) return;
    if (overflows) ++cycle_;
    fill_ = 0;
  }

  std::uint32_t beat_, local_, growth_;
  std::uint32_t part_;  ///< bits of a beat that a step takes at most
  std::vector<std::pair<const LoadPiece*, std::uint64_t>> pieces_;
  std::vector<std::uint64_t> edges_, consumed_, left_;
  std::uint64_t cycle_ = 0;
  std::uint32_t done_ = 0, fill_ = 0;
};

}  // namespace bitloom
