// bl_requant against the specification: every 16-bit input and word for every shift, and every 24-bit input.
#include <gtest/gtest.h>

#include "testbench/rtl/units/requant_unit.hpp"

namespace bitloom::testing {
namespace {

TEST(RequantLong, EveryShiftWordAnd16BitInput) {
  RequantUnit unit;
  for (int s = 0; s < 64; ++s) {
    const Scale ratio{static_cast<std::uint16_t>(32768 + (s * 40503 + 1) % 32768), static_cast<std::uint8_t>(s)};
    EXPECT_EQ(unit.differences(-32768, 32767, ratio, Rounding::kStochastic, 256, kRawLimit), 0u) << s;
  }
}

TEST(RequantLong, Every24BitInput) {
  RequantUnit unit;
  for (const Rounding rounding : {Rounding::kHalfUp, Rounding::kNearestEven, Rounding::kFloor}) {
    for (const Scale ratio : {Scale{32768, 31}, Scale{65535, 32}, Scale{47274, 24}}) {
      EXPECT_EQ(unit.differences(-(1 << 23), (1 << 23) - 1, ratio, rounding, 1, 127), 0u) << ratio.m << " " << +ratio.s;
    }
  }
}

}  // namespace
}  // namespace bitloom::testing
