#include "sim/loss_unit.hpp"

#include <cstring>

#include "model/functions.hpp"

namespace bitloom {

void LossUnit::count(const Execution& e, ActionCounts& counts) const {
  const TileShape shape(machine_.hardware, e);
  const auto word = static_cast<std::uint64_t>(machine_.hardware.axi_bytes);
  using enum Action;
  counts[vin_read_bytes] += (shape.words + ceil_div(e.rows, shape.lanes)) * word;
  counts[vout_raw_write_bytes] += shape.words * word;
  counts[maximum] += shape.elements;
  counts[fixed_product] += shape.elements;
  counts[loss_exponential] += shape.elements;
  counts[loss_probability] += shape.elements;
  counts[loss_sample] += e.rows;
  counts[table_read_bytes] += 4;
  if (e.last && e.command->STAT != 0) counts[table_write_bytes] += 8;
}

void LossUnit::compute(const Execution& e) {
  const Instruction& c = *e.command;
  Memories& m = *machine_.memories;
  const TileShape shape(machine_.hardware, e);
  Statistics& statistics = of_command_[c.position % kGroupMax];
  if (e.first) statistics = {};
  logits_.resize(e.cols);
  gradient_.resize(e.cols);
  const Scale exponent = m.scale(c.RATIO);
  const std::size_t bytes = ceil_div(e.cols, shape.lanes) * m.word;
  const std::size_t labels = (c.VIN_BASE + std::size_t{2 + e.parity0} * c.VIN_STRIDE) * m.word;
  for (std::uint32_t i = 0; i < e.rows; ++i) {
    const std::size_t row = std::size_t{e.parity0} * c.VIN_STRIDE + i * shape.row_words;
    std::memcpy(logits_.data(), m.vin.at((c.VIN_BASE + row) * m.word, bytes), 4 * logits_.size());
    const auto label = static_cast<std::uint32_t>(Memories::int32_at(m.vin, labels + 4 * i));
    if (label >= e.cols) throw Error("LOSS: label " + std::to_string(label) + " of " + std::to_string(e.cols));
    const SampleLoss sample = softmax_cross_entropy(logits_, label, exponent, gradient_);
    statistics.loss = add_loss(statistics.loss, sample.loss);
    statistics.correct += sample.correct ? 1 : 0;
    std::uint8_t* out = m.vout_raw.at(row * m.word, bytes);
    std::memset(out, 0, bytes);
    std::memcpy(out, gradient_.data(), 4 * gradient_.size());
  }
  if (e.last && c.STAT != 0) {
    m.set_table(c.STAT, statistics.loss);
    m.set_table(c.STAT + 1, statistics.correct);
  }
}

}  // namespace bitloom
