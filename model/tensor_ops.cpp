#include "model/tensor_ops.hpp"

#include <limits>

#include "model/affine.hpp"
#include "model/clip_code.hpp"
#include "model/log_code.hpp"
#include "model/niti.hpp"
#include "model/row_random.hpp"
#include "model/statistics.hpp"

namespace bitloom {
namespace {

constexpr std::size_t kElementsWorthAThread = 4096;

std::int32_t magnitude(std::int32_t x) { return x < 0 ? -x : x; }

/// A multiplication of N12 with everything that does not depend on the integer done once.
class RealProduct {
 public:
  explicit RealProduct(Real a) : scale_(factor(a)), negative_(a.negative()) {}
  std::int64_t operator()(std::int64_t x) const {
    if (!scale_) return 0;
    const std::int64_t product = fixed16(x, *scale_);
    return negative_ ? -product : product;
  }

 private:
  std::optional<Scale> scale_;
  bool negative_;
};

/// The products of each column of a row.
std::vector<RealProduct> products(const PerAxis& of, std::size_t row, std::size_t cols) {
  std::vector<RealProduct> result;
  result.reserve(cols);
  for (std::size_t c = 0; c < cols; ++c) result.emplace_back(of.at(row, c));
  return result;
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
  std::vector<RowStatistics> statistics(static_cast<std::size_t>(threads_));
  over_rows(rows, cols, [&](std::size_t part, std::size_t from, std::size_t to) {
    RowStatistics& mine = statistics[part];
    std::vector<RealProduct> by_a, by_b;
    for (std::size_t row = from; row < to; ++row) {
      const auto changes = [&](const PerAxis& axis) {
        return row == from || (axis.axis == PerAxis::Axis::kRows && row % axis.rows == 0);
      };
      if (changes(a)) by_a = products(a, row, cols);
      if (v.data != nullptr && changes(b)) by_b = products(b, row, cols);
      for (std::size_t col = 0; col < cols; ++col) {
        std::int64_t sum = by_a[col](u[row * cols + col]);
        if (v.data != nullptr) sum += by_b[col](v.at(row, col));
        if (!c.empty()) sum += std::int64_t{c.size() == 1 ? c[0] : c[col]} * 65536;
        auto value = static_cast<std::int32_t>(saturate((sum + 32768) >> 16, kRawLimit, mine.saturated));
        if (relu && value < 0) value = 0;
        mine.max = std::max(mine.max, magnitude(value));
        out[row * cols + col] = value;
      }
    }
  });
  RowStatistics total;
  for (const RowStatistics& part : statistics) {
    total.max = std::max(total.max, part.max);
    total.saturated += part.saturated;
  }
  return total;
}

TensorSums TensorOps::sums(const std::int32_t* u, int shift, std::size_t rows, std::size_t cols) const {
  return product_sums(u, shift, u, shift, rows, cols);
}

TensorSums TensorOps::product_sums(const std::int32_t* e, int e_shift, const std::int32_t* t, int t_shift,
                                   std::size_t rows, std::size_t cols) const {
  const TensorSums zero{std::vector<std::int64_t>(cols), std::vector<std::int64_t>(cols)};
  std::vector<TensorSums> parts(static_cast<std::size_t>(threads_), zero);
  over_rows(rows, cols, [&](std::size_t part, std::size_t from, std::size_t to) {
    TensorSums& mine = parts[part];
    for (std::size_t row = from; row < to; ++row) {
      for (std::size_t col = 0; col < cols; ++col) {
        const std::int64_t value = shifted(e[row * cols + col], e_shift);
        mine.first[col] += value;
        mine.second[col] += value * shifted(t[row * cols + col], t_shift);
      }
    }
  });
  TensorSums total = zero;
  for (const TensorSums& part : parts) {
    for (std::size_t col = 0; col < cols; ++col) {
      total.first[col] += part.first[col];
      total.second[col] += part.second[col];
    }
  }
  return total;
}

MagnitudeSums TensorOps::magnitude_sums(const std::int32_t* u, int shift, std::size_t count) const {
  std::vector<MagnitudeSums> parts(static_cast<std::size_t>(threads_));
  over_rows(count, 1, [&](std::size_t part, std::size_t from, std::size_t to) {
    MagnitudeSums mine;
    for (std::size_t i = from; i < to; ++i) {
      const std::int64_t t = shifted(u[i], shift);
      mine.absolute += t < 0 ? -t : t;
      mine.square += t * t;
    }
    parts[part] = mine;
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
    for (std::size_t i = from; i < to; ++i) {
      codes[i] = sign_code(u[i]);
      if (mask != nullptr) mask[i] = in_sign_window(u[i], window) ? 1 : 0;
    }
  });
}

void TensorOps::clip(const std::int32_t* u, std::size_t count, Real ratio, int lowest, int levels, std::int32_t window,
                     std::int8_t* codes, std::uint8_t* mask) const {
  over_rows(count, 1, [&](std::size_t, std::size_t from, std::size_t to) {
    for (std::size_t i = from; i < to; ++i) {
      codes[i] = clip_code(u[i], ratio, lowest, levels);
      if (mask != nullptr) mask[i] = in_clip_window(u[i], window, lowest == 0) ? 1 : 0;
    }
  });
}

std::uint64_t TensorOps::quantize_unsigned(const std::int32_t* u, std::size_t count, Scale ratio, Rounding rounding,
                                           int limit, std::int8_t* codes) const {
  std::vector<std::uint64_t> saturated(static_cast<std::size_t>(threads_));
  over_rows(count, 1, [&](std::size_t part, std::size_t from, std::size_t to) {
    std::uint64_t mine = 0;
    for (std::size_t i = from; i < to; ++i) {
      const std::int64_t code = requantize(u[i], ratio, rounding);
      const std::int64_t clamped = std::clamp<std::int64_t>(code, 0, limit);
      mine += clamped != code ? 1 : 0;
      codes[i] = static_cast<std::int8_t>(clamped);
    }
    saturated[part] = mine;
  });
  std::uint64_t total = 0;
  for (const std::uint64_t part : saturated) total += part;
  return total;
}

std::uint64_t TensorOps::niti(const std::int32_t* u, std::size_t count, int shift, int bits, std::int8_t* codes) const {
  std::vector<std::uint64_t> saturated(static_cast<std::size_t>(threads_));
  over_rows(count, 1, [&](std::size_t part, std::size_t from, std::size_t to) {
    std::uint64_t mine = 0;
    for (std::size_t i = from; i < to; ++i) codes[i] = niti_code(u[i], shift, bits, mine);
    saturated[part] = mine;
  });
  std::uint64_t total = 0;
  for (const std::uint64_t part : saturated) total += part;
  return total;
}

std::uint64_t TensorOps::log(const std::int32_t* g, std::size_t rows, std::size_t cols, std::uint32_t top, int binades,
                             Rounding rounding, const Stream& stream, std::int8_t* values) const {
  std::vector<std::uint64_t> saturated(static_cast<std::size_t>(threads_));
  const bool stochastic = rounding == Rounding::kStochastic;
  over_rows(rows, cols, [&](std::size_t part, std::size_t from, std::size_t to) {
    RandomRow random(kernels_, stochastic ? cols : 0, 8);
    std::uint64_t mine = 0;
    for (std::size_t row = from; row < to; ++row) {
      const std::uint8_t* words = stochastic ? random.draw<std::uint8_t>(stream, row) : nullptr;
      for (std::size_t col = 0; col < cols; ++col) {
        const std::uint32_t u = stochastic ? words[col] : 0U;
        const std::uint8_t code = log_encode(g[row * cols + col], top, binades, u, 8, rounding, mine);
        values[row * cols + col] = static_cast<std::int8_t>(log_value(code));
      }
    }
    saturated[part] = mine;
  });
  std::uint64_t total = 0;
  for (const std::uint64_t part : saturated) total += part;
  return total;
}

std::vector<Extremes> TensorOps::extremes(const std::int32_t* g, std::size_t rows, std::size_t cols,
                                          std::size_t rows_of_group) const {
  const Extremes none{std::numeric_limits<std::int32_t>::max(), std::numeric_limits<std::int32_t>::min()};
  std::vector<Extremes> result(rows_of_group == 0 ? cols : rows / rows_of_group, none);
  for (std::size_t row = 0; row < rows; ++row) {
    for (std::size_t col = 0; col < cols; ++col) {
      Extremes& of = result[rows_of_group == 0 ? col : row / rows_of_group];
      of.lo = std::min(of.lo, g[row * cols + col]);
      of.hi = std::max(of.hi, g[row * cols + col]);
    }
  }
  return result;
}

void TensorOps::group(const std::int32_t* g, std::size_t rows, std::size_t cols, std::size_t rows_of_group,
                      const std::vector<Extremes>& of, const std::vector<Real>& ratios, int bits, const Stream& stream,
                      std::int8_t* codes) const {
  over_rows(rows, cols, [&](std::size_t, std::size_t from, std::size_t to) {
    RandomRow random(kernels_, cols, 8);
    for (std::size_t row = from; row < to; ++row) {
      const std::uint8_t* words = random.draw<std::uint8_t>(stream, row);
      for (std::size_t col = 0; col < cols; ++col) {
        const std::size_t i = rows_of_group == 0 ? col : row / rows_of_group;
        codes[row * cols + col] =
            static_cast<std::int8_t>(group_encode(g[row * cols + col], of[i].lo, ratios[i], bits, words[col]));
      }
    }
  });
}

std::int32_t TensorOps::apply_mask(std::int32_t* g, const std::uint8_t* mask, std::size_t count) const {
  for (std::size_t i = 0; i < count; ++i) g[i] = mask[i] != 0 ? g[i] : 0;
  return kernels_.max_row(g, count);
}

std::int32_t TensorOps::max_of(const std::int32_t* x, std::size_t count) const { return kernels_.max_row(x, count); }

std::uint64_t TensorOps::niti_update(std::int8_t* q, const std::int32_t* dw, std::size_t count, int shift,
                                     int bits) const {
  std::uint64_t saturated = 0;
  for (std::size_t i = 0; i < count; ++i) q[i] = bitloom::niti_update(q[i], dw[i], shift, bits, saturated);
  return saturated;
}

}  // namespace bitloom
