#include "testbench/rtl/units/random_commands.hpp"

#include <algorithm>

#include "model/numerics/log_code.hpp"
#include "model/numerics/numbers.hpp"
#include "model/numerics/real.hpp"

namespace bitloom::testing {

namespace {

/// Leaves room for the largest bias in a sum below 2^46.
constexpr std::int64_t kMaxAcc = (std::int64_t{1} << 46) - (std::int64_t{1} << 32);

std::int64_t lanes(const Hardware& hw) { return hw.lanes; }
std::int64_t groups(const Command& c, const Hardware& hw) { return (c.get(Field::COLS) + lanes(hw) - 1) / lanes(hw); }

bool chance(Sweep& sweep, int percent) { return sweep.in(0, 99) < percent; }
std::int64_t entry(Sweep& sweep, std::uint32_t first, std::uint32_t count) {
  return table_origin() + sweep.in(first, first + std::int64_t{count} - 1);
}

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

std::uint32_t random_real(Sweep& sweep) {
  if (chance(sweep, 10)) return 0;
  const auto s = static_cast<int>(chance(sweep, 80) ? sweep.in(8, 40) : sweep.in(-128, 127));
  return make_real(chance(sweep, 40), static_cast<std::uint32_t>(sweep.mantissa()), s).word();
}

/// How many words a command reads and writes.
struct Needs {
  std::int64_t full = 0;     ///< full-tile inputs
  std::int64_t vectors = 0;  ///< coefficient vectors
  std::int64_t outputs = 0;
};

Needs needs_of(const Command& c) {
  const auto on = [&](Flag flag) { return c.flag(flag) ? 1 : 0; };
  const std::int64_t raw_and_mask = on(Flag::RAW_OUT) + on(Flag::MASK_OUT);
  switch (c.opcode()) {
    case Opcode::TILE: {
      const bool group = c.get(Field::QUANTIZER) == static_cast<std::uint32_t>(QuantizerKind::GROUP);
      return {on(Flag::FROM_VIN) + on(Flag::MASK_IN), group ? 2 : 0, raw_and_mask + on(Flag::CODES_OUT)};
    }
    case Opcode::AFFINE:
      return {1 + on(Flag::V_IN) + on(Flag::MASK_IN), on(Flag::A_VECTOR) + on(Flag::B_VECTOR) + on(Flag::C_VECTOR),
              raw_and_mask};
    case Opcode::UPDATE:
      if (!c.flag(Flag::LWQ)) return {3, 0, 2};
      return {4 - on(Flag::MASTER32) - on(Flag::FROM_VIN), 0, 3 - on(Flag::FROM_VIN)};
    case Opcode::ADAM:
      return {3 - on(Flag::CODES_OUT) * on(Flag::LWQ), 4, 2 + on(Flag::CODES_OUT)};
    case Opcode::POOL:
      return {3, 0, 3};
    default:
      return {1 + on(Flag::V_IN), 0, 1};
  }
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

/// The operands of one execution in VIN.
class Filler {
 public:
  Filler(const Execution& e, const Hardware& hw, Pair& pair) : e_(e), hw_(hw), pair_(pair) {}

  template <class Make>
  void input(std::int64_t k, const Make& make) {
    const Command& c = e_.command;
    const std::int64_t first = c.get(Field::VIN_BASE) + (2 * k + e_.parity0()) * c.get(Field::VIN_STRIDE);
    fill(first, groups(c, hw_) * c.get(Field::ROWS), make);
  }
  template <class Make>
  void vector(std::int64_t full, std::int64_t k, const Make& make) {
    const Command& c = e_.command;
    const std::int64_t row = groups(c, hw_);
    fill(c.get(Field::VIN_BASE) + 2 * full * c.get(Field::VIN_STRIDE) + (2 * k + e_.parity0()) * row, row, make);
  }

 private:
  template <class Make>
  void fill(std::int64_t word, std::int64_t words, const Make& make) {
    for (std::int64_t i = word * lanes(hw_); i < (word + words) * lanes(hw_); ++i) {
      pair_.set_vin(static_cast<std::size_t>(i), static_cast<std::int32_t>(make()));
    }
  }
  const Execution& e_;
  const Hardware& hw_;
  Pair& pair_;
};

void fill(const Execution& e, Sweep& sweep, const Hardware& hw, Pair& pair) {
  const Command& c = e.command;
  const Needs needs = needs_of(c);
  Filler filler(e, hw, pair);
  const auto raw = [&] { return random_raw(sweep); };
  const auto real = [&] { return random_real(sweep); };
  const auto bit = [&] { return sweep.in(0, 1); };
  for (std::int64_t k = 0; k < needs.full; ++k) filler.input(k, raw);
  if (c.opcode() == Opcode::TILE) {
    for (std::size_t i = 0; i < pair.reference().memories.acc.size(); ++i) pair.set_acc(i, random_acc(sweep));
    if (c.flag(Flag::MASK_IN)) filler.input(needs.full - 1, bit);
    if (needs.vectors != 0) filler.vector(needs.full, 0, real);
    if (needs.vectors != 0) filler.vector(needs.full, 1, raw);
  } else if (c.opcode() == Opcode::AFFINE) {
    if (c.flag(Flag::MASK_IN)) filler.input(needs.full - 1, bit);
    std::int64_t k = 0;
    if (c.flag(Flag::A_VECTOR)) filler.vector(needs.full, k++, real);
    if (c.flag(Flag::B_VECTOR)) filler.vector(needs.full, k++, real);
    if (c.flag(Flag::C_VECTOR)) filler.vector(needs.full, k, raw);
  } else if (c.opcode() == Opcode::UPDATE && c.flag(Flag::LWQ)) {
    const std::int64_t qmax = c.get(Field::QMAX);
    const bool whole = c.flag(Flag::MASTER32);
    filler.input(1, [&] { return sweep.signed_value(whole ? qmax * 65536 + 32767 : qmax); });
    if (!whole) filler.input(2, [&] { return sweep.in(-8, 7); });
    if (!c.flag(Flag::FROM_VIN)) filler.input(whole ? 2 : 3, [&] { return sweep.signed_value(127); });
  } else if (c.opcode() == Opcode::UPDATE) {
    const std::int64_t limit = c.flag(Flag::MASTER32) ? kBiasLimit : kMasterLimit;
    filler.input(1, [&] { return sweep.signed_value(limit); });
    filler.input(2, [&] { return sweep.signed_value(kMomentumLimit); });
  } else if (c.opcode() == Opcode::ADAM) {
    const bool codes = c.flag(Flag::CODES_OUT);
    const auto root = [&] { return sweep.magnitude(kRawLimit); };
    const auto constant = [&] { return codes ? 1 + sweep.magnitude((1 << 30) - 1) : sweep.magnitude(1 << 30); };
    filler.input(1, [&] { return codes ? root() : sweep.in(-127, 127); });
    if (needs.full > 2)
      filler.input(2, [&] {
        return codes ? sweep.signed_value(c.flag(Flag::MASTER32) ? kBiasLimit : kMasterLimit) : sweep.in(0, 255);
      });
    for (std::int64_t k = 0; k < 4; ++k) filler.vector(needs.full, k, real);
    filler.vector(needs.full, codes ? 0 : 3, constant);
    if (codes) filler.vector(needs.full, 3, root);
  } else if (c.opcode() == Opcode::POOL) {
    const bool backward = c.get(Field::POOL_OP) == static_cast<std::uint32_t>(PoolOp::MAX_BACKWARD);
    if (backward) {
      const std::int64_t code = (c.get(Field::CODE0) + e.i1 * c.get(Field::CODE1) + e.i2 * c.get(Field::CODE2)) & 255;
      filler.input(1, [&] { return chance(sweep, 50) ? code : sweep.in(0, 255); });
    }
    if (c.flag(Flag::MASK_IN)) filler.input(backward ? 2 : 1, bit);
  } else if (c.get(Field::REDUCE_KIND) != static_cast<std::uint32_t>(ReduceKind::RANGE)) {
    // Within what the shifts bring to 2^15 (N13.1).
    const Reference& reference = pair.reference();
    const auto limit = [&](Field field) {
      return std::min<std::int64_t>(kRawLimit, (std::int64_t{1} << (15 + reference.table.at(c.get(field)))) - 1);
    };
    filler.input(0, [&] { return sweep.signed_value(limit(Field::RATIO)); });
    if (needs.full > 1) filler.input(1, [&] { return sweep.signed_value(limit(Field::LIMIT)); });
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

Command random_tile(Sweep& sweep, const Hardware& hw, std::uint32_t index) {
  Command c(Opcode::TILE);
  common(c, sweep, index);
  with_kept_statistics(c, sweep, index);
  with_words(c, sweep);
  c.set(Field::USE, sweep.in(0, 255));
  with_raw_bits(c, sweep, 15);
  for (const Flag flag : {Flag::FROM_VIN, Flag::ADD_BIAS, Flag::RELU, Flag::MASK_IN, Flag::MASK_OUT, Flag::RAW_OUT}) {
    if (chance(sweep, 50)) c.set_flag(flag);
  }
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
  place(c, sweep, hw, from_vin ? rows : hw.rows, from_vin ? 40 : hw.cols);
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
  for (const Flag flag :
       {Flag::V_IN, Flag::RELU, Flag::MASK_IN, Flag::MASK_OUT, Flag::RAW_OUT, Flag::A_VECTOR, Flag::C_VECTOR}) {
    if (chance(sweep, 50)) c.set_flag(flag);
  }
  if (c.flag(Flag::V_IN) && chance(sweep, 50)) c.set_flag(Flag::B_VECTOR);
  if (c.flag(Flag::V_IN) && chance(sweep, 25)) c.set_flag(Flag::V_ROW);
  c.set(Field::COEF_SCALAR, sweep.in(0, 3) == 0 ? 1 : 0);
  c.set(Field::RATIO, entry(sweep, kReals, kRealCount)).set(Field::LIMIT, entry(sweep, kReals, kRealCount));
  c.set(Field::ADDEND, entry(sweep, kLimits, kLimitCount));
  place(c, sweep, hw, 40, 24);
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
