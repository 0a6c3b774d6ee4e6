#include "sim/update_unit.hpp"

#include <algorithm>
#include <cstdlib>

#include "model/random.hpp"
#include "model/update.hpp"

namespace bitloom {

void UpdateUnit::count(const Execution& e, ActionCounts& counts) const {
  const TileShape shape(machine_.hardware, e);
  const std::uint64_t words = shape.words * static_cast<std::uint64_t>(machine_.hardware.axi_bytes);
  using enum Action;
  counts[vin_read_bytes] += 3 * words;
  counts[vout_raw_write_bytes] += 2 * words;
  counts[fixed_product] += 2 * shape.elements;
  counts[momentum_product] += shape.elements;
  counts[update_round] += 2 * shape.elements;
  counts[maximum] += shape.elements;
  counts[table_read_bytes] += 8;
  if (!has_flag(*e.command, Flag::UPDATE_HALF_UP)) {
    counts[draw16] += 2 * shape.elements;
    counts[threefry13] += 2 * shape.words * ceil_div(shape.lanes, 4);
    counts[threefry20] += e.first ? 2 : 0;
  }
  if (e.last && e.command->STAT != 0) counts[table_write_bytes] += 12;
}

void UpdateUnit::compute(const Execution& e) {
  const Instruction& c = *e.command;
  Memories& m = *machine_.memories;
  statistics_ = &of_command_[c.position % kGroupMax];
  if (e.first) *statistics_ = {};
  const StepRegisters& r = machine_.registers;
  const Stream momentum = make_stream(r.seed, r.step, c.TENSOR, RandomUse::kMomentum, c.SAMPLE);
  const Stream master = make_stream(r.seed, r.step, c.TENSOR, RandomUse::kMaster, c.SAMPLE);
  for (std::uint32_t i = 0; i < e.rows; ++i) row(e, i, momentum, master);
  if (e.last && c.STAT != 0) {
    m.set_table(c.STAT, static_cast<std::uint32_t>(statistics_->maximum));
    m.set_table(c.STAT + 1, static_cast<std::uint32_t>(statistics_->master));
    m.set_table(c.STAT + 2, static_cast<std::uint32_t>(statistics_->momentum));
  }
}

void UpdateUnit::row(const Execution& e, std::uint32_t i, const Stream& momentum, const Stream& master) {
  const Instruction& c = *e.command;
  Memories& m = *machine_.memories;
  const TileShape shape(machine_.hardware, e);
  const std::size_t bytes = ceil_div(e.cols, shape.lanes) * m.word;
  const auto word_of = [&](std::size_t section) {
    return (2 * section + e.parity0) * c.VIN_STRIDE + i * shape.row_words;
  };
  const auto source = [&](std::size_t k) { return m.vin.at((c.VIN_BASE + word_of(k)) * m.word, bytes); };
  const std::uint8_t* old[3] = {source(0), source(1), source(2)};
  std::uint8_t* new_master = m.vout_raw.at(word_of(0) * m.word, bytes);
  std::uint8_t* new_momentum = m.vout_raw.at(word_of(1) * m.word, bytes);
  std::fill_n(new_master, bytes, std::uint8_t{0});
  std::fill_n(new_momentum, bytes, std::uint8_t{0});
  const Scale ratio_g = m.scale(c.RATIO), ratio_w = m.scale(c.RATIO_W);
  const std::int64_t limit = has_flag(c, Flag::MASTER32) ? kBiasLimit : kMasterLimit;
  const bool half_up = has_flag(c, Flag::UPDATE_HALF_UP);
  std::uint64_t words_v = 0, words_w = 0;
  for (std::uint32_t j = 0; j < e.cols; ++j) {
    const std::uint32_t col = e.col0 + j, shift = 16 * (col % 4);
    if (!half_up && (j == 0 || col % 4 == 0)) {
      words_v = momentum.block(e.row0 + i, col / 4);
      words_w = master.block(e.row0 + i, col / 4);
    }
    const auto u_v = half_up ? kHalfUpWord16 : static_cast<std::uint32_t>(words_v >> shift & 0xFFFFu);
    const auto u_w = half_up ? kHalfUpWord16 : static_cast<std::uint32_t>(words_w >> shift & 0xFFFFu);
    std::int32_t in[3];
    for (std::size_t k = 0; k < 3; ++k) std::memcpy(&in[k], old[k] + 4 * j, sizeof in[k]);
    const std::int32_t v = update_momentum(in[2], in[0], c.MU16, ratio_g, u_v, statistics_->momentum);
    const std::int32_t w = update_master(in[1], v, ratio_w, limit, u_w, statistics_->master);
    statistics_->maximum = std::max(statistics_->maximum, static_cast<std::uint64_t>(std::abs(std::int64_t{w})));
    std::memcpy(new_master + 4 * j, &w, sizeof w);
    std::memcpy(new_momentum + 4 * j, &v, sizeof v);
  }
}

}  // namespace bitloom
