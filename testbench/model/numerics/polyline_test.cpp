#include "model/numerics/polyline.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "testbench/model/numerics/spec_codes.hpp"
#include "testbench/model/numerics/spec_polyline.hpp"
#include "testbench/model/numerics/sweep.hpp"

namespace bitloom {
namespace {

constexpr int kWidths[] = {2, 3, 4, 5, 6, 7, 8};

void expect_encoded(std::int64_t latent, int level, std::uint32_t u, int limit, int bits) {
  const spec::LatentCell cell = spec::latent_cell(latent, level, bits);
  const std::int64_t value = u < spec::words_above(cell.distance, 16) ? cell.outer : cell.inner;
  const spec::FoundCode expected = spec::code_of_value(value, level, limit, bits);
  std::uint64_t saturations = 0;
  const LatentCode got = polyline_encode(latent, level, u, Rounding::kStochastic, limit, saturations, bits);
  ASSERT_TRUE(expected.found && got.q == expected.code.q && got.s == expected.code.s &&
              saturations == (expected.saturated ? 1u : 0u))
      << latent << " at level " << level << ", " << bits << " bits, word " << u << ": got (" << int{got.q} << ", "
      << int{got.s} << ")";
}

/// Calls `visit(bits, level, code)` for all codes of a weight within ±limit, the least latent weight first.
template <class Visit>
void for_every_code(int limit, const Visit& visit) {
  for (const int bits : kWidths) {
    for (int level = 0; level < kPolylineLevels; ++level) {
      for (int q = -limit; q <= limit; ++q) {
        for (int s = -(1 << (bits - 1)); s < 1 << (bits - 1); ++s) {
          visit(bits, level, LatentCode{static_cast<std::int8_t>(q), static_cast<std::int8_t>(s)});
        }
      }
    }
  }
}

TEST(Polyline, DecodeOfEveryCode) {  // N23.1: as the slopes say, rising from code to code, odd
  int count = 0;
  std::int64_t last = 0;
  for_every_code(127, [&](int bits, int level, LatentCode code) {
    const std::int32_t value = polyline_decode(code, level, bits);
    ASSERT_EQ(value, spec::latent_value({code.q, code.s}, level, bits))
        << int{code.q} << " " << int{code.s} << " level " << level << " bits " << bits;
    const bool lowest = code.q == -127 && code.s == -(1 << (bits - 1));
    ASSERT_TRUE(lowest || value > last);
    last = value;
    if (code.s != -(1 << (bits - 1))) {
      const LatentCode opposite{static_cast<std::int8_t>(-code.q), static_cast<std::int8_t>(-code.s)};
      ASSERT_EQ(polyline_decode(opposite, level, bits), -value);
    }
    ++count;
  });
  EXPECT_EQ(count, 255 * 4 * (4 + 8 + 16 + 32 + 64 + 128 + 256));
}

TEST(Polyline, ACodeOfFewerBitsIsOneOfMore) {  // N23.1: P(c · 2^(4 - bits))
  for_every_code(1, [&](int bits, int level, LatentCode code) {
    if (bits == 8) return;
    const LatentCode twice{code.q, static_cast<std::int8_t>(2 * code.s)};
    ASSERT_EQ(polyline_decode(twice, level, bits + 1), polyline_decode(code, level, bits));
  });
}

TEST(Polyline, RoundTripOfEveryCode) {  // N23.2: a weight whose update is 0 keeps its code, whatever the word
  for (const int limit : {7, 127}) {
    for_every_code(limit, [&](int bits, int level, LatentCode code) {
      const std::int32_t value = polyline_decode(code, level, bits);
      std::uint64_t saturations = 0;
      for (const std::uint32_t u : {0u, 1u, 32768u, 65535u}) {
        ASSERT_EQ(polyline_encode(value, level, u, Rounding::kStochastic, limit, saturations, bits), code);
        ASSERT_EQ(polyline_encode(value, level, u, Rounding::kHalfUp, limit, saturations, bits), code);
      }
      ASSERT_EQ(saturations, 0u);
    });
  }
}

/// All residuals around a weight, each with the last word that rounds outwards and the first that does not.
void expect_residuals_around(std::int64_t q, int level, int bits) {
  for (std::int64_t residual = -32768; residual < 32768; ++residual) {
    const std::int64_t latent = q * 65536 + residual;
    const spec::LatentCell cell = spec::latent_cell(latent, level, bits);
    const auto words = static_cast<std::int64_t>(spec::words_above(cell.distance, 16));
    for (const std::int64_t u : {words - 1, words}) {
      if (u >= 0 && u < 65536) expect_encoded(latent, level, static_cast<std::uint32_t>(u), 7, bits);
    }
  }
}

TEST(Polyline, Every16BitResidualAroundItsThreshold) {  // N23.2, at both ends of the range and around 0
  for (const int bits : kWidths) {
    const std::vector<int> weights = bits == 4 ? std::vector{-8, -7, -1, 0, 3, 7} : std::vector{-8, 0, 7};
    for (int level = 0; level < kPolylineLevels; ++level) {
      for (const int q : weights) expect_residuals_around(q, level, bits);
      if (HasFatalFailure()) return;
    }
  }
}

TEST(Polyline, RandomLatents) {  // N23.2 to 32 bits, 8-bit and 4-bit weights
  testing::Sweep sweep(0xb1700151);
  for (int trial = 0; trial < 300000 && !HasFatalFailure(); ++trial) {
    const std::int64_t limit = sweep.in(0, 9) == 0 ? std::int64_t{0xffffffff} : 130 * 65536;
    expect_encoded(sweep.signed_value(limit), static_cast<int>(sweep.in(0, 3)),
                   static_cast<std::uint32_t>(sweep.magnitude(65535)), sweep.in(0, 1) != 0 ? 127 : 7,
                   static_cast<int>(sweep.in(2, 8)));
  }
}

TEST(Polyline, CarryAcrossTheBoundary) {  // N23.2: the example of the method's description
  std::uint64_t saturations = 0;
  const auto encode = [&](std::int64_t latent, std::uint32_t u) {
    return polyline_encode(latent, 2, u, Rounding::kStochastic, 127, saturations);
  };
  const std::int64_t below = 5 * 65536 + 31744 + 721;    // 721 of 1024 above (5, 7)
  EXPECT_EQ(encode(below, 46143), (LatentCode{6, -8}));  // 721 · 65536 = 46144 · 1024: 46144 words carry
  EXPECT_EQ(encode(below, 46144), (LatentCode{5, 7}));
  EXPECT_EQ(polyline_decode({6, -8}, 2), 5 * 65536 + 32768);
  EXPECT_EQ(encode(5 * 65536 + 32768, 65535), (LatentCode{6, -8}));
  EXPECT_EQ(encode(127 * 65536 + 32767, 65535), (LatentCode{127, 7}));
  EXPECT_EQ(encode(-127 * 65536 - 32768, 0), (LatentCode{-127, -8}));
  EXPECT_EQ(saturations, 0u);
  EXPECT_EQ(encode(127 * 65536 + 32767, 0), (LatentCode{127, 7}));  // carries out of the range
  EXPECT_EQ(encode(-127 * 65536 - 32769, 65535), (LatentCode{-127, -8}));
  EXPECT_EQ(encode(std::int64_t{1} << 31, 0), (LatentCode{127, 7}));
  EXPECT_EQ(saturations, 3u);
}

TEST(Polyline, HalfUpFreezesSmallUpdates) {  // N23.2: nearer value, ties away from the integer
  for (int level = 0; level < kPolylineLevels; ++level) {
    for (std::int64_t residual = -32768; residual < 32768; ++residual) {
      const std::int64_t latent = 3 * 65536 + residual;
      const spec::LatentCell cell = spec::latent_cell(latent, level);
      const std::int64_t value = 2 * cell.distance.numerator >= cell.distance.denominator ? cell.outer : cell.inner;
      std::uint64_t saturations = 0;
      const LatentCode got = polyline_encode(latent, level, 0, Rounding::kHalfUp, 127, saturations);
      const spec::FoundCode expected = spec::code_of_value(value, level, 127);
      ASSERT_TRUE(got.q == expected.code.q && got.s == expected.code.s) << residual << " level " << level;
    }
  }
}

TEST(Polyline, UnbiasedOverAllWords) {  // N23.2: also where words carry into the integer weight
  for (int level = 0; level < kPolylineLevels; ++level) {
    double largest = 0;
    int exact = 0, carried = 0;
    for (std::int64_t residual = -32768; residual<32768; residual += residual> 31000 ? 211 : 2039) {
      const std::int64_t latent = 5 * 65536 + residual;
      std::int64_t sum = 0;
      std::uint64_t saturations = 0;
      for (std::uint32_t u = 0; u < 65536; ++u) {
        const LatentCode code = polyline_encode(latent, level, u, Rounding::kStochastic, 127, saturations);
        sum += polyline_decode(code, level) - latent;
        carried += code.q == 6 ? 1 : 0;
      }
      const spec::LatentCell cell = spec::latent_cell(latent, level);
      const std::int64_t width = std::abs(cell.outer - cell.inner);
      const std::int64_t outward = residual < 0 ? -sum : sum;
      if (width == 0 || 65536 % width == 0) {
        ASSERT_EQ(sum, 0) << residual << " at level " << level;
        ++exact;
      }
      ASSERT_TRUE(outward >= 0 && outward < std::max<std::int64_t>(width, 1)) << residual << " at level " << level;
      largest = std::max(largest, std::ldexp(static_cast<double>(outward), -16));
    }
    EXPECT_GT(carried, 0);
    std::printf("level %d: largest bias %.4f of 2^-16 of an integer step; %d residuals exactly unbiased\n", level,
                largest, exact);
  }
}

TEST(Lwq, KeptWhole) {  // N23.2, latent_bits 24
  std::uint64_t saturations = 0;
  EXPECT_EQ(limit_latent(127 * 65536 + 32767, 127, saturations), 127 * 65536 + 32767);
  EXPECT_EQ(integer_weight(127 * 65536 + 32767), 127);
  EXPECT_EQ(integer_weight(-127 * 65536 - 32767), -127);
  EXPECT_EQ(integer_weight(-3 * 65536 - 32769), -4);
  EXPECT_EQ(integer_weight(-3 * 65536 - 32768), -3);
  EXPECT_EQ(saturations, 0u);
  EXPECT_EQ(limit_latent(128 * 65536, 127, saturations), 127 * 65536 + 32767);
  EXPECT_EQ(limit_latent(-128 * 65536, 127, saturations), -127 * 65536 - 32767);
  EXPECT_EQ(saturations, 2u);
}

TEST(Lwq, MomentumAndUpdate) {  // N23.3 to N23.5
  testing::Sweep sweep(0xb1700152);
  for (int trial = 0; trial < 300000; ++trial) {
    const auto scale = [&] {
      return Scale{static_cast<std::uint16_t>(sweep.mantissa()), static_cast<std::uint8_t>(sweep.in(10, 50))};
    };
    const Scale before = scale(), unit = scale(), weight = scale();
    const auto vmax = static_cast<std::uint64_t>(sweep.in(0, 5) == 0 ? sweep.magnitude(kRawLimit) : sweep.in(0, 300));
    std::uint64_t saturations = 0;
    const Scale now = lwq_momentum_scale(vmax, before, saturations);
    const auto doubled = static_cast<std::uint32_t>(vmax > 0x3fffffff ? 0x7fffffff : 2 * vmax);
    const spec::AnyScale any{now.m, now.s, saturations != 0};
    if (vmax == 0) {
      ASSERT_EQ(now, before);
    } else {
      const auto least = spec::maximum_over_codes(doubled, {before.m, before.s}, 127);
      ASSERT_TRUE(spec::is_smallest_at_least(any, least)) << vmax;
    }
    const auto mu16 = static_cast<std::uint32_t>(sweep.in(0, 65535));
    const spec::Word decay = spec::times(spec::integer(mu16, 16), spec::over(word(before), word(now)));
    ASSERT_EQ(lwq_decay(mu16, before, now).word(), decay);
    const spec::Word ratio_g = spec::over(word(unit), word(now));
    const auto v = static_cast<std::int8_t>(sweep.signed_value(127));
    const auto g = static_cast<std::int32_t>(sweep.signed_value(sweep.in(0, 1) != 0 ? kRawLimit : 30000));
    const spec::Wide sum = spec::product16(v, decay) + spec::product16(g, ratio_g);
    const std::int64_t momentum = lwq_momentum(v, Real{decay}, g, rdiv(from_scale(unit), from_scale(now)));
    ASSERT_TRUE(momentum == sum);
    ASSERT_TRUE(lwq_momentum_magnitude(momentum) ==
                static_cast<std::uint64_t>(spec::round_half_up({sum < 0 ? -sum : sum, 65536})));
    const auto u = static_cast<std::uint32_t>(sweep.magnitude(65535));
    const spec::Chance chance = spec::chance({sum, 65536}, 16);
    const spec::Wide exact = chance.below + (spec::Wide{u} < chance.words_up ? 1 : 0);
    saturations = 0;
    const std::int8_t code = lwq_momentum_code(momentum, u, saturations);
    ASSERT_TRUE(code == spec::clamp(exact, 127) && saturations == (exact > 127 || exact < -127 ? 1u : 0u));
    const Real lr = make_real(false, sweep.mantissa(), static_cast<int>(sweep.in(15, 30)));
    const spec::Word ratio = spec::times(lr.word(), spec::over(word(now), word(weight)));
    ASSERT_EQ(lwq_update_ratio(lr, now, weight).word(), ratio);
    const spec::Wide delta = spec::product16(code, ratio);
    saturations = 0;
    ASSERT_TRUE(lwq_delta(code, Real{ratio}, saturations) == spec::clamp(delta, 1 << 30));
    ASSERT_EQ(saturations, delta == spec::clamp(delta, 1 << 30) ? 0u : 1u);
  }
}

/// Chooses the level by exact fractions: rho = 65536 · n / a (N23.6).
int expected_level(int level, std::uint64_t n, std::uint64_t a, int least, int most) {
  if (a == 0) return most;
  const auto above = [&](std::int64_t tenths) { return spec::Wide{n} * 65536 * 10 > spec::Wide{a} * tenths; };
  const int up = above(758) ? 3 : (above(365) ? 2 : (above(162) ? 1 : 0));
  const int down = above(667) ? 3 : (above(321) ? 2 : (above(143) ? 1 : 0));
  int next = level;
  if (next < up) next = up;
  if (next > down) next = down;
  return next < least ? least : (next > most ? most : next);
}

TEST(Lwq, Levels) {  // N23.6
  testing::Sweep sweep(0xb1700153);
  int changes = 0;
  for (int trial = 0; trial < 300000; ++trial) {
    const auto n = static_cast<std::uint64_t>(1 + sweep.magnitude((1 << 26) - 2));
    std::uint64_t a = 0;
    if (sweep.in(0, 20) != 0) {  // near a threshold, or anything
      constexpr std::uint64_t kTenths[] = {143, 162, 321, 365, 667, 758};
      a = sweep.in(0, 2) == 0 ? static_cast<std::uint64_t>(sweep.magnitude((std::int64_t{1} << 56) - 1))
                              : n * 655360 / kTenths[sweep.in(0, 5)] + static_cast<std::uint64_t>(sweep.in(0, 3)) - 1;
    }
    const auto level = static_cast<int>(sweep.in(0, 3));
    const auto least = static_cast<int>(sweep.in(0, 3)), most = static_cast<int>(sweep.in(least, 3));
    const int next = lwq_next_level(level, n, a, least, most);
    ASSERT_EQ(next, expected_level(level, n, a, least, most)) << level << " " << n << " " << a;
    changes += next != level ? 1 : 0;
  }
  EXPECT_GT(changes, 1000);
  EXPECT_EQ(lwq_next_level(0, 1000, 1000 * 6554, 0, 3), 0);  // rho 10
  EXPECT_EQ(lwq_next_level(0, 1000, 1000 * 655, 0, 3), 3);   // rho 100
  EXPECT_EQ(lwq_next_level(1, 1000, 1000 * 4400, 0, 3), 1);  // rho 14.9: between 14.3 and 16.2 the level stays
  EXPECT_EQ(lwq_next_level(0, 1000, 1000 * 4400, 0, 3), 0);
}

}  // namespace
}  // namespace bitloom
