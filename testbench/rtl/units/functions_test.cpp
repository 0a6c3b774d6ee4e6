// bl_fixed16 (N3.6), bl_exp2neg (N8.1) and bl_log2fix (N8.2).
#include <gtest/gtest.h>

#include "Vbl_exp2neg_base.h"
#include "Vbl_fixed16_base.h"
#include "Vbl_log2fix_base.h"
#include "testbench/model/numerics/spec_functions.hpp"
#include "testbench/model/numerics/spec_requantize.hpp"
#include "testbench/model/numerics/sweep.hpp"
#include "testbench/rtl/units/unit.hpp"

namespace bitloom::testing {
namespace {

TEST(Fixed16, EqualsTheSpecification) {
  Unit<Vbl_fixed16_base> unit;
  Sweep sweep(12);
  constexpr std::int64_t kMax = (std::int64_t{1} << 33) - 1;
  for (int i = 0; i < 2'000'000; ++i) {
    const std::uint32_t m = sweep.mantissa();
    const auto s = static_cast<int>(sweep.in(0, 63));
    std::int64_t x = sweep.signed_value(kMax);
    if ((sweep.bits() & 1) != 0 && s < 32) {  // near the limit 2^46
      const spec::Wide target = spec::power_of_two(30 + s) / m + sweep.in(-2, 2);
      x = static_cast<std::int64_t>(spec::clamp((sweep.bits() & 1) != 0 ? target : -target, kMax));
    }
    unit->x_i = low_bits(x, 34);
    unit->m_i = static_cast<std::uint16_t>(m);
    unit->s_i = static_cast<std::uint8_t>(s);
    unit->eval();
    ASSERT_EQ(signed_bits(unit->y_o, 47), static_cast<std::int64_t>(spec::fixed16(x, m, s)))
        << "x " << x << " m " << m << " s " << s;
  }
}

TEST(Exp2neg, EqualsTheSpecificationEverywhere) {
  Unit<Vbl_exp2neg_base> unit;
  for (std::int64_t t = 0; t < (1 << 21); ++t) {
    unit->t_i = static_cast<std::uint32_t>(t);
    unit->eval();
    ASSERT_EQ(unit->e_o, spec::exp2neg(t)) << t;
  }
}

TEST(Log2fix, EqualsTheSpecification) {
  Unit<Vbl_log2fix_base> unit;
  Sweep sweep(13);
  const auto check = [&](std::int64_t sum) {
    unit->s_i = static_cast<std::uint32_t>(sum);
    unit->eval();
    ASSERT_EQ(unit->y_o, spec::log2fix(sum)) << sum;
  };
  for (std::int64_t sum = 1; sum < (1 << 20); ++sum) check(sum);
  for (int i = 0; i < 500'000; ++i) check(1 + sweep.magnitude(0xfffffffell));
}

}  // namespace
}  // namespace bitloom::testing
