// bl_divider against the machine's division, in the three ways that the engine uses it.
#include <gtest/gtest.h>

#include "Vbl_divider_base.h"
#include "testbench/model/numerics/sweep.hpp"
#include "testbench/rtl/units/unit.hpp"

namespace bitloom::testing {
namespace {

TEST(Divider, DividesBitByBit) {
  Unit<Vbl_divider_base> unit;
  Sweep sweep(16);
  unit->start_i = 0;
  unit.reset();
  for (int i = 0; i < 20000; ++i) {
    const int steps = static_cast<int>(i % 3 == 0 ? sweep.in(1, 48) : (i % 3 == 1 ? 17 : 32));
    const std::uint64_t divisor = 1 + static_cast<std::uint64_t>(sweep.magnitude(0xfffffffell));
    const std::uint64_t first = static_cast<std::uint64_t>(sweep.magnitude(0xffffffffll)) % divisor % (1u << 16);
    const std::uint64_t bits = static_cast<std::uint64_t>(sweep.magnitude((std::int64_t{1} << steps) - 1));
    const std::uint64_t dividend = (first << steps) + bits;
    unit->start_i = 1;
    unit->first_i = static_cast<std::uint32_t>(first);
    unit->bits_i = bits << (48 - steps);
    unit->divisor_i = static_cast<std::uint32_t>(divisor);
    unit->steps_i = static_cast<std::uint8_t>(steps);
    unit.cycle();
    unit->start_i = 0;
    int cycles = 1;
    while (unit->done_o == 0 && cycles < 100) {
      unit.cycle();
      ++cycles;
    }
    ASSERT_EQ(cycles, steps);
    unit.cycle();
    ASSERT_EQ(unit->quotient_o, dividend / divisor) << dividend << " / " << divisor;
    ASSERT_EQ(unit->inexact_o != 0, dividend % divisor != 0) << dividend << " / " << divisor;
  }
}

}  // namespace
}  // namespace bitloom::testing
