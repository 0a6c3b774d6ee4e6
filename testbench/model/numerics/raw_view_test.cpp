#include "model/numerics/raw_view.hpp"

#include <gtest/gtest.h>

#include "testbench/model/numerics/spec_raw_view.hpp"
#include "testbench/model/numerics/sweep.hpp"

namespace bitloom {
namespace {

void expect_view(std::int64_t value, int shift) {
  std::uint64_t saturations = 0;
  const std::int32_t got = narrow_view(value, shift, saturations);
  const spec::Wide exact = spec::shifted_to_even(value, shift);
  const spec::Wide want = spec::clamp(exact, 32767);
  ASSERT_TRUE(got == want && saturations == (want == exact ? 0u : 1u)) << value << " by " << shift;
}

TEST(RawView, EveryValueOf21BitsAndShift) {  // N5.5
  for (int shift = 0; shift <= kMostRawShift; ++shift) {
    for (std::int64_t value = -(1 << 20); value <= 1 << 20; ++value) expect_view(value, shift);
  }
}

TEST(RawView, WideValuesNearTiesAndLimits) {  // N5.5
  testing::Sweep sweep(0xb1700051);
  for (int trial = 0; trial < 500000; ++trial) {
    const auto shift = static_cast<int>(sweep.in(0, kMostRawShift));
    const std::int64_t half = shift == 0 ? 0 : std::int64_t{1} << (shift - 1);
    expect_view(sweep.signed_value((std::int64_t{1} << 46) - 1), shift);
    expect_view((sweep.in(-32770, 32770) << shift) + half + sweep.in(-1, 1), shift);
  }
}

TEST(RawView, ShiftsOfSums) {  // N5.5
  const int largest[] = {1, 3, 7, 15, 16, 64, 127, 255};
  for (const int a : largest) {
    for (const int b : largest) {
      for (std::int64_t n = 1; n <= 70000; n += n < 5000 ? 1 : 97) {
        const auto terms = static_cast<std::uint64_t>(n);
        ASSERT_EQ(raw_growth(terms, a, b), spec::growth(n, a, b)) << n << " of " << a << " and " << b;
        ASSERT_EQ(raw_shift(terms, a, b), spec::view_shift(n, a, b)) << n << " of " << a << " and " << b;
      }
    }
  }
  EXPECT_EQ(raw_shift(576, 127, 127), 6);  // 4 · 24 · 16129 = 1548384 < 2^21
  EXPECT_EQ(raw_shift(2, 127, 127), 0);    // 2 · 16129 < 2^15
  EXPECT_EQ(raw_shift(3, 127, 127), 1);
  EXPECT_EQ(raw_shift(16, 127, 127), 3);  // 16 · 16129 < 2^18
}

TEST(RawView, ShiftsOfPools) {  // N15.3
  for (std::int64_t n = 1; n <= 65535; ++n) {
    ASSERT_EQ(pool_shift(static_cast<std::uint64_t>(n)), spec::pool_shift(n)) << n;
  }
}

}  // namespace
}  // namespace bitloom
