#include <gtest/gtest.h>

#include "model/numerics/clip_code.hpp"
#include "model/numerics/niti.hpp"
#include "testbench/model/numerics/spec_codes.hpp"
#include "testbench/model/numerics/sweep.hpp"

namespace bitloom {
namespace {

TEST(SignCode, CodesAndWindow) {  // N22.1
  EXPECT_EQ(sign_code(1), 1);
  EXPECT_EQ(sign_code(0), -1);
  EXPECT_EQ(sign_code(-1), -1);
  EXPECT_EQ(sign_code(std::int64_t{1} << 40), 1);
  testing::Sweep sweep(0xb1700131);
  for (int trial = 0; trial < 100000; ++trial) {
    const Scale unit{static_cast<std::uint16_t>(sweep.mantissa()), static_cast<std::uint8_t>(sweep.in(0, 63))};
    // the window is 1 / unit to 16 bits, then to an integer
    const auto expected = spec::to_integer(spec::over(spec::integer(1), word(unit)), 0);
    std::uint64_t saturations = 0;
    const std::int32_t window = sign_window(unit, saturations);
    ASSERT_EQ(window, std::max<std::int64_t>(1, expected.value));
    ASSERT_EQ(saturations, expected.limited ? 1u : 0u);  // N11.7
    for (const std::int64_t x : {std::int64_t{window}, window - std::int64_t{1}, std::int64_t{0}}) {
      ASSERT_EQ(in_sign_window(x, window), x < window);
      ASSERT_EQ(in_sign_window(-x, window), x < window);
    }
  }
}

TEST(ClipCode, RandomRatios) {  // N22.2
  testing::Sweep sweep(0xb1700132);
  for (int trial = 0; trial < 300000; ++trial) {
    const Scale unit{static_cast<std::uint16_t>(sweep.mantissa()), static_cast<std::uint8_t>(sweep.in(0, 63))};
    const auto levels = static_cast<int>(sweep.in(1, 127));
    const Real c = make_real(false, sweep.mantissa(), static_cast<int>(sweep.in(8, 20)));
    const spec::Word ratio = spec::over(spec::times(word(unit), spec::integer(levels)), c.word());
    ASSERT_EQ(clip_ratio(unit, levels, c).word(), ratio);
    const auto x = static_cast<std::int32_t>(sweep.signed_value(kRawLimit));
    const spec::Parts p = spec::parts(ratio);
    spec::Wide exact = 0;
    if (p.s <= 63)
      exact = p.s < 0 ? spec::half_up(x, 65535, 0) : spec::half_up(x, static_cast<std::uint32_t>(p.m), p.s);
    for (const int lo : {0, -levels}) {
      const spec::Wide expected = exact > levels ? levels : (exact < lo ? lo : exact);
      ASSERT_TRUE(clip_code(x, clip_ratio(unit, levels, c), lo, levels) == expected) << x << " " << levels;
    }
    const auto window = spec::to_integer(spec::over(c.word(), word(unit)), 0);
    std::uint64_t saturations = 0;
    ASSERT_EQ(clip_window(c, unit, saturations), window.value);
    ASSERT_EQ(saturations, window.limited ? 1u : 0u);
    const auto scale = spec::as_scale(spec::over(c.word(), spec::integer(levels)));
    ASSERT_EQ(word(clip_scale(c, levels, saturations)), scale.m + static_cast<std::uint32_t>(scale.s) * 65536);
  }
}

TEST(ClipCode, TernaryEvery16BitInput) {  // N22.2: M = 1, c = 1, unit 2^-12: rounds at ±1/2, passes to ±1
  const Real one = exp2_real(0);
  const Real ratio = clip_ratio(power_of_two(12), 1, one);
  std::uint64_t saturations = 0;
  const std::int32_t window = clip_window(one, power_of_two(12), saturations);
  for (std::int32_t x = -32768; x < 32768; ++x) {
    ASSERT_EQ(clip_code(x, ratio, -1, 1), x >= 2048 ? 1 : (x < -2048 ? -1 : 0)) << x;
    ASSERT_EQ(clip_code(x, ratio, 0, 1), x >= 2048 ? 1 : 0) << x;
    ASSERT_EQ(in_clip_window(x, window, false), x >= -4096 && x <= 4096);
    ASSERT_EQ(in_clip_window(x, window, true), x > 0 && x <= 4096);
  }
}

TEST(Niti, ShiftsOfEvery16BitInput) {  // N24.1, N24.2
  for (int b = 0; b <= 32; ++b) {
    for (std::int64_t x = -32768; x < 32768; ++x) {
      ASSERT_TRUE(shift_half_up(x, b) == spec::half_up_on_magnitude(x, b)) << x << " >> " << b;
      ASSERT_EQ(shift_pseudo_stochastic(x, b), spec::pseudo_stochastic(x, b)) << x << " >> " << b;
    }
  }
}

TEST(Niti, ShiftsOfRandomInputs) {  // N24.1, N24.2 to 32 bits
  testing::Sweep sweep(0xb1700133);
  for (int trial = 0; trial < 300000; ++trial) {
    const std::int64_t x = sweep.signed_value(kRawLimit);
    const auto b = static_cast<int>(sweep.in(0, 32));
    ASSERT_TRUE(shift_half_up(x, b) == spec::half_up_on_magnitude(x, b)) << x << " >> " << b;
    ASSERT_EQ(shift_pseudo_stochastic(x, b), spec::pseudo_stochastic(x, b)) << x << " >> " << b;
  }
}

TEST(Niti, PseudoStochasticBias) {  // N24.2: of the dropped parts, how many go away from zero
  for (const int b : {1, 2, 3, 4, 7, 8, 15, 16}) {
    const std::int64_t parts = std::int64_t{1} << b;
    std::int64_t away = 0;
    for (std::int64_t d = 0; d < parts; ++d) away += shift_pseudo_stochastic(parts + d, b) - 1;
    const double bias = (static_cast<double>(away) - static_cast<double>(parts - 1) / 2) / static_cast<double>(parts);
    std::printf("b = %d: %lld of %lld away from zero, mean bias %+.5f\n", b, static_cast<long long>(away),
                static_cast<long long>(parts), bias);
    // p > rho of equally long numbers: half of all pairs but the ties on the diagonal. b odd: rho has a 0 appended.
    const std::int64_t values = std::int64_t{1} << ((b + 1) / 2);
    EXPECT_EQ(away, b % 2 == 0 ? (parts - values) / 2 : parts / 2) << b;
  }
}

TEST(Niti, ShiftFitsTheBits) {  // N24.1
  EXPECT_EQ(niti_bit_length(0), 0);
  EXPECT_EQ(niti_bit_length(1), 0);
  EXPECT_EQ(niti_bit_length(128), 7);
  EXPECT_EQ(niti_bit_length(129), 8);
  EXPECT_EQ(niti_bit_length(2147483647), 31);
  testing::Sweep sweep(0xb1700134);
  for (int trial = 0; trial < 300000; ++trial) {
    const auto max = static_cast<std::uint32_t>(sweep.magnitude(kRawLimit));
    for (const int bits : {3, 4, 5, 8}) {
      const int shift = niti_shift(max, bits);
      // the smallest shift for which max does not exceed 2^(bits - 1)
      ASSERT_LE(max, std::uint64_t{1} << (bits - 1 + shift)) << max;
      if (shift > 0) {
        ASSERT_GT(max, std::uint64_t{1} << (bits - 2 + shift)) << max;
      }
      std::uint64_t saturations = 0;
      const std::int64_t exact = static_cast<std::int64_t>(spec::half_up_on_magnitude(max, shift));
      const std::int64_t limit = (1 << (bits - 1)) - 1;
      ASSERT_EQ(niti_code(-std::int64_t{max}, shift, bits, saturations), -std::min(exact, limit));
      ASSERT_EQ(saturations, exact > limit ? 1u : 0u);
    }
  }
}

TEST(Niti, UnitsUpToAPowerOfTwo) {  // N24.4: the smallest power of two that a scale holds and that is not below
  for (int s = 0; s <= 63; ++s) {
    for (std::int64_t m = 32768; m < 65536; ++m) {
      int up = 63;
      while (up > 0 && spec::Wide{32768} * spec::power_of_two(s) < spec::Wide{m} * spec::power_of_two(up)) --up;
      const Scale expected{32768, static_cast<std::uint8_t>(up)};
      ASSERT_EQ(niti_unit({static_cast<std::uint16_t>(m), static_cast<std::uint8_t>(s)}), expected) << m << " " << s;
    }
  }
}

TEST(Niti, UpdateOfEveryWeightAndStep) {  // N24.3
  for (int w = -127; w <= 127; ++w) {
    for (int dw = -300; dw <= 300; ++dw) {
      for (const int shift : {0, 1, 4, 5}) {
        std::uint64_t saturations = 0;
        const std::int64_t step = spec::pseudo_stochastic(dw, shift);
        const auto limited = static_cast<std::int64_t>(spec::clamp(step, 15));
        const auto expected = static_cast<std::int64_t>(spec::clamp(w - limited, 127));
        const std::uint64_t count = (step != limited ? 1u : 0u) + (expected != w - limited ? 1u : 0u);
        ASSERT_EQ(niti_update(static_cast<std::int8_t>(w), dw, shift, 5, saturations), expected) << w << " " << dw;
        ASSERT_EQ(saturations, count) << w << " " << dw;
      }
    }
  }
}

}  // namespace
}  // namespace bitloom
