// bl_scalar alone between a table, a divider and random words of C++: the operations on reals and integers against the
// specification of N11 (testbench/model/numerics/spec_real.hpp) and definitions written out here; their cycles against
// docs/timing_vector.md.
#include <gtest/gtest.h>

#include <functional>
#include <vector>

#include "testbench/model/numerics/spec_real.hpp"
#include "testbench/model/numerics/sweep.hpp"
#include "testbench/rtl/units/scalar_bench.hpp"

namespace bitloom::testing {
namespace {

Word random_real(Sweep& sweep) {
  if (sweep.in(0, 15) == 0) return 0;
  const int s = static_cast<int>(sweep.in(0, 3) == 0 ? sweep.in(-128, 127) : sweep.in(-5, 35));
  return spec::assemble(sweep.in(0, 1) == 1, sweep.mantissa(), s);
}

Wide pair(Word low, Word high) { return Wide{static_cast<std::int64_t>(std::uint64_t{high} << 32 | low)}; }

/// Runs `op` on vectors that `fill` makes, `rounds` times; expected(a, b) of every element, counts and cycles.
void check(ScalarOp op, int cycles, const std::function<Word(Sweep&)>& fill,
           const std::function<Word(Word, Word, int)>& expected, bool keep = false) {
  Bench bench;
  Sweep sweep(70 + static_cast<int>(op));
  for (int round = 0; round < 2000; ++round) {
    for (std::uint32_t i = 0; i < kElements; ++i) {
      bench.table[kA + i] = fill(sweep);
      bench.table[kB + i] = sweep.in(0, 7) == 0 ? bench.table[kA + i] : fill(sweep);
    }
    const int immediate = static_cast<int>(sweep.in(-30, 40));
    Command command = vector_command(op, immediate);
    command.set(Field::SCALAR_KEEP, keep ? 1 : 0);
    ASSERT_EQ(bench.run(command), cycles * kElements) << disassemble(command);
    for (std::uint32_t i = 0; i < kElements; ++i) {
      ASSERT_EQ(bench.table[kDst + i], expected(bench.table[kA + i], bench.table[kB + i], immediate))
          << disassemble(command) << std::hex << " a " << bench.table[kA + i] << " b " << bench.table[kB + i];
    }
  }
}

Word boundary_integer(Sweep& sweep) { return static_cast<Word>(sweep.signed_value((std::int64_t{1} << 31) - 1)); }
Word boundary_magnitude(Sweep& sweep) { return static_cast<Word>(sweep.magnitude((std::int64_t{1} << 31) - 1)); }

TEST(ScalarUnit, Reals) {
  check(ScalarOp::RMUL, 5, random_real, [](Word a, Word b, int) { return spec::times(a, b); });
  check(ScalarOp::RDIV, 22, random_real, [](Word a, Word b, int) { return spec::over(a, b); });
  check(ScalarOp::RADD, 5, random_real, [](Word a, Word b, int) { return spec::plus(a, b); });
  check(ScalarOp::RSUB, 5, random_real, [](Word a, Word b, int) { return spec::plus(a, spec::negative(b)); });
  check(ScalarOp::RMAX, 5, random_real, [](Word a, Word b, int) { return spec::less(a, b) ? b : a; });
  check(ScalarOp::RMIN, 5, random_real, [](Word a, Word b, int) { return spec::less(b, a) ? b : a; });
  check(ScalarOp::RKEEP, 5, random_real, [](Word a, Word b, int) { return a != 0 ? b : 0; });
  check(ScalarOp::RSQRT, 74, random_real, [](Word a, Word, int) { return spec::reciprocal_root(a); });
}

TEST(ScalarUnit, ReciprocalRootOfEveryMantissa) {
  Bench bench;
  for (const int s : {7, 8}) {
    for (std::int64_t first = 32768; first < 65536; first += kElements) {
      for (std::uint32_t i = 0; i < kElements; ++i) {
        bench.table[kA + i] = spec::assemble(false, std::min<std::int64_t>(first + i, 65535), s);
      }
      bench.run(vector_command(ScalarOp::RSQRT));
      for (std::uint32_t i = 0; i < kElements; ++i) {
        ASSERT_EQ(bench.table[kDst + i], spec::reciprocal_root(bench.table[kA + i])) << bench.table[kA + i];
      }
    }
  }
}

TEST(ScalarUnit, ConversionsCountWhatTheyLimit) {
  Bench bench;
  Sweep sweep(91);
  for (int round = 0; round < 3000; ++round) {
    const bool scale = round % 2 == 0;
    const int immediate = static_cast<int>(sweep.in(-30, 60));
    for (std::uint32_t i = 0; i < kElements; ++i) bench.table[kA + i] = random_real(sweep);
    bench.table[1] = 0;
    ASSERT_EQ(bench.run(vector_command(scale ? ScalarOp::TO_SCALE : ScalarOp::TO_INT, immediate)), 4 * kElements);
    Word limited = 0;
    for (std::uint32_t i = 0; i < kElements; ++i) {
      const Word a = bench.table[kA + i];
      const spec::AnyScale as_scale = spec::as_scale(a);
      const spec::Limited as_integer = spec::to_integer(a, immediate);
      const Word expected =
          scale ? as_scale.m | static_cast<Word>(as_scale.s) << 16 : static_cast<Word>(as_integer.value);
      limited += scale ? as_scale.saturated : as_integer.limited;
      ASSERT_EQ(bench.table[kDst + i], expected) << std::hex << a << std::dec << " immediate " << immediate;
    }
    ASSERT_EQ(bench.table[1], limited);
  }
}

TEST(ScalarUnit, UnitsUpToAPowerOfTwo) {  // TO_SCALE with SCALAR_KEEP: N24.4
  Bench bench;
  Sweep sweep(98);
  for (int round = 0; round < 3000; ++round) {
    for (std::uint32_t i = 0; i < kElements; ++i) {
      // Half of them at the ends of the mantissas, and of the shifts of scales and reals.
      constexpr int kMantissas[] = {32768, 32769, 49152, 65534, 65535}, kShifts[] = {-128, -1, 0, 1, 62, 63, 64, 127};
      bench.table[kA + i] = sweep.in(0, 1) == 0 ? random_real(sweep)
                                                : spec::assemble(sweep.in(0, 7) == 0, kMantissas[sweep.in(0, 4)],
                                                                 kShifts[sweep.in(0, 7)]);
    }
    bench.table[1] = 0;
    Command command = vector_command(ScalarOp::TO_SCALE);
    ASSERT_EQ(bench.run(command.set(Field::SCALAR_KEEP, 1)), 4 * kElements);
    Word limited = 0;
    for (std::uint32_t i = 0; i < kElements; ++i) {
      const spec::AnyScale scale = spec::as_scale(bench.table[kA + i]);
      limited += scale.saturated ? 1 : 0;
      // The largest shift s for which 2^15 · 2^-s is not below the scale, at least 0.
      int s = 63;
      while (s > 0 && spec::Wide{32768} * spec::power_of_two(scale.s) < spec::Wide{scale.m} * spec::power_of_two(s))
        --s;
      ASSERT_EQ(bench.table[kDst + i], Word{32768} | static_cast<Word>(s) << 16) << std::hex << bench.table[kA + i];
    }
    ASSERT_EQ(bench.table[1], limited);
  }
}

TEST(ScalarUnit, Integers) {
  check(ScalarOp::FROM_INT, 4, boundary_integer,
        [](Word a, Word, int k) { return spec::integer(static_cast<std::int32_t>(a), k); });
  check(ScalarOp::ISUB, 5, boundary_integer, [](Word a, Word b, int) { return a - b; });
  check(ScalarOp::IMAX, 5, boundary_integer,
        [](Word a, Word b, int) { return static_cast<std::int32_t>(a) < static_cast<std::int32_t>(b) ? b : a; });
  check(ScalarOp::SHIFT_OF, 4, boundary_magnitude, [](Word a, Word, int) {
    Word shift = 0;  // N13.1: the least for which M / 2^shift is below 2^15
    while (a / (std::uint64_t{1} << shift) >= 32768) ++shift;
    return shift;
  });
  for (const bool power : {false, true}) {
    check(
        ScalarOp::TOP, 4, boundary_magnitude,
        [power](Word a, Word, int) {  // N19.1: the least number of that form that is not below a
          if (a == 0) return Word{1};
          std::uint64_t unit = 1;
          while (power ? unit < a : (a + unit - 1) / unit > 65536) unit *= 2;
          return static_cast<Word>(power ? unit : (a + unit - 1) / unit * unit);
        },
        power);
  }
  const auto exponent = [](Sweep& sweep) { return static_cast<Word>(sweep.in(-200, 200)); };
  for (const bool subtracts : {false, true}) {
    check(
        ScalarOp::EXP2, 4, exponent,
        [subtracts](Word a, Word, int k) {
          const int e = static_cast<int>(a);
          return spec::power(k + (subtracts ? -e : e));
        },
        subtracts);
  }
}

TEST(ScalarUnit, PowerOfTwoShiftOfAMaximum) {
  Bench bench;
  Sweep sweep(92);
  for (int round = 0; round < 2000; ++round) {
    const int bits = static_cast<int>(sweep.in(2, 16));
    for (std::uint32_t i = 0; i < kElements; ++i) bench.table[kA + i] = boundary_magnitude(sweep);
    bench.run(vector_command(ScalarOp::MAX_TO_POWER, bits));
    for (std::uint32_t i = 0; i < kElements; ++i) {
      int length = 0;  // N24.1
      while (spec::power_of_two(length) < bench.table[kA + i]) ++length;
      ASSERT_EQ(bench.table[kDst + i], static_cast<Word>(std::max(0, length - (bits - 1)))) << bench.table[kA + i];
    }
  }
}

TEST(ScalarUnit, SumsAndCentredProducts) {
  Bench bench;
  Sweep sweep(93);
  const auto put = [&](std::uint32_t at, std::int64_t value) {
    bench.table[at] = static_cast<Word>(value);
    bench.table[at + kHigh] = static_cast<Word>(static_cast<std::uint64_t>(value) >> 32);
  };
  for (int round = 0; round < 3000; ++round) {
    bench.table[kN] = static_cast<Word>(sweep.magnitude((1 << 26) - 1));
    for (std::uint32_t i = 0; i < kElements; ++i) {
      put(kA + i, sweep.signed_value((std::int64_t{1} << 60) - 1));
      put(kB + i, sweep.signed_value((std::int64_t{1} << 48) - 1));
      put(kC + i, sweep.in(0, 1) == 0
                      ? static_cast<std::int64_t>(pair(bench.table[kB + i], bench.table[kB + i + kHigh]))
                      : sweep.signed_value((std::int64_t{1} << 48) - 1));
    }
    const bool centred = round % 2 == 0;
    const int immediate = static_cast<int>(sweep.in(-40, 40));
    Command command = vector_command(centred ? ScalarOp::CENTERED : ScalarOp::FROM_SUM, immediate);
    command.set(Field::SRC_N, kN).set(Field::TABLE_PITCH, kHigh);
    ASSERT_EQ(bench.run(command), (centred ? 10 : 5) * kElements);
    for (std::uint32_t i = 0; i < kElements; ++i) {
      const auto at = [&](std::uint32_t base) { return pair(bench.table[base + i], bench.table[base + i + kHigh]); };
      const Wide exact = centred ? Wide{bench.table[kN]} * at(kA) - at(kB) * at(kC) : at(kA);
      ASSERT_EQ(bench.table[kDst + i], spec::integer(exact, centred ? 0 : immediate));
    }
  }
}

TEST(ScalarUnit, VectorsBecomeOneResult) {
  Bench bench;
  Sweep sweep(94);
  for (int round = 0; round < 3000; ++round) {
    const bool sums = round % 2 == 0;
    Word expected = 0;
    for (std::uint32_t i = 0; i < kElements; ++i) {
      const Word a = bench.table[kA + i] = random_real(sweep);
      const Word magnitude = a & 0x7fffffffu;
      if (sums)
        expected = spec::plus(expected, a);
      else if (spec::less(expected, magnitude))
        expected = magnitude;
    }
    bench.table[kDst + 1] = 12345;
    ASSERT_EQ(bench.run(vector_command(sums ? ScalarOp::RSUM : ScalarOp::RMAXABS)), 2 * kElements + 2);
    ASSERT_EQ(bench.table[kDst], expected);
    ASSERT_EQ(bench.table[kDst + 1], 12345u);
  }
}

TEST(ScalarUnit, SelectsTheHighestScoresLowerIndexFirst) {
  Bench bench;
  Sweep sweep(95);
  for (int round = 0; round < 2000; ++round) {
    const int keep = static_cast<int>(sweep.in(0, kElements));
    for (std::uint32_t i = 0; i < kElements; ++i) {
      bench.table[kA + i] = sweep.in(0, 1) == 0 ? static_cast<Word>(sweep.in(0, 4)) : static_cast<Word>(sweep.bits());
    }
    ASSERT_EQ(bench.run(vector_command(ScalarOp::SELECT_TOP, keep)), (3 + kElements) * kElements);
    std::vector<std::uint32_t> order(kElements);
    for (std::uint32_t i = 0; i < kElements; ++i) order[i] = i;
    std::stable_sort(order.begin(), order.end(),
                     [&](auto a, auto b) { return bench.table[kA + a] > bench.table[kA + b]; });
    for (std::uint32_t rank = 0; rank < kElements; ++rank) {
      ASSERT_EQ(bench.table[kDst + order[rank]], rank < static_cast<std::uint32_t>(keep) ? kOneWord : 0);
    }
  }
}

TEST(ScalarUnit, SelectsByRandomWords) {
  Bench bench;
  Sweep sweep(96);
  for (int round = 0; round < 500; ++round) {
    bench.random_word = sweep.bits();
    bench.keys.clear();
    bench.blocks.clear();
    for (std::uint32_t i = 0; i < kElements; ++i) {
      const auto own = static_cast<std::uint32_t>(bench.random_word >> (16 * (i % 4)) & 0xffff);
      bench.table[kA + i] = sweep.in(0, 1) == 0 ? own + static_cast<std::uint32_t>(sweep.in(0, 1))
                                                : static_cast<Word>(sweep.in(0, 65536));
    }
    Command command = vector_command(ScalarOp::SELECT_RANDOM, 5);
    ASSERT_EQ(bench.run(command.set(Field::SRC_C, 34)), 22 + 18 * kElements);
    ASSERT_EQ(bench.keys, std::vector<std::uint32_t>{34u << 16 | 5u << 8});
    ASSERT_EQ(bench.blocks.size(), static_cast<std::size_t>(kElements));
    for (std::uint32_t i = 0; i < kElements; ++i) {
      const auto own = static_cast<std::uint32_t>(bench.random_word >> (16 * (i % 4)) & 0xffff);
      ASSERT_EQ(bench.blocks[i], i / 4);
      ASSERT_EQ(bench.table[kDst + i], own < bench.table[kA + i] ? kOneWord : 0);
    }
  }
}

TEST(ScalarUnit, ChoosesLwqLevelsWithHysteresis) {
  Bench bench;
  Sweep sweep(97);
  constexpr int kThresholds[] = {162, 365, 758}, kLower[] = {143, 321, 667};
  for (int round = 0; round < 3000; ++round) {
    const int min = static_cast<int>(sweep.in(0, 3)), max = static_cast<int>(sweep.in(min, 3));
    for (std::uint32_t i = 0; i < kElements; ++i) {
      const std::int64_t n = sweep.in(1, (1 << 26) - 1);
      // Near a threshold t/10: n · 655360 = t · A.
      const int t = sweep.in(0, 1) == 0 ? kThresholds[sweep.in(0, 2)] : kLower[sweep.in(0, 2)];
      const std::int64_t sum = sweep.in(0, 9) == 0 ? 0 : n * 655360 / t + sweep.in(-1, 1);
      bench.table[kA + i] = static_cast<Word>(sum);
      bench.table[kA + kHigh + i] = static_cast<Word>(sum >> 32);
      bench.table[kB + i] = static_cast<Word>(sweep.in(0, 3));
      bench.table[kC + i] = static_cast<Word>(n);
    }
    Command command = vector_command(ScalarOp::LEVEL, min | max << 4);
    ASSERT_EQ(bench.run(command.set(Field::TABLE_PITCH, kHigh)), 7 * kElements);
    for (std::uint32_t i = 0; i < kElements; ++i) {
      const Wide sum = pair(bench.table[kA + i], bench.table[kA + kHigh + i]);
      int up = 0, down = 0;
      for (int k = 0; k < 3; ++k) {
        up += Wide{bench.table[kC + i]} * 655360 > kThresholds[k] * sum ? 1 : 0;
        down += Wide{bench.table[kC + i]} * 655360 > kLower[k] * sum ? 1 : 0;
      }
      int level = static_cast<int>(bench.table[kB + i]);
      if (up > level)
        level = up;
      else if (down < level)
        level = down;
      ASSERT_EQ(bench.table[kDst + i], static_cast<Word>(std::clamp(level, min, max)));
    }
  }
}

}  // namespace
}  // namespace bitloom::testing
