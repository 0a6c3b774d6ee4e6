#include "model/rows/tensor_ops.hpp"

#include <gtest/gtest.h>

#include <random>

#include "model/numerics/affine.hpp"
#include "model/numerics/clip_code.hpp"
#include "model/numerics/log_code.hpp"
#include "model/numerics/niti.hpp"
#include "model/numerics/statistics.hpp"
#include "testbench/model/golden/cases.hpp"

// Whole-tensor operations against the element functions, one element after the other: rows of all widths, factors and
// groups along every axis, ends of runs and of threads' parts. ctest runs this program once for each instruction set.

namespace bitloom::testing {
namespace {

class TensorOpsTest : public ::testing::TestWithParam<int> {
 protected:
  void SetUp() override {
    // An instruction set that this machine lacks cannot be tested on it.
    if (const std::string reason = missing_isa(); !reason.empty()) GTEST_SKIP() << reason;
    rows_ = 1;
  }
  int below(int end) { return static_cast<int>(random() % static_cast<unsigned>(end)); }

  /// Draws a new shape: narrow and long, wide and short; rows are a multiple of `block`.
  void shape() {
    constexpr std::size_t kCols[] = {1, 3, 8, 10, 16, 37, 84, 120, 512, 1500};
    cols_ = kCols[below(10)];
    block_ = static_cast<std::size_t>(1 + below(200));
    rows_ = block_ * static_cast<std::size_t>(1 + below(cols_ > 100 ? 2 : 9));
  }
  std::size_t count() const { return rows_ * cols_; }

  std::vector<std::int32_t> values(std::size_t of, std::int32_t limit = 2147483647) {
    std::vector<std::int32_t> result(of);
    for (std::int32_t& v : result) {
      v = static_cast<std::int32_t>(std::min<std::uint64_t>((random() & 0x7fffffff) >> below(31), limit));
      if (below(2) != 0) v = -v;
    }
    return result;
  }
  std::vector<Real> reals(std::size_t of, int least) {
    std::vector<Real> result(of);
    for (Real& r : result) {
      if (below(9) != 0)
        r = make_real(below(2) != 0, static_cast<std::uint32_t>(32768 + below(32768)), least + below(20));
    }
    return result;
  }
  Stream stream() { return make_stream(random(), 9, tensor_id(2, TensorKind::kGradient), RandomUse::kQuantize); }

  std::mt19937_64 random{31};
  std::size_t rows_ = 1, cols_ = 1, block_ = 1;
};

TEST_P(TensorOpsTest, AffineAlongEveryAxis) {
  const TensorOps ops(GetParam());
  for (int i = 0; i < 40; ++i) {
    shape();
    const auto axis = static_cast<PerAxis::Axis>(below(3));
    const auto size = [&](PerAxis::Axis of) {
      return of == PerAxis::Axis::kTensor ? 1 : of == PerAxis::Axis::kColumn ? cols_ : rows_ / block_;
    };
    const auto other = static_cast<PerAxis::Axis>(below(3));
    const std::vector<Real> of_a = reals(size(axis), 14), of_b = reals(size(other), 17);
    const PerAxis a{of_a, axis, block_}, b{of_b, other, block_};
    const std::vector<std::int32_t> u = values(count()), w = values(count());
    AffineOperand v;
    switch (below(4)) {
      case 0:
        v = {w.data(), 0, cols_, 1};
        break;
      case 1:
        v = {w.data(), block_, cols_, 1};
        break;
      case 2:
        v = {w.data(), 0, (cols_ + 2) / 3, 3};
        break;
      default:
        break;
    }
    const std::vector<std::int32_t> c = values(below(3) == 0 ? 0 : below(2) != 0 ? 1 : cols_);
    const bool relu = below(2) != 0;
    std::vector<std::int32_t> out(count());
    const RowStatistics statistics = ops.affine(u.data(), a, v, b, c, rows_, cols_, relu, out.data());
    std::uint64_t saturated = 0;
    std::int32_t max = 0;
    for (std::size_t row = 0; row < rows_; ++row) {
      for (std::size_t col = 0; col < cols_; ++col) {
        const std::int32_t constant = c.empty() ? 0 : c[c.size() == 1 ? 0 : col];
        const Real by_v = v.data == nullptr ? Real{} : b.at(row, col);
        std::int32_t want = affine(u[row * cols_ + col], a.at(row, col), v.at(row, col), by_v, constant, saturated);
        if (relu) want = std::max(want, 0);
        max = std::max(max, std::abs(want));
        ASSERT_EQ(out[row * cols_ + col], want) << row << "," << col << " of " << rows_ << "," << cols_;
      }
    }
    ASSERT_EQ(statistics.max, max);
    ASSERT_EQ(statistics.saturated, saturated);
  }
}

TEST_P(TensorOpsTest, Sums) {
  const TensorOps ops(GetParam());
  for (int i = 0; i < 40; ++i) {
    shape();
    const std::vector<std::int32_t> e = values(count(), 1 << 20), t = values(count());
    const int e_shift = statistics_shift(1 << 20), t_shift = statistics_shift(2147483647);
    const TensorSums sums = ops.product_sums(e.data(), e_shift, t.data(), t_shift, rows_, cols_);
    const TensorSums squares = ops.sums(t.data(), t_shift, rows_, cols_);
    const MagnitudeSums magnitudes = ops.magnitude_sums(t.data(), t_shift, count());
    TensorSums want{std::vector<std::int64_t>(cols_), std::vector<std::int64_t>(cols_)}, want_squares = want;
    MagnitudeSums want_magnitudes;
    for (std::size_t k = 0; k < count(); ++k) {
      const std::int64_t x = shifted(e[k], e_shift), y = shifted(t[k], t_shift);
      want.first[k % cols_] += x;
      want.second[k % cols_] += x * y;
      want_squares.first[k % cols_] += y;
      want_squares.second[k % cols_] += y * y;
      want_magnitudes.absolute += std::abs(y);
      want_magnitudes.square += y * y;
    }
    ASSERT_EQ(sums.first, want.first);
    ASSERT_EQ(sums.second, want.second);
    ASSERT_EQ(squares.first, want_squares.first);
    ASSERT_EQ(squares.second, want_squares.second);
    ASSERT_EQ(magnitudes.absolute, want_magnitudes.absolute);
    ASSERT_EQ(magnitudes.square, want_magnitudes.square);
  }
}

TEST_P(TensorOpsTest, LogCodes) {
  const TensorOps ops(GetParam());
  for (int i = 0; i < 40; ++i) {
    shape();
    const std::vector<std::int32_t> g = values(count());
    const std::uint32_t top = log_top(static_cast<std::uint32_t>(1 + (random() & 0x7fffffff) / 2), below(2) != 0);
    const Rounding rounding = below(3) == 0 ? Rounding::kHalfUp : Rounding::kStochastic;
    const Stream random_words = stream();
    std::vector<std::int8_t> codes(count());
    const std::uint64_t saturated = ops.log(g.data(), rows_, cols_, top, 6, rounding, random_words, codes.data());
    std::uint64_t want_saturated = 0;
    for (std::size_t k = 0; k < count(); ++k) {
      const std::uint32_t u =
          random_words.draw(static_cast<std::uint32_t>(k / cols_), static_cast<std::uint32_t>(k % cols_), 8);
      ASSERT_EQ(codes[k], log_value(log_encode(g[k], top, 6, u, 8, rounding, want_saturated)));
    }
    ASSERT_EQ(saturated, want_saturated);
  }
}

TEST_P(TensorOpsTest, GroupCodes) {
  const TensorOps ops(GetParam());
  for (int i = 0; i < 40; ++i) {
    shape();
    const std::vector<std::int32_t> g = values(count());
    const std::size_t groups_of[] = {0, block_, rows_};
    const std::size_t rows_of_group = groups_of[below(3)];
    const int bits = 1 + below(7);
    const Stream random_words = stream();
    const std::vector<Extremes> extremes = ops.extremes(g.data(), rows_, cols_, rows_of_group);
    const auto group_of = [&](std::size_t k) { return rows_of_group == 0 ? k % cols_ : k / cols_ / rows_of_group; };
    std::vector<Extremes> want(extremes.size(), {2147483647, -2147483647});
    for (std::size_t k = 0; k < count(); ++k) {
      Extremes& of = want[group_of(k)];
      of = {std::min(of.lo, g[k]), std::max(of.hi, g[k])};
    }
    std::vector<Real> ratios;
    for (std::size_t k = 0; k < want.size(); ++k) {
      ASSERT_EQ(extremes[k].lo, want[k].lo);
      ASSERT_EQ(extremes[k].hi, want[k].hi);
      ratios.push_back(group_ratio(group_range(want[k].lo, want[k].hi), bits));
    }
    std::vector<std::int8_t> codes(count());
    ops.group(g.data(), rows_, cols_, rows_of_group, extremes, ratios, bits, random_words, codes.data());
    for (std::size_t k = 0; k < count(); ++k) {
      const std::uint32_t u =
          random_words.draw(static_cast<std::uint32_t>(k / cols_), static_cast<std::uint32_t>(k % cols_), 8);
      ASSERT_EQ(codes[k], group_encode(g[k], want[group_of(k)].lo, ratios[group_of(k)], bits, u));
    }
  }
}

TEST_P(TensorOpsTest, CodesWithoutRows) {
  const TensorOps ops(GetParam());
  for (int i = 0; i < 100; ++i) {
    const std::size_t n = static_cast<std::size_t>(1 + below(10000));
    const std::vector<std::int32_t> x = values(n);
    std::vector<std::int8_t> codes(n);
    std::vector<std::uint8_t> mask(n);
    const std::int32_t window = 1 + (below(2) != 0 ? below(100) : below(2000000000));
    ops.sign(x.data(), n, window, codes.data(), mask.data());
    for (std::size_t k = 0; k < n; ++k) {
      ASSERT_EQ(codes[k], sign_code(x[k]));
      ASSERT_EQ(mask[k], in_sign_window(x[k], window) ? 1 : 0);
    }
    const int levels = 1 + below(60), lowest = below(2) != 0 ? 0 : -levels;
    const Real ratio = reals(1, 20)[0];
    const Real positive = rabs(ratio);
    ops.clip(x.data(), n, positive, lowest, levels, window, codes.data(), mask.data());
    for (std::size_t k = 0; k < n; ++k) {
      ASSERT_EQ(codes[k], clip_code(x[k], positive, lowest, levels));
      ASSERT_EQ(mask[k], in_clip_window(x[k], window, lowest == 0) ? 1 : 0);
    }
    std::vector<std::int32_t> masked = x;
    const std::int32_t max = ops.apply_mask(masked.data(), mask.data(), n);
    std::int32_t want_max = 0;
    for (std::size_t k = 0; k < n; ++k) {
      ASSERT_EQ(masked[k], mask[k] != 0 ? x[k] : 0);
      want_max = std::max(want_max, std::abs(masked[k]));
    }
    ASSERT_EQ(max, want_max);
    std::uint64_t want_saturated = 0;
    const int shift = below(31);
    std::uint64_t saturated = ops.niti(x.data(), n, shift, 8, codes.data());
    for (std::size_t k = 0; k < n; ++k) ASSERT_EQ(codes[k], niti_code(x[k], shift, 8, want_saturated));
    ASSERT_EQ(saturated, want_saturated);
  }
}

TEST_P(TensorOpsTest, UnsignedCodes) {
  const TensorOps ops(GetParam());
  for (int i = 0; i < 200; ++i) {
    const std::size_t rows = static_cast<std::size_t>(1 + below(100)), cols = static_cast<std::size_t>(1 + below(100));
    std::vector<std::int32_t> x = values(rows * cols);
    if (below(2) != 0) {
      for (std::int32_t& v : x) v = std::abs(v);
    }
    const Scale ratio{static_cast<std::uint16_t>(32768 + below(32768)), static_cast<std::uint8_t>(15 + below(40))};
    const auto rounding = static_cast<Rounding>(i % 4);
    const Stream stream = make_stream(7, static_cast<std::uint32_t>(i), 33, RandomUse::kQuantize, 0);
    std::vector<std::int8_t> codes(x.size());
    const std::uint64_t saturated =
        ops.quantize_unsigned(x.data(), rows, cols, ratio, rounding, stream, 15, codes.data());
    std::uint64_t want_saturated = 0;
    for (std::size_t k = 0; k < x.size(); ++k) {
      const std::uint32_t u =
          stream.draw(static_cast<std::uint32_t>(k / cols), static_cast<std::uint32_t>(k % cols), 8);
      const std::int64_t code = requantize(x[k], ratio, rounding, u);
      const std::int64_t want = code < 0 ? 0 : code > 15 ? 15 : code;
      want_saturated += want != code ? 1 : 0;
      ASSERT_EQ(codes[k], want);
    }
    ASSERT_EQ(saturated, want_saturated);
  }
}

INSTANTIATE_TEST_SUITE_P(Threads, TensorOpsTest, ::testing::Values(1, 2));

}  // namespace
}  // namespace bitloom::testing
