#include <gtest/gtest.h>

#include <random>

#include "model/numerics/affine.hpp"
#include "model/numerics/clip_code.hpp"
#include "model/numerics/group_code.hpp"
#include "model/numerics/log_code.hpp"
#include "model/numerics/niti.hpp"
#include "model/numerics/polyline.hpp"
#include "model/numerics/random.hpp"
#include "model/numerics/statistics.hpp"
#include "model/rows/isa.hpp"
#include "model/rows/kernels.hpp"
#include "model/rows/row_factors.hpp"

// The kernels of normalization, pooling and the methods' codes against the element functions, on every instruction set
// that the machine has, over random operands with many at the boundaries.

namespace bitloom::testing {
namespace {

class TensorKernelTest : public ::testing::TestWithParam<Isa> {
 protected:
  void SetUp() override {
    // An instruction set that this machine lacks cannot be tested on it.
    if (!isa_supported(GetParam())) GTEST_SKIP() << "this machine lacks " << isa_name(GetParam());
  }
  const Kernels& kernel() const { return kernels(GetParam()); }
  int below(int end) { return static_cast<int>(random() % static_cast<unsigned>(end)); }

  /// Draws any magnitude up to `limit`, both signs, often the limit, 0 or a value next to a power of two.
  std::int32_t value(std::int32_t limit = 2147483647) {
    const int kind = below(8);
    std::int64_t v = static_cast<std::int64_t>(random() & 0x7fffffff) >> below(31);
    if (kind == 0) v = limit;
    if (kind == 1) v = 0;
    if (kind == 2) v = (std::int64_t{1} << below(31)) + below(3) - 1;
    v = std::clamp<std::int64_t>(v, 0, limit);
    return static_cast<std::int32_t>(random() % 2 == 0 ? v : -v);
  }
  std::vector<std::int32_t> values(std::size_t count, std::int32_t limit = 2147483647) {
    std::vector<std::int32_t> result(count);
    for (std::int32_t& v : result) v = value(limit);
    return result;
  }
  std::vector<std::uint8_t> words(std::size_t count) {
    std::vector<std::uint8_t> result(count);
    for (std::uint8_t& w : result) w = static_cast<std::uint8_t>(below(4) == 0 ? 255 * below(2) : below(256));
    return result;
  }
  Real real(int least_shift, int most_shift) {
    if (below(12) == 0) return {};
    const auto m = static_cast<std::uint32_t>(below(4) == 0 ? (below(2) != 0 ? 65535 : 32768) : 32768 + below(32768));
    return make_real(below(2) != 0, m, least_shift + below(most_shift - least_shift + 1));
  }
  std::size_t some_count() { return static_cast<std::size_t>(1 + below(90)); }

  std::mt19937_64 random{17};
};

TEST_P(TensorKernelTest, RandomRowsAreTheWordsOfTheStream) {  // N4.3
  const Stream stream = make_stream(random(), 3, tensor_id(1, TensorKind::kGradient), RandomUse::kQuantize);
  for (const std::size_t blocks : {1, 2, 3, 7, 15, 16, 40}) {
    for (const std::size_t rows : {1, 2, 63, 64, 65, 200}) {
      std::vector<std::uint32_t> drawn(2 * rows * blocks + 1, 99);
      kernel().random_rows(stream.key[0], stream.key[1], 4000, rows, blocks, drawn.data());
      for (std::size_t i = 0; i < rows * blocks; ++i) {
        const std::uint64_t want =
            stream.block(static_cast<std::uint32_t>(4000 + i / blocks), static_cast<std::uint32_t>(i % blocks));
        ASSERT_EQ(drawn[2 * i] | std::uint64_t{drawn[2 * i + 1]} << 32, want) << rows << " " << blocks << " " << i;
      }
      ASSERT_EQ(drawn.back(), 99);
    }
  }
}

TEST_P(TensorKernelTest, AffineRow) {  // N12
  for (int i = 0; i < 3000; ++i) {
    const std::size_t count = some_count();
    const int least = i % 3 == 0 ? 17 : i % 3 == 1 ? -3 : 10;  // with and without left shifts, factors beyond scales
    const std::vector<std::int32_t> u = values(count), v = values(count);
    std::vector<std::int32_t> c = values(count);
    FactorRow a(count), b(count);
    std::vector<Real> of_u(count), of_v(count);
    std::vector<std::int64_t> constants(count);
    const bool repeats = i % 4 == 0;  // every 16 elements
    for (std::size_t k = 0; k < count; ++k) {
      of_u[k] = repeats && k >= 16 ? of_u[k - 16] : real(least, i % 5 == 0 ? 70 : 45);
      of_v[k] = repeats && k >= 16 ? of_v[k - 16] : real(least, 45);
      if (repeats && k >= 16) c[k] = c[k - 16];
      a.set(k, of_u[k]);
      b.set(k, of_v[k]);
      constants[k] = std::int64_t{c[k]} * 65536 + 32768;
    }
    Factors by_a = a.factors(), by_b = b.factors();
    by_a.repeats = by_b.repeats = repeats;
    const bool relu = below(2) != 0, second = below(2) != 0;
    std::vector<std::int32_t> out(count);
    RowStatistics statistics;
    kernel().affine_row(u.data(), by_a, second ? v.data() : nullptr, by_b, constants.data(), count, relu, out.data(),
                        statistics);
    std::uint64_t saturated = 0;
    std::int32_t max = 0;
    for (std::size_t k = 0; k < count; ++k) {
      std::int32_t want = affine(u[k], of_u[k], v[k], second ? of_v[k] : Real{}, c[k], saturated);
      if (relu) want = std::max(want, 0);
      max = std::max(max, std::abs(want));
      ASSERT_EQ(out[k], want) << u[k] << " * " << of_u[k].bits << " + " << v[k] << " * " << of_v[k].bits;
    }
    ASSERT_EQ(statistics.max, max);
    ASSERT_EQ(statistics.saturated, saturated);
  }
}

TEST_P(TensorKernelTest, Sums) {  // N13
  for (int i = 0; i < 300; ++i) {
    const std::size_t rows = static_cast<std::size_t>(1 + below(i % 9 == 0 ? 150 : 9)), cols = some_count();
    const std::int32_t e_limit = i % 4 == 0 ? 2147483647 : 1 << below(31),
                       t_limit = i % 4 == 0 ? 32767 : 1 << below(31);
    const std::vector<std::int32_t> e = values(rows * cols, e_limit), t = values(rows * cols, t_limit);
    const int e_shift = statistics_shift(static_cast<std::uint32_t>(e_limit));
    const int t_shift = statistics_shift(static_cast<std::uint32_t>(t_limit));
    std::vector<std::int64_t> first(cols, 5), second(cols, 6), want_first(cols, 5), want_second(cols, 6);
    kernel().column_sums(e.data(), e_shift, t.data(), t_shift, rows, cols, first.data(), second.data());
    std::int64_t absolute = 1, square = 2, want_absolute = 1, want_square = 2;
    kernel().magnitude_sums(e.data(), e_shift, e.size(), &absolute, &square);
    for (std::size_t k = 0; k < e.size(); ++k) {
      const std::int64_t x = shifted(e[k], e_shift), y = shifted(t[k], t_shift);
      want_first[k % cols] += x;
      want_second[k % cols] += x * y;
      want_absolute += std::abs(x);
      want_square += x * x;
    }
    ASSERT_EQ(first, want_first);
    ASSERT_EQ(second, want_second);
    std::vector<std::int64_t> same(cols), squares(cols), want_same(cols), want_squares(cols);
    kernel().column_sums(e.data(), e_shift, e.data(), e_shift, rows, cols, same.data(), squares.data());
    for (std::size_t k = 0; k < e.size(); ++k) {
      const std::int64_t x = shifted(e[k], e_shift);
      want_same[k % cols] += x;
      want_squares[k % cols] += x * x;
    }
    ASSERT_EQ(same, want_same);
    ASSERT_EQ(squares, want_squares);
    ASSERT_EQ(absolute, want_absolute);
    ASSERT_EQ(square, want_square);
  }
}

TEST_P(TensorKernelTest, Extremes) {
  for (int i = 0; i < 200; ++i) {
    const std::size_t rows = static_cast<std::size_t>(1 + below(9)), cols = some_count();
    const std::vector<std::int32_t> x = values(rows * cols);
    std::int32_t lo = x[0], hi = x[0];
    kernel().extremes_row(x.data(), x.size(), &lo, &hi);
    EXPECT_EQ(lo, *std::min_element(x.begin(), x.end()));
    EXPECT_EQ(hi, *std::max_element(x.begin(), x.end()));
    std::vector<std::int32_t> least(x.begin(), x.begin() + static_cast<std::ptrdiff_t>(cols)), most = least;
    kernel().extremes_columns(x.data(), rows, cols, least.data(), most.data());
    for (std::size_t col = 0; col < cols; ++col) {
      for (std::size_t row = 0; row < rows; ++row) {
        ASSERT_LE(least[col], x[row * cols + col]);
        ASSERT_GE(most[col], x[row * cols + col]);
      }
      const auto holds = [&](std::int32_t v) {
        for (std::size_t row = 0; row < rows; ++row) {
          if (x[row * cols + col] == v) return true;
        }
        return false;
      };
      ASSERT_TRUE(holds(least[col]) && holds(most[col]));
    }
  }
}

TEST_P(TensorKernelTest, SignsAndWindows) {  // N22
  for (int i = 0; i < 500; ++i) {
    const std::size_t count = some_count();
    std::vector<std::int32_t> x = values(count, i % 2 == 0 ? 3 : 2147483647);
    const std::int32_t window = std::max(1, std::abs(value(i % 2 == 0 ? 3 : 2147483647)));
    std::vector<std::int8_t> codes(count, 9);
    std::vector<std::uint8_t> mask(count, 9), clip(count, 9);
    kernel().sign_row(x.data(), count, window, codes.data(), mask.data());
    const bool activation = below(2) != 0;
    kernel().range_row(x.data(), count, activation ? 1 : -window, window, clip.data());
    const std::vector<std::int32_t> before = x;
    const std::int32_t max = kernel().select_row(x.data(), mask.data(), count);
    std::int32_t want_max = 0;
    for (std::size_t k = 0; k < count; ++k) {
      ASSERT_EQ(codes[k], sign_code(before[k]));
      ASSERT_EQ(mask[k], in_sign_window(before[k], window) ? 1 : 0);
      ASSERT_EQ(clip[k], in_clip_window(before[k], window, activation) ? 1 : 0);
      ASSERT_EQ(x[k], mask[k] != 0 ? before[k] : 0);
      want_max = std::max(want_max, std::abs(x[k]));
    }
    ASSERT_EQ(max, want_max);
    kernel().sign_row(before.data(), count, window, codes.data(), nullptr);
  }
}

TEST_P(TensorKernelTest, NitiRow) {  // N24.1
  for (int shift = 0; shift <= 30; ++shift) {
    for (int bits = 2; bits <= 8; ++bits) {
      const std::vector<std::int32_t> x = values(some_count());
      std::vector<std::int8_t> codes(x.size());
      const std::uint64_t saturated = kernel().niti_row(x.data(), x.size(), shift, qmax(bits), codes.data());
      std::uint64_t want_saturated = 0;
      for (std::size_t k = 0; k < x.size(); ++k) {
        ASSERT_EQ(codes[k], niti_code(x[k], shift, bits, want_saturated)) << x[k] << " " << shift;
      }
      ASSERT_EQ(saturated, want_saturated);
    }
  }
}

TEST_P(TensorKernelTest, LogRow) {  // N19.2
  for (int i = 0; i < 4000; ++i) {
    const bool power_of_two = below(4) == 0;
    const std::uint32_t top = log_top(static_cast<std::uint32_t>(std::abs(value())), power_of_two);
    const int binades = below(2) != 0 ? 6 : 4;
    std::vector<std::int32_t> g = values(some_count());
    for (std::int32_t& v : g) {  // around the cells' ends and middles
      if (below(2) != 0) continue;
      const std::uint64_t cell = std::uint64_t{top} << below(binades + 1);
      const std::int64_t near =
          static_cast<std::int64_t>(cell * static_cast<std::uint64_t>(1 + below(3)) / 2 >> binades) + below(3) - 1;
      v = static_cast<std::int32_t>(std::clamp<std::int64_t>(near, 0, 2147483647)) * (below(2) != 0 ? 1 : -1);
    }
    const std::vector<std::uint8_t> u = words(g.size());
    const bool stochastic = below(4) != 0;
    std::vector<std::int8_t> codes(g.size());
    const std::uint64_t saturated =
        kernel().log_row(g.data(), g.size(), log_rule(top, binades), stochastic ? u.data() : nullptr, codes.data());
    std::uint64_t want_saturated = 0;
    for (std::size_t k = 0; k < g.size(); ++k) {
      const std::uint8_t code = log_encode(g[k], top, binades, u[k], 8,
                                           stochastic ? Rounding::kStochastic : Rounding::kHalfUp, want_saturated);
      ASSERT_EQ(codes[k], log_value(code)) << "g " << g[k] << " top " << top << " u " << int{u[k]} << " R " << binades;
    }
    ASSERT_EQ(saturated, want_saturated);
  }
}

TEST_P(TensorKernelTest, GroupRow) {  // N21.1
  for (int i = 0; i < 2000; ++i) {
    const std::size_t count = some_count();
    const int bits = 1 + below(8);
    GroupRow row(count);
    std::vector<std::int32_t> g(count), lo(count);
    std::vector<Real> ratio(count);
    for (std::size_t k = 0; k < count; ++k) {
      const std::int32_t one = value(), other = value();
      lo[k] = std::min(one, other);
      const std::int64_t range = group_range(lo[k], std::max(one, other));
      g[k] = static_cast<std::int32_t>(
          lo[k] + (range == 0 ? 0 : static_cast<std::int64_t>(random() % static_cast<std::uint64_t>(range + 1))));
      if (below(4) == 0) g[k] = below(2) != 0 ? lo[k] : std::max(one, other);
      row.set(k, lo[k], ratio[k] = group_ratio(range, bits));
    }
    const std::vector<std::uint8_t> u = words(count);
    std::vector<std::int8_t> codes(count);
    kernel().group_row(g.data(), count, row.rule(), (1 << bits) - 1, u.data(), codes.data());
    for (std::size_t k = 0; k < count; ++k) {
      ASSERT_EQ(static_cast<std::uint8_t>(codes[k]), group_encode(g[k], lo[k], ratio[k], bits, u[k]))
          << g[k] << " from " << lo[k] << " ratio " << ratio[k].bits << " u " << int{u[k]};
    }
  }
}

TEST_P(TensorKernelTest, LwqMomentumRow) {  // N23.3–N23.5
  for (int i = 0; i < 1500; ++i) {
    const std::size_t count = some_count();
    const int least = i % 2 == 0 ? 17 : 8;
    const Real decay = real(least, 40), by_gradient = real(least, 45), by_momentum = real(least - 8, 30);
    FactorRow factors[3] = {FactorRow(1), FactorRow(1), FactorRow(1)};
    factors[0].fill(decay, false);
    factors[1].fill(by_gradient, false);
    factors[2].fill(by_momentum, false);
    std::vector<std::int32_t> momentum = values(count, 127);
    const std::vector<std::int32_t> before = momentum, gradient = values(count);
    std::vector<std::uint16_t> u(count);
    for (std::uint16_t& word : u) word = static_cast<std::uint16_t>(below(4) == 0 ? 65535 * below(2) : below(65536));
    std::vector<std::int32_t> delta(count);
    LwqSums sums;
    kernel().lwq_momentum_row(momentum.data(), gradient.data(), count,
                              {factors[0].factors(), factors[1].factors(), factors[2].factors()}, u.data(),
                              delta.data(), sums);
    LwqSums want;
    for (std::size_t k = 0; k < count; ++k) {
      const std::int64_t v = lwq_momentum(static_cast<std::int8_t>(before[k]), decay, gradient[k], by_gradient);
      want.vmax = std::max(want.vmax, lwq_momentum_magnitude(v));
      const std::int8_t code = lwq_momentum_code(v, u[k], want.momentum_saturated);
      const std::int64_t step = lwq_delta(code, by_momentum, want.saturated);
      want.moved += static_cast<std::uint64_t>(std::abs(step));
      ASSERT_EQ(momentum[k], code);
      ASSERT_EQ(delta[k], step);
    }
    ASSERT_EQ(sums.vmax, want.vmax);
    ASSERT_EQ(sums.moved, want.moved);
    ASSERT_EQ(sums.saturated, want.saturated);
    ASSERT_EQ(sums.momentum_saturated, want.momentum_saturated);
  }
}

TEST_P(TensorKernelTest, PolylineRow) {  // N23.2
  for (int i = 0; i < 4000; ++i) {
    const std::size_t count = some_count();
    const int read = below(4), write = below(4), limit = below(2) != 0 ? 127 : 7;
    const int bits = 2 + below(7), codes = 1 << (bits - 1);
    const bool stochastic = below(4) != 0;
    std::vector<std::int8_t> q(count), s(count);
    std::vector<std::uint16_t> u(count);
    std::vector<std::int32_t> delta(count);
    for (std::size_t k = 0; k < count; ++k) {
      q[k] = static_cast<std::int8_t>(below(4) == 0 ? limit * (2 * below(2) - 1) : below(2 * limit + 1) - limit);
      s[k] = static_cast<std::int8_t>(below(2 * codes) - codes);
      u[k] = static_cast<std::uint16_t>(below(4) == 0 ? 65535 * below(2) : below(65536));
      delta[k] = below(3) != 0 ? value(1 << 17) : value(1 << 30);
      if (below(4) == 0) {  // onto the codebook and next to it
        const std::int32_t target =
            polyline_decode({q[k], static_cast<std::int8_t>(below(2 * codes) - codes)}, write, bits);
        delta[k] = polyline_decode({q[k], s[k]}, read, bits) - target + below(3) - 1;
      }
    }
    const std::vector<std::int8_t> old_q = q, old_s = s;
    const std::uint64_t saturated =
        kernel().polyline_row(q.data(), s.data(), delta.data(), count, polyline_rule(read, write, limit, bits),
                              stochastic ? u.data() : nullptr);
    std::uint64_t want_saturated = 0;
    for (std::size_t k = 0; k < count; ++k) {
      const std::int64_t latent = std::int64_t{polyline_decode({old_q[k], old_s[k]}, read, bits)} - delta[k];
      const LatentCode want = polyline_encode(
          latent, write, u[k], stochastic ? Rounding::kStochastic : Rounding::kHalfUp, limit, want_saturated, bits);
      ASSERT_EQ(q[k], want.q) << latent << " level " << write << " u " << u[k];
      ASSERT_EQ(s[k], want.s) << latent << " level " << write << " u " << u[k];
    }
    ASSERT_EQ(saturated, want_saturated);
  }
}

INSTANTIATE_TEST_SUITE_P(Isas, TensorKernelTest,
                         ::testing::Values(Isa::kGeneric, Isa::kAvx2, Isa::kAvx512, Isa::kAvx512Popcnt),
                         [](const auto& instance) { return std::string(isa_name(instance.param)); });

}  // namespace
}  // namespace bitloom::testing
