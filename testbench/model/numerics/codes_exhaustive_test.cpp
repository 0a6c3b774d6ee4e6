// The codes of the four methods over whole input spaces (label long), against the same specifications as codes_test.
// Of the innermost loop over random words the specification is the number of words that go up.
#include <gtest/gtest.h>

#include "model/numerics/group_code.hpp"
#include "model/numerics/log_code.hpp"
#include "model/numerics/polyline.hpp"
#include "testbench/model/numerics/differences.hpp"
#include "testbench/model/numerics/spec_codes.hpp"
#include "testbench/model/numerics/spec_polyline.hpp"

namespace bitloom {
namespace {

using testing::Differences;

TEST(CodesExhaustive, LogCodeOfEvery16BitInputAndWord) {  // N19.2, r = 8: free tops, powers of two, tops that clip
  constexpr std::uint32_t kTops[] = {32768, 32767, 24576, 21845, 16384, 1000, 40961, 65535};
  Differences differences("N19.2, r = 8");
  for (const int binades : {4, 6}) {
    for (const std::uint32_t top : kTops) {
      for (std::int32_t g = -32768; g < 32768; ++g) {
        const spec::LogCell cell = spec::log_cell(g, top, binades);
        const auto words = static_cast<std::uint32_t>(spec::words_above(cell.distance, 8));
        const int inner = spec::log_code_of(g, cell.lower), outer = spec::log_code_of(g, cell.lower + 1);
        std::uint64_t saturations = 0;
        std::uint32_t wrong = 0;
        for (std::uint32_t u = 0; u < 256; ++u) {
          const int code = log_encode(g, top, binades, u, 8, Rounding::kStochastic, saturations);
          wrong += code != (u < words ? outer : inner) ? 1u : 0u;
        }
        wrong += saturations != (cell.clipped ? 256u : 0u) ? 1u : 0u;
        differences.add(wrong == 0, static_cast<std::uint64_t>(g), top, 256);
      }
    }
  }
  differences.expect_none(std::uint64_t{2 * std::size(kTops)} << 24);
}

TEST(CodesExhaustive, LogCodeThresholdsOfEvery16BitInput) {  // N19.2, r = 16, every 13th top up to 16 bits
  Differences differences("N19.2, r = 16, around the thresholds");
  std::uint64_t evaluations = 0;
  for (std::uint32_t top = 1; top < 65536; top += 13) {
    for (std::int32_t g = -32768; g < 32768; ++g) {
      const spec::LogCell cell = spec::log_cell(g, top, 6);
      const auto words = static_cast<std::int64_t>(spec::words_above(cell.distance, 16));
      for (std::int64_t u = words - 1; u <= words; ++u) {
        if (u < 0 || u > 65535) continue;
        std::uint64_t saturations = 0;
        const int code = log_encode(g, top, 6, static_cast<std::uint32_t>(u), 16, Rounding::kStochastic, saturations);
        differences.add(code == spec::log_code_of(g, cell.lower + (u < words ? 1 : 0)), static_cast<std::uint64_t>(g),
                        top);
        ++evaluations;
      }
    }
  }
  differences.expect_none(evaluations);
}

/// Checks all words of one residual above the integer weight 5: `sum` receives 2^16 times the mean's distance from the
/// latent.
bool residual_is_right(std::int64_t residual, int level, std::int64_t& sum) {
  const std::int64_t latent = 5 * 65536 + residual;
  const spec::LatentCell cell = spec::latent_cell(latent, level);
  const auto words = static_cast<std::uint32_t>(spec::words_above(cell.distance, 16));
  std::uint64_t saturations = 0;
  std::uint32_t wrong = 0;
  for (std::uint32_t u = 0; u < 65536; ++u) {
    const LatentCode code = polyline_encode(latent, level, u, Rounding::kStochastic, 127, saturations);
    const std::int64_t value = polyline_decode(code, level);
    wrong += value != (u < words ? cell.outer : cell.inner) ? 1u : 0u;
    sum += value - latent;
  }
  return wrong == 0 && saturations == 0;
}

TEST(CodesExhaustive, PolylineOfEveryResidualAndWord) {  // N23.2: 2^32 a level, and the mean across the carry
  Differences differences("N23.2");
  for (int level = 0; level < kPolylineLevels; ++level) {
    const bool powers_of_two = level <= 1;  // all cells: then exactly unbiased
    const std::int64_t widest = spec::polyline_value(level, 1);
    std::int64_t largest = 0;
    for (std::int64_t residual = -32768; residual < 32768; ++residual) {
      std::int64_t sum = 0;
      differences.add(residual_is_right(residual, level, sum), static_cast<std::uint64_t>(residual),
                      static_cast<std::uint64_t>(level), 65536);
      largest = std::max(largest, std::abs(sum));
    }
    std::printf("level %d: largest bias %.4f of 2^-16 of an integer step\n", level,
                std::ldexp(static_cast<double>(largest), -16));
    EXPECT_LT(largest, powers_of_two ? 1 : widest) << level;
  }
  differences.expect_none(std::uint64_t{4} << 32);
}

TEST(CodesExhaustive, GroupCodeOfEveryDistanceAndWord) {  // N21.1, r = 8
  Differences differences("N21.1, r = 8");
  for (const std::int32_t range : {65535, 40961, 32768, 1000}) {
    for (const int bits : {1, 2, 4, 8}) {
      const Real ratio = group_ratio(range, bits);
      const spec::Word expected = spec::over(spec::integer((1 << bits) - 1), spec::integer(range));
      ASSERT_EQ(ratio.word(), expected);
      const std::int64_t largest = (1 << bits) - 1;
      for (std::int32_t g = 0; g < 65536; ++g) {  // those above the range meet the limit
        const spec::Chance chance = spec::group_chance(g, expected, 8);
        std::uint32_t wrong = 0;
        for (std::uint32_t u = 0; u < 256; ++u) {
          const auto code = static_cast<std::int64_t>(chance.below) + (u < chance.words_up ? 1 : 0);
          wrong += group_encode(g - 32768, -32768, ratio, bits, u) != std::min(code, largest) ? 1u : 0u;
        }
        differences.add(wrong == 0, static_cast<std::uint64_t>(g), static_cast<std::uint64_t>(range), 256);
      }
    }
  }
  differences.expect_none(std::uint64_t{16} << 24);
}

TEST(CodesExhaustive, BernoulliMaskOfEveryChance) {  // N21.4: the first `chance` words keep, all with one factor
  Differences differences("N21.4");
  double largest = 0;
  for (std::uint32_t chance = 1; chance <= 65536; ++chance) {
    const spec::Word factor = spec::over(spec::integer(65536), spec::integer(chance));
    std::uint32_t wrong = 0;
    for (std::uint32_t u = 0; u < 65536; ++u)
      wrong += bernoulli_keep(chance, u).word() != (u < chance ? factor : 0) ? 1u : 0u;
    differences.add(wrong == 0, chance, 0, 65536);
    largest = std::max(largest, std::fabs(value(Real{factor}) * chance / 65536 - 1));
  }
  differences.expect_none(std::uint64_t{1} << 32);
  std::printf("largest bias of keep: %.4f · 2^-16\n", std::ldexp(largest, 16));
  EXPECT_LE(largest, std::ldexp(1.0, -16));
}

}  // namespace
}  // namespace bitloom
