// bl_adam_lane, step by step, against the specification of N25 (testbench/model/numerics/spec_adam.hpp),
// boundary-heavy.
#include <gtest/gtest.h>

#include "Vbl_adam_lane_base.h"
#include "testbench/model/numerics/spec_adam.hpp"
#include "testbench/model/numerics/spec_update.hpp"
#include "testbench/model/numerics/sweep.hpp"
#include "testbench/rtl/units/unit.hpp"

namespace bitloom::testing {
namespace {

constexpr std::int64_t kLargest = 0x7fffffff;
constexpr int kMomentSteps = 39, kCodeSteps = 51;

/// A real that is often near the factors of N25.
spec::Word random_factor(Sweep& sweep) {
  if (sweep.in(0, 19) == 0) return 0;
  const auto s = static_cast<int>(sweep.in(0, 3) != 0 ? sweep.in(-10, 48) : sweep.in(-128, 127));
  return spec::assemble(sweep.in(0, 9) == 0, sweep.mantissa(), s);
}

class Lane {
 public:
  Lane() {
    unit_->active_i = 0;
    unit_.reset();
  }
  Vbl_adam_lane_base* operator->() { return &*unit_; }
  void run(bool codes, int steps) {
    unit_->codes_i = codes ? 1 : 0;
    unit_->active_i = 1;
    for (int step = 0; step < steps; ++step) {
      unit_->step_i = static_cast<std::uint8_t>(step);
      unit_.cycle();
    }
    unit_->active_i = 0;
    unit_->step_i = 0;
    unit_.cycle();
  }

 private:
  Unit<Vbl_adam_lane_base> unit_;
};

std::uint32_t port(std::int64_t value) { return static_cast<std::uint32_t>(value); }

TEST(AdamLane, Moments) {  // N25.2, N25.3
  Lane lane;
  Sweep sweep(0xb1700171);
  for (int trial = 0; trial < 40000; ++trial) {
    const std::int64_t gradient = sweep.signed_value(kLargest), cm = sweep.in(-127, 127), cr = sweep.in(0, 255);
    const std::int64_t low = sweep.magnitude(std::int64_t{1} << 30);
    const spec::Word km = random_factor(sweep), kr = random_factor(sweep), kg = random_factor(sweep);
    const spec::AdamConstants c{1 + sweep.magnitude(65534), 1 + sweep.magnitude(65534)};
    lane->first_i = port(gradient);
    lane->second_i = port(cm);
    lane->third_i = port(cr);
    lane->k0_i = km;
    lane->k1_i = kr;
    lane->k2_i = kg;
    lane->k3_i = port(low);
    lane->beta1_i = static_cast<std::uint16_t>(c.beta1);
    lane->beta2_i = static_cast<std::uint16_t>(c.beta2);
    lane.run(false, kMomentSteps);
    const auto r = static_cast<std::int64_t>(spec::clamp(spec::Wide{low} + spec::block_integer(cr, kr), kLargest));
    const spec::AdamMoment expected =
        spec::new_moment(spec::block_integer(cm, km), r, spec::block_integer(gradient, kg), c);
    ASSERT_EQ(signed_bits(lane->first_o, 32), expected.m) << "trial " << trial;
    ASSERT_EQ(signed_bits(lane->second_o, 32), expected.r) << "trial " << trial;
  }
}

TEST(AdamLane, MastersOrStepsAndCodes) {  // N25.4 to N25.6, N25.8
  Lane lane;
  Sweep sweep(0xb1700172);
  int limited = 0, saturated = 0;
  for (int trial = 0; trial < 40000; ++trial) {
    const spec::AdamMoment moment{sweep.signed_value(kLargest), sweep.magnitude(kLargest)};
    const std::int64_t lowest = sweep.in(0, 3) == 0 ? moment.r : sweep.magnitude(moment.r);
    const std::int64_t epsilon = 1 + sweep.magnitude((std::int64_t{1} << 30) - 1);
    const std::int64_t limit = sweep.in(0, 1) != 0 ? kLargest : (1 << 23) - 1;
    const std::int64_t master = sweep.signed_value(limit);
    const spec::Word m_ratio = random_factor(sweep), r_ratio = random_factor(sweep), ratio = random_factor(sweep);
    const auto u = static_cast<std::uint32_t>(sweep.magnitude(65535));
    lane->first_i = port(moment.m);
    lane->second_i = port(moment.r);
    lane->third_i = port(master);
    lane->k0_i = port(epsilon);
    lane->k1_i = m_ratio;
    lane->k2_i = r_ratio;
    lane->k3_i = port(lowest);
    lane->ratio_i = ratio;
    lane->limit_i = port(limit);
    lane->u_i = static_cast<std::uint16_t>(u);
    const bool steps = sweep.in(0, 2) == 0;
    lane->made_step_i = steps ? 1 : 0;
    lane.run(true, kCodeSteps);
    const spec::Wide q = spec::adam_quotient(moment, epsilon);
    const spec::Wide step = spec::clamp(q, (1 << 20) - 1);
    const spec::Wide exact =
        spec::round16(spec::Wide{master} * 65536 - spec::product16(static_cast<std::int64_t>(step), ratio), u).value;
    const auto expected = static_cast<std::int64_t>(steps ? step : spec::clamp(exact, limit));
    ASSERT_EQ(signed_bits(lane->first_o, 32), expected) << "trial " << trial;
    ASSERT_EQ(lane->magnitude_o, port(std::abs(expected)));
    ASSERT_EQ(lane->saturated_o, steps || exact == expected ? 0 : 1);
    ASSERT_EQ(lane->limited_o, q == step ? 0 : 1);
    ASSERT_EQ(signed_bits(lane->second_o, 32), spec::m_code(moment.m, m_ratio, 8));
    ASSERT_EQ(signed_bits(lane->third_o, 32), spec::r_code(moment.r - lowest, r_ratio, 8));
    limited += lane->limited_o;
    saturated += lane->saturated_o;
  }
  EXPECT_GT(limited, 1000);
  EXPECT_GT(saturated, 1000);
}

}  // namespace
}  // namespace bitloom::testing
