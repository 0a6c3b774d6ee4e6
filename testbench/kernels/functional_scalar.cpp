// SCALAR and the table.
#include <fmt/format.h>

#include <algorithm>

#include "kernels/tiling.hpp"
#include "model/affine.hpp"
#include "model/error.hpp"
#include "model/functions.hpp"
#include "model/group_code.hpp"
#include "model/log_code.hpp"
#include "model/niti.hpp"
#include "model/numbers.hpp"
#include "model/polyline.hpp"
#include "model/real.hpp"
#include "model/statistics.hpp"
#include "model/update.hpp"
#include "testbench/kernels/functional_parts.hpp"

namespace bitloom::functional {

void FunctionalMachine::table_move(const Command& c, const Index& index, const Index& counts) {
  TileAt t{rows_at(c, index, counts),
           cols_at(c, index, counts),
           0,
           col0_at(c, index),
           divide_up(c.get(Field::COLS), hw_.lanes()),
           c.get(Field::VIN_STRIDE),
           c.get(Field::VIN_BASE),
           hw_.lanes(),
           parity(c, Field::PARITY0, index, counts),
           0,
           0,
           0,
           vin_,
           vout_};
  for (std::int64_t i = 0; i < t.rows; ++i) {
    for (std::int64_t j = 0; j < t.cols; ++j) {
      std::uint32_t& entry = table_.at(at(c.get(Field::DST) + i * c.get(Field::TABLE_PITCH) + t.col0 + j));
      if (c.opcode() == Opcode::TABLE_LOAD) {
        entry = static_cast<std::uint32_t>(t.in(0, i, j));
      } else {
        t.out(0, i, j, static_cast<std::int32_t>(entry));
      }
    }
  }
}

void FunctionalMachine::scalar(const Command& c) {
  const auto op = static_cast<ScalarOp>(c.get(Field::SCALAR_OP));
  const auto dst = c.get(Field::DST);
  const int count = static_cast<int>(c.get(Field::COLS));
  const std::uint64_t before = scale_saturations_;
  if (op == ScalarOp::RSUM || op == ScalarOp::RMAXABS) {
    std::vector<Real> values;
    for (int i = 0; i < count; ++i) values.push_back(Real::from_word(word(c.get(Field::SRC_A) + i)));
    table_.at(dst) = (op == ScalarOp::RSUM ? rsum(values) : rmaxabs(values)).word();
  } else if (op == ScalarOp::SELECT_TOP) {
    std::vector<std::uint32_t> scores;
    for (int i = 0; i < count; ++i) scores.push_back(word(c.get(Field::SRC_A) + i));
    for (int i = 0; i < count; ++i) {
      int above = 0;
      for (int k = 0; k < count; ++k)
        above += scores[at(k)] > scores[at(i)] || (scores[at(k)] == scores[at(i)] && k < i);
      table_.at(dst + at(i)) = above < static_cast<int>(c.get(Field::IMMEDIATE)) ? bitloom::word(kOne) : 0;
    }
  } else {
    for (int i = 0; i < count; ++i) {
      const std::uint32_t result = scalar_element(c, i);
      table_.at(dst + at(i)) = result;
    }
  }
  if (dst != 1) table_[1] += static_cast<std::uint32_t>(scale_saturations_ - before);
}

std::uint32_t FunctionalMachine::scalar_element(const Command& c, int i) {
  const auto vector = [&](Field source, Field flag) {
    return std::int64_t{c.get(source)} + (c.get(flag) != 0 ? i : 0);
  };
  const std::int64_t ia = vector(Field::SRC_A, Field::VECTOR_A), ib = vector(Field::SRC_B, Field::VECTOR_B);
  const std::int64_t ic = c.get(Field::SCALAR_OP) == static_cast<std::uint32_t>(ScalarOp::SELECT_RANDOM)
                              ? 0
                              : vector(Field::SRC_C, Field::VECTOR_C);
  const std::uint32_t wa = word(ia), wb = word(ib), wc = word(ic);
  const Real a = Real::from_word(wa), b = Real::from_word(wb);
  const int immediate = c.get_signed(Field::IMMEDIATE);
  const std::int64_t pitch = c.get(Field::TABLE_PITCH);
  const bool keep = c.get(Field::SCALAR_KEEP) != 0;
  std::uint64_t& counted = scale_saturations_;
  switch (static_cast<ScalarOp>(c.get(Field::SCALAR_OP))) {
    case ScalarOp::MUL:
      return bitloom::word(mul(from_word(wa), from_word(wb), counted));
    case ScalarOp::DIV:
      return bitloom::word(div(from_word(wa), from_word(wb), counted));
    case ScalarOp::MAX_TO_SCALE:
      return bitloom::word(max_to_scale(wa, from_word(wb), static_cast<int>(c.get(Field::QMAX)),
                                        keep ? std::optional<Scale>(from_word(wc)) : std::nullopt, counted));
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
      return static_cast<std::uint32_t>(to_int(a, immediate, counted));
    case ScalarOp::FROM_INT:
      return from_int(static_cast<std::int32_t>(wa), immediate).word();
    case ScalarOp::FROM_SUM:
      return from_int(pair(ia, pitch)).word();
    case ScalarOp::CENTERED:
      return centered(word(c.get(Field::SRC_N)), pair(ia, pitch), pair(ib, pitch), pair(ic, pitch)).word();
    case ScalarOp::TO_SCALE:
      return bitloom::word(keep ? niti_unit(to_scale(a, counted)) : to_scale(a, counted));
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
          make_stream(registers_.seed, registers_.step, c.get(Field::SRC_C), static_cast<RandomUse>(immediate))
              .draw(0, static_cast<std::uint32_t>(i), 16);
      return u < wa ? bitloom::word(kOne) : 0;
    }
    case ScalarOp::LEVEL:
      return static_cast<std::uint32_t>(lwq_next_level(
          static_cast<int>(wb), wc, static_cast<std::uint64_t>(pair(ia, pitch)), immediate & 15, immediate >> 4 & 15));
    default:
      throw Error("this scalar operation is not executed here");
  }
}

}  // namespace bitloom::functional
