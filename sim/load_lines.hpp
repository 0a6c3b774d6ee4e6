#pragma once
#include <algorithm>
#include <cstdint>

namespace bitloom {

/// What a LOAD does to the beats that the line buffer holds, counted from a beat of its own.
struct LineChange {
  std::int64_t first = 0, end = 0;  ///< the beats that it holds then
  bool moved = false;               ///< it held others before
  bool anew = false;                ///< nothing is left of those before
};

/// The beats [first, end) of memory that the line buffer holds, by the rule of docs/timing.md (LOAD, Lines). They
/// change in the order of pieces, whatever the cycles.
class LineWindow {
 public:
  /// Makes an empty window of a buffer of `beats` beats.
  explicit LineWindow(std::uint64_t beats) : beats_(beats) {}

  std::uint64_t beats() const { return beats_; }
  bool empty() const { return first_ == end_; }
  std::uint64_t first() const { return first_; }
  std::uint64_t end() const { return end_; }
  void clear() { first_ = end_ = 0; }

  /// Can the buffer serve a piece from beat `first` to `last`?
  bool serves(std::uint64_t first, std::uint64_t last) const { return last - first < beats_; }
  /// Takes a piece that it serves. Returns how many beats are asked for, of which the last is `last`.
  std::uint64_t take(std::uint64_t first, std::uint64_t last) {
    const bool follows = !empty() && first_ <= first && last < end_ + beats_;
    if (follows && last < end_) return 0;
    const std::uint64_t asked = follows ? last + 1 - end_ : last + 1 - first;
    if (!follows) first_ = first;
    anew_ = anew_ || !follows;
    moved_ = true;
    end_ = last + 1;
    if (end_ - first_ > beats_) first_ = end_ - beats_;
    return asked;
  }

  /// Forgets what changed.
  void mark() { moved_ = anew_ = false; }
  /// Returns what changed since, counted from a beat.
  LineChange change(std::int64_t base) const {
    return {static_cast<std::int64_t>(first_) - base, static_cast<std::int64_t>(end_) - base, moved_, anew_};
  }
  /// Changes likewise, counted from another beat.
  void apply(const LineChange& change, std::int64_t base) {
    if (!change.moved) return;
    end_ = static_cast<std::uint64_t>(base + change.end);
    if (change.anew) first_ = static_cast<std::uint64_t>(base + change.first);
    if (end_ - first_ > beats_) first_ = end_ - beats_;
  }

 private:
  std::uint64_t beats_, first_ = 0, end_ = 0;
  bool moved_ = false, anew_ = false;
};

}  // namespace bitloom
