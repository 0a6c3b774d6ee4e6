#include "sim/tile_unit.hpp"

#include <algorithm>
#include <cstring>

namespace bitloom {
namespace {

Stream tile_stream(const Machine& machine, const Instruction& c) {
  return make_stream(machine.registers.seed, machine.registers.step, c.TENSOR, static_cast<RandomUse>(c.USE), c.SAMPLE);
}

std::uint64_t magnitude(std::int64_t value) { return static_cast<std::uint64_t>(value < 0 ? -value : value); }

void put_code(std::uint8_t* packed, std::size_t index, bool bits4, std::int64_t code) {
  if (!bits4) {
    packed[index] = static_cast<std::uint8_t>(code);
  } else {
    const auto nibble = static_cast<unsigned>(code) & 15u;
    packed[index / 2] = static_cast<std::uint8_t>(packed[index / 2] | nibble << (4 * (index % 2)));
  }
}

}  // namespace

void TileUnit::count(const Execution& e, ActionCounts& counts) const {
  const Instruction& c = *e.command;
  const TileShape shape(machine_.hardware, e);
  const auto word = static_cast<std::uint64_t>(machine_.hardware.axi_bytes);
  const std::uint64_t n = shape.elements, words = shape.words * word;
  using enum Action;
  if (has_flag(c, Flag::FROM_VIN)) {
    counts[vin_read_bytes] += words;
  } else {
    counts[acc_drain_bytes] += 6 * n;
  }
  if (has_flag(c, Flag::ADD_BIAS)) counts[bias_add] += n, counts[vbias_read_bytes] += words;
  if (has_flag(c, Flag::MASK_IN)) counts[mask_select] += n, counts[vin_read_bytes] += shape.words;
  if (has_flag(c, Flag::MASK_OUT)) counts[vout_mask_write_bytes] += shape.words;
  if (has_flag(c, Flag::RELU)) counts[relu] += n;
  if (has_flag(c, Flag::RAW_OUT)) counts[vout_raw_write_bytes] += words;
  counts[raw_clamp] += n;
  counts[maximum] += n;
  if (has_flag(c, Flag::CODES_OUT)) {
    counts[requantize] += n;
    counts[vout_codes_write_bytes] += c.BITS4 != 0 ? n : 2 * n;  // both packings
    counts[table_read_bytes] += 4;
    if (c.ROUNDING == static_cast<std::uint32_t>(Rounding::kStochastic)) {
      counts[draw8] += n;
      counts[threefry13] += shape.words;  // the pipe makes one call a word, also where two words share a call's bits
      counts[threefry20] += e.first ? 1 : 0;
    }
  }
  if (has_flag(c, Flag::BIAS_OUT)) {
    counts[requantize] += n;
    counts[vbias_write_bytes] += words;
    counts[table_read_bytes] += 4;
  }
  if (e.last && c.STAT != 0) counts[table_write_bytes] += 12;
}

std::size_t TileUnit::vin_word(const Execution& e) const {
  return e.command->VIN_BASE + std::size_t{e.parity0} * e.command->VIN_STRIDE;
}

void TileUnit::compute(const Execution& e) {
  const Instruction& c = *e.command;
  Memories& m = *machine_.memories;
  statistics_ = &of_command_[c.position % kGroupMax];
  if (e.first) *statistics_ = {};
  if (e.rows > m.rows && !has_flag(c, Flag::FROM_VIN)) throw Error("TILE: more rows than the accumulators have");
  z_.resize(e.cols);
  Stream stream;
  if (has_flag(c, Flag::CODES_OUT)) {
    if (e.rows > m.rows || e.cols > m.cols) throw Error("TILE: codes of a tile larger than the array");
    std::memset(m.vout_p1.at(e.parity0 * m.rows * m.word, m.rows * m.word), 0, m.rows * m.word);
    std::memset(m.vout_p2.at(e.parity0 * m.cols * m.word, m.cols * m.word), 0, m.cols * m.word);
    if (c.ROUNDING == static_cast<std::uint32_t>(Rounding::kStochastic)) stream = tile_stream(machine_, c);
  }
  if (has_flag(c, Flag::MASK_OUT)) {
    std::memset(m.vout_mask.at(e.parity0 * m.mask_tile_bytes, m.mask_tile_bytes), 0, m.mask_tile_bytes);
  }
  for (std::uint32_t i = 0; i < e.rows; ++i) {
    read_row(e, i);
    before_rounding(e, i);
    raw_view(e, i);
    if (has_flag(c, Flag::CODES_OUT)) codes(e, i, stream);
    if (has_flag(c, Flag::BIAS_OUT)) bias_view(e, i);
  }
  if (e.last && c.STAT != 0) {
    m.set_table(c.STAT, static_cast<std::uint32_t>(statistics_->maximum));
    m.set_table(c.STAT + 1, static_cast<std::uint32_t>(statistics_->codes));
    m.set_table(c.STAT + 2, static_cast<std::uint32_t>(statistics_->raw));
  }
}

void TileUnit::read_row(const Execution& e, std::uint32_t i) {
  Memories& m = *machine_.memories;
  if (!has_flag(*e.command, Flag::FROM_VIN)) {
    if (e.cols > m.cols) throw Error("TILE: more columns than the accumulators have");
    std::copy_n(m.acc_row(e.parity0, i), e.cols, z_.begin());
    return;
  }
  const TileShape shape(machine_.hardware, e);
  const std::size_t offset = (vin_word(e) + i * shape.row_words) * m.word;
  for (std::size_t j = 0; j < e.cols; ++j) z_[j] = Memories::int32_at(m.vin, offset + 4 * j);
}

void TileUnit::before_rounding(const Execution& e, std::uint32_t i) {
  Memories& m = *machine_.memories;
  const Instruction& c = *e.command;
  const TileShape shape(machine_.hardware, e);
  if (has_flag(c, Flag::ADD_BIAS)) {
    for (std::size_t j = 0; j < e.cols; ++j) z_[j] += Memories::int32_at(m.vbias, 4 * (e.col0 + j));
  }
  const std::size_t group = i * shape.row_words, lanes = shape.lanes;
  if (has_flag(c, Flag::MASK_IN)) {
    const std::size_t bytes = ceil_div(e.cols, lanes);
    const std::uint8_t* mask = m.vin.at(vin_word(e) * m.word + group, bytes);
    for (std::size_t j = 0; j < e.cols; ++j) {
      if ((mask[j / lanes] >> (j % lanes) & 1) == 0) z_[j] = 0;
    }
  }
  if (has_flag(c, Flag::MASK_OUT)) {
    std::uint8_t* mask = m.vout_mask.at(e.parity0 * m.mask_tile_bytes + group, ceil_div(e.cols, lanes));
    for (std::size_t j = 0; j < e.cols; ++j) {
      if (z_[j] > 0) mask[j / lanes] = static_cast<std::uint8_t>(mask[j / lanes] | 1u << (j % lanes));
    }
  }
  if (has_flag(c, Flag::RELU)) {
    for (std::int64_t& z : z_) z = std::max<std::int64_t>(z, 0);
  }
}

void TileUnit::raw_view(const Execution& e, std::uint32_t i) {
  Memories& m = *machine_.memories;
  const TileShape shape(machine_.hardware, e);
  std::uint8_t* words = nullptr;
  if (has_flag(*e.command, Flag::RAW_OUT)) {
    const std::size_t first = std::size_t{e.parity0} * e.command->VIN_STRIDE + i * shape.row_words;
    const std::size_t bytes = ceil_div(e.cols, shape.lanes) * m.word;
    words = m.vout_raw.at(first * m.word, bytes);
    std::memset(words, 0, bytes);
  }
  for (std::size_t j = 0; j < e.cols; ++j) {
    const auto raw = static_cast<std::int32_t>(saturate(z_[j], kRawLimit, statistics_->raw));
    statistics_->maximum = std::max(statistics_->maximum, magnitude(raw));
    if (words != nullptr) std::memcpy(words + 4 * j, &raw, sizeof raw);
  }
}

void TileUnit::codes(const Execution& e, std::uint32_t i, const Stream& stream) {
  Memories& m = *machine_.memories;
  const Instruction& c = *e.command;
  const bool bits4 = c.BITS4 != 0;
  const auto rounding = static_cast<Rounding>(c.ROUNDING);
  const Scale ratio = m.scale(c.RATIO);
  const std::int64_t limit = bits4 ? qmax(4) : qmax(8);
  std::uint8_t* row = m.vout_p1.at((e.parity0 * m.rows + i) * m.word, m.word);
  std::uint8_t* columns = m.vout_p2.at(e.parity0 * m.cols * m.word, m.cols * m.word);
  std::uint64_t words = 0;
  for (std::uint32_t j = 0; j < e.cols; ++j) {
    const std::uint32_t col = e.col0 + j;
    if (rounding == Rounding::kStochastic && (j == 0 || col % 8 == 0)) words = stream.block(e.row0 + i, col / 8);
    const auto u = static_cast<std::uint32_t>(words >> (8 * (col % 8)) & 255u);
    const std::int64_t code = requantize_to(z_[j], ratio, rounding, u, 8, limit, statistics_->codes);
    put_code(row, j, bits4, code);
    put_code(columns + j * m.word, i, bits4, code);
  }
}

void TileUnit::bias_view(const Execution& e, std::uint32_t i) {
  Memories& m = *machine_.memories;
  const TileShape shape(machine_.hardware, e);
  const Scale ratio = m.scale(e.command->RATIO);
  const std::size_t first = (e.col0 / shape.lanes + i * shape.row_words) * m.word;
  const std::size_t padded = ceil_div(e.cols, shape.lanes) * shape.lanes;
  for (std::size_t j = 0; j < padded; ++j) {
    const std::int64_t value =
        j < e.cols ? requantize_to(z_[j], ratio, Rounding::kHalfUp, 0, 8, kRawLimit, statistics_->codes) : 0;
    Memories::set_int32(m.vbias, first + 4 * j, static_cast<std::int32_t>(value));
  }
}

}  // namespace bitloom
