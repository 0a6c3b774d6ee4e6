// bl_requant (N3.1 to N3.5) against the specification over whole ranges, and where widths end.
#include <gtest/gtest.h>

#include <initializer_list>

#include "testbench/model/numerics/sweep.hpp"
#include "testbench/rtl/units/requant_unit.hpp"

namespace bitloom::testing {
namespace {

constexpr std::int64_t kMaxInput = (std::int64_t{1} << 46) - 1;

TEST(Requant, Every16BitInputAndWord) {
  RequantUnit unit;
  for (const Scale ratio : {Scale{32768, 15}, Scale{32769, 23}, Scale{65535, 24}, Scale{43691, 9}}) {
    EXPECT_EQ(unit.differences(-32768, 32767, ratio, Rounding::kStochastic, 256, 127), 0u)
        << ratio.m << " " << +ratio.s;
  }
}

TEST(Requant, Every16BitInputAndShift) {
  RequantUnit unit;
  for (const Rounding rounding : {Rounding::kHalfUp, Rounding::kNearestEven, Rounding::kFloor}) {
    for (int s = 0; s < 64; ++s) {
      for (const std::uint16_t m : {std::uint16_t{32768}, std::uint16_t{49152}}) {
        const Scale ratio{m, static_cast<std::uint8_t>(s)};
        EXPECT_EQ(unit.differences(-32768, 32767, ratio, rounding, 1, kRawLimit), 0u) << m << " " << s;
      }
    }
  }
}

TEST(Requant, WideInputs) {
  RequantUnit unit;
  Sweep sweep(11);
  for (int i = 0; i < 2'000'000; ++i) {
    const Scale ratio{static_cast<std::uint16_t>(sweep.mantissa()), static_cast<std::uint8_t>(sweep.in(0, 63))};
    const auto rounding = static_cast<Rounding>(sweep.in(0, 3));
    const std::int64_t limits[] = {7, 127, kRawLimit};
    const std::int64_t limit = limits[sweep.in(0, 2)];
    // Half of the inputs where the result is near the limit or a tie, the others anywhere.
    std::int64_t x = sweep.signed_value(kMaxInput);
    if ((sweep.bits() & 1) != 0) {
      const spec::Wide target = (sweep.in(-2 * limit - 3, 2 * limit + 3) * spec::power_of_two(ratio.s)) / 2 / ratio.m;
      x = static_cast<std::int64_t>(spec::clamp(target + sweep.in(-2, 2), kMaxInput));
    }
    const auto u = static_cast<std::uint32_t>(sweep.in(0, 255));
    const spec::Chance chance = specified(x, ratio, rounding);
    const spec::Wide exact = chance.below + (spec::Wide{u} < chance.words_up ? 1 : 0);
    const spec::Wide y = spec::clamp(exact, limit);
    unit.set(ratio, rounding, limit);
    const RequantUnit::Result got = unit(x, u);
    ASSERT_EQ(got.y, static_cast<std::int64_t>(y)) << "x " << x << " m " << ratio.m << " s " << +ratio.s << " rounding "
                                                   << static_cast<int>(rounding) << " u " << u;
    ASSERT_EQ(got.saturated, y != exact) << "x " << x << " m " << ratio.m << " s " << +ratio.s << " limit " << limit;
  }
}

}  // namespace
}  // namespace bitloom::testing
