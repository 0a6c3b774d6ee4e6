#include "model/numerics/group_code.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "testbench/model/numerics/spec_codes.hpp"
#include "testbench/model/numerics/spec_tensor.hpp"
#include "testbench/model/numerics/sweep.hpp"

namespace bitloom {
namespace {

TEST(GroupCode, RandomGroups) {  // N21.1
  testing::Sweep sweep(0xb1700141);
  for (int trial = 0; trial < 500000; ++trial) {
    const auto a = static_cast<std::int32_t>(sweep.signed_value(kRawLimit));
    const auto b =
        static_cast<std::int32_t>(sweep.in(0, 1) != 0 ? sweep.signed_value(kRawLimit)
                                                      : a + (a < 0 ? sweep.magnitude(999) : -sweep.magnitude(999)));
    const std::int32_t lo = std::min(a, b), hi = std::max(a, b);
    const auto g = static_cast<std::int32_t>(sweep.in(lo, hi));
    const auto bits = static_cast<int>(sweep.in(1, 8));
    const int r = sweep.in(0, 3) == 0 ? 16 : 8;
    const auto u = static_cast<std::uint32_t>(sweep.magnitude((1 << r) - 1));
    const Real ratio = group_ratio(group_range(lo, hi), bits);
    const std::int64_t largest = (1 << bits) - 1;
    const spec::Word expected_ratio = spec::over(spec::integer(largest), spec::integer(std::int64_t{hi} - lo));
    ASSERT_EQ(ratio.word(), expected_ratio) << lo << " " << hi;
    const spec::Chance chance = spec::group_chance(std::int64_t{g} - lo, expected_ratio, r);
    const spec::Wide code = chance.below + (spec::Wide{u} < chance.words_up ? 1 : 0);
    ASSERT_TRUE(group_encode(g, lo, ratio, bits, u, r) == (code > largest ? largest : code))
        << g << " in " << lo << " … " << hi << ", " << bits << " bits, word " << u;
    ASSERT_EQ(group_step(group_range(lo, hi), bits).word(),
              spec::over(spec::integer(std::int64_t{hi} - lo), spec::integer(largest)));
  }
}

TEST(GroupCode, SnappedGrid) {  // N21.1, the tensor: as specified, 0 is a code for every word, and the range is covered
  testing::Sweep sweep(0xb1700147);
  int at_zero = 0, inside = 0;
  for (int trial = 0; trial < 100000; ++trial) {
    const auto some = [&] { return static_cast<std::int32_t>(sweep.signed_value(trial % 3 == 0 ? 20 : kRawLimit)); };
    const std::int32_t a = some(), b = some();
    const std::int32_t lo = std::min(a, b), hi = std::max(a, b);
    for (const int bits : {2, 3, 4}) {
      const GroupGrid grid = snapped_grid(lo, hi, bits);
      const spec::Grid expected = spec::grid_of_tensor(lo, hi, (1 << bits) - 1);
      ASSERT_EQ(grid.lo, expected.lo) << lo << " " << hi << " " << bits;
      ASSERT_EQ(grid.ratio.word(), expected.ratio) << lo << " " << hi << " " << bits;
      ASSERT_EQ(grid.step.word(), expected.step) << lo << " " << hi << " " << bits;
      const int z = group_encode(0, grid.lo, grid.ratio, bits, 0);
      for (const std::uint32_t u : {1u, 77u, 254u, 255u}) ASSERT_EQ(group_encode(0, grid.lo, grid.ratio, bits, u), z);
      const double step = value(grid.step), largest = (1 << bits) - 1;
      ASSERT_NEAR(grid.lo + z * step, 0.0, std::ldexp(std::fabs(static_cast<double>(grid.lo)), -15)) << lo << " " << hi;
      ASSERT_GE(grid.lo + largest * step, hi - std::ldexp(std::fabs(static_cast<double>(hi)) + largest * step, -14))
          << lo << " " << hi;
      if (lo < 0 && z == 0) {
        ASSERT_LE(-static_cast<double>(lo) * (largest - 1), step * largest * (1 + std::ldexp(1.0, -12)))
            << lo << " " << hi;
        ++at_zero;
      } else if (lo < 0) {
        ASSERT_EQ(grid.lo, lo);
        ASSERT_EQ(group_encode(lo, grid.lo, grid.ratio, bits, 255), 0);
        ++inside;
      }
    }
  }
  EXPECT_GT(at_zero, 10000);
  EXPECT_GT(inside, 10000);
  EXPECT_EQ(group_encode(0, snapped_grid(0, 0, 4).lo, snapped_grid(0, 0, 4).ratio, 4, 0), 0);
}

TEST(GroupCode, EndsAreExactCodes) {  // N21.1: lo is 0; hi is B with at most the words that the ratio's rounding costs
  testing::Sweep sweep(0xb1700142);
  for (int trial = 0; trial < 100000; ++trial) {
    const auto lo = static_cast<std::int32_t>(sweep.signed_value((1 << 30) - 1));
    const auto hi = static_cast<std::int32_t>(lo + sweep.magnitude(1 << 30));
    for (const int bits : {1, 4, 8}) {
      const Real ratio = group_ratio(group_range(lo, hi), bits);
      for (const std::uint32_t u : {0u, 128u, 255u}) {
        ASSERT_EQ(group_encode(lo, lo, ratio, bits, u), 0);
        const int top = group_encode(hi, lo, ratio, bits, u);
        const int largest = hi == lo ? 0 : (1 << bits) - 1;
        ASSERT_TRUE(top == largest || (top == largest - 1 && u >= 253)) << lo << " " << hi << " " << bits << " " << u;
      }
    }
  }
}

TEST(GroupCode, UnbiasedOverAllWords) {  // N21.1, N3.4: the mean code is the ratio's exact product within 2^-(r+1)
  double largest = 0, against_real = 0;
  for (const std::int32_t range : {1, 7, 255, 1000, 65535, 1000003}) {
    for (const int bits : {1, 4, 8}) {
      const Real ratio = group_ratio(range, bits);
      const std::int64_t top = (1 << bits) - 1;
      for (std::int32_t i = 0; i <= 200; ++i) {
        const auto g = static_cast<std::int32_t>(std::int64_t{range} * i / 200);
        std::int64_t sum = 0;
        for (std::uint32_t u = 0; u < 256; ++u) sum += group_encode(g - 50, -50, ratio, bits, u);
        const double mean = std::ldexp(static_cast<double>(sum), -8);
        const double product = std::min(static_cast<double>(top), static_cast<double>(g) * value(ratio));
        ASSERT_LE(std::fabs(mean - product), std::ldexp(1.0, -9)) << g << " of " << range << ", " << bits << " bits";
        largest = std::max(largest, std::fabs(mean - product));
        // the ratio is B / R to 16 bits, so against the true value a further 2^-15 (a mantissa's last half) of it
        const double exact = static_cast<double>(g) * static_cast<double>(top) / range;
        ASSERT_LE(std::fabs(mean - exact), std::ldexp(1.0, -9) + std::ldexp(exact, -15));
        against_real = std::max(against_real, std::fabs(mean - exact));
      }
    }
  }
  std::printf("largest bias: %.4f · 2^-9 of a step; against the exact g·B/R %.6f of a step\n", std::ldexp(largest, 9),
              against_real);
}

TEST(GroupCode, CommonFactor) {  // N21.2
  testing::Sweep sweep(0xb1700143);
  for (int trial = 0; trial < 20000; ++trial) {
    std::vector<Real> steps, offsets;
    spec::Word step = 0, offset = 0;
    for (std::int64_t i = sweep.in(1, 5); i > 0; --i) {
      steps.push_back(sweep.in(0, 3) == 0 ? Real{}
                                          : make_real(false, sweep.mantissa(), static_cast<int>(sweep.in(0, 40))));
      offsets.push_back(make_real(sweep.in(0, 1) != 0, sweep.mantissa(), static_cast<int>(sweep.in(0, 40))));
      if (spec::less(step, steps.back().word())) step = steps.back().word();
      if (spec::less(offset, offsets.back().word() % 0x80000000u)) offset = offsets.back().word() % 0x80000000u;
    }
    const spec::Word part = spec::times(offset, spec::power(-4));
    const int growth = static_cast<int>(sweep.in(0, 9));
    ASSERT_EQ(group_common(steps, offsets, growth).word(),
              spec::times(spec::less(step, part) ? part : step, spec::power(growth - 8)));
  }
  const std::vector<Real> zeros(3);
  EXPECT_EQ(group_common(zeros, zeros, 3), exp2_real(0));
}

// N21.2: with the largest sums that the terms allow and the largest offset against Z, no product leaves N12's range;
// one bit less would let it.
TEST(GroupCode, GrowthKeepsProductsInRange) {
  testing::Sweep sweep(0xb1700146);
  int grown = 0;
  for (int trial = 0; trial < 20000; ++trial) {
    const std::int64_t terms = std::int64_t{1} + sweep.magnitude((std::int64_t{1} << sweep.in(1, 20)) - 1);
    const bool signs = sweep.in(0, 1) != 0;
    const int growth = group_growth(static_cast<std::size_t>(terms), signs);
    const auto sum = static_cast<std::int32_t>(std::min<std::int64_t>(kRawLimit, terms * (signs ? 1 : 127)));
    const Real offset = make_real(true, sweep.mantissa(), static_cast<int>(sweep.in(0, 20)));
    const std::vector<Real> steps{Real{}}, offsets{offset};
    const Real factor = rdiv(offset, group_common(steps, offsets, growth));
    const double product = std::fabs(value(factor)) * sum;
    ASSERT_LE(product, std::ldexp(1.0, 29) * 1.001) << terms;
    ASSERT_LT(std::llabs(real_product(sum, factor)), kFixed16Limit);
    if (growth == 0) continue;
    ++grown;
    ASSERT_GT(product * 2.0, std::ldexp(1.0, 27)) << terms;  // no coarser than it must be, but for two roundings up
  }
  EXPECT_GT(grown, 4000);
}

TEST(Pruning, TopKeepsTheHighest) {  // N21.4 against counting for each group how many come before it
  testing::Sweep sweep(0xb1700144);
  for (int trial = 0; trial < 3000; ++trial) {
    std::vector<std::uint32_t> scores(static_cast<std::size_t>(sweep.in(1, 130)));
    const std::int64_t limit = sweep.in(0, 1) != 0 ? 5 : kRawLimit;  // many ties
    for (auto& score : scores) score = static_cast<std::uint32_t>(sweep.magnitude(limit));
    const auto b = static_cast<int>(sweep.in(1, 8));
    const auto keep = select_top(scores, b);
    std::size_t kept = 0;
    for (std::size_t g = 0; g < scores.size(); ++g) {
      std::size_t before = 0;
      for (std::size_t other = 0; other < scores.size(); ++other) {
        before += scores[other] > scores[g] || (scores[other] == scores[g] && other < g) ? 1 : 0;
      }
      ASSERT_EQ(keep[g] != 0, before < std::max<std::size_t>(1, scores.size() / static_cast<std::size_t>(b)));
      kept += keep[g];
    }
    ASSERT_EQ(kept, std::max<std::size_t>(1, scores.size() / static_cast<std::size_t>(b)));
  }
  EXPECT_EQ(group_score(-7, 3), 7u);
  EXPECT_EQ(group_score(-2147483647, 5), 2147483647u);
  EXPECT_EQ(group_score(2, 9), 9u);
}

TEST(Pruning, BernoulliChance) {  // N21.4
  testing::Sweep sweep(0xb1700145);
  for (int trial = 0; trial < 100000; ++trial) {
    const std::int64_t range = sweep.magnitude(2 * kRawLimit);
    const std::int64_t groups = sweep.in(1, 4000), b = sweep.in(1, 8);
    const Real sum = radd(from_int(range), make_real(false, sweep.mantissa(), static_cast<int>(sweep.in(-28, 14))));
    const spec::Word share =
        spec::over(spec::times(spec::integer(range), spec::integer(groups)), spec::times(spec::integer(b), sum.word()));
    const spec::Limited expected = spec::to_integer(share, 16);
    std::uint64_t saturations = 0;
    ASSERT_EQ(bernoulli_chance(range, static_cast<std::size_t>(groups), static_cast<int>(b), sum, saturations),
              std::min<std::int64_t>(65536, expected.value));
    ASSERT_EQ(saturations, expected.limited ? 1u : 0u);
  }
}

TEST(Pruning, BernoulliIsUnbiasedOverAllWords) {  // N21.4: the mean of keep over all words is 1 within 2^-16
  double largest = 0;
  for (std::uint32_t chance = 1; chance <= 65536; chance += chance < 600 || chance > 65000 ? 1 : 61) {
    double sum = 0;
    for (std::uint32_t u = 0; u < 65536; ++u) sum += value(bernoulli_keep(chance, u));
    const double bias = std::fabs(sum / 65536 - 1);
    ASSERT_LE(bias, std::ldexp(1.0, -16)) << chance;
    largest = std::max(largest, bias);
  }
  std::printf("largest bias of keep: %.4f · 2^-16\n", std::ldexp(largest, 16));
  EXPECT_TRUE(bernoulli_keep(0, 0).is_zero());
}

}  // namespace
}  // namespace bitloom
