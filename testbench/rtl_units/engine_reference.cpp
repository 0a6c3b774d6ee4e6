#include "testbench/rtl_units/engine_reference.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <optional>

#include "model/functions.hpp"
#include "model/numbers.hpp"
#include "model/random.hpp"
#include "model/update.hpp"
#include "testbench/numbers/sweep.hpp"

namespace bitloom::testing {

namespace {

std::size_t size(int value) { return static_cast<std::size_t>(value); }

/// int32 number `index` of a memory of bytes.
std::int32_t value_at(const std::vector<std::uint8_t>& memory, std::size_t index) {
  std::int32_t value = 0;
  std::memcpy(&value, &memory.at(index * 4), 4);
  return value;
}
void set_value_at(std::vector<std::uint8_t>& memory, std::size_t index, std::int32_t value) {
  std::memcpy(&memory.at(index * 4), &value, 4);
}

/// Words of a row of a tile: from the full COLS.
std::uint32_t groups_of(const Execution& e, const Hardware& hw) {
  const auto v = static_cast<std::uint32_t>(hw.lanes());
  return (e.command.get(Field::COLS) + v - 1) / v;
}

std::uint32_t parity_words(const Execution& e) { return e.parity0() ? e.command.get(Field::VIN_STRIDE) : 0; }

std::int64_t magnitude(std::int64_t value) { return value < 0 ? -value : value; }

void poison(std::vector<std::uint8_t>& memory, Sweep& sweep) {
  for (std::uint8_t& byte : memory) byte = static_cast<std::uint8_t>(sweep.bits());
}

}  // namespace

Memories::Memories(const Hardware& hw)
    : acc(2 * size(hw.rows) * size((hw.cols + hw.lanes() - 1) / hw.lanes() * hw.lanes())),
      vin(size(hw.vin_words) * size(hw.axi_bytes)),
      raw(size(hw.vout_words) * size(hw.axi_bytes)),
      p1(2 * size(hw.rows) * size(hw.axi_bytes)),
      p2(2 * size(hw.cols) * size(hw.axi_bytes)),
      mask(2 * size(hw.mask_words()) * size(hw.axi_bytes)) {}

std::int32_t Memories::vin_value(std::size_t index) const { return value_at(vin, index); }
void Memories::set_vin_value(std::size_t index, std::int32_t value) { set_value_at(vin, index, value); }
std::uint32_t Memories::raw_value(std::size_t index) const { return static_cast<std::uint32_t>(value_at(raw, index)); }
void Memories::set_raw_value(std::size_t index, std::int32_t value) { set_value_at(raw, index, value); }

Execution::Execution(const Command& c) : command(c), rows(c.get(Field::ROWS)), cols(c.get(Field::COLS)) {}

Reference::Reference(const Hardware& hw)
    : memories(hw), table(size(hw.table_words)), hw_(hw), bias_(size(hw.vbias_words) * size(hw.lanes())) {}

void Reference::start(const Registers& registers) {
  registers_ = registers;
  table[1] = 0;
}

std::uint32_t Reference::table_value(std::uint32_t index) const {
  return index == kTableLearningRate ? registers_.learning_rate : table.at(index);
}

void Reference::set_table(std::uint32_t index, std::uint32_t value) {
  if (index != 0) table.at(index) = value;
}

int Reference::run(const Execution& e) {
  Statistics& statistics = statistics_[e.command.get(Field::INDEX) % 4];
  if (e.first) statistics = {};
  int cycles = 0;
  std::uint32_t saved = 3;
  switch (e.command.opcode()) {
    case Opcode::TILE:
      cycles = tile(e, statistics);
      break;
    case Opcode::UPDATE:
      cycles = update(e, statistics);
      break;
    case Opcode::LOSS:
      cycles = loss(e, statistics);
      saved = 2;
      break;
    case Opcode::SCALAR:
      return scalar(e);
    case Opcode::TABLE_LOAD:
      return table_load(e);
    default:
      return table_store(e);
  }
  const std::uint32_t stat = e.command.get(Field::STAT);
  if (!e.last || stat == 0) return cycles;
  for (std::uint32_t i = 0; i < saved; ++i) set_table(stat + i, static_cast<std::uint32_t>(statistics.value[i]));
  return cycles + static_cast<int>(saved);
}

int Reference::tile(const Execution& e, Statistics& statistics) {
  const Command& c = e.command;
  const std::uint32_t v = static_cast<std::uint32_t>(hw_.lanes());
  const std::uint32_t w = static_cast<std::uint32_t>(hw_.axi_bytes);
  const std::uint32_t groups = groups_of(e, hw_);
  const std::uint32_t parity = e.parity0() ? 1 : 0;
  const std::uint32_t base = (c.get(Field::VIN_BASE) + parity_words(e)) * v;
  const std::uint32_t acc_cols =
      static_cast<std::uint32_t>(memories.acc.size()) / 2 / static_cast<std::uint32_t>(hw_.rows);
  const int bits = c.get(Field::BITS4) != 0 ? 4 : 8;
  const Scale ratio = from_word(table_value(c.get(Field::RATIO)));
  const auto rounding = static_cast<Rounding>(c.get(Field::ROUNDING));
  const bool draws = c.flag(Flag::CODES_OUT) && rounding == Rounding::kStochastic;
  const Stream stream = make_stream(registers_.seed, registers_.step, c.get(Field::TENSOR),
                                    static_cast<RandomUse>(c.get(Field::USE)), c.get(Field::SAMPLE));
  std::vector<std::int32_t> codes(e.rows * groups * v);
  for (std::uint32_t i = 0; i < e.rows; ++i) {
    for (std::uint32_t j = 0; j < groups * v; ++j) {
      const std::uint32_t element = i * groups * v + j;
      const bool in_tile = j < e.cols;
      std::int64_t z = 0;
      if (in_tile) {
        z = c.flag(Flag::FROM_VIN) ? memories.vin_value(base + element)
                                   : memories.acc[(parity * static_cast<std::uint32_t>(hw_.rows) + i) * acc_cols + j];
        if (c.flag(Flag::ADD_BIAS)) z += bias_[e.col0 + j];
        const std::uint8_t mask = memories.vin[base * 4 + i * groups + j / v];
        if (c.flag(Flag::MASK_IN) && (mask >> (j % v) & 1) == 0) z = 0;
      }
      const std::int64_t a = c.flag(Flag::RELU) && z <= 0 ? 0 : z;
      const std::int64_t raw = saturate(a, kRawLimit, statistics.value[2]);
      statistics.value[0] = std::max(statistics.value[0], static_cast<std::uint64_t>(magnitude(raw)));
      if (c.flag(Flag::RAW_OUT)) {
        memories.set_raw_value(parity_words(e) * v + element, static_cast<std::int32_t>(raw));
      }
      if (c.flag(Flag::MASK_OUT)) {
        std::uint8_t& byte =
            memories.mask[parity * static_cast<std::uint32_t>(hw_.mask_words()) * w + i * groups + j / v];
        if (j % v == 0) byte = 0;
        byte = static_cast<std::uint8_t>(byte | (z > 0 ? 1u : 0u) << (j % v));
      }
      if (c.flag(Flag::BIAS_OUT)) {
        bias_[e.col0 / v * v + element] =
            static_cast<std::int32_t>(requantize_to(a, ratio, Rounding::kHalfUp, 0, 8, kRawLimit, statistics.value[1]));
      } else if (c.flag(Flag::CODES_OUT)) {
        const std::uint32_t u = draws ? stream.draw(e.row0 + i, e.col0 + j, 8) : 0;
        codes[element] =
            static_cast<std::int32_t>(requantize_to(a, ratio, rounding, u, 8, qmax(bits), statistics.value[1]));
      }
    }
  }
  int cycles = 5 + static_cast<int>(e.rows * groups) + (draws ? 11 : 0) + (draws && e.first ? 21 : 0);
  if (!c.flag(Flag::CODES_OUT)) return cycles;
  // Packed words: codes at their index, zero elsewhere.
  const auto pack = [&](std::vector<std::uint8_t>& memory, std::uint32_t word, std::uint32_t count, auto code_of) {
    std::fill_n(memory.begin() + word * w, w, std::uint8_t{0});
    for (std::uint32_t k = 0; k < count; ++k) {
      const auto code = static_cast<std::uint32_t>(code_of(k));
      std::uint8_t& byte = memory[word * w + (bits == 4 ? k / 2 : k)];
      byte = static_cast<std::uint8_t>(bits == 4 ? byte | (code & 15u) << (k % 2 * 4) : code);
    }
  };
  for (std::uint32_t i = 0; i < e.rows; ++i) {
    pack(memories.p1, parity * static_cast<std::uint32_t>(hw_.rows) + i, groups * v,
         [&](std::uint32_t j) { return codes[i * groups * v + j]; });
  }
  for (std::uint32_t j = 0; j < c.get(Field::COLS); ++j) {
    pack(memories.p2, parity * static_cast<std::uint32_t>(hw_.cols) + j, e.rows,
         [&](std::uint32_t i) { return codes[i * groups * v + j]; });
  }
  return cycles + static_cast<int>(c.get(Field::COLS));
}

int Reference::update(const Execution& e, Statistics& statistics) {
  const Command& c = e.command;
  const std::uint32_t v = static_cast<std::uint32_t>(hw_.lanes());
  const std::uint32_t groups = groups_of(e, hw_);
  const std::uint32_t section = 2 * c.get(Field::VIN_STRIDE) * v;
  const std::uint32_t raw = parity_words(e) * v;
  const std::uint32_t base = c.get(Field::VIN_BASE) * v + raw;
  const bool half_up = c.flag(Flag::UPDATE_HALF_UP);
  const Scale ratio_g = from_word(table_value(c.get(Field::RATIO)));
  const Scale ratio_w = from_word(table_value(c.get(Field::RATIO_W)));
  const auto stream = [&](RandomUse use) {
    return make_stream(registers_.seed, registers_.step, c.get(Field::TENSOR), use, c.get(Field::SAMPLE));
  };
  const Stream stream_v = stream(RandomUse::kMomentum);
  const Stream stream_w = stream(RandomUse::kMaster);
  const std::int64_t limit = c.flag(Flag::MASTER32) ? kBiasLimit : kMasterLimit;
  for (std::uint32_t i = 0; i < e.rows; ++i) {
    for (std::uint32_t j = 0; j < groups * v; ++j) {
      const std::uint32_t element = i * groups * v + j;
      std::int32_t momentum = 0;
      std::int32_t master = 0;
      if (j < e.cols) {
        const std::uint32_t row = e.row0 + i;
        const std::uint32_t col = e.col0 + j;
        momentum = update_momentum(memories.vin_value(base + 2 * section + element), memories.vin_value(base + element),
                                   c.get(Field::MU16), ratio_g, half_up ? kHalfUpWord16 : stream_v.draw(row, col, 16),
                                   statistics.value[2]);
        master = update_master(memories.vin_value(base + section + element), momentum, ratio_w, limit,
                               half_up ? kHalfUpWord16 : stream_w.draw(row, col, 16), statistics.value[1]);
      }
      statistics.value[0] = std::max(statistics.value[0], static_cast<std::uint64_t>(magnitude(master)));
      memories.set_raw_value(raw + element, master);
      memories.set_raw_value(raw + section + element, momentum);
    }
  }
  return 7 + 3 * static_cast<int>(e.rows * groups) + (half_up ? 0 : 10) + (!half_up && e.first ? 42 : 0);
}

int Reference::loss(const Execution& e, Statistics& statistics) {
  const Command& c = e.command;
  const std::uint32_t v = static_cast<std::uint32_t>(hw_.lanes());
  const std::uint32_t groups = groups_of(e, hw_);
  const std::uint32_t raw = parity_words(e) * v;
  const std::uint32_t base = c.get(Field::VIN_BASE) * v + raw;
  const std::uint32_t labels = base + 2 * c.get(Field::VIN_STRIDE) * v;
  const Scale scale = from_word(table_value(c.get(Field::RATIO)));
  for (std::uint32_t i = 0; i < e.rows; ++i) {
    std::vector<std::int32_t> logits(e.cols);
    std::vector<std::int32_t> gradient(e.cols);
    for (std::uint32_t j = 0; j < e.cols; ++j) logits[j] = memories.vin_value(base + i * groups * v + j);
    const auto label = static_cast<std::size_t>(memories.vin_value(labels + i));
    const SampleLoss sample = softmax_cross_entropy(logits, label, scale, gradient);
    statistics.value[0] = add_loss(static_cast<std::uint32_t>(statistics.value[0]), sample.loss);
    statistics.value[1] += sample.correct ? 1 : 0;
    for (std::uint32_t j = 0; j < (e.cols + v - 1) / v * v; ++j) {
      memories.set_raw_value(raw + i * groups * v + j, j < e.cols ? gradient[j] : 0);
    }
  }
  return 1 + static_cast<int>(e.rows * (3 * e.cols + 42));
}

int Reference::scalar(const Execution& e) {
  const Command& c = e.command;
  const std::uint32_t a = table_value(c.get(Field::SRC_A));
  const std::uint32_t b = table_value(c.get(Field::SRC_B));
  std::uint64_t saturations = 0;
  int cycles = 0;
  std::uint32_t result = a;
  switch (static_cast<ScalarOp>(c.get(Field::SCALAR_OP))) {
    case ScalarOp::MUL:
      result = word(mul(from_word(a), from_word(b), saturations));
      cycles = 5;
      break;
    case ScalarOp::DIV:
      result = word(div(from_word(a), from_word(b), saturations));
      cycles = 22;
      break;
    case ScalarOp::MAX_TO_SCALE: {
      std::optional<Scale> keep;
      if (c.get(Field::SCALAR_KEEP) != 0) keep = from_word(table_value(c.get(Field::SRC_KEEP)));
      result = word(max_to_scale(a, from_word(b), static_cast<int>(c.get(Field::QMAX)), keep, saturations));
      cycles = 56;
      break;
    }
    case ScalarOp::COPY:
      cycles = 2;
      break;
  }
  set_table(c.get(Field::DST), result);
  set_table(1, table[1] + static_cast<std::uint32_t>(saturations));
  return cycles;
}

int Reference::table_load(const Execution& e) {
  const std::uint32_t base = e.command.get(Field::VIN_BASE) * static_cast<std::uint32_t>(hw_.lanes());
  for (std::uint32_t k = 0; k < e.cols; ++k) {
    set_table(e.command.get(Field::DST) + k, static_cast<std::uint32_t>(memories.vin_value(base + k)));
  }
  return 2 + static_cast<int>(e.cols);
}

int Reference::table_store(const Execution& e) {
  const std::uint32_t v = static_cast<std::uint32_t>(hw_.lanes());
  for (std::uint32_t k = 0; k < (e.cols + v - 1) / v * v; ++k) {
    const std::uint32_t value = k < e.cols ? table_value(e.command.get(Field::DST) + k) : 0;
    memories.set_raw_value(k, static_cast<std::int32_t>(value));
  }
  return 2 + static_cast<int>(e.cols);
}

Pair::Pair(const Hardware& hw, int seed) : engine_(make_engine(seed)), reference_(hw) {
  Sweep sweep(static_cast<std::uint64_t>(seed));
  Memories& memories = reference_.memories;
  for (std::vector<std::uint8_t>* memory : {&memories.vin, &memories.raw, &memories.p1, &memories.p2, &memories.mask}) {
    poison(*memory, sweep);
  }
  engine_->memories = memories;
}

void Pair::start(const Registers& registers) {
  engine_->start(registers);
  reference_.start(registers);
}

void Pair::load_table(std::uint32_t first, const std::vector<std::uint32_t>& values) {
  for (std::size_t k = 0; k < values.size(); ++k) set_vin(k, static_cast<std::int32_t>(values[k]));
  run(Execution(
      Command(Opcode::TABLE_LOAD).set(Field::DST, first).set(Field::COLS, static_cast<std::int64_t>(values.size()))));
}

void Pair::set_vin(std::size_t index, std::int32_t value) {
  engine_->memories.set_vin_value(index, value);
  reference_.memories.set_vin_value(index, value);
}
void Pair::set_vin_byte(std::size_t index, std::uint8_t value) {
  engine_->memories.vin.at(index) = value;
  reference_.memories.vin.at(index) = value;
}
void Pair::set_acc(std::size_t index, std::int64_t value) {
  engine_->memories.acc.at(index) = value;
  reference_.memories.acc.at(index) = value;
}

void Pair::run(const Execution& execution) {
  const int cycles = engine_->run(execution);
  EXPECT_EQ(cycles, reference_.run(execution)) << "cycles of " << disassemble(execution.command);
  const auto compare = [&](const char* name, const std::vector<std::uint8_t>& got,
                           const std::vector<std::uint8_t>& expected) {
    const auto at = std::mismatch(expected.begin(), expected.end(), got.begin());
    if (at.first == expected.end()) return;
    ADD_FAILURE() << name << " byte " << at.first - expected.begin() << ": expected " << +*at.first << ", got "
                  << +*at.second << " after " << disassemble(execution.command) << "; rows " << execution.rows
                  << " cols " << execution.cols << " row0 " << execution.row0 << " col0 " << execution.col0
                  << " parity " << execution.parity0();
  };
  const Memories& got = engine_->memories;
  const Memories& expected = reference_.memories;
  compare("VOUT.RAW", got.raw, expected.raw);
  compare("VOUT.P1", got.p1, expected.p1);
  compare("VOUT.P2", got.p2, expected.p2);
  compare("VOUT.MASK", got.mask, expected.mask);
}

void Pair::compare_table() {
  run(Execution(Command(Opcode::TABLE_STORE)
                    .set(Field::DST, 0)
                    .set(Field::COLS, static_cast<std::int64_t>(reference_.table.size()))));
}

}  // namespace bitloom::testing
