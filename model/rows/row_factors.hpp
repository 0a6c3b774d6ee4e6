#pragma once
#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "model/numerics/affine.hpp"
#include "model/numerics/polyline.hpp"
#include "model/numerics/real.hpp"
#include "model/rows/kernels.hpp"

namespace bitloom {

// Reals laid out for the row kernels.

/// Factors of a row of elements (N12) in the form of Kernels::affine_row().
class FactorRow {
 public:
  explicit FactorRow(std::size_t count) : m_(count), offset_(count), right_(count), left_(count) {}

  void set(std::size_t i, Real a) {
    const std::optional<Scale> scale = factor(a);
    const int s = scale ? scale->s : 63;
    m_[i] = !scale ? 0 : a.negative() ? -std::int32_t{scale->m} : std::int32_t{scale->m};
    // Half up on the magnitude: below 0, the tie goes down.
    const std::int64_t half = s > 16 ? std::int64_t{1} << (s - 17) : 0;
    offset_[i] = !scale ? 0 : a.negative() && s > 16 ? half - 1 : half;
    right_[i] = std::max(0, s - 16);
    left_[i] = std::max(0, 16 - s);
    wide_ = wide_ || s <= 16;
  }
  /// Sets the same factor for all elements; `whole` where another operand's factors differ by element.
  void fill(Real a, bool whole) {
    wide_ = false;
    set(0, a);
    uniform_ = !whole;
    if (!whole) return;
    std::fill(m_.begin(), m_.end(), m_[0]);
    std::fill(offset_.begin(), offset_.end(), offset_[0]);
    std::fill(right_.begin(), right_.end(), right_[0]);
    std::fill(left_.begin(), left_.end(), left_[0]);
  }
  std::size_t size() const { return m_.size(); }
  Factors factors() const { return {m_.data(), offset_.data(), right_.data(), left_.data(), wide_, uniform_}; }

 private:
  std::vector<std::int32_t> m_;
  std::vector<std::int64_t> offset_, right_, left_;
  bool wide_ = false;
  bool uniform_ = false;
};

/// Lower ends and ratios of a row of elements (N21.1) in the form of Kernels::group_row().
class GroupRow {
 public:
  explicit GroupRow(std::size_t count) : lo_(count), m_(count), half_(count), s_(count), left_(count), right_(count) {}

  void set(std::size_t i, std::int32_t lo, Real ratio) {
    const std::optional<Scale> scale = factor(ratio);
    const int s = scale ? scale->s : 8;
    lo_[i] = lo;
    m_[i] = scale ? scale->m : 0;
    half_[i] = scale && s >= 9 ? std::int64_t{1} << (s - 9) : 0;
    s_[i] = s;
    left_[i] = std::max(0, s - 8);
    right_[i] = std::max(0, 8 - s);
  }
  /// Sets the same for all elements.
  void fill(std::int32_t lo, Real ratio) {
    set(0, lo, ratio);
    uniform_ = true;
  }
  std::size_t size() const { return m_.size(); }
  GroupRule rule() const {
    return {lo_.data(), m_.data(), half_.data(), s_.data(), left_.data(), right_.data(), uniform_};
  }

 private:
  std::vector<std::int32_t> lo_;
  std::vector<std::int64_t> m_, half_, s_, left_, right_;
  bool uniform_ = false;
};

/// Returns the constants of Kernels::log_row() for a top of log_top() (N19).
inline LogRule log_rule(std::uint32_t top, int binades) {
  return {top, std::max(0, static_cast<int>(std::bit_width(top)) - 16), binades};
}

/// Returns the constants of Kernels::polyline_row() for two levels and residual codes of `bits` bits (N23.1). Of 2 bits
/// no code has the first slope.
inline PolylineRule polyline_rule(int read, int write, int limit, int bits = 4) {
  PolylineRule rule;
  rule.limit = limit;
  rule.codes = polyline_codes(bits);
  rule.first = rule.codes / 4;
  rule.second = rule.codes / 2;
  const auto slopes = [&](int level, std::int32_t* to) {
    const auto slope_at = [&](int k) { return polyline_value(k + 1, level, bits) - polyline_value(k, level, bits); };
    to[0] = slope_at(0);
    to[1] = slope_at(rule.first);
    to[2] = slope_at(rule.second);
  };
  slopes(read, rule.read);
  slopes(write, rule.write);
  return rule;
}

}  // namespace bitloom
