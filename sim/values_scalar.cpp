// SCALAR and the copies between table and VIN, VOUT.
#include <optional>

#include "model/numerics/functions.hpp"
#include "model/numerics/group_code.hpp"
#include "model/numerics/log_code.hpp"
#include "model/numerics/niti.hpp"
#include "model/numerics/numbers.hpp"
#include "model/numerics/polyline.hpp"
#include "model/numerics/real.hpp"
#include "model/numerics/statistics.hpp"
#include "sim/command_values.hpp"
#include "sim/vector_tile.hpp"

namespace bitloom {

void CommandValues::copy_table(const Execution& e) {
  const Instruction& c = *e.command;
  VectorTile t = vector_tile(e);
  const bool loads = is(c, Opcode::TABLE_LOAD);
  const std::int64_t width = loads ? t.cols : (t.cols + t.lanes - 1) / t.lanes * t.lanes;
  for (std::int64_t i = 0; i < t.rows; ++i) {
    for (std::int64_t j = 0; j < width; ++j) {
      const auto index = static_cast<std::uint32_t>(c.DST + i * c.TABLE_PITCH + e.col0 + j);
      if (loads) {
        set_entry(index, static_cast<std::uint32_t>(t.in(0, i, j)));
      } else {
        t.out(0, i, j, j < t.cols ? static_cast<std::int32_t>(entry(index)) : 0);
      }
    }
  }
}

void CommandValues::scalar(const Instruction& c) {
  const auto op = static_cast<ScalarOp>(c.SCALAR_OP);
  std::uint64_t saturations = 0;
  if (op == ScalarOp::RSUM || op == ScalarOp::RMAXABS) {
    std::vector<Real> values;
    for (std::uint32_t i = 0; i < c.COLS; ++i) values.push_back(Real::from_word(entry(c.SRC_A + i)));
    set_entry(c.DST, (op == ScalarOp::RSUM ? rsum(values) : rmaxabs(values)).word());
  } else if (op == ScalarOp::SELECT_TOP) {
    select_top(c);
  } else {
    for (std::uint32_t i = 0; i < c.COLS; ++i) set_entry(c.DST + i, scalar_element(c, i, saturations));
  }
  table_[1] += static_cast<std::uint32_t>(saturations);
}

/// Keeps the largest scores, and of equal ones the first (N21.4).
void CommandValues::select_top(const Instruction& c) {
  std::vector<std::uint32_t> scores;
  for (std::uint32_t i = 0; i < c.COLS; ++i) scores.push_back(entry(c.SRC_A + i));
  for (std::size_t i = 0; i < scores.size(); ++i) {
    std::uint32_t before = 0;
    for (std::size_t k = 0; k < scores.size(); ++k) {
      before += scores[k] > scores[i] || (scores[k] == scores[i] && k < i) ? 1 : 0;
    }
    set_entry(c.DST + static_cast<std::uint32_t>(i), before < c.IMMEDIATE ? word(kOne) : 0);
  }
}

std::uint32_t CommandValues::scalar_element(const Instruction& c, std::uint32_t i, std::uint64_t& saturations) const {
  const bool random = static_cast<ScalarOp>(c.SCALAR_OP) == ScalarOp::SELECT_RANDOM;  // SRC_C is a number then
  const std::uint32_t ia = c.SRC_A + (c.VECTOR_A != 0 ? i : 0), ib = c.SRC_B + (c.VECTOR_B != 0 ? i : 0);
  const std::uint32_t ic = random ? 0 : c.SRC_C + (c.VECTOR_C != 0 ? i : 0);
  const std::uint32_t wa = entry(ia), wb = entry(ib), wc = entry(ic);
  const Real a = Real::from_word(wa), b = Real::from_word(wb);
  const int immediate = static_cast<std::int16_t>(c.IMMEDIATE);
  const std::uint32_t pitch = c.TABLE_PITCH;
  const bool keep = c.SCALAR_KEEP != 0;
  switch (static_cast<ScalarOp>(c.SCALAR_OP)) {
    case ScalarOp::MUL:
      return word(mul(from_word(wa), from_word(wb), saturations));
    case ScalarOp::DIV:
      return word(div(from_word(wa), from_word(wb), saturations));
    case ScalarOp::MAX_TO_SCALE:
      return word(max_to_scale(wa, from_word(wb), static_cast<int>(c.QMAX),
                               keep ? std::optional<Scale>(from_word(wc)) : std::nullopt, saturations));
    case ScalarOp::COPY:
      return wa;
    case ScalarOp::RMUL:
      return rmul(a, b).word();
    case ScalarOp::RDIV:
      return rdiv(a, b).word();
    case ScalarOp::RADD:
      return radd(a, b).word();
    case ScalarOp::RSUB:
      return radd(a, rneg(b)).word();
    case ScalarOp::RSQRT:
      return rsqrt(a).word();
    case ScalarOp::RMAX:
      return rmax(a, b).word();
    case ScalarOp::RMIN:
      return rmin(a, b).word();
    case ScalarOp::TO_INT:
      return static_cast<std::uint32_t>(to_int(a, immediate, saturations));
    case ScalarOp::FROM_INT:
      return from_int(static_cast<std::int32_t>(wa), immediate).word();
    case ScalarOp::FROM_SUM:
      return from_int(pair(ia, pitch)).word();
    case ScalarOp::CENTERED:
      return centered(entry(c.SRC_N), pair(ia, pitch), pair(ib, pitch), pair(ic, pitch)).word();
    case ScalarOp::TO_SCALE:
      return word(keep ? niti_unit(to_scale(a, saturations)) : to_scale(a, saturations));
    case ScalarOp::SHIFT_OF:
      return static_cast<std::uint32_t>(statistics_shift(wa));
    case ScalarOp::EXP2:
      return exp2_real(keep ? immediate - static_cast<std::int32_t>(wa) : immediate + static_cast<std::int32_t>(wa))
          .word();
    case ScalarOp::TOP:
      return log_top(wa, keep);
    case ScalarOp::ISUB:
      return wa - wb;
    case ScalarOp::IMAX:
      return static_cast<std::int32_t>(wa) > static_cast<std::int32_t>(wb) ? wa : wb;
    case ScalarOp::RKEEP:
      return wa != 0 ? wb : 0;
    case ScalarOp::MAX_TO_POWER:
      return static_cast<std::uint32_t>(niti_shift(wa, immediate));
    case ScalarOp::SELECT_RANDOM: {
      const std::uint32_t u =
          make_stream(registers_.seed, registers_.step, c.SRC_C, static_cast<RandomUse>(immediate)).draw(0, i, 16);
      return u < wa ? word(kOne) : 0;
    }
    case ScalarOp::LEVEL:
      return static_cast<std::uint32_t>(lwq_next_level(
          static_cast<int>(wb), wc, static_cast<std::uint64_t>(pair(ia, pitch)), immediate & 15, immediate >> 4 & 15));
    case ScalarOp::RSUM:
    case ScalarOp::RMAXABS:
    case ScalarOp::SELECT_TOP:
      break;
  }
  throw Error("this scalar operation is not executed here");
}

}  // namespace bitloom
