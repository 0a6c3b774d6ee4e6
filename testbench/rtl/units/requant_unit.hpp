#pragma once
#include <gtest/gtest.h>

#include <cstdint>

#include "Vbl_requant_base.h"
#include "model/numerics/numbers.hpp"
#include "testbench/model/numerics/spec_requantize.hpp"
#include "testbench/rtl/units/unit.hpp"

namespace bitloom::testing {

/// What N3 says of x · ratio before the clamp: `below`, and one more with the first `words_up` of the 256 words.
inline spec::Chance specified(std::int64_t x, Scale ratio, Rounding rounding) {
  switch (rounding) {
    case Rounding::kHalfUp:
      return {spec::half_up(x, ratio.m, ratio.s), 0};
    case Rounding::kNearestEven:
      return {spec::nearest_even(x, ratio.m, ratio.s), 0};
    case Rounding::kFloor:
      return {spec::toward_minus_infinity(x, ratio.m, ratio.s), 0};
    case Rounding::kStochastic:
      break;
  }
  return spec::chance(spec::exact_product(x, ratio.m, ratio.s), 8);
}

/// bl_requant with the interface of bitloom::requantize_to.
class RequantUnit {
 public:
  struct Result {
    std::int32_t y;
    bool saturated;
  };

  void set(Scale ratio, Rounding rounding, std::int64_t limit) {
    unit_->m_i = ratio.m;
    unit_->s_i = ratio.s;
    unit_->rounding_i = static_cast<std::uint8_t>(rounding);
    unit_->unsigned_i = 0;
    unit_->limit_i = static_cast<std::uint32_t>(limit);
  }
  Result operator()(std::int64_t x, std::uint32_t u) {
    unit_->x_i = low_bits(x, 48);
    unit_->u_i = static_cast<std::uint8_t>(u);
    unit_->eval();
    return {static_cast<std::int32_t>(unit_->y_o), unit_->saturated_o != 0};
  }

  /// Number of words u (of `words`) and x in [from, to] for which the unit does not do what the specification says.
  std::uint64_t differences(std::int64_t from, std::int64_t to, Scale ratio, Rounding rounding, std::uint32_t words,
                            std::int64_t limit) {
    set(ratio, rounding, limit);
    std::uint64_t count = 0;
    for (std::int64_t x = from; x <= to; ++x) {
      const spec::Chance exact = specified(x, ratio, rounding);
      const Result below = limited(exact.below, limit), above = limited(exact.below + 1, limit);
      const auto words_up = static_cast<std::uint32_t>(exact.words_up);
      for (std::uint32_t u = 0; u < words; ++u) {
        const Result& expected = u < words_up ? above : below;
        const Result got = (*this)(x, u);
        count += (got.y != expected.y || got.saturated != expected.saturated) ? 1 : 0;
      }
    }
    return count;
  }

 private:
  static Result limited(spec::Wide exact, std::int64_t limit) {
    const spec::Wide y = spec::clamp(exact, limit);
    return {static_cast<std::int32_t>(y), y != exact};
  }

  Unit<Vbl_requant_base> unit_;
};

}  // namespace bitloom::testing
