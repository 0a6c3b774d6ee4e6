// TILE: codes, masks, statistics.
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

std::uint32_t FunctionalMachine::word(std::int64_t entry) const {
  return entry == kTableLearningRate ? registers_.learning_rate : table_.at(at(entry));
}

std::int64_t FunctionalMachine::pair(std::int64_t entry, std::int64_t pitch) const {
  return static_cast<std::int64_t>(std::uint64_t{word(entry)} | std::uint64_t{word(entry + pitch)} << 32);
}

std::uint32_t FunctionalMachine::random(const Command& c, RandomUse use, std::int64_t row, std::int64_t col,
                                        int r) const {
  return make_stream(registers_.seed, registers_.step, c.get(Field::TENSOR), use, c.get(Field::SAMPLE))
      .draw(static_cast<std::uint32_t>(row), static_cast<std::uint32_t>(col), r);
}

void FunctionalMachine::add_statistics(const Command& c, const Index& index, std::uint32_t max, std::uint64_t codes,
                                       std::uint64_t raw) {
  const auto stat = c.get(Field::STAT);
  if (stat == 0) return;
  if (index == Index{}) table_.at(stat) = table_.at(stat + 1) = table_.at(stat + 2) = 0;
  table_[stat] = std::max(table_[stat], max);
  table_[stat + 1] += static_cast<std::uint32_t>(codes);
  table_[stat + 2] += static_cast<std::uint32_t>(raw);
}

bool FunctionalMachine::mask(const Command& c, std::int64_t before_relu, std::int64_t x) const {
  const auto limit = static_cast<std::int32_t>(word(c.get(Field::LIMIT)));
  switch (static_cast<MaskRule>(c.get(Field::MASK_RULE))) {
    case MaskRule::INSIDE:
      return x <= limit && x >= -std::int64_t{limit};
    case MaskRule::BELOW:
      return x < limit && x > -std::int64_t{limit};
    case MaskRule::POSITIVE_INSIDE:
      return x > 0 && x <= limit;
    default:
      return before_relu > 0;
  }
}

std::int64_t FunctionalMachine::code(const Command& c, std::int64_t x, std::int64_t row, std::int64_t col,
                                     const TileAt& t, int j) {
  const auto rounding = static_cast<RoundingMode>(c.get(Field::ROUNDING));
  const auto use = static_cast<RandomUse>(c.get(Field::USE));
  const std::uint32_t u = rounding == RoundingMode::STOCHASTIC ? random(c, use, row, col, 8) : 0;
  const auto kind = rounding <= RoundingMode::STOCHASTIC ? static_cast<Rounding>(rounding) : Rounding::kHalfUp;
  switch (static_cast<QuantizerKind>(c.get(Field::QUANTIZER))) {
    case QuantizerKind::SIGN:
      return x > 0 ? 1 : 0;
    case QuantizerKind::LOG: {
      std::uint64_t saturations = 0;
      const auto limited = static_cast<std::int32_t>(std::clamp<std::int64_t>(x, -kRawLimit, kRawLimit));
      return log_encode(limited, word(c.get(Field::RATIO)), static_cast<int>(c.get(Field::QMAX)), u, 8, kind,
                        saturations);
    }
    case QuantizerKind::GROUP: {
      const bool scalar = c.get(Field::COEF_SCALAR) != 0;
      const Real ratio = Real::from_word(static_cast<std::uint32_t>(t.coefficient(0, j, scalar)));
      const auto levels = static_cast<std::int64_t>(c.get(Field::QMAX));
      const auto scale = factor(ratio);
      if (!scale) return 0;
      return std::clamp<std::int64_t>(requantize(x - t.coefficient(1, j, scalar), *scale, Rounding::kStochastic, u, 8),
                                      0, levels);
    }
    default: {
      const Scale ratio = from_word(word(c.get(Field::RATIO)));
      if (rounding == RoundingMode::HALF_AWAY) {
        const std::int64_t m = requantize(x < 0 ? -x : x, ratio, Rounding::kHalfUp);
        return x < 0 ? -m : m;
      }
      if (rounding == RoundingMode::PSEUDO) return shift_pseudo_stochastic(x, ratio.s - 15);
      return requantize(x, ratio, kind, u, 8);
    }
  }
}

void FunctionalMachine::tile(const Command& c, const Index& index, const Index& counts) {
  TileAt t{rows_at(c, index, counts),
           cols_at(c, index, counts),
           row0_at(c, index),
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
  const bool from_vin = c.flag(Flag::FROM_VIN), masked = c.flag(Flag::MASK_IN);
  t.inputs = (from_vin ? 1 : 0) + (masked ? 1 : 0);
  const bool uniform = c.get(Field::QUANTIZER) == static_cast<std::uint32_t>(QuantizerKind::UNIFORM);
  const bool log = c.get(Field::QUANTIZER) == static_cast<std::uint32_t>(QuantizerKind::LOG);
  std::uint32_t max = 0;
  std::uint64_t code_sat = 0, raw_sat = 0;
  for (std::int64_t i = 0; i < t.rows; ++i) {
    for (std::int64_t j = 0; j < round_up(t.cols, t.lanes); ++j) {
      std::int64_t x = 0;
      const bool real = j < t.cols;
      if (real) {
        x = from_vin ? t.in(0, i, j) : acc_[at(t.parity)][at(i) * at(hw_.cols) + at(j)];
        if (c.flag(Flag::BIAS_OUT)) {
          const std::int64_t y =
              requantize_to(x, from_word(word(c.get(Field::RATIO))), Rounding::kHalfUp, 0, 8, kRawLimit, code_sat);
          vbias_.at(at((t.col0 / t.lanes + i * t.groups + j / t.lanes) * t.lanes + j % t.lanes)) =
              static_cast<std::int32_t>(y);
          continue;
        }
        if (c.flag(Flag::ADD_BIAS)) x += vbias_.at(at(t.col0 + j));
        if (masked && t.in(t.inputs - 1, i, j) == 0) x = 0;
      }
      const std::int64_t before = x;
      if (c.flag(Flag::RELU) && x < 0) x = 0;
      const std::int64_t raw = saturate(x, kRawLimit, raw_sat);
      if (real) max = std::max(max, magnitude(raw));
      std::int64_t k = 0;
      if (c.flag(Flag::RAW_OUT)) t.out(k++, i, j, static_cast<std::int32_t>(raw));
      if (c.flag(Flag::CODES_OUT)) {
        std::int64_t y = real ? code(c, x, t.row0 + i, t.col0 + j, t, static_cast<int>(j)) : 0;
        if (uniform) {
          const std::int64_t q = c.get(Field::QMAX);
          const std::int64_t low = c.get(Field::UNSIGNED) != 0 ? 0 : -q;
          const std::int64_t limited = std::clamp(y, low, q);
          code_sat += limited != y ? 1u : 0u;
          y = limited;
        } else if (log && real && magnitude(raw) > word(c.get(Field::RATIO))) {
          ++code_sat;
        }
        t.out(k++, i, j, static_cast<std::int32_t>(y));
      }
      if (c.flag(Flag::MASK_OUT)) t.out(k++, i, j, real && mask(c, before, x) ? 1 : 0);
    }
  }
  add_statistics(c, index, max, code_sat, raw_sat);
}

}  // namespace bitloom::functional
