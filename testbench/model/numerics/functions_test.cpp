#include "model/numerics/functions.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "testbench/model/numerics/spec_functions.hpp"
#include "testbench/model/numerics/sweep.hpp"

namespace bitloom {
namespace {

TEST(Tables, EntriesAreTheRoundedFunctions) {  // N8.1, N8.2
  const spec::Tables& expected = spec::tables();
  EXPECT_GT(expected.margin, 1e-9L);  // long double decides every rounding
  for (std::size_t i = 0; i <= 64; ++i) {
    EXPECT_EQ(kExp2Table[i], expected.exp2[i]) << i;
    EXPECT_EQ(kLog2Table[i], expected.log2[i]) << i;
  }
}

TEST(Exp2Neg, EveryInput) {  // N8.1, its whole domain
  long double worst = 0.0L;
  std::uint32_t previous = 65536;
  for (std::uint32_t t = 0; t <= kExp2MaxInput; ++t) {
    const std::uint32_t e = exp2neg(t);
    ASSERT_EQ(e, spec::exp2neg(t)) << t;
    ASSERT_LE(e, previous) << t;  // monotone
    previous = e;
    const long double exact = 65536.0L * std::exp2(-static_cast<long double>(t) / 65536.0L);
    worst = std::max(worst, std::fabs(static_cast<long double>(e) - exact));
  }
  std::printf("exp2neg: largest error %.4Lf units of 2^-16\n", worst);
  EXPECT_LE(worst, 1.72L);
  EXPECT_EQ(exp2neg(0), 65536u);
  EXPECT_EQ(exp2neg(65536), 32768u);
  EXPECT_EQ(exp2neg(17u << 16), 1u);
  EXPECT_EQ(exp2neg(18u << 16), 0u);
}

/// Returns the error of log2fix in units of 2^-16.
long double log2_error(std::uint32_t sum) {
  return static_cast<long double>(log2fix(sum)) - 65536.0L * std::log2(static_cast<long double>(sum));
}

TEST(Log2Fix, LargestErrorOfAllInputs) {  // N8.2
  // The result depends on the 22 bits after the leading one, so the extremes of its error are at the first and the last
  // sum of each such group; sums below 2^31 are a subset of these mantissas.
  long double low = 0.0L;
  long double high = 0.0L;
  for (std::uint32_t group = 0; group < (1u << 22); ++group) {
    const std::uint32_t first = 0x80000000u + (group << 9);
    ASSERT_EQ(log2fix(first), log2fix(first + 511));
    high = std::max(high, log2_error(first));
    low = std::min(low, log2_error(first + 511));
  }
  std::printf("log2fix: error from %.4Lf to %.4Lf units of 2^-16\n", low, high);
  EXPECT_GE(low, -3.91L);
  EXPECT_LE(high, 1.0L);
}

TEST(Log2Fix, SmallAndBoundarySums) {  // N8.2; every sum is in exhaustive_test
  for (std::uint32_t sum = 1; sum < 2000000; ++sum) ASSERT_EQ(log2fix(sum), spec::log2fix(sum)) << sum;
  testing::Sweep sweep(0xb1700031);
  for (int trial = 0; trial < 1000000; ++trial) {
    const auto sum = static_cast<std::uint32_t>(1 + sweep.magnitude(0xfffffffe));
    ASSERT_EQ(log2fix(sum), spec::log2fix(sum)) << sum;
  }
}

TEST(Recip, SmallAndBoundarySums) {  // N8.3; every sum is in exhaustive_test
  for (std::uint32_t sum = 65536; sum < 2000000; ++sum) ASSERT_EQ(recip(sum), spec::recip(sum)) << sum;
  testing::Sweep sweep(0xb1700032);
  for (int trial = 0; trial < 1000000; ++trial) {
    const auto sum = static_cast<std::uint32_t>(65536 + sweep.magnitude(0xfffeffff));
    ASSERT_EQ(recip(sum), spec::recip(sum)) << sum;
  }
  EXPECT_EQ(recip(65536), 0x80000000u);
  EXPECT_EQ(recip(0xffffffffu), 32768u);
}

struct Row {
  std::vector<std::int32_t> logits;
  std::size_t label = 0;
  Scale unit;
};

Row random_row(testing::Sweep& sweep) {
  Row row;
  row.logits.resize(static_cast<std::size_t>(sweep.in(1, 40)));
  const std::int64_t limit = sweep.magnitude(kRawLimit);
  for (auto& z : row.logits) z = static_cast<std::int32_t>(sweep.signed_value(limit));
  if (sweep.in(0, 3) == 0) row.logits.back() = row.logits.front();  // ties
  row.label = static_cast<std::size_t>(sweep.in(0, static_cast<std::int64_t>(row.logits.size()) - 1));
  row.unit = {static_cast<std::uint16_t>(sweep.mantissa()), static_cast<std::uint8_t>(sweep.in(0, 63))};
  return row;
}

void expect_as_specified(const Row& row) {
  std::uint64_t saturations = 0;
  std::vector<std::int32_t> gradient(row.logits.size(), 12345);
  const Scale c = logit_exponent_scale(row.unit, saturations);
  const SampleLoss got = softmax_cross_entropy(row.logits, row.label, c, gradient);
  const std::vector<std::int64_t> logits(row.logits.begin(), row.logits.end());
  const auto expected = spec::softmax_cross_entropy(logits, row.label, {row.unit.m, row.unit.s});
  ASSERT_EQ(got.loss, expected.loss);
  ASSERT_EQ(got.correct, expected.correct);
  for (std::size_t j = 0; j < gradient.size(); ++j) ASSERT_EQ(gradient[j], expected.gradient[j]) << j;
}

TEST(SoftmaxCrossEntropy, EqualsSpecification) {  // N7
  testing::Sweep sweep(0xb1700033);
  for (int trial = 0; trial < 30000; ++trial) {
    ASSERT_NO_FATAL_FAILURE(expect_as_specified(random_row(sweep))) << "trial " << trial;
  }
}

TEST(SoftmaxCrossEntropy, ExtremeLogits) {  // N7
  constexpr std::int32_t kMax = 2147483647;
  for (std::uint8_t s = 0; s < 64; ++s) {
    for (const std::size_t label : {0u, 1u, 2u}) expect_as_specified({{kMax, -kMax, 0}, label, {65535, s}});
    expect_as_specified({{-kMax, -kMax, -kMax}, 1, {40000, s}});
    expect_as_specified({{-kMax}, 0, {40000, s}});
  }
}

TEST(SoftmaxCrossEntropy, KnownAnswers) {  // N7
  std::uint64_t saturations = 0;
  std::vector<std::int32_t> gradient(4);
  const Scale c = logit_exponent_scale(power_of_two(10), saturations);
  const std::vector<std::int32_t> equal(4, 500);
  SampleLoss loss = softmax_cross_entropy(equal, 2, c, gradient);
  EXPECT_EQ(loss.loss, 2u * 65536u);  // log2(4)
  EXPECT_FALSE(loss.correct);         // the first of equals is class 0
  EXPECT_EQ(gradient, (std::vector<std::int32_t>{16384, 16384, -49152, 16384}));
  loss = softmax_cross_entropy(equal, 0, c, gradient);
  EXPECT_TRUE(loss.correct);
  EXPECT_EQ(loss_gradient_unit(128, saturations), power_of_two(23));
  EXPECT_EQ(value(loss_gradient_unit(19, saturations)), std::ldexp(std::floor(32768 / 19.0 * 32 + 0.5), -36));
  EXPECT_EQ(saturations, 0u);
}

TEST(SoftmaxCrossEntropy, NearTheRealFunction) {  // how good N7 is: errors against long double
  testing::Sweep sweep(0xb1700034);
  std::uint64_t saturations = 0;
  const Scale unit = power_of_two(16);
  const Scale c = logit_exponent_scale(unit, saturations);
  long double worst_gradient = 0.0L;
  long double worst_loss = 0.0L;
  for (int trial = 0; trial < 100000; ++trial) {
    std::vector<std::int32_t> logits(10);
    std::vector<std::int32_t> gradient(10);
    const std::int64_t spread = sweep.in(1, 10 * 65536);
    for (auto& z : logits) z = static_cast<std::int32_t>(sweep.in(-spread, spread));
    const SampleLoss got = softmax_cross_entropy(logits, 3, c, gradient);
    long double sum = 0.0L;
    for (const std::int32_t z : logits) sum += std::exp((z - logits[3]) / 65536.0L);
    worst_loss = std::max(worst_loss, std::fabs(got.loss / 65536.0L - std::log2(sum)));
    for (std::size_t j = 0; j < 10; ++j) {
      const long double p = std::exp((logits[j] - logits[3]) / 65536.0L) / sum;
      const long double error = gradient[j] / 65536.0L - (p - (j == 3 ? 1.0L : 0.0L));
      worst_gradient = std::max(worst_gradient, std::fabs(error));
    }
  }
  std::printf("10 classes: largest error of a gradient %.3Lf, of a loss %.3Lf, units of 2^-16\n",
              worst_gradient * 65536.0L, worst_loss * 65536.0L);
  EXPECT_LE(worst_gradient * 65536.0L, 4.0L);
  EXPECT_LE(worst_loss * 65536.0L, 16.0L);
}

TEST(Loss, SumSaturates) {  // N7.4
  EXPECT_EQ(add_loss(5, 6), 11u);
  EXPECT_EQ(add_loss(0xfffffff0u, 0xfu), 0xffffffffu);
  EXPECT_EQ(add_loss(0xfffffff0u, 0x10u), 0xffffffffu);
}

}  // namespace
}  // namespace bitloom
