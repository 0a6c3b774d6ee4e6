// bl_affine_lane against the specification of N12: every 16-bit operand with factors of every shift, and all operands
// and flags where widths end.
#include <gtest/gtest.h>

#include "Vbl_affine_lane_base.h"
#include "testbench/model/numerics/spec_real.hpp"
#include "testbench/model/numerics/sweep.hpp"
#include "testbench/rtl/units/unit.hpp"

namespace bitloom::testing {
namespace {

constexpr std::int64_t kLargest = 0x7fffffff;

struct Operands {
  std::int64_t u = 0, v = 0, c = 0;
  spec::Word a = 0, b = 0;
  bool has_v = false, masked = false, relu = false, outside = false, raw16 = false;
};

class Lane {
 public:
  Lane() {
    unit_->valid_i = 0;
    unit_.reset();
  }

  /// Says whether the lane's results are those of N12: limited before mask and ReLU, which the saturation does not see.
  bool is_right(const Operands& of) {
    set(of);
    for (const int stage : {1, 2}) {
      unit_->valid_i = static_cast<std::uint8_t>(stage);
      unit_.cycle();
    }
    const spec::Wide products = spec::product16(of.u, of.a) + (of.has_v ? spec::product16(of.v, of.b) : 0);
    const spec::Wide exact = spec::round_half_up({products + spec::Wide{of.c} * 65536, 65536});
    const spec::Wide limited = spec::clamp(exact, of.raw16 ? 32767 : kLargest);
    spec::Wide value = of.masked || of.outside ? 0 : limited;
    const bool positive = value > 0, saturated = !of.outside && limited != exact;
    if (of.relu && !positive) value = 0;
    return static_cast<std::int32_t>(unit_->raw_o) == value &&
           unit_->magnitude_o == static_cast<std::uint32_t>(value < 0 ? -value : value) &&
           (unit_->positive_o != 0) == positive && (unit_->saturated_o != 0) == saturated;
  }

 private:
  void set(const Operands& of) {
    unit_->u_i = static_cast<std::uint32_t>(of.u);
    unit_->v_i = static_cast<std::uint32_t>(of.v);
    unit_->c_i = static_cast<std::uint32_t>(of.c);
    unit_->a_i = of.a;
    unit_->b_i = of.b;
    unit_->has_v_i = of.has_v ? 1 : 0;
    unit_->keep_i = of.masked ? 0 : 1;
    unit_->in_tile_i = of.outside ? 0 : 1;
    unit_->relu_i = of.relu ? 1 : 0;
    unit_->raw16_i = of.raw16 ? 1 : 0;
  }

  Unit<Vbl_affine_lane_base> unit_;
};

TEST(AffineLane, Every16BitOperandAndShift) {
  Lane lane;
  for (int s = -1; s <= 64; ++s) {
    for (const std::int64_t m : {32768, 43691, 65535}) {
      Operands of;
      of.a = spec::assemble(m == 43691, m, s);
      of.raw16 = m == 65535;
      for (of.u = -32768; of.u < 32768; ++of.u) ASSERT_TRUE(lane.is_right(of)) << of.u << " by " << m << ", " << s;
    }
  }
}

TEST(AffineLane, AllOperands) {
  Lane lane;
  Sweep sweep(84);
  const auto real = [&] {
    if (sweep.in(0, 20) == 0) return spec::Word{0};
    const int s = static_cast<int>(sweep.in(0, 7) == 0 ? sweep.in(-128, 127) : sweep.in(-2, 65));
    return spec::assemble(sweep.in(0, 1) != 0, sweep.mantissa(), s);
  };
  for (int trial = 0; trial < 1'000'000; ++trial) {
    Operands of{sweep.signed_value(kLargest), sweep.signed_value(kLargest), sweep.signed_value(kLargest)};
    of.a = real();
    of.b = real();
    of.has_v = sweep.in(0, 3) != 0;
    of.masked = sweep.in(0, 3) == 0;
    of.relu = sweep.in(0, 1) != 0;
    of.outside = sweep.in(0, 15) == 0;
    of.raw16 = sweep.in(0, 1) != 0;
    ASSERT_TRUE(lane.is_right(of)) << of.u << " " << of.v << " " << of.c << std::hex << " " << of.a << " " << of.b;
  }
}

}  // namespace
}  // namespace bitloom::testing
