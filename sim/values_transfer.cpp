// LOAD and STORE: elements between DRAM and the local memories.
#include <algorithm>
#include <cstring>
#include <stdexcept>

#include "sim/command_values.hpp"
#include "sim/load_plan.hpp"

namespace bitloom {

/// Says where `bytes` bytes at a DRAM address lie in the image.
std::uint64_t CommandValues::offset(std::uint64_t address, std::uint64_t bytes) const {
  const std::uint64_t at = address - registers_.base;
  if (at > memory_.size() || memory_.size() - at < bytes) throw Error("leaves the memory image");
  return at;
}

/// Returns the element of 1, 4, 8, 16 or 32 bits at a bit of the image.
std::int32_t CommandValues::element(std::uint64_t bit, std::uint32_t bits, Expand expand) const {
  if (bits == 32) {
    std::int32_t value;
    std::memcpy(&value, &memory_[bit / 8], sizeof value);
    return value;
  }
  if (bits == 16) {
    const std::uint32_t low = memory_[bit / 8], high = memory_[bit / 8 + 1];
    return expand == Expand::UNSIGNED ? static_cast<std::int32_t>(low | high << 8)
                                      : static_cast<std::int16_t>(low | high << 8);
  }
  const std::uint32_t value = (std::uint32_t{memory_[bit / 8]} >> (bit % 8)) & ((1u << bits) - 1);
  if (expand == Expand::UNSIGNED) return static_cast<std::int32_t>(value);
  if (expand == Expand::PLUS_MINUS && bits == 1) return value == 1 ? 1 : -1;
  return static_cast<std::int32_t>(value << (32 - bits)) >> (32 - bits);
}

void CommandValues::load(const Execution& e) {
  if (e.rows == 0 || e.cols == 0) return;
  const Instruction* shape = e.command->SHAPED != 0 ? shapes_[0][e.command->SHAPE] : nullptr;
  if (e.command->SHAPED != 0 && shape == nullptr) throw Error("its shape was never loaded");
  const LoadPlan plan = load_plan(hw_, e, shape, 0);
  static_cast<LoadTarget>(e.command->TARGET) == LoadTarget::VIN ? load_vin(e, plan.pieces) : load_spad(e, plan.pieces);
}

void CommandValues::load_vin(const Execution& e, const std::vector<LoadPiece>& pieces) {
  const Instruction& c = *e.command;
  const std::uint32_t bits = width_bits(c.MEMORY_BITS), local = width_bits(c.LOCAL_BITS);
  const auto lanes = static_cast<std::size_t>(hw_.lanes);
  const std::size_t values = ceil_div(e.cols * local, 32);  // of a row: an element, or 32 bits of a packed mask
  std::size_t row = 0, col = 0;
  std::int32_t* to = nullptr;
  for (const LoadPiece& piece : pieces) {
    if (col == 0) {
      const std::size_t word = c.LOCAL_BASE + e.parity0 * c.LOCAL_STRIDE + row * c.LOCAL_PITCH;
      const std::size_t words = ceil_div(values, lanes);
      if ((word + words) * lanes > vin_.size()) throw std::out_of_range("VIN");
      to = &vin_[word * lanes];
      std::fill(to + (local == 32 ? values : 0), to + words * lanes, 0);
    }
    const std::uint64_t bytes = (piece.bit % 8 + piece.bits + 7) / 8;
    const std::uint64_t from = piece.padding ? 0 : offset(piece.bit / 8, bytes) * 8 + piece.bit % 8;
    for (std::uint32_t done = 0; done < piece.bits; done += bits) {
      const std::int32_t pad = c.PAD_MIN != 0 ? INT32_MIN : 0;
      const std::int32_t value = piece.padding ? pad : element(from + done, bits, static_cast<Expand>(c.EXPAND));
      if (local == 32) {
        to[col++] = value;
      } else {
        to[col / 32] |= static_cast<std::int32_t>((static_cast<std::uint32_t>(value) & 1u) << col % 32);
        ++col;
      }
    }
    if (piece.ends_row) ++row, col = 0;
  }
}

/// Returns the first byte of a lane's buffer.
std::size_t CommandValues::spad_buffer(LoadTarget spad, std::uint32_t parity) const {
  return parity * static_cast<std::size_t>(spad == LoadTarget::SPAD_A ? hw_.spad_a_bytes : hw_.spad_b_bytes);
}

void CommandValues::load_spad(const Execution& e, const std::vector<LoadPiece>& pieces) {
  const Instruction& c = *e.command;
  const std::uint32_t bits = width_bits(c.MEMORY_BITS), local = width_bits(c.LOCAL_BITS);
  const auto word = static_cast<std::size_t>(hw_.axi_bytes);
  const bool transpose = c.TRANSPOSE != 0;
  const auto target = static_cast<LoadTarget>(c.TARGET);
  std::vector<Lane>& lanes = spads_[target == LoadTarget::SPAD_A ? 0 : 1];
  const std::size_t first = spad_buffer(target, e.parity0) + std::size_t{c.LOCAL_BASE} * word;
  const std::size_t bytes = transpose ? ceil_div(e.rows * local, 8) : ceil_div(e.cols * local, 8 * word) * word;
  /// Where the operand row `number` begins: its lane, and the byte there.
  const auto place = [&](std::size_t number) {
    return std::pair(number % lanes.size(), first + number / lanes.size() * c.LOCAL_STRIDE * word);
  };
  const std::size_t used = transpose ? e.cols : e.rows;
  if (place(used - 1).second + bytes > lanes[0].bytes.size()) throw std::out_of_range("scratchpad");
  for (std::size_t number = 0; number < used; ++number) {
    const auto [lane, begin] = place(number);
    std::fill_n(&lanes[lane].bytes[begin], bytes, std::uint8_t{0});
    std::fill_n(&lanes[lane].valid[begin], bytes, std::uint8_t{0xFF});
  }
  const std::uint32_t low = (1u << local) - 1;
  std::size_t row = 0, col = 0;
  for (const LoadPiece& piece : pieces) {
    const std::uint64_t touched = (piece.bit % 8 + piece.bits + 7) / 8;
    const std::uint64_t from = piece.padding ? 0 : offset(piece.bit / 8, touched) * 8 + piece.bit % 8;
    for (std::uint32_t done = 0; done < piece.bits; done += bits, ++col) {
      const auto [number, begin] = place(transpose ? col : row);
      Lane& lane = lanes[number];
      const std::size_t bit = (transpose ? row : col) * local, byte = begin + bit / 8;
      if (piece.padding) {
        lane.valid[byte] = 0;
      } else {
        const auto value = static_cast<std::uint32_t>(element(from + done, bits, static_cast<Expand>(c.EXPAND))) & low;
        lane.bytes[byte] = static_cast<std::uint8_t>(lane.bytes[byte] | value << (bit % 8));
      }
    }
    if (piece.ends_row) ++row, col = 0;
  }
}

void CommandValues::store(const Execution& e) {
  const Instruction& c = *e.command;
  if (e.rows == 0 || e.cols == 0) return;
  const Instruction* shape = c.SHAPED != 0 ? shapes_[1][c.SHAPE] : nullptr;
  if (c.SHAPED != 0 && shape == nullptr) throw Error("its shape was never loaded");
  const std::uint32_t bits = width_bits(c.MEMORY_BITS);
  const auto lanes = static_cast<std::size_t>(hw_.lanes);
  const std::uint64_t row_bytes = ceil_div(std::uint64_t{e.cols} * bits, 8);
  for (std::uint32_t row = 0; row < e.rows; ++row) {
    const std::size_t word = c.LOCAL_BASE + e.parity0 * c.LOCAL_STRIDE + std::size_t{row} * c.LOCAL_PITCH;
    if (word * lanes + e.cols > vout_.size()) throw std::out_of_range("VOUT");
    const std::int32_t* from = &vout_[word * lanes];
    std::uint8_t* to = &memory_[offset(store_row(e, shape, row), row_bytes)];
    if (bits == 32) {
      std::memcpy(to, from, row_bytes);
      continue;
    }
    if (bits == 16) {
      for (std::uint32_t col = 0; col < e.cols; ++col) {
        const auto value = static_cast<std::uint16_t>(from[col]);
        std::memcpy(to + 2 * std::size_t{col}, &value, sizeof value);
      }
      continue;
    }
    std::fill_n(to, row_bytes, std::uint8_t{0});
    for (std::uint32_t col = 0; col < e.cols; ++col) {
      const std::uint32_t value = static_cast<std::uint32_t>(from[col]) & ((1u << bits) - 1);
      const std::uint32_t bit = col * bits;
      to[bit / 8] = static_cast<std::uint8_t>(to[bit / 8] | value << (bit % 8));
    }
  }
}

}  // namespace bitloom
