// bl_update_lane against the specifications of N9 and N23: every fraction at the words around its threshold, and all
// operands where widths end.
#include <gtest/gtest.h>

#include "Vbl_update_lane_base.h"
#include "testbench/model/numerics/spec_codes.hpp"
#include "testbench/model/numerics/spec_polyline.hpp"
#include "testbench/model/numerics/spec_update.hpp"
#include "testbench/model/numerics/sweep.hpp"
#include "testbench/rtl/units/unit.hpp"

namespace bitloom::testing {
namespace {

constexpr std::int64_t kLargest = 0x7fffffff;

enum class Rule { kSgd, kLwq, kLwqWhole, kStep, kStepWhole };

bool is_whole(Rule rule) { return rule == Rule::kLwqWhole || rule == Rule::kStepWhole; }
bool is_step(Rule rule) { return rule == Rule::kStep || rule == Rule::kStepWhole; }  // N25.8: no momentum

struct Operands {
  Rule rule = Rule::kSgd;
  bool half_up = false;
  std::int64_t gradient = 0, momentum = 0, master = 0;
  int residual = 0, read_level = 0, write_level = 0;
  spec::Word by_gradient = 0, by_old = 0, by_new = 0;
  std::int64_t limit = 0, qmax = 127;
  std::uint32_t u_momentum = 0, u_master = 0;
};

struct Results {
  std::int64_t momentum = 0, master = 0, residual = 0, magnitude = 0, moved = 0;
  bool momentum_saturated = false;
  int saturated = 0;
  bool operator==(const Results&) const = default;
};

std::int64_t clamped(spec::Wide exact, std::int64_t limit, int& saturations) {
  const spec::Wide y = spec::clamp(exact, limit);
  saturations += y != exact ? 1 : 0;
  return static_cast<std::int64_t>(y);
}

/// Makes a code of the latent weight after the change (N23.2).
void encode(const Operands& of, std::int64_t latent, Results& r) {
  const spec::LatentCell cell = spec::latent_cell(latent, of.write_level);
  const bool up = of.half_up ? 2 * cell.distance.numerator >= cell.distance.denominator
                             : spec::Wide{of.u_master} < spec::words_above(cell.distance, 16);
  const spec::FoundCode code = spec::code_of_value(up ? cell.outer : cell.inner, of.write_level, of.qmax);
  r.master = code.code.q;
  r.residual = code.code.s;
  r.saturated += code.saturated ? 1 : 0;
}

Results specified(const Operands& of) {
  Results r;
  const bool lwq = of.rule != Rule::kSgd;
  const spec::Wide fresh = spec::product16(of.gradient, of.by_gradient);
  const spec::Wide sum = fresh + (is_step(of.rule) ? 0 : spec::product16(of.momentum, of.by_old));
  if (!is_step(of.rule)) {
    int momentum_saturations = 0;
    r.momentum = clamped(spec::round16(sum, of.u_momentum).value, lwq ? 127 : 32767, momentum_saturations);
    r.momentum_saturated = momentum_saturations != 0;
  }
  const spec::Wide change16 = is_step(of.rule) ? fresh : spec::product16(r.momentum, of.by_new);
  if (!lwq) {
    const spec::Wide exact = spec::round16(spec::Wide{of.master} * 65536 - change16, of.u_master).value;
    r.master = clamped(exact, of.limit, r.saturated);
    r.magnitude = r.master < 0 ? -r.master : r.master;
    return r;
  }
  const std::int64_t change = clamped(change16, std::int64_t{1} << 30, r.saturated);
  r.moved = change < 0 ? -change : change;
  r.magnitude = static_cast<std::int64_t>(spec::round_half_up({sum < 0 ? -sum : sum, 65536}));
  if (!is_whole(of.rule)) {
    encode(of, spec::latent_value({of.master, of.residual}, of.read_level) - change, r);
  } else {
    r.master = clamped(of.master - change, of.qmax * 65536 + 32767, r.saturated);
    r.residual = static_cast<std::int64_t>(spec::round_half_up({r.master, 65536}));
  }
  return r;
}

class Lane {
 public:
  Lane() {
    unit_->valid_i = 0;
    unit_.reset();
    unit_->in_tile_i = 1;
  }

  Results run(const Operands& of) {
    set(of);
    for (int stage = 1; stage <= 6; ++stage) {
      unit_->u_i = static_cast<std::uint16_t>(stage == 4 ? of.u_momentum : (stage == 6 ? of.u_master : 0x5a5a));
      unit_->valid_i = static_cast<std::uint8_t>(1u << (stage - 1));
      unit_.cycle();
    }
    unit_->valid_i = 0;
    unit_->eval();
    Results r;
    if (!is_step(of.rule)) r.momentum = static_cast<std::int32_t>(unit_->momentum_o);
    r.momentum_saturated = unit_->momentum_saturated_o != 0;
    r.master = static_cast<std::int32_t>(unit_->master_o);
    r.magnitude = unit_->magnitude_o;
    r.saturated = unit_->saturated_o;
    if (of.rule != Rule::kSgd) {
      r.residual = static_cast<std::int32_t>(unit_->residual_o);
      r.moved = unit_->moved_o;
    }
    return r;
  }

 private:
  void set(const Operands& of) {
    unit_->lwq_i = of.rule != Rule::kSgd ? 1 : 0;
    unit_->whole_i = is_whole(of.rule) ? 1 : 0;
    unit_->made_step_i = is_step(of.rule) ? 1 : 0;
    unit_->half_up_i = of.half_up ? 1 : 0;
    unit_->gradient_i = static_cast<std::uint32_t>(of.gradient);
    unit_->momentum_i = static_cast<std::uint16_t>(of.momentum);
    unit_->master_i = static_cast<std::uint32_t>(of.master);
    unit_->residual_i = static_cast<std::uint8_t>(of.residual & 15);
    unit_->read_level_i = static_cast<std::uint8_t>(of.read_level);
    unit_->write_level_i = static_cast<std::uint8_t>(of.write_level);
    unit_->by_gradient_i = of.by_gradient;
    unit_->by_old_i = of.by_old;
    unit_->by_new_i = of.by_new;
    unit_->limit_i = static_cast<std::uint32_t>(of.limit);
    unit_->qmax_i = static_cast<std::uint8_t>(of.qmax);
  }

  Unit<Vbl_update_lane_base> unit_;
};

TEST(UpdateLane, EveryFractionOfTheMomentumAroundItsThreshold) {  // N9.1
  Lane lane;
  Operands of;
  of.by_gradient = spec::power(-16);
  for (std::int64_t fraction = 0; fraction < 65536; ++fraction) {
    for (const std::int64_t u : {std::int64_t{0}, fraction - 1, fraction, std::int64_t{65535}}) {
      if (u < 0 || u > 65535) continue;
      of.u_momentum = static_cast<std::uint32_t>(u);
      for (const int whole : {-3, 5}) {
        of.gradient = whole * 65536 + fraction;
        ASSERT_EQ(lane.run(of).momentum, whole + (u < fraction ? 1 : 0)) << fraction << " word " << u;
      }
    }
  }
}

TEST(UpdateLane, EveryFractionOfTheMasterAroundItsThreshold) {  // N9.2
  Lane lane;
  Operands of;
  of.by_gradient = spec::power(0);
  of.master = -7;
  of.limit = 8388607;
  for (std::int64_t fraction = 0; fraction < 65536; ++fraction) {
    // The change is the momentum, or twice it where 16 bits do not hold the fraction.
    const bool half = fraction == 32768;
    of.gradient = half ? -16384 : (fraction < 32768 ? -fraction : 65536 - fraction);
    of.by_new = spec::power(half ? -15 : -16);
    const int whole = fraction > 32768 ? -8 : -7;
    for (const std::int64_t u : {std::int64_t{0}, fraction - 1, fraction, std::int64_t{65535}}) {
      if (u < 0 || u > 65535) continue;
      of.u_master = static_cast<std::uint32_t>(u);
      ASSERT_EQ(lane.run(of).master, whole + (u < fraction ? 1 : 0)) << fraction << " word " << u;
    }
  }
}

spec::Word random_factor(Sweep& sweep) {
  if (sweep.in(0, 19) == 0) return 0;
  const auto s = static_cast<int>(sweep.in(0, 3) != 0 ? sweep.in(4, 40) : sweep.in(-128, 127));
  return spec::assemble(sweep.in(0, 9) == 0, sweep.mantissa(), s);
}

TEST(UpdateLane, AllOperandsOfEveryRule) {
  Lane lane;
  Sweep sweep(85);
  for (int trial = 0; trial < 300'000; ++trial) {
    Operands of;
    of.rule = static_cast<Rule>(sweep.in(0, 4));
    of.half_up = sweep.in(0, 1) != 0;
    of.limit = sweep.in(0, 1) != 0 ? kLargest : 8388607;
    of.qmax = sweep.in(0, 1) != 0 ? 127 : 7;
    of.gradient = sweep.signed_value(kLargest);
    of.momentum = sweep.signed_value(of.rule == Rule::kSgd ? 32767 : 127);
    of.master =
        sweep.signed_value(of.rule == Rule::kSgd ? of.limit : (is_whole(of.rule) ? of.qmax * 65536 + 32767 : of.qmax));
    of.residual = static_cast<int>(sweep.in(-8, 7));
    of.read_level = static_cast<int>(sweep.in(0, 3));
    of.write_level = static_cast<int>(sweep.in(0, 3));
    of.by_gradient = random_factor(sweep);
    // N9's factor is MU16 / 2^16, N23's may be anything: a momentum of 8 bits keeps the sum within 48 bits.
    of.by_old = of.rule == Rule::kSgd ? spec::integer(sweep.magnitude(65535), 16) : random_factor(sweep);
    of.by_new = random_factor(sweep);
    of.u_momentum = static_cast<std::uint32_t>(sweep.magnitude(65535));
    of.u_master = static_cast<std::uint32_t>(sweep.magnitude(65535));
    const Results got = lane.run(of), expected = specified(of);
    ASSERT_TRUE(got == expected) << "trial " << trial << " rule " << static_cast<int>(of.rule) << ": momentum "
                                 << got.momentum << ", expected " << expected.momentum << "; master " << got.master
                                 << ", " << expected.master << "; residual " << got.residual << ", "
                                 << expected.residual << "; magnitude " << got.magnitude << ", " << expected.magnitude
                                 << "; moved " << got.moved << ", " << expected.moved << "; saturations "
                                 << got.momentum_saturated << got.saturated << ", " << expected.momentum_saturated
                                 << expected.saturated;
  }
}

}  // namespace
}  // namespace bitloom::testing
