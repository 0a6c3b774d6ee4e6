#include "testbench/rtl/units/random_commands.hpp"

#include <algorithm>

#include "model/numerics/log_code.hpp"
#include "model/numerics/numbers.hpp"
#include "model/numerics/real.hpp"
#include "testbench/rtl/units/random_operands.hpp"

namespace bitloom::testing {

namespace {

std::int64_t entry(Sweep& sweep, std::uint32_t first, std::uint32_t count) {
  return table_origin() + sweep.in(first, first + std::int64_t{count} - 1);
}

/// Draws ROWS, COLS (up to the given), VIN_STRIDE and VIN_BASE that fit. `least` words of an output at least.
void place(Command& c, Sweep& sweep, const Hardware& hw, std::int64_t rows, std::int64_t cols, std::int64_t least = 0) {
  const Needs needs = needs_of(c);
  const std::int64_t room = hw.vin_words - 2 * needs.vectors * ((cols + lanes(hw) - 1) / lanes(hw));
  const std::int64_t stride =
      std::max<std::int64_t>(1, std::min(room / (2 * std::max<std::int64_t>(1, needs.full)),
                                         hw.vout_words / (2 * std::max<std::int64_t>(1, needs.outputs))));
  const std::int64_t width = sweep.in(1, std::min((cols + lanes(hw) - 1) / lanes(hw), stride));
  std::int64_t count = width * lanes(hw);
  if (chance(sweep, 30)) count -= sweep.in(0, lanes(hw) - 1);
  c.set(Field::COLS, std::min(count, cols));
  c.set(Field::ROWS, sweep.in(1, std::min(rows, stride / width)));
  const std::int64_t words = std::max(groups(c, hw) * c.get(Field::ROWS), least);
  c.set(Field::VIN_STRIDE, sweep.in(words, std::max(words, stride)));
  const std::int64_t taken = 2 * needs.full * c.get(Field::VIN_STRIDE) + 2 * needs.vectors * groups(c, hw);
  c.set(Field::VIN_BASE, sweep.in(0, hw.vin_words - taken));
}

void common(Command& c, Sweep& sweep, std::uint32_t index) {
  c.set(Field::INDEX, index).set(Field::PARITY0, sweep.in(0, 3));
}
void with_statistics(Command& c, Sweep& sweep, std::uint32_t index) {
  c.set(Field::STAT, chance(sweep, 90) ? table_origin() + kStatistics + 8 * (index % 4) : 0);
}
/// Lets it also go on with the statistics of a command before it.
void with_kept_statistics(Command& c, Sweep& sweep, std::uint32_t index) {
  with_statistics(c, sweep, index);
  if (chance(sweep, 50)) c.set(Field::STAT_SLOT, 1).set(Field::STAT_KEEP, sweep.in(0, 1));
}
void with_words(Command& c, Sweep& sweep) {
  c.set(Field::SAMPLE, sweep.in(0, 255)).set(Field::TENSOR, sweep.in(0, 65535));
}

}  // namespace

std::uint32_t random_scale(Sweep& sweep) {
  const auto s = static_cast<std::uint8_t>(chance(sweep, 60) ? sweep.in(12, 40) : sweep.in(0, 63));
  return word(Scale{static_cast<std::uint16_t>(sweep.mantissa()), s});
}

Registers random_registers(Sweep& sweep) {
  return {sweep.bits(), static_cast<std::uint32_t>(sweep.in(0, 100000)), random_scale(sweep)};
}

void load_operands(Pair& pair, Sweep& sweep) {
  std::vector<std::uint32_t> values(kStatistics, 0);
  const auto fill = [&](std::uint32_t first, std::uint32_t count, const auto& make) {
    for (std::uint32_t k = first; k < first + count; ++k) values[k] = static_cast<std::uint32_t>(make());
  };
  fill(kScales, kScaleCount, [&] { return random_scale(sweep); });
  fill(kReals, kRealCount, [&] { return random_real(sweep); });
  fill(kPowers, kPowerCount, [&] { return exp2_real(-static_cast<int>(sweep.in(0, 32))).word(); });
  fill(kTops, kTopCount, [&] {
    return log_top(static_cast<std::uint32_t>(chance(sweep, 60) ? sweep.in(1, 3000) : sweep.magnitude(kRawLimit)),
                   chance(sweep, 30));
  });
  fill(kLimits, kLimitCount, [&] { return chance(sweep, 60) ? sweep.in(0, 3000) : sweep.magnitude(kRawLimit); });
  fill(kShifts, kShiftCount, [&] { return sweep.in(0, 16); });
  fill(kLevels, kLevelCount, [&] { return sweep.in(0, 3); });
  values.erase(values.begin(), values.begin() + kScales);
  pair.load_table(table_origin() + kScales, values);
}

/// Half of the raw views have 16 bits (N5.5).
void with_raw_bits(Command& c, Sweep& sweep, int most_shift) {
  if (chance(sweep, 50)) c.set(Field::RAW16, 1);
  if (c.get(Field::RAW16) != 0 && most_shift > 0) c.set(Field::RAW_SHIFT, sweep.in(0, most_shift));
}

/// Half of the masks are packed.
void with_packed_mask(Command& c, Sweep& sweep) {
  if (c.flag(Flag::MASK_IN)) c.set(Field::MASK_PACKED, sweep.in(0, 1));
}
/// A third of the commands with raw views of 16 bits sum them up.
void with_sums(Command& c, Sweep& sweep) {
  if (c.get(Field::RAW16) == 0 || !chance(sweep, 33)) return;
  c.set(Field::SUMS, 1).set(Field::REDUCE_KIND, sweep.in(0, 2)).set(Field::AXIS_ALL, sweep.in(0, 1));
  c.set(Field::SUMS_KEEP, sweep.in(0, 1));
}

Command random_tile(Sweep& sweep, const Hardware& hw, std::uint32_t index) {
  Command c(Opcode::TILE);
  common(c, sweep, index);
  with_kept_statistics(c, sweep, index);
  with_words(c, sweep);
  c.set(Field::USE, sweep.in(0, 255));
  with_raw_bits(c, sweep, 15);
  with_sums(c, sweep);
  for (const Flag flag : {Flag::FROM_VIN, Flag::ADD_BIAS, Flag::RELU, Flag::MASK_IN, Flag::MASK_OUT, Flag::RAW_OUT}) {
    if (chance(sweep, 50)) c.set_flag(flag);
  }
  with_packed_mask(c, sweep);
  c.set(Field::QMAX, (std::int64_t{1} << sweep.in(1, 8)) - 1).set(Field::UNSIGNED, sweep.in(0, 1));
  c.set(Field::ROUNDING, sweep.in(0, 5)).set(Field::MASK_RULE, sweep.in(0, 3)).set(Field::COEF_SCALAR, sweep.in(0, 1));
  if (chance(sweep, 40)) c.set(Field::ROUNDING, static_cast<int>(RoundingMode::STOCHASTIC));
  c.set(Field::RATIO, chance(sweep, 80) ? entry(sweep, kScales, kScaleCount) : kTableLearningRate);
  if (c.get(Field::ROUNDING) == static_cast<std::uint32_t>(RoundingMode::PSEUDO)) {
    c.set(Field::RATIO, entry(sweep, kPowers, kPowerCount));
  }
  c.set(Field::LIMIT, entry(sweep, kLimits, kLimitCount));
  if (!c.flag(Flag::ADD_BIAS) && chance(sweep, 20)) {
    c.set_flag(Flag::BIAS_OUT);
  } else if (chance(sweep, 80)) {
    c.set_flag(Flag::CODES_OUT);
    c.set(Field::QUANTIZER, sweep.in(0, 3));
    if (c.get(Field::QUANTIZER) == static_cast<std::uint32_t>(QuantizerKind::LOG)) {
      c.set(Field::QMAX, sweep.in(1, 6)).set(Field::RATIO, entry(sweep, kTops, kTopCount));
      c.set(Field::ROUNDING, sweep.in(0, 2) == 0 ? 0 : static_cast<int>(RoundingMode::STOCHASTIC));
    }
  }
  const bool from_vin = c.flag(Flag::FROM_VIN);
  // A tile with biases fits the bias memory wherever it begins.
  const std::int64_t rows = std::min<std::int64_t>(64, (hw.vbias_words - 8) / (40 / lanes(hw)));
  place(c, sweep, hw, from_vin ? rows : hw.rows,
        from_vin ? std::min<std::int64_t>(40, kReduceWords * lanes(hw)) : hw.cols);
  if (!c.flag(Flag::ADD_BIAS) && !c.flag(Flag::BIAS_OUT)) c.set(Field::COL_BASE, sweep.in(0, 2000) * lanes(hw));
  return c;
}

Command random_update(Sweep& sweep, const Hardware& hw, std::uint32_t index) {
  Command c(Opcode::UPDATE);
  common(c, sweep, index);
  with_statistics(c, sweep, index);
  with_words(c, sweep);
  c.set(Field::MU16, chance(sweep, 30) ? 65535 : sweep.magnitude(65535));
  c.set(Field::RATIO, entry(sweep, kScales, kScaleCount));
  c.set(Field::RATIO_W, chance(sweep, 20) ? kTableLearningRate : entry(sweep, kScales, kScaleCount));
  if (chance(sweep, 25)) c.set_flag(Flag::HALF_UP);
  if (chance(sweep, 50)) {
    c.set_flag(Flag::LWQ);
    if (chance(sweep, 40)) c.set_flag(Flag::FROM_VIN);
    c.set(Field::LIMIT, entry(sweep, kReals, kRealCount));
    c.set(Field::ADDEND, entry(sweep, kLevels, kLevelCount - 1)).set(Field::QMAX, sweep.in(0, 1) != 0 ? 127 : 7);
  }
  if (chance(sweep, 50)) c.set_flag(Flag::MASTER32);
  place(c, sweep, hw, 40, 6 * lanes(hw));
  return c;
}

Command random_adam(Sweep& sweep, const Hardware& hw, std::uint32_t index) {
  Command c(Opcode::ADAM);
  common(c, sweep, index);
  with_statistics(c, sweep, index);
  with_words(c, sweep);
  c.set(Field::MU16, 1 + sweep.magnitude(65534)).set(Field::QMAX, 1 + sweep.magnitude(65534));
  c.set(Field::RATIO, entry(sweep, kReals, kRealCount)).set(Field::COEF_SCALAR, sweep.in(0, 3) == 0 ? 1 : 0);
  if (chance(sweep, 60)) c.set_flag(Flag::CODES_OUT);
  if (chance(sweep, 30)) c.set_flag(Flag::LWQ);
  if (chance(sweep, 25)) c.set_flag(Flag::HALF_UP);
  if (chance(sweep, 50)) c.set_flag(Flag::MASTER32);
  place(c, sweep, hw, 12, 3 * lanes(hw));
  return c;
}

Command random_affine(Sweep& sweep, const Hardware& hw, std::uint32_t index) {
  Command c(Opcode::AFFINE);
  common(c, sweep, index);
  with_kept_statistics(c, sweep, index);
  with_raw_bits(c, sweep, 0);
  with_sums(c, sweep);
  for (const Flag flag :
       {Flag::V_IN, Flag::RELU, Flag::MASK_IN, Flag::MASK_OUT, Flag::RAW_OUT, Flag::A_VECTOR, Flag::C_VECTOR}) {
    if (chance(sweep, 50)) c.set_flag(flag);
  }
  with_packed_mask(c, sweep);
  if (c.flag(Flag::V_IN) && chance(sweep, 50)) c.set_flag(Flag::B_VECTOR);
  if (c.flag(Flag::V_IN) && chance(sweep, 25)) c.set_flag(Flag::V_ROW);
  c.set(Field::COEF_SCALAR, sweep.in(0, 3) == 0 ? 1 : 0);
  c.set(Field::RATIO, entry(sweep, kReals, kRealCount)).set(Field::LIMIT, entry(sweep, kReals, kRealCount));
  c.set(Field::ADDEND, entry(sweep, kLimits, kLimitCount));
  place(c, sweep, hw, 40, 24);
  c.set(Field::COL_BASE, sweep.in(0, 2000) * lanes(hw));
  return c;
}

Command random_reduce(Sweep& sweep, const Hardware& hw, std::uint32_t index) {
  Command c(Opcode::REDUCE);
  common(c, sweep, index);
  c.set(Field::REDUCE_KIND, sweep.in(0, 3)).set(Field::AXIS_ALL, sweep.in(0, 1));
  c.set(Field::N1, sweep.in(1, 3)).set(Field::N2, sweep.in(1, 3));
  c.set(Field::RATIO, entry(sweep, kShifts, kShiftCount)).set(Field::LIMIT, entry(sweep, kShifts, kShiftCount));
  if (c.get(Field::REDUCE_KIND) == static_cast<std::uint32_t>(ReduceKind::CROSS)) c.set_flag(Flag::V_IN);
  const std::int64_t most = std::min<std::int64_t>({kReduceWords, hw.vout_words / 8, hw.vin_words / 16});
  place(c, sweep, hw, 40, most * lanes(hw), 4 * most);
  return c;
}

Command random_pool(Sweep& sweep, const Hardware& hw, std::uint32_t index) {
  Command c(Opcode::POOL);
  common(c, sweep, index);
  with_kept_statistics(c, sweep, index);
  with_raw_bits(c, sweep, 15);
  c.set(Field::POOL_OP, sweep.in(0, 2)).set(Field::N1, sweep.in(1, 3)).set(Field::N2, sweep.in(1, 3));
  c.set(Field::CODE0, sweep.in(0, 255)).set(Field::CODE1, sweep.in(0, 255)).set(Field::CODE2, sweep.in(0, 255));
  for (const Flag flag : {Flag::RELU, Flag::MASK_IN, Flag::MASK_OUT}) {
    if (chance(sweep, 50)) c.set_flag(flag);
  }
  do place(c, sweep, hw, kPoolWords, 24);
  while (groups(c, hw) * c.get(Field::ROWS) > kPoolWords);
  return c;
}

Execution random_execution(const Command& command, Sweep& sweep, const Hardware& hw, Pair& pair) {
  Execution e(command);
  if (chance(sweep, 50)) e.rows = static_cast<std::uint32_t>(sweep.in(1, e.rows));
  if (chance(sweep, 50)) e.cols = static_cast<std::uint32_t>(sweep.in(1, e.cols));
  e.row0 = static_cast<std::uint32_t>(sweep.magnitude(0xffff0000ll));
  const bool bias = command.opcode() == Opcode::TILE && (command.flag(Flag::ADD_BIAS) || command.flag(Flag::BIAS_OUT));
  const std::int64_t last = bias ? hw.vbias_words - groups(command, hw) * command.get(Field::ROWS) : 100000;
  e.col0 = static_cast<std::uint32_t>(sweep.in(0, bias ? std::min<std::int64_t>(last, 6) : last) * lanes(hw));
  e.parity = static_cast<std::uint32_t>(sweep.in(0, 7));
  const bool sums = command.opcode() == Opcode::TILE || command.opcode() == Opcode::AFFINE;
  if (sums && command.get(Field::SUMS) != 0) {  // columns that have a place
    e.col0 = command.get(Field::COL_BASE);
    if (!bias) e.col0 += static_cast<std::uint32_t>(sweep.in(0, kReduceWords - groups(command, hw)) * lanes(hw));
  }
  fill(e, sweep, hw, pair);
  return e;
}

void run_group(Pair& pair, const std::vector<Command>& commands, int iterations, Sweep& sweep, const Hardware& hw) {
  for (int i = 0; i < iterations; ++i) {
    for (const Command& command : commands) {
      Execution e = random_execution(command, sweep, hw, pair);
      e.first = i == 0;
      e.last = i + 1 == iterations;
      pair.run(e);
    }
  }
}

void run_rows(Pair& pair, const Command& command, int rows, Sweep& sweep, const Hardware& hw) {
  Execution e = random_execution(command, sweep, hw, pair);
  for (int i = 0; i < rows; ++i) {
    e.i1 = static_cast<std::uint32_t>(i);
    e.first = i == 0;
    e.last = i + 1 == rows;
    fill(e, sweep, hw, pair);
    pair.run(e);
  }
}

void run_loops(Pair& pair, const Command& command, int outer, Sweep& sweep, const Hardware& hw) {
  for (int i0 = 0; i0 < outer; ++i0) {
    Execution e = random_execution(command, sweep, hw, pair);
    for (e.i1 = 0; e.i1 < command.get(Field::N1); ++e.i1) {
      for (e.i2 = 0; e.i2 < command.get(Field::N2); ++e.i2) {
        e.parity = (e.parity & ~3u) | static_cast<std::uint32_t>(sweep.in(0, 3));
        e.first = i0 == 0 && e.i1 == 0 && e.i2 == 0;
        e.last = i0 + 1 == outer && e.ends();
        fill(e, sweep, hw, pair);
        pair.run(e);
      }
    }
  }
}

}  // namespace bitloom::testing
