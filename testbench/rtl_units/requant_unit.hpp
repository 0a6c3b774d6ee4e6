#pragma once
#include <gtest/gtest.h>

#include <cstdint>

#include "Vbl_requant_base.h"
#include "model/numbers.hpp"
#include "testbench/rtl_units/unit.hpp"

namespace bitloom::testing {

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

  /// Number of words u (of `words`) and x in [from, to] for which the unit and the golden function differ.
  std::uint64_t differences(std::int64_t from, std::int64_t to, Scale ratio, Rounding rounding, std::uint32_t words,
                            std::int64_t limit) {
    set(ratio, rounding, limit);
    std::uint64_t count = 0;
    for (std::int64_t x = from; x <= to; ++x) {
      for (std::uint32_t u = 0; u < words; ++u) {
        std::uint64_t saturations = 0;
        const std::int64_t y = requantize_to(x, ratio, rounding, u, 8, limit, saturations);
        const Result got = (*this)(x, u);
        count += (got.y != y || got.saturated != (saturations != 0)) ? 1 : 0;
      }
    }
    return count;
  }

 private:
  Unit<Vbl_requant_base> unit_;
};

}  // namespace bitloom::testing
