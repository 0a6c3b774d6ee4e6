#include "sim/command_values.hpp"

#include <fmt/format.h>

#include <stdexcept>

#include "sim/vector_tile.hpp"

namespace bitloom {
namespace {

std::size_t at(int i) { return static_cast<std::size_t>(i); }

}  // namespace

CommandValues::CommandValues(const Machine& machine, std::span<std::uint8_t> memory)
    : hw_(machine.hardware), registers_(machine.registers), memory_(memory) {
  for (const std::size_t spad : {0u, 1u}) {
    const std::size_t bytes = 2 * at(spad == 0 ? hw_.spad_a_bytes : hw_.spad_b_bytes);
    const Lane garbage{std::vector<std::uint8_t>(bytes, 0xA5), std::vector<std::uint8_t>(bytes, 0xFF)};
    spads_[spad].assign(at(spad == 0 ? hw_.rows : hw_.cols), garbage);
  }
  acc_.assign(at(hw_.acc_tiles) * at(hw_.rows) * at(hw_.cols), 0x5a5a5a);
  vin_.assign(at(hw_.vin_words) * at(hw_.lanes), 0x5bad);
  vout_.assign(at(hw_.vout_words) * at(hw_.lanes), 0x5bad);
  vbias_.assign(at(hw_.vbias_words) * at(hw_.lanes), 0x5bad);
  table_.assign(at(hw_.table_words), 0xDEADBEEF);
  table_[0] = 0;
  sums_.assign(2 * at(kReduceWords) * at(hw_.lanes), 0x5bad);
}

void CommandValues::execute(const Execution& e) {
  try {
    run(e);
  } catch (const std::out_of_range&) {
    throw Error(fmt::format("command {}: leaves a local memory", e.command->position));
  } catch (const Error& error) {
    throw Error(fmt::format("command {}: {}", e.command->position, error.what()));
  }
}

void CommandValues::run(const Execution& e) {
  switch (static_cast<Opcode>(e.command->OPCODE)) {
    case Opcode::LOAD_SHAPE:
      shapes_[0][e.command->SLOT] = e.command;
      return;
    case Opcode::STORE_SHAPE:
      shapes_[1][e.command->SLOT] = e.command;
      return;
    case Opcode::LOAD:
      return load(e);
    case Opcode::STORE:
      return store(e);
    case Opcode::GEMM:
      return gemm(e);
    case Opcode::TILE:
      return tile(e);
    case Opcode::AFFINE:
      return affine(e);
    case Opcode::REDUCE:
      return reduce(e);
    case Opcode::POOL:
      return pool(e);
    case Opcode::UPDATE:
      return has_flag(*e.command, Flag::LWQ) ? update_lwq(e) : update(e);
    case Opcode::ADAM:
      return adam(e);
    case Opcode::LOSS:
      return loss(e);
    case Opcode::TABLE_LOAD:
    case Opcode::TABLE_STORE:
      return copy_table(e);
    case Opcode::SCALAR:
      return scalar(*e.command);
    case Opcode::LOAD_NOP:
    case Opcode::END:
    case Opcode::ARRAY_NOP:
    case Opcode::VECTOR_NOP:
    case Opcode::STORE_NOP:
      return;
  }
}

std::uint32_t CommandValues::entry(std::uint32_t index) const {
  return index == kTableLearningRate ? registers_.learning_rate : table_.at(index);
}

std::int64_t CommandValues::pair(std::uint32_t index, std::uint32_t pitch) const {
  return static_cast<std::int64_t>(std::uint64_t{entry(index)} | std::uint64_t{entry(index + pitch)} << 32);
}

void CommandValues::set_entry(std::uint32_t index, std::uint32_t value) {
  table_.at(index) = index == 0 ? 0 : value;  // T[0] stays 0
}

Stream CommandValues::stream(const Instruction& c, RandomUse use) const {
  return make_stream(registers_.seed, registers_.step, c.TENSOR, use, c.SAMPLE);
}

std::size_t CommandValues::statistics_slot(const Instruction& c) {
  return c.STAT_SLOT != 0 ? kGroupMax : c.INDEX % kGroupMax;
}

CommandValues::Statistics& CommandValues::statistics(const Execution& e) {
  Statistics& s = statistics_[statistics_slot(*e.command)];
  if (e.first && e.command->STAT_KEEP == 0) s = {};
  return s;
}

/// After the command's last execution its first `entries` statistics are in the table; a fifth is the high word of the
/// fourth.
void CommandValues::save_statistics(const Execution& e, std::uint32_t entries) {
  if (!e.last || e.command->STAT == 0) return;
  const Statistics& s = statistics_[statistics_slot(*e.command)];
  for (std::uint32_t k = 0; k < entries; ++k) {
    set_entry(e.command->STAT + k, static_cast<std::uint32_t>(k < 4 ? s[k] : s[3] >> 32));
  }
}

VectorTile CommandValues::vector_tile(const Execution& e) { return {hw_, e, vin_, vout_}; }

}  // namespace bitloom
