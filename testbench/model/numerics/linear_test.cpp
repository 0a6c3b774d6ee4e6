#include "model/numerics/linear.hpp"

#include <gtest/gtest.h>

#include "testbench/model/numerics/linear_oracle.hpp"

namespace bitloom {
namespace {

TEST(Linear, CommittedOracle) {  // N5.1, N5.3, N5.4
  const auto count = testing::check_linear_oracle(kReferenceLinear, testing::committed_oracle());
  EXPECT_EQ(count.cases, 6);
  EXPECT_EQ(count.arrays, 5 * 4 + 1);
  EXPECT_EQ(count.elements, 130 + 4 + 744 + 3616 + 1680 + 1);  // in the order of the manifest
}

TEST(Linear, FullOracle) {
  // The full set is not part of the repository: without the variable there is nothing to compare with.
  if (testing::full_oracle().empty()) GTEST_SKIP() << "BITLOOM_ORACLE_DIR is not set";
  const auto count = testing::check_linear_oracle(kReferenceLinear, testing::full_oracle());
  EXPECT_GE(count.cases, 9);
  std::printf("%d cases, %d arrays, %lld elements\n", count.cases, count.arrays, count.elements);
}

TEST(Linear, EveryProductOfTwoCodes) {  // a 1 x 1 layer is one multiplication
  for (int a = -128; a < 128; ++a) {
    for (int b = -128; b < 128; ++b) {
      const auto x = static_cast<std::int8_t>(a);
      const auto w = static_cast<std::int8_t>(b);
      std::int64_t acc = 0;
      kReferenceLinear.forward(&x, &w, {1, 1, 1}, &acc);
      ASSERT_EQ(acc, a * b);
      kReferenceLinear.activation_gradient(&x, &w, {1, 1, 1}, &acc);
      ASSERT_EQ(acc, a * b);
      kReferenceLinear.weight_gradient(&x, &w, {1, 1, 1}, &acc);
      ASSERT_EQ(acc, a * b);
    }
  }
}

TEST(LinearElement, ActivationMaskAndRawView) {  // N5.2, N5.3
  std::uint64_t saturations = 0;
  EXPECT_EQ(activate(5, true).a, 5);
  EXPECT_TRUE(activate(5, true).mask);
  EXPECT_EQ(activate(0, true).a, 0);
  EXPECT_FALSE(activate(0, true).mask);  // relu'(0) = 0
  EXPECT_EQ(activate(-5, true).a, 0);
  EXPECT_FALSE(activate(-5, true).mask);
  EXPECT_EQ(activate(-5, false).a, -5);
  EXPECT_TRUE(activate(-5, false).mask);
  EXPECT_EQ(mask_gradient(-9, true), -9);
  EXPECT_EQ(mask_gradient(-9, false), 0);
  EXPECT_EQ(raw_view(2147483647, saturations), 2147483647);
  EXPECT_EQ(raw_view(-2147483647, saturations), -2147483647);
  EXPECT_EQ(saturations, 0u);
  EXPECT_EQ(raw_view(2147483648, saturations), 2147483647);
  EXPECT_EQ(raw_view(-2147483648, saturations), -2147483647);
  EXPECT_EQ(saturations, 2u);
}

TEST(LinearElement, BiasInAccumulatorUnits) {  // N5.1
  std::uint64_t saturations = 0;
  EXPECT_EQ(accumulator_bias(-3, power_of_two(1), saturations), -1);
  EXPECT_EQ(accumulator_bias(1 << 20, power_of_two(-10), saturations), 1 << 30);
  EXPECT_EQ(saturations, 0u);
  EXPECT_EQ(accumulator_bias(-(1 << 21), power_of_two(-10), saturations), -kRawLimit);
  EXPECT_EQ(saturations, 1u);
}

}  // namespace
}  // namespace bitloom
