// bl_scalar's operations on scales (N2.2 to N2.4) against what testbench/model/numerics says of them: strides of all
// pairs of mantissas, every shift, and maxima just above a scale. T[1] counts.
#include <gtest/gtest.h>

#include <vector>

#include "testbench/model/numerics/spec_scale.hpp"
#include "testbench/model/numerics/sweep.hpp"
#include "testbench/rtl/units/scalar_bench.hpp"

namespace bitloom::testing {
namespace {

spec::AnyScale scale_of(Word word) { return {word & 0xffff, static_cast<int>(word >> 16), false}; }
Word word_of(std::uint32_t m, std::int64_t s) { return m | static_cast<Word>(s) << 16; }

/// Runs MUL and DIV on the pairs of both vectors of the table.
void check_products_and_quotients(Bench& bench) {
  for (const ScalarOp op : {ScalarOp::MUL, ScalarOp::DIV}) {
    bench.table[1] = 5;
    ASSERT_EQ(bench.run(vector_command(op)), (op == ScalarOp::MUL ? 5 : 22) * kElements);
    Word saturations = 5;
    for (std::uint32_t i = 0; i < kElements; ++i) {
      const spec::AnyScale a = scale_of(bench.table[kA + i]), b = scale_of(bench.table[kB + i]);
      const spec::AnyScale expected = spec::nearest(op == ScalarOp::MUL ? spec::product(a, b) : spec::quotient(a, b));
      saturations += expected.saturated ? 1 : 0;
      ASSERT_EQ(bench.table[kDst + i], word_of(expected.m, expected.s))
          << (op == ScalarOp::MUL ? "MUL " : "DIV ") << a.m << " " << a.s << ", " << b.m << " " << b.s;
    }
    ASSERT_EQ(bench.table[1], saturations);
  }
}

TEST(ScalarScale, ProductsAndQuotientsOverAStrideOfAllMantissaPairs) {
  Bench bench;
  Sweep sweep(51);
  std::uint32_t pair = 0;
  for (int round = 0; round < 8000 && !::testing::Test::HasFatalFailure(); ++round) {
    for (std::uint32_t i = 0; i < kElements; ++i) {
      pair = (pair + 715827883u) % (1u << 30);  // odd, so that it meets every pair in the end
      bench.table[kA + i] = word_of(32768 + pair % 32768, sweep.in(0, 63));
      bench.table[kB + i] = word_of(32768 + pair / 32768, sweep.in(0, 63));
    }
    check_products_and_quotients(bench);
  }
}

TEST(ScalarScale, ProductsAndQuotientsOfEveryShiftAndTheEndsOfTheMantissas) {
  constexpr std::uint32_t kMantissas[] = {32768, 32769, 46340, 46341, 46342, 65534, 65535};
  Bench bench;
  std::uint32_t next = 0;
  const auto add = [&](Word a, Word b) {
    bench.table[kA + next] = a;
    bench.table[kB + next] = b;
    next = (next + 1) % kElements;
    if (next == 0) check_products_and_quotients(bench);
  };
  for (std::uint32_t shifts = 0; shifts < 64 * 64 && !::testing::Test::HasFatalFailure(); ++shifts) {
    for (std::uint32_t k = 0; k < kElements; ++k) {
      const std::uint32_t at = shifts * kElements + k;
      add(word_of(kMantissas[at % 7], shifts % 64), word_of(kMantissas[at / 7 % 7], shifts / 64));
    }
  }
}

/// Runs MAX_TO_SCALE on the maxima and units of the table.
void check_maxima(Bench& bench, int largest_code, bool keep) {
  Command command = vector_command(ScalarOp::MAX_TO_SCALE);
  command.set(Field::QMAX, largest_code).set(Field::SCALAR_KEEP, keep ? 1 : 0);
  bench.table[1] = 0;
  ASSERT_EQ(bench.run(command), 56 * kElements);
  Word saturations = 0;
  for (std::uint32_t i = 0; i < kElements; ++i) {
    const Word max = bench.table[kA + i], unit = bench.table[kB + i], got = bench.table[kDst + i];
    if (max == 0) {  // the scale 1, or the one before
      ASSERT_EQ(got, keep ? bench.table[kC + i] : kOneWord);
      continue;
    }
    const spec::Real wanted = spec::maximum_over_codes(max, scale_of(unit), largest_code);
    spec::AnyScale scale = scale_of(got);
    scale.saturated = !spec::at_least(65535, 0, wanted) || spec::at_least(65535, 64, wanted);
    saturations += scale.saturated ? 1 : 0;
    ASSERT_TRUE(spec::is_smallest_at_least(scale, wanted))
        << "maximum " << max << " of " << std::hex << unit << std::dec << " for codes to " << largest_code << ": "
        << scale.m << " " << scale.s;
  }
  ASSERT_EQ(bench.table[1], saturations);
}

TEST(ScalarScale, Maxima) {
  constexpr int kLargest[] = {7, 127, 32767, 1, 65535, 100};
  Bench bench;
  Sweep sweep(52);
  for (int round = 0; round < 4000 && !::testing::Test::HasFatalFailure(); ++round) {
    for (std::uint32_t i = 0; i < kElements; ++i) {
      bench.table[kA + i] = sweep.in(0, 9) == 0 ? 0 : static_cast<Word>(sweep.magnitude((std::int64_t{1} << 31) - 1));
      bench.table[kB + i] = word_of(sweep.mantissa(), sweep.in(0, 3) == 0 ? sweep.in(0, 63) : sweep.in(20, 40));
      bench.table[kC + i] = word_of(sweep.mantissa(), sweep.in(0, 63));
    }
    check_maxima(bench, kLargest[sweep.in(0, 5)], round % 2 == 0);
  }
}

TEST(ScalarScale, MaximaRoundUpForTheSmallestRest) {
  // max · m = k · 127 · 2^25 + 1 for some k: but for the division's remainder, the exact mantissa would be an integer.
  constexpr std::uint64_t kStep = std::uint64_t{127} << 25;
  Bench bench;
  std::uint32_t cases = 0, next = 0;
  for (std::uint64_t m = 65535; m > 32768 && !::testing::Test::HasFatalFailure(); m -= 2) {
    if (m % 127 == 0) continue;
    std::uint64_t inverse = 1;  // of m, modulo the step, by its order: phi = 126 · 2^24
    std::uint64_t power = m;    // below 2^32, as the step is
    for (std::uint64_t e = std::uint64_t{126} * (1 << 24) - 1; e != 0; e /= 2) {
      if (e % 2 != 0) inverse = inverse * power % kStep;
      power = power * power % kStep;
    }
    if (inverse >= std::uint64_t{1} << 31) continue;
    bench.table[kA + next] = static_cast<Word>(inverse);
    bench.table[kB + next] = word_of(static_cast<std::uint32_t>(m), 31);
    ++cases;
    next = (next + 1) % kElements;
    if (next == 0) check_maxima(bench, 127, false);
  }
  EXPECT_GT(cases, 5000u);
}

}  // namespace
}  // namespace bitloom::testing
