#include "model/rows/tensor_ops.hpp"

#include <limits>
#include <numeric>

#include "model/numerics/affine.hpp"
#include "model/numerics/niti.hpp"
#include "model/rows/row_factors.hpp"
#include "model/rows/row_random.hpp"

namespace bitloom {
namespace {

constexpr std::size_t kElementsWorthAThread = 4096;

/// Calls work(row, rows, first element, elements) for runs of rows from … to - 1, none across a multiple of `share`.
template <class Work>
void in_runs(std::size_t from, std::size_t to, std::size_t cols, std::size_t share, const Work& work) {
  for (std::size_t row = from; row < to;) {
    const std::size_t rows = std::min({rows_at_once(cols), to - row, share - row % share});
    work(row, rows, row * cols, rows * cols);
    row += rows;
  }
}

constexpr std::size_t kAllRows = ~std::size_t{0};

/// The factors of runs of rows.
class RunFactors {
 public:
  /// Prepares the factors of a run. `whole`: do the factors of this or of the other operand differ by column?
  RunFactors(const PerAxis& axis, std::size_t cols, bool whole)
      : axis_(axis), whole_(whole), repeats_(16 % cols == 0), row_(rows_at_once(cols) * cols) {
    if (axis.values.empty()) return;
    if (axis.axis != PerAxis::Axis::kColumn) row_.fill(axis.values[0], whole);
    for (std::size_t i = 0; axis.axis == PerAxis::Axis::kColumn && i < row_.size(); ++i) {
      row_.set(i, axis.values[i % cols]);
    }
  }
  /// Rows that one run may hold.
  std::size_t share() const { return axis_.axis == PerAxis::Axis::kRows ? axis_.rows : kAllRows; }
  Factors of(std::size_t row) {
    if (axis_.axis == PerAxis::Axis::kRows && row / axis_.rows != block_) {
      block_ = row / axis_.rows;
      row_.fill(axis_.values[block_], whole_);
    }
    Factors factors = row_.factors();
    factors.repeats = repeats_;
    return factors;
  }

 private:
  const PerAxis& axis_;
  bool whole_;
  bool repeats_;
  FactorRow row_;
  std::size_t block_ = 0;
};

/// The second operand of runs of rows.
class RunOperand {
 public:
  RunOperand(const AffineOperand& operand, std::size_t cols)
      : operand_(operand), cols_(cols), copy_(rows_at_once(cols) * cols) {}
  const std::int32_t* of(std::size_t row, std::size_t rows) {
    if (operand_.data == nullptr) return nullptr;
    if (operand_.share == 1 && operand_.period == 0) return operand_.data + row * operand_.cols;
    for (std::size_t i = 0; i < rows; ++i) {
      std::int32_t* to = copy_.data() + i * cols_;
      if (operand_.share == 1) {
        std::copy_n(operand_.data + (row + i) % operand_.period * operand_.cols, cols_, to);
      } else {
        for (std::size_t col = 0; col < cols_; ++col) to[col] = operand_.at(row + i, col);
      }
    }
    return copy_.data();
  }

 private:
  const AffineOperand& operand_;
  std::size_t cols_;
  std::vector<std::int32_t> copy_;
};

std::uint64_t total_of(const std::vector<std::uint64_t>& parts) {
  return std::accumulate(parts.begin(), parts.end(), std::uint64_t{0});
}

RowStatistics total_of(const std::vector<RowStatistics>& parts) {
  RowStatistics total;
  for (const RowStatistics& part : parts) {
    total.max = std::max(total.max, part.max);
    total.saturated += part.saturated;
  }
  return total;
}

}  // namespace

/// Calls work(part, first row, end) for contiguous parts of the rows, one part a thread.
template <class Work>
void TensorOps::over_rows(std::size_t rows, std::size_t cols, const Work& work) const {
  const std::size_t worth = 1 + rows * cols / kElementsWorthAThread;
  const auto parts = static_cast<int>(std::min({static_cast<std::size_t>(threads_), rows, worth}));
  if (parts <= 1) {
    work(std::size_t{0}, std::size_t{0}, rows);
    return;
  }
#pragma omp parallel for num_threads(parts) schedule(static)
  for (int part = 0; part < parts; ++part) {
    const auto p = static_cast<std::size_t>(part);
    const auto n = static_cast<std::size_t>(parts);
    work(p, rows * p / n, rows * (p + 1) / n);
  }
}

RowStatistics TensorOps::affine(const std::int32_t* u, const PerAxis& a, const AffineOperand& v, const PerAxis& b,
                                std::span<const std::int32_t> c, std::size_t rows, std::size_t cols, bool relu,
                                std::int32_t* out) const {
  std::vector<std::int64_t> constants(rows_at_once(cols) * cols, 32768);
  for (std::size_t i = 0; !c.empty() && i < constants.size(); ++i) {
    constants[i] += std::int64_t{c[i % cols % c.size()]} * 65536;
  }
  const bool whole = a.axis == PerAxis::Axis::kColumn || (v.data != nullptr && b.axis == PerAxis::Axis::kColumn);
  std::vector<RowStatistics> statistics(static_cast<std::size_t>(threads_));
  over_rows(rows, cols, [&](std::size_t part, std::size_t from, std::size_t to) {
    RunFactors by_a(a, cols, whole), by_b(b, cols, whole);
    RunOperand operand(v, cols);
    in_runs(from, to, cols, std::min(by_a.share(), by_b.share()),
            [&](std::size_t row, std::size_t some, std::size_t at, std::size_t count) {
              kernels_.affine_row(u + at, by_a.of(row), operand.of(row, some), by_b.of(row), constants.data(), count,
                                  relu, out + at, statistics[part]);
            });
  });
  return total_of(statistics);
}

TensorSums TensorOps::sums(const std::int32_t* u, int shift, std::size_t rows, std::size_t cols) const {
  return product_sums(u, shift, u, shift, rows, cols);
}

TensorSums TensorOps::product_sums(const std::int32_t* e, int e_shift, const std::int32_t* t, int t_shift,
                                   std::size_t rows, std::size_t cols) const {
  // Rows of narrow tensors stand side by side, 16 columns at least.
  const std::size_t fold = std::max<std::size_t>(1, 16 / cols);
  const std::size_t run = fold * cols;
  const TensorSums zero{std::vector<std::int64_t>(run), std::vector<std::int64_t>(run)};
  std::vector<TensorSums> parts(static_cast<std::size_t>(threads_), zero);
  over_rows(rows, cols, [&](std::size_t part, std::size_t from, std::size_t to) {
    TensorSums& mine = parts[part];
    const auto add = [&](std::size_t row, std::size_t count, std::size_t width) {
      kernels_.column_sums(e + row * cols, e_shift, t + row * cols, t_shift, count, width, mine.first.data(),
                           mine.second.data());
    };
    const std::size_t folded = (to - from) / fold;
    add(from, folded, run);
    add(from + folded * fold, (to - from) % fold, cols);
  });
  TensorSums total{std::vector<std::int64_t>(cols), std::vector<std::int64_t>(cols)};
  for (const TensorSums& part : parts) {
    for (std::size_t i = 0; i < run; ++i) {
      total.first[i % cols] += part.first[i];
      total.second[i % cols] += part.second[i];
    }
  }
  return total;
}

MagnitudeSums TensorOps::magnitude_sums(const std::int32_t* u, int shift, std::size_t count) const {
  std::vector<MagnitudeSums> parts(static_cast<std::size_t>(threads_));
  over_rows(count, 1, [&](std::size_t part, std::size_t from, std::size_t to) {
    kernels_.magnitude_sums(u + from, shift, to - from, &parts[part].absolute, &parts[part].square);
  });
  MagnitudeSums total;
  for (const MagnitudeSums& part : parts) {
    total.absolute += part.absolute;
    total.square += part.square;
  }
  return total;
}

void TensorOps::sign(const std::int32_t* u, std::size_t count, std::int32_t window, std::int8_t* codes,
                     std::uint8_t* mask) const {
  over_rows(count, 1, [&](std::size_t, std::size_t from, std::size_t to) {
    kernels_.sign_row(u + from, to - from, window, codes + from, mask == nullptr ? nullptr : mask + from);
  });
}

void TensorOps::clip(const std::int32_t* u, std::size_t count, Real ratio, int lowest, int levels, std::int32_t window,
                     std::int8_t* codes, std::uint8_t* mask) const {
  const std::optional<Scale> scale = factor(ratio);
  const Scale by = scale.value_or(kOne);
  const RequantizeRule rule{by.m, by.s, static_cast<int>(Rounding::kHalfUp), levels};
  over_rows(count, 1, [&](std::size_t, std::size_t from, std::size_t to) {
    if (scale) {
      kernels_.requantize_row(u + from, to - from, rule, nullptr, codes + from);
    } else {
      std::fill(codes + from, codes + to, std::int8_t{0});
    }
    const auto least = static_cast<std::int8_t>(lowest);
    for (std::size_t i = from; i < to; ++i) codes[i] = std::max(codes[i], least);
    if (mask != nullptr) kernels_.range_row(u + from, to - from, lowest == 0 ? 1 : -window, window, mask + from);
  });
}

std::uint64_t TensorOps::quantize_unsigned(const std::int32_t* u, std::size_t rows, std::size_t cols, Scale ratio,
                                           Rounding rounding, const Stream& stream, int limit,
                                           std::int8_t* codes) const {
  std::vector<std::uint64_t> saturated(static_cast<std::size_t>(threads_));
  const RequantizeRule rule{ratio.m, ratio.s, static_cast<int>(rounding), limit};
  const bool stochastic = rounding == Rounding::kStochastic;
  over_rows(rows, cols, [&](std::size_t part, std::size_t from, std::size_t to) {
    RandomRows random(kernels_, cols, 8);
    in_runs(from, to, cols, kAllRows, [&](std::size_t row, std::size_t some, std::size_t at, std::size_t count) {
      const std::uint8_t* words = stochastic ? random.draw<std::uint8_t>(stream, row, some) : nullptr;
      std::int32_t lo = 0, hi = 0;
      kernels_.extremes_row(u + at, count, &lo, &hi);
      if (lo == 0) {  // nothing is below 0, and so no code is
        saturated[part] += kernels_.requantize_row(u + at, count, rule, words, codes + at);
        return;
      }
      for (std::size_t i = 0; i < count; ++i) {
        const std::int64_t code = requantize(u[at + i], ratio, rounding, stochastic ? words[i] : 0);
        const std::int64_t clamped = std::clamp<std::int64_t>(code, 0, limit);
        saturated[part] += clamped != code ? 1 : 0;
        codes[at + i] = static_cast<std::int8_t>(clamped);
      }
    });
  });
  return total_of(saturated);
}

std::uint64_t TensorOps::niti(const std::int32_t* u, std::size_t count, int shift, int bits, std::int8_t* codes) const {
  std::vector<std::uint64_t> saturated(static_cast<std::size_t>(threads_));
  over_rows(count, 1, [&](std::size_t part, std::size_t from, std::size_t to) {
    saturated[part] = kernels_.niti_row(u + from, to - from, shift, qmax(bits), codes + from);
  });
  return total_of(saturated);
}

std::uint64_t TensorOps::log(const std::int32_t* g, std::size_t rows, std::size_t cols, std::uint32_t top, int binades,
                             Rounding rounding, const Stream& stream, std::int8_t* values) const {
  std::vector<std::uint64_t> saturated(static_cast<std::size_t>(threads_));
  const bool stochastic = rounding == Rounding::kStochastic;
  const LogRule rule = log_rule(top, binades);
  over_rows(rows, cols, [&](std::size_t part, std::size_t from, std::size_t to) {
    RandomRows random(kernels_, cols, 8);
    in_runs(from, to, cols, kAllRows, [&](std::size_t row, std::size_t some, std::size_t at, std::size_t count) {
      const std::uint8_t* words = stochastic ? random.draw<std::uint8_t>(stream, row, some) : nullptr;
      saturated[part] += kernels_.log_row(g + at, count, rule, words, values + at);
    });
  });
  return total_of(saturated);
}

std::vector<Extremes> TensorOps::extremes(const std::int32_t* g, std::size_t rows, std::size_t cols,
                                          std::size_t rows_of_group) const {
  const Extremes none{std::numeric_limits<std::int32_t>::max(), std::numeric_limits<std::int32_t>::min()};
  if (rows_of_group != 0) {
    std::vector<Extremes> result(rows / rows_of_group, none);
    over_rows(result.size(), rows_of_group * cols, [&](std::size_t, std::size_t from, std::size_t to) {
      const std::size_t share = rows_of_group * cols;
      for (std::size_t i = from; i < to; ++i) {
        kernels_.extremes_row(g + i * share, share, &result[i].lo, &result[i].hi);
      }
    });
    return result;
  }
  std::vector<std::int32_t> lo(rows_at_once(cols) * cols, none.lo), hi(lo.size(), none.hi);
  in_runs(0, rows, cols, kAllRows, [&](std::size_t, std::size_t, std::size_t at, std::size_t count) {
    kernels_.extremes_columns(g + at, 1, count, lo.data(), hi.data());
  });
  std::vector<Extremes> result(cols, none);
  for (std::size_t i = 0; i < lo.size(); ++i) {
    Extremes& of = result[i % cols];
    of = {std::min(of.lo, lo[i]), std::max(of.hi, hi[i])};
  }
  return result;
}

void TensorOps::group(const std::int32_t* g, std::size_t rows, std::size_t cols, std::size_t rows_of_group,
                      const std::vector<Extremes>& of, const std::vector<Real>& ratios, int bits, const Stream& stream,
                      std::int8_t* codes) const {
  over_rows(rows, cols, [&](std::size_t, std::size_t from, std::size_t to) {
    RandomRows random(kernels_, cols, 8);
    GroupRow rule(rows_at_once(cols) * cols);
    for (std::size_t i = 0; rows_of_group == 0 && i < rule.size(); ++i) rule.set(i, of[i % cols].lo, ratios[i % cols]);
    std::size_t filled = ratios.size();
    const auto work = [&](std::size_t row, std::size_t some, std::size_t at, std::size_t count) {
      const std::size_t group = rows_of_group == 0 ? filled : row / rows_of_group;
      if (group != filled) rule.fill(of[group].lo, ratios[group]);
      filled = group;
      kernels_.group_row(g + at, count, rule.rule(), (1 << bits) - 1, random.draw<std::uint8_t>(stream, row, some),
                         codes + at);
    };
    in_runs(from, to, cols, rows_of_group == 0 ? kAllRows : rows_of_group, work);
  });
}

RowStatistics TensorOps::narrow(std::int32_t* x, std::size_t count, int shift, bool relu) const {
  std::vector<RowStatistics> statistics(static_cast<std::size_t>(threads_));
  over_rows(count, 1, [&](std::size_t part, std::size_t from, std::size_t to) {
    kernels_.narrow_row(x + from, to - from, shift, relu, statistics[part]);
  });
  return total_of(statistics);
}

std::int32_t TensorOps::apply_mask(std::int32_t* g, const std::uint8_t* mask, std::size_t count) const {
  std::vector<std::int32_t> max(static_cast<std::size_t>(threads_));
  over_rows(count, 1, [&](std::size_t part, std::size_t from, std::size_t to) {
    max[part] = kernels_.select_row(g + from, mask + from, to - from);
  });
  return *std::max_element(max.begin(), max.end());
}

std::int32_t TensorOps::max_of(const std::int32_t* x, std::size_t count) const { return kernels_.max_row(x, count); }

std::uint64_t TensorOps::niti_update(std::int8_t* q, const std::int32_t* dw, std::size_t count, int shift,
                                     int bits) const {
  std::uint64_t saturated = 0;
  for (std::size_t i = 0; i < count; ++i) q[i] = bitloom::niti_update(q[i], dw[i], shift, bits, saturated);
  return saturated;
}

}  // namespace bitloom
