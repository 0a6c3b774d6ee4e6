// bl_raw_view against the specifications of N5.2 and N5.5: every 24-bit value at every shift, and values of 46 bits
// near ties and limits.
#include <gtest/gtest.h>

#include "Vbl_raw_view_base.h"
#include "testbench/model/numerics/spec_raw_view.hpp"
#include "testbench/model/numerics/sweep.hpp"
#include "testbench/rtl/units/unit.hpp"

namespace bitloom::testing {
namespace {

constexpr std::int64_t kMaxInput = (std::int64_t{1} << 46) - 1;

class RawViewUnit {
 public:
  /// Says whether the unit gives the view of `shift` in 16 bits, or, with a shift below 0, that of 32 bits.
  bool is_right(std::int64_t value, int shift) {
    const bool raw16 = shift >= 0;
    const spec::Wide exact = raw16 ? spec::shifted_to_even(value, shift) : spec::Wide{value};
    const spec::Wide want = spec::clamp(exact, raw16 ? 32767 : 2147483647);
    unit_->value_i = low_bits(value, 48);
    unit_->raw16_i = raw16 ? 1 : 0;
    unit_->shift_i = static_cast<std::uint8_t>(raw16 ? shift : 0);
    unit_->eval();
    return static_cast<std::int32_t>(unit_->raw_o) == want && (unit_->saturated_o != 0) == (want != exact);
  }

 private:
  Unit<Vbl_raw_view_base> unit_;
};

TEST(RawViewUnit, EveryValueOf21BitsAndShift) {
  RawViewUnit unit;
  for (int shift = -1; shift < 16; ++shift) {
    for (std::int64_t value = -(1 << 20); value <= 1 << 20; ++value) {
      ASSERT_TRUE(unit.is_right(value, shift)) << value << " by " << shift;
    }
  }
}

TEST(RawViewUnit, WideValues) {
  RawViewUnit unit;
  Sweep sweep(0xb1700055);
  for (int trial = 0; trial < 1'000'000; ++trial) {
    const auto shift = static_cast<int>(sweep.in(-1, 15));
    const std::int64_t limit = shift < 0 ? 2147483647 : std::int64_t{32767} << shift;
    const std::int64_t half = shift < 1 ? 0 : std::int64_t{1} << (shift - 1);
    const std::int64_t sign = sweep.in(0, 1) == 0 ? 1 : -1;
    const std::int64_t value =
        sweep.in(0, 1) == 0 ? sweep.signed_value(kMaxInput) : sign * (limit + sweep.in(0, 1) * half) + sweep.in(-3, 3);
    ASSERT_TRUE(unit.is_right(value, shift)) << value << " by " << shift;
  }
}

}  // namespace
}  // namespace bitloom::testing
