// bl_log_code (N19.2), bl_polyline (N23.1, N23.2) and the shifts of N24 in bl_requant over their input spaces, against
// what testbench/model/numerics says of values.
#include <gtest/gtest.h>

#include "Vbl_log_code_base.h"
#include "Vbl_log_code_wide.h"
#include "Vbl_polyline_base.h"
#include "Vbl_requant_base.h"
#include "testbench/model/numerics/spec_codes.hpp"
#include "testbench/model/numerics/spec_polyline.hpp"
#include "testbench/model/numerics/sweep.hpp"
#include "testbench/rtl/units/unit.hpp"

namespace bitloom::testing {
namespace {

template <class Model>
void set_log(Unit<Model>& unit, std::int64_t x, std::uint32_t top, int binades, bool stochastic) {
  unit->x_i = low_bits(x, 48);
  unit->top_i = top;
  unit->binades_i = static_cast<std::uint8_t>(binades);
  unit->stochastic_i = stochastic ? 1 : 0;
}

/// The number of words of [first, last] for which code or count are wrong.
template <class Model>
int wrong_words(Unit<Model>& unit, std::int64_t x, const spec::LogCell& cell, int bits, std::int64_t first,
                std::int64_t last) {
  const auto words = static_cast<std::int64_t>(spec::words_above(cell.distance, bits));
  const int inner = spec::log_code_of(x, cell.lower), outer = spec::log_code_of(x, cell.lower + 1);
  int wrong = 0;
  for (std::int64_t u = std::max<std::int64_t>(first, 0); u <= std::min(last, (std::int64_t{1} << bits) - 1); ++u) {
    unit->u_i = static_cast<std::remove_reference_t<decltype(unit->u_i)>>(u);
    unit->eval();
    wrong += (unit->code_o != (u < words ? outer : inner) || (unit->saturated_o != 0) != cell.clipped) ? 1 : 0;
  }
  return wrong;
}

TEST(LogCode, EveryInputAndWord) {
  Unit<Vbl_log_code_base> unit;
  for (const int binades : {4, 6}) {
    for (const std::uint32_t top : {32768u, 16384u, 24577u, 1000u, 65535u}) {
      for (std::int64_t x = -32768; x < 32768; ++x) {
        set_log(unit, x, top, binades, true);
        ASSERT_EQ(wrong_words(unit, x, spec::log_cell(x, top, binades), 8, 0, 255), 0) << x << " of " << top;
      }
    }
  }
}

TEST(LogCode, WordsOf16BitsAroundTheThreshold) {
  Unit<Vbl_log_code_wide> unit;
  for (const int binades : {4, 6}) {
    for (const std::uint32_t top : {1u, 3u, 1024u, 21845u, 32767u, 32768u, 40961u}) {
      for (std::int64_t x = -32768; x < 32768; ++x) {
        set_log(unit, x, top, binades, true);
        const spec::LogCell cell = spec::log_cell(x, top, binades);
        const auto words = static_cast<std::int64_t>(spec::words_above(cell.distance, 16));
        ASSERT_EQ(wrong_words(unit, x, cell, 16, words - 2, words + 1), 0) << x << " of " << top;
      }
    }
  }
}

TEST(LogCode, WideInputsAndHalfUp) {
  Unit<Vbl_log_code_base> unit;
  Sweep sweep(81);
  for (int trial = 0; trial < 1'000'000; ++trial) {
    const auto top = static_cast<std::uint32_t>(1 + sweep.magnitude((std::int64_t{1} << 31) - 1));
    const int binades = static_cast<int>(sweep.in(1, 6));
    const std::int64_t x = sweep.signed_value(sweep.in(0, 3) == 0 ? (std::int64_t{1} << 46) : top);
    const spec::LogCell cell = spec::log_cell(x, top, binades);
    set_log(unit, x, top, binades, true);
    const std::int64_t u = sweep.in(0, 255);
    ASSERT_EQ(wrong_words(unit, x, cell, 8, u, u), 0) << x << " of " << top;
    unit->stochastic_i = 0;
    unit->eval();
    const int up = 2 * cell.distance.numerator >= cell.distance.denominator ? 1 : 0;
    ASSERT_EQ(unit->code_o, spec::log_code_of(x, cell.lower + up)) << x << " of " << top;
  }
}

class PolylineUnit {
 public:
  std::int32_t decode(std::int64_t q, int s, int level) {
    unit_->q_i = static_cast<std::uint8_t>(q);
    unit_->s_i = static_cast<std::uint8_t>(s & 15);
    unit_->read_level_i = static_cast<std::uint8_t>(level);
    unit_->eval();
    return static_cast<std::int32_t>(unit_->latent_o);
  }
  spec::FoundCode encode(std::int64_t latent, int level, std::int64_t u, bool stochastic, std::int64_t limit) {
    unit_->next_i = low_bits(latent, 34);
    unit_->write_level_i = static_cast<std::uint8_t>(level);
    unit_->u_i = static_cast<std::uint16_t>(u);
    unit_->stochastic_i = stochastic ? 1 : 0;
    unit_->limit_i = static_cast<std::uint8_t>(limit);
    unit_->eval();
    return {{signed_bits(unit_->q_o, 8), static_cast<int>(signed_bits(unit_->s_o, 4))}, unit_->saturated_o != 0, true};
  }

 private:
  Unit<Vbl_polyline_base> unit_;
};

bool equal(const spec::FoundCode& a, const spec::FoundCode& b) {
  return b.found && a.code.q == b.code.q && a.code.s == b.code.s && a.saturated == b.saturated;
}

TEST(Polyline, DecodesEveryCodeOfEveryLevel) {
  PolylineUnit unit;
  for (int level = 0; level < 4; ++level) {
    for (std::int64_t q = -127; q <= 127; ++q) {
      for (int s = -8; s <= 7; ++s) {
        ASSERT_EQ(unit.decode(q, s, level), spec::latent_value({q, s}, level)) << q << " " << s << " level " << level;
      }
    }
  }
}

TEST(Polyline, EveryResidualAroundItsThreshold) {
  PolylineUnit unit;
  int checked = 0, carried = 0;
  for (int level = 0; level < 4; ++level) {
    for (const std::int64_t whole : {-7, 0, 5, 127, -127}) {
      for (std::int64_t residual = -32768; residual < 32768; ++residual) {
        const std::int64_t latent = whole * 65536 + residual;
        const spec::LatentCell cell = spec::latent_cell(latent, level);
        const spec::FoundCode inner = spec::code_of_value(cell.inner, level, 127);
        const spec::FoundCode outer = spec::code_of_value(cell.outer, level, 127);
        const auto words = static_cast<std::int64_t>(spec::words_above(cell.distance, 16));
        for (const std::int64_t u : {std::int64_t{0}, words - 1, words, std::int64_t{65535}}) {
          if (u < 0 || u > 65535) continue;
          const spec::FoundCode got = unit.encode(latent, level, u, true, 127);
          ASSERT_TRUE(equal(got, u < words ? outer : inner)) << latent << " level " << level << " word " << u;
          carried += got.code.q != whole ? 1 : 0;
          ++checked;
        }
        const bool up = 2 * cell.distance.numerator >= cell.distance.denominator;
        ASSERT_TRUE(equal(unit.encode(latent, level, 0, false, 127), up ? outer : inner)) << latent;
      }
    }
  }
  EXPECT_GT(checked, 4'000'000);
  EXPECT_GT(carried, 1000);
}

TEST(Polyline, LimitsFarLatents) {
  PolylineUnit unit;
  Sweep sweep(82);
  for (int trial = 0; trial < 300'000; ++trial) {
    const std::int64_t limit = sweep.in(0, 1) == 0 ? 127 : 7;
    const std::int64_t latent = sweep.signed_value((std::int64_t{1} << 32) - 1);
    const int level = static_cast<int>(sweep.in(0, 3));
    const spec::LatentCell cell = spec::latent_cell(latent, level);
    const std::int64_t u = sweep.magnitude(65535);
    const bool up = u < static_cast<std::int64_t>(spec::words_above(cell.distance, 16));
    const spec::FoundCode expected = spec::code_of_value(up ? cell.outer : cell.inner, level, limit);
    ASSERT_TRUE(equal(unit.encode(latent, level, u, true, limit), expected)) << latent << " level " << level;
  }
}

TEST(Requant, ShiftsByMagnitudeOfEveryInput) {  // N24.1, N24.2
  Unit<Vbl_requant_base> unit;
  unit->m_i = 32768;
  unit->u_i = 77;
  unit->unsigned_i = 0;
  unit->limit_i = 0x7fffffff;
  Sweep sweep(83);
  for (int b = 0; b <= 32; ++b) {
    unit->s_i = static_cast<std::uint8_t>(15 + b);
    for (std::int64_t k = -32768; k < 32768 + 20000; ++k) {
      const std::int64_t x = k < 32768 ? k : sweep.signed_value((std::int64_t{1} << 46) - 1);
      unit->x_i = low_bits(x, 48);
      unit->rounding_i = 4;  // HALF_AWAY
      unit->eval();
      const spec::Wide away = spec::clamp(spec::half_up_on_magnitude(x, b), 0x7fffffff);
      ASSERT_TRUE(static_cast<std::int32_t>(unit->y_o) == away) << x << " by " << b;
      unit->rounding_i = 5;  // PSEUDO
      unit->eval();
      const spec::Wide pseudo = spec::clamp(spec::pseudo_stochastic(x, b), 0x7fffffff);
      ASSERT_TRUE(static_cast<std::int32_t>(unit->y_o) == pseudo) << x << " by " << b;
    }
  }
}

TEST(Requant, UnsignedResultsAreNotNegative) {
  Unit<Vbl_requant_base> unit;
  unit->m_i = 32768;
  unit->s_i = 15;
  unit->rounding_i = 0;
  unit->unsigned_i = 1;
  unit->limit_i = 15;
  for (std::int64_t x = -100; x <= 100; ++x) {
    unit->x_i = low_bits(x, 48);
    unit->eval();
    EXPECT_EQ(static_cast<std::int64_t>(unit->y_o), x < 0 ? 0 : (x > 15 ? 15 : x));
    EXPECT_EQ(unit->saturated_o != 0, x < 0 || x > 15);
  }
}

}  // namespace
}  // namespace bitloom::testing
