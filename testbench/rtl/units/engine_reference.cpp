#include "testbench/rtl/units/engine_reference.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <optional>

#include "model/numerics/functions.hpp"
#include "model/numerics/numbers.hpp"
#include "testbench/model/numerics/sweep.hpp"

namespace bitloom::testing {

namespace {

std::size_t size(int value) { return static_cast<std::size_t>(value); }

/// Returns int32 number `index` of a memory of bytes.
std::int32_t value_at(const std::vector<std::uint8_t>& memory, std::size_t index) {
  std::int32_t value = 0;
  std::memcpy(&value, &memory.at(index * 4), 4);
  return value;
}
void set_value_at(std::vector<std::uint8_t>& memory, std::size_t index, std::int32_t value) {
  std::memcpy(&memory.at(index * 4), &value, 4);
}

void poison(std::vector<std::uint8_t>& memory, Sweep& sweep) {
  for (std::uint8_t& byte : memory) byte = static_cast<std::uint8_t>(sweep.bits());
}

}  // namespace

Memories::Memories(const Hardware& hw)
    : acc(2 * size(hw.rows) * size((hw.cols + hw.lanes - 1) / hw.lanes * hw.lanes)),
      vin(size(hw.vin_words) * size(hw.vector_word())),
      vout(size(hw.vout_words) * size(hw.vector_word())) {}

std::int32_t Memories::vin_value(std::size_t index) const { return value_at(vin, index); }
void Memories::set_vin_value(std::size_t index, std::int32_t value) { set_value_at(vin, index, value); }
std::uint32_t Memories::vout_value(std::size_t index) const {
  return static_cast<std::uint32_t>(value_at(vout, index));
}
void Memories::set_vout_value(std::size_t index, std::int32_t value) { set_value_at(vout, index, value); }

Execution::Execution(const Command& c) : command(c), rows(c.get(Field::ROWS)), cols(c.get(Field::COLS)) {}

Reference::Reference(const Hardware& hw)
    : memories(hw),
      table(size(hw.table_words)),
      hw_(hw),
      bias_(size(hw.vbias_words) * size(hw.lanes)),
      sums_(size(kReduceWords) * size(hw.lanes)),
      pooled_(size(kPoolWords) * size(hw.lanes)) {}

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

std::int32_t Reference::input(const Execution& e, std::uint32_t k, std::uint32_t i, std::uint32_t j) const {
  const Command& c = e.command;
  const std::uint32_t section = c.get(Field::VIN_BASE) + (2 * k + e.parity0()) * c.get(Field::VIN_STRIDE);
  return memories.vin_value((section + i * groups(e)) * lanes() + j);
}

std::int32_t Reference::coefficient(const Execution& e, std::uint32_t full, std::uint32_t k, std::uint32_t j) const {
  const Command& c = e.command;
  const std::uint32_t section = c.get(Field::VIN_BASE) + 2 * full * c.get(Field::VIN_STRIDE);
  return memories.vin_value((section + (2 * k + e.parity0()) * groups(e)) * lanes() +
                            (c.get(Field::COEF_SCALAR) != 0 ? 0 : j));
}

void Reference::output(const Execution& e, std::uint32_t parity, std::uint32_t k, std::uint32_t i, std::uint32_t j,
                       std::int64_t value) {
  const std::uint32_t section = (2 * k + parity) * e.command.get(Field::VIN_STRIDE);
  memories.set_vout_value((section + i * groups(e)) * lanes() + j, static_cast<std::int32_t>(value));
}

namespace {

/// Says whether these commands may go on with the statistics of others.
bool may_keep(Opcode opcode) { return opcode == Opcode::TILE || opcode == Opcode::AFFINE || opcode == Opcode::POOL; }

/// Returns where a command's statistics are: by INDEX, or behind those in a slot that it names.
std::size_t slot_of(const Command& c) {
  const std::uint32_t named = may_keep(c.opcode()) ? c.get(Field::STAT_SLOT) : 0;
  return named == 0 ? c.get(Field::INDEX) % 4 : 4;
}

}  // namespace

int Reference::run(const Execution& e) {
  Statistics& statistics = statistics_[slot_of(e.command)];
  if (e.first && !(may_keep(e.command.opcode()) && e.command.get(Field::STAT_KEEP) != 0)) statistics = {};
  int cycles = 0;
  std::uint32_t saved = 3;
  switch (e.command.opcode()) {
    case Opcode::TILE:
      cycles = tile(e, statistics);
      break;
    case Opcode::UPDATE:
      cycles = e.command.flag(Flag::LWQ) ? update_lwq(e, statistics) : update(e, statistics);
      saved = e.command.flag(Flag::LWQ) ? 5 : 3;
      break;
    case Opcode::ADAM:
      if (!e.command.flag(Flag::CODES_OUT)) return adam_moments(e);
      cycles = adam_codes(e, statistics);
      break;
    case Opcode::AFFINE:
      cycles = affine(e, statistics);
      break;
    case Opcode::POOL:
      cycles = pool(e, statistics);
      break;
    case Opcode::LOSS:
      cycles = loss(e, statistics);
      saved = 2;
      break;
    case Opcode::REDUCE:
      return reduce(e);
    case Opcode::SCALAR:
      return scalar(e);
    case Opcode::TABLE_LOAD:
      return table_load(e);
    default:
      return table_store(e);
  }
  const std::uint32_t stat = e.command.get(Field::STAT);
  if (!e.last || stat == 0) return cycles;
  for (std::uint32_t i = 0; i < saved; ++i) {
    const std::uint64_t value = i < 4 ? statistics.value[i] : statistics.value[3] >> 32;
    set_table(stat + i, static_cast<std::uint32_t>(value));
  }
  return cycles + static_cast<int>(saved);
}

int Reference::loss(const Execution& e, Statistics& statistics) {
  const Command& c = e.command;
  const std::uint32_t v = lanes();
  const std::uint32_t labels = (c.get(Field::VIN_BASE) + (2 + e.parity0()) * c.get(Field::VIN_STRIDE)) * v;
  const Scale scale = from_word(table_value(c.get(Field::RATIO)));
  for (std::uint32_t i = 0; i < e.rows; ++i) {
    std::vector<std::int32_t> logits(e.cols);
    std::vector<std::int32_t> gradient(e.cols);
    for (std::uint32_t j = 0; j < e.cols; ++j) logits[j] = input(e, 0, i, j);
    const auto label = static_cast<std::size_t>(memories.vin_value(labels + i));
    const SampleLoss sample = softmax_cross_entropy(logits, label, scale, gradient);
    statistics.value[0] = add_loss(static_cast<std::uint32_t>(statistics.value[0]), sample.loss);
    statistics.value[1] += sample.correct ? 1 : 0;
    for (std::uint32_t j = 0; j < (e.cols + v - 1) / v * v; ++j) {
      output(e, e.parity0(), 0, i, j, j < e.cols ? gradient[j] : 0);
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
      if (c.get(Field::SCALAR_KEEP) != 0) keep = from_word(table_value(c.get(Field::SRC_C)));
      result = word(max_to_scale(a, from_word(b), static_cast<int>(c.get(Field::QMAX)), keep, saturations));
      cycles = 56;
      break;
    }
    default:  // COPY; the others have a test of their own (scalar_unit_test.cpp)
      cycles = 2;
      break;
  }
  set_table(c.get(Field::DST), result);
  set_table(1, table[1] + static_cast<std::uint32_t>(saturations));
  return cycles;
}

int Reference::table_load(const Execution& e) {
  for (std::uint32_t i = 0; i < e.rows; ++i) {
    for (std::uint32_t j = 0; j < e.cols; ++j) {
      set_table(e.command.get(Field::DST) + i * e.command.get(Field::TABLE_PITCH) + e.col0 + j,
                static_cast<std::uint32_t>(input(e, 0, i, j)));
    }
  }
  return 2 + static_cast<int>(e.rows * e.cols);
}

int Reference::table_store(const Execution& e) {
  const std::uint32_t v = lanes();
  for (std::uint32_t i = 0; i < e.rows; ++i) {
    for (std::uint32_t j = 0; j < (e.cols + v - 1) / v * v; ++j) {
      const std::uint32_t entry = e.command.get(Field::DST) + i * e.command.get(Field::TABLE_PITCH) + e.col0 + j;
      output(e, e.parity0(), 0, i, j, j < e.cols ? static_cast<std::int32_t>(table_value(entry)) : 0);
    }
  }
  return 2 + static_cast<int>(e.rows * e.cols);
}

Pair::Pair(const Hardware& hw, int seed) : engine_(make_engine(seed)), reference_(hw) {
  const int most = hw.vin_words * hw.lanes;
  for (int first = 0; first < hw.table_words; first += most) {  // entries that were never written hold anything
    load_table(static_cast<std::uint32_t>(first),
               std::vector<std::uint32_t>(size(std::min(most, hw.table_words - first))));
  }
  Sweep sweep(static_cast<std::uint64_t>(seed));
  Memories& memories = reference_.memories;
  poison(memories.vin, sweep);
  poison(memories.vout, sweep);
  engine_->memories = memories;
}

void Pair::start(const Registers& registers) {
  engine_->start(registers);
  reference_.start(registers);
}

void Pair::load_table(std::uint32_t first, const std::vector<std::uint32_t>& values) {
  for (std::size_t k = 0; k < values.size(); ++k) set_vin(k, static_cast<std::int32_t>(values[k]));
  run(Execution(Command(Opcode::TABLE_LOAD)
                    .set(Field::DST, first)
                    .set(Field::ROWS, 1)
                    .set(Field::COLS, static_cast<std::int64_t>(values.size()))));
}

void Pair::set_vin(std::size_t index, std::int32_t value) {
  engine_->memories.set_vin_value(index, value);
  reference_.memories.set_vin_value(index, value);
}
void Pair::set_acc(std::size_t index, std::int64_t value) {
  engine_->memories.acc.at(index) = value;
  reference_.memories.acc.at(index) = value;
}

void Pair::run(const Execution& execution) {
  const int cycles = engine_->run(execution);
  EXPECT_EQ(cycles, reference_.run(execution)) << "cycles of " << disassemble(execution.command);
  const std::vector<std::uint8_t>& got = engine_->memories.vout;
  const std::vector<std::uint8_t>& expected = reference_.memories.vout;
  const auto at = std::mismatch(expected.begin(), expected.end(), got.begin());
  if (at.first == expected.end()) return;
  const std::size_t index = static_cast<std::size_t>(at.first - expected.begin()) / 4;
  ADD_FAILURE() << "VOUT value " << index << ": expected "
                << static_cast<std::int32_t>(reference_.memories.vout_value(index)) << ", got "
                << static_cast<std::int32_t>(engine_->memories.vout_value(index)) << " after "
                << disassemble(execution.command) << "; rows " << execution.rows << " cols " << execution.cols
                << " row0 " << execution.row0 << " col0 " << execution.col0 << " parity " << execution.parity << " i1 "
                << execution.i1 << " i2 " << execution.i2;
}

void Pair::compare_table(std::int64_t ends) {
  const auto entries = static_cast<std::int64_t>(reference_.table.size());
  const std::int64_t most = hardware().vout_words * hardware().lanes;
  for (std::int64_t first = 0; first < entries;) {
    const std::int64_t count = std::min(most, first < ends ? std::min(ends, entries) - first : entries - first);
    Command store(Opcode::TABLE_STORE);
    store.set(Field::DST, first).set(Field::ROWS, 1).set(Field::COLS, count);
    run(Execution(store));
    first += count;
    if (first >= ends) first = std::max(first, entries - ends);
  }
}

}  // namespace bitloom::testing
