#include "testbench/rtl_units/random_commands.hpp"

#include <algorithm>

#include "model/numbers.hpp"

namespace bitloom::testing {

namespace {

/// Leaves room for the largest bias in a sum below 2^46.
constexpr std::int64_t kMaxAcc = (std::int64_t{1} << 46) - (std::int64_t{1} << 32);

std::int64_t lanes(const Hardware& hw) { return hw.lanes(); }
std::int64_t groups(const Command& c, const Hardware& hw) { return (c.get(Field::COLS) + lanes(hw) - 1) / lanes(hw); }

bool chance(Sweep& sweep, int percent) { return sweep.in(0, 99) < percent; }

std::int64_t random_acc(Sweep& sweep) {
  switch (sweep.in(0, 3)) {
    case 0:
      return sweep.signed_value(kMaxAcc);
    case 1:
      return sweep.signed_value(std::int64_t{1} << 31) + sweep.in(-2, 2);
    default:
      return sweep.in(-3000, 3000);
  }
}

std::int32_t random_raw(Sweep& sweep) {
  return static_cast<std::int32_t>(chance(sweep, 40) ? sweep.signed_value(kRawLimit) : sweep.in(-3000, 3000));
}

void fill_tile(const Execution& e, Sweep& sweep, const Hardware& hw, Pair& pair) {
  for (std::size_t i = 0; i < pair.reference().memories.acc.size(); ++i) pair.set_acc(i, random_acc(sweep));
  if (e.command.flag(Flag::FROM_VIN)) {
    const std::size_t words = pair.reference().memories.vin.size() / 4;
    for (std::size_t i = 0; i < words; ++i) pair.set_vin(i, random_raw(sweep));
  } else if (e.command.flag(Flag::MASK_IN)) {
    const auto base =
        (e.command.get(Field::VIN_BASE) + (e.parity0() ? e.command.get(Field::VIN_STRIDE) : 0)) * hw.axi_bytes;
    for (int i = 0; i < hw.mask_words() * hw.axi_bytes; ++i) {
      pair.set_vin_byte(static_cast<std::size_t>(base + i), static_cast<std::uint8_t>(sweep.bits()));
    }
  }
}

void fill_update(const Execution& e, Sweep& sweep, const Hardware& hw, Pair& pair) {
  const Command& c = e.command;
  const std::int64_t limit = c.flag(Flag::MASTER32) ? kBiasLimit : kMasterLimit;
  const std::int64_t stride = c.get(Field::VIN_STRIDE);
  const std::int64_t first = c.get(Field::VIN_BASE) + (e.parity0() ? stride : 0);
  for (std::int64_t i = 0; i < groups(c, hw) * c.get(Field::ROWS) * lanes(hw); ++i) {
    const auto at = [&](std::int64_t section) {
      return static_cast<std::size_t>((first + 2 * section * stride) * lanes(hw) + i);
    };
    pair.set_vin(at(0), random_raw(sweep));
    pair.set_vin(at(1), static_cast<std::int32_t>(sweep.signed_value(limit)));
    pair.set_vin(at(2), static_cast<std::int32_t>(sweep.signed_value(kMomentumLimit)));
  }
}

}  // namespace

std::uint32_t random_scale(Sweep& sweep) {
  const auto s = static_cast<std::uint8_t>(chance(sweep, 60) ? sweep.in(12, 40) : sweep.in(0, 63));
  return word(Scale{static_cast<std::uint16_t>(sweep.mantissa()), s});
}

Registers random_registers(Sweep& sweep) {
  return {sweep.bits(), static_cast<std::uint32_t>(sweep.in(0, 100000)), random_scale(sweep)};
}

void load_scales(Pair& pair, Sweep& sweep) {
  std::vector<std::uint32_t> scales(kScales);
  for (std::uint32_t& scale : scales) scale = random_scale(sweep);
  pair.load_table(2, scales);
}

Command random_tile(Sweep& sweep, const Hardware& hw, std::uint32_t index) {
  Command c(Opcode::TILE);
  const std::int64_t rows = sweep.in(1, hw.rows);
  const std::int64_t cols =
      chance(sweep, 80) ? sweep.in(1, hw.tile_cols() / lanes(hw)) * lanes(hw) : sweep.in(1, hw.cols);
  c.set(Field::INDEX, index).set(Field::ROWS, rows).set(Field::COLS, cols);
  c.set(Field::PARITY0, sweep.in(0, 3)).set(Field::BITS4, sweep.in(0, 1)).set(Field::ROUNDING, sweep.in(0, 3));
  if (chance(sweep, 50)) c.set(Field::ROUNDING, static_cast<int>(Rounding::kStochastic));
  c.set(Field::RATIO, sweep.in(2, 63)).set(Field::STAT, chance(sweep, 90) ? 64 + 4 * (index % 4) : 0);
  c.set(Field::USE, sweep.in(0, 255)).set(Field::SAMPLE, sweep.in(0, 255)).set(Field::TENSOR, sweep.in(0, 65535));
  const std::int64_t words = std::max<std::int64_t>(groups(c, hw) * rows, hw.mask_words());
  c.set(Field::VIN_STRIDE, sweep.in(words, std::min(hw.vin_words, hw.vout_words) / 2));
  c.set(Field::VIN_BASE, sweep.in(0, hw.vin_words - 2 * c.get(Field::VIN_STRIDE)));
  for (const Flag flag : {Flag::FROM_VIN, Flag::ADD_BIAS, Flag::RELU, Flag::MASK_OUT, Flag::RAW_OUT}) {
    if (chance(sweep, 50)) c.set_flag(flag);
  }
  if (!c.flag(Flag::FROM_VIN) && chance(sweep, 50)) c.set_flag(Flag::MASK_IN);
  if (!c.flag(Flag::ADD_BIAS) && chance(sweep, 35)) {
    c.set_flag(Flag::BIAS_OUT);
  } else if (chance(sweep, 80)) {
    c.set_flag(Flag::CODES_OUT);
  }
  return c;
}

Command random_update(Sweep& sweep, const Hardware& hw, std::uint32_t index) {
  Command c(Opcode::UPDATE);
  const std::int64_t stride = std::min(hw.vin_words / 6, hw.vout_words / 4);
  const std::int64_t row_words = sweep.in(1, std::min<std::int64_t>(stride, 6));
  c.set(Field::INDEX, index).set(Field::ROWS, sweep.in(1, stride / row_words));
  c.set(Field::COLS, row_words * lanes(hw) - (chance(sweep, 20) ? sweep.in(0, lanes(hw) - 1) : 0));
  c.set(Field::PARITY0, sweep.in(0, 3)).set(Field::MU16, chance(sweep, 30) ? 65535 : sweep.magnitude(65535));
  c.set(Field::RATIO, sweep.in(2, 63));
  c.set(Field::RATIO_W, chance(sweep, 20) ? kTableLearningRate : sweep.in(2, 63));
  c.set(Field::STAT, chance(sweep, 90) ? 64 + 4 * (index % 4) : 0);
  c.set(Field::SAMPLE, sweep.in(0, 255)).set(Field::TENSOR, sweep.in(0, 65535));
  c.set(Field::VIN_STRIDE, stride).set(Field::VIN_BASE, sweep.in(0, hw.vin_words - 6 * stride));
  if (chance(sweep, 50)) c.set_flag(Flag::MASTER32);
  if (chance(sweep, 25)) c.set_flag(Flag::UPDATE_HALF_UP);
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
  if (command.opcode() == Opcode::TILE) {
    fill_tile(e, sweep, hw, pair);
  } else {
    fill_update(e, sweep, hw, pair);
  }
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

}  // namespace bitloom::testing
