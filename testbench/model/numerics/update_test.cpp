#include "model/numerics/update.hpp"

#include <gtest/gtest.h>

#include "testbench/model/numerics/spec_update.hpp"
#include "testbench/model/numerics/sweep.hpp"

namespace bitloom {
namespace {

constexpr Scale kUnitIs2ToMinus16 = power_of_two(16);  // F16(x) = x: the operand is the fraction itself

Scale random_scale(testing::Sweep& sweep) {
  return {static_cast<std::uint16_t>(sweep.mantissa()), static_cast<std::uint8_t>(sweep.in(0, 63))};
}

struct Got {
  std::int32_t value = 0;
  std::uint64_t saturations = 0;
  bool matches(spec::Wide rounded, std::int64_t limit) const {
    const spec::Wide clamped = spec::clamp(rounded, limit);
    return value == clamped && saturations == (clamped == rounded ? 0u : 1u);
  }
};

TEST(Update, MomentumEqualsSpecification) {  // N9.1
  testing::Sweep sweep(0xb1700041);
  for (int trial = 0; trial < 2000000; ++trial) {
    const auto momentum = static_cast<std::int32_t>(sweep.signed_value(kMomentumLimit));
    const auto gradient = static_cast<std::int32_t>(sweep.signed_value(kRawLimit));
    const auto mu16 = static_cast<std::uint32_t>(sweep.magnitude(65536));
    const auto u = static_cast<std::uint32_t>(sweep.magnitude(65535));
    const Scale ratio = random_scale(sweep);
    Got got;
    got.value = update_momentum(momentum, gradient, mu16, ratio, u, got.saturations);
    const auto sum = spec::momentum_sum(momentum, gradient, mu16, ratio.m, ratio.s);
    ASSERT_TRUE(got.matches(spec::round16(sum, u).value, 32767))
        << momentum << " " << gradient << " " << mu16 << " (" << ratio.m << ", " << int{ratio.s} << ") " << u;
  }
}

TEST(Update, MasterEqualsSpecification) {  // N9.2
  testing::Sweep sweep(0xb1700042);
  for (int trial = 0; trial < 2000000; ++trial) {
    const std::int64_t limit = (trial & 1) != 0 ? kMasterLimit : kBiasLimit;
    const auto master = static_cast<std::int32_t>(sweep.signed_value(limit));
    const auto momentum = static_cast<std::int32_t>(sweep.signed_value(kMomentumLimit));
    const auto u = static_cast<std::uint32_t>(sweep.magnitude(65535));
    const Scale ratio = random_scale(sweep);
    Got got;
    got.value = update_master(master, momentum, ratio, limit, u, got.saturations);
    const auto sum = spec::master_sum(master, momentum, ratio.m, ratio.s);
    ASSERT_TRUE(got.matches(spec::round16(sum, u).value, limit))
        << master << " " << momentum << " (" << ratio.m << ", " << int{ratio.s} << ") " << u;
  }
}

TEST(Update, EveryWidthAtItsBoundary) {  // N9: the largest value stands, one more is clamped and counted, on both sides
  for (const int sign : {-1, 1}) {
    for (const std::int64_t limit : {(1 << 7) - 1, (1 << 15) - 1}) {
      for (const int beyond : {0, 1}) {
        Got got;
        const auto momentum = static_cast<std::int32_t>(sign * limit);
        const std::int32_t gradient = sign * beyond * 65536;
        got.value =
            update_momentum(momentum, gradient, 65536, kUnitIs2ToMinus16, kHalfUpWord16, got.saturations, limit);
        EXPECT_TRUE(got.matches(sign * (limit + beyond), limit)) << limit;
      }
    }
    for (int bits = 12; bits <= 24; ++bits) {
      const std::int64_t limit = (std::int64_t{1} << (bits - 1)) - 1;
      for (const int beyond : {0, 1}) {
        Got got;  // from one below the limit by a momentum of 65536 fractions an LSB
        const auto master = static_cast<std::int32_t>(sign * (limit - 1));
        const std::int32_t momentum = -sign * 65536 * (1 + beyond);
        got.value = update_master(master, momentum, kUnitIs2ToMinus16, limit, kHalfUpWord16, got.saturations);
        EXPECT_TRUE(got.matches(sign * (limit + beyond), limit)) << bits;
      }
    }
  }
}

TEST(Update, HalfUpWordRoundsHalfUp) {  // N9.2
  testing::Sweep sweep(0xb1700043);
  std::uint64_t saturations = 0;
  for (int trial = 0; trial < 200000; ++trial) {
    const auto master = static_cast<std::int32_t>(sweep.signed_value(1 << 20));
    const auto momentum = static_cast<std::int32_t>(sweep.signed_value(kMomentumLimit));
    const Scale ratio{static_cast<std::uint16_t>(sweep.mantissa()), static_cast<std::uint8_t>(sweep.in(16, 63))};
    const auto sum = spec::master_sum(master, momentum, ratio.m, ratio.s);
    ASSERT_TRUE(update_master(master, momentum, ratio, kMasterLimit, kHalfUpWord16, saturations) ==
                spec::round_half_up({sum, 65536}));
  }
}

TEST(Update, EveryFractionNearItsThreshold) {  // N9: the first `fraction` words go up, so it is exactly unbiased
  std::uint64_t saturations = 0;
  for (std::int32_t fraction = 0; fraction < 65536; ++fraction) {
    for (std::int64_t u = fraction - 3; u <= fraction + 3; ++u) {
      if (u < 0 || u > 65535) continue;
      const auto word = static_cast<std::uint32_t>(u);
      const int up = u < fraction ? 1 : 0;
      // The same fraction above 5, above -5, and as 7 minus a momentum (whose fraction is then the complement).
      ASSERT_EQ(update_momentum(0, 5 * 65536 + fraction, 0, kUnitIs2ToMinus16, word, saturations), 5 + up);
      ASSERT_EQ(update_momentum(0, -5 * 65536 + fraction, 0, kUnitIs2ToMinus16, word, saturations), -5 + up);
      if (fraction < 32769) continue;  // a momentum has 15 bits
      ASSERT_EQ(update_master(7, 65536 - fraction, kUnitIs2ToMinus16, kMasterLimit, word, saturations), 6 + up);
    }
  }
  EXPECT_EQ(saturations, 0u);
}

TEST(Update, FullCountOfWords) {  // N9; every fraction is in exhaustive_test
  for (const std::int32_t fraction : {0, 1, 2, 255, 256, 257, 32767, 32768, 32769, 65279, 65280, 65534, 65535}) {
    std::uint64_t saturations = 0;
    std::int64_t up = 0;
    for (std::uint32_t u = 0; u < 65536; ++u) {
      up += update_momentum(0, fraction - 65536, 0, kUnitIs2ToMinus16, u, saturations) + 1;
    }
    EXPECT_EQ(up, fraction);
  }
}

}  // namespace
}  // namespace bitloom
