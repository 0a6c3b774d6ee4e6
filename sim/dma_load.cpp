#include "sim/dma_load.hpp"

#include "sim/timing.hpp"

namespace bitloom {

void DmaLoad::ask(const Execution& e, std::uint64_t start, ActionCounts& counts) {
  const Instruction& c = *e.command;
  const Instruction* shape = c.SHAPED != 0 ? shapes_[c.SHAPE] : nullptr;
  if (c.SHAPED != 0 && shape == nullptr) throw Error("LOAD: its shape was never loaded");
  if (channel_.ordered() != nullptr) channel_.ordered()->count_into(counts);
  channel_.load(e, shape, start);
}

std::uint64_t DmaLoad::plan(const Execution& e, std::uint64_t start, ActionCounts& counts) {
  const Instruction& c = *e.command;
  if (is(c, Opcode::LOAD_SHAPE)) {
    shapes_[c.SLOT] = &c;
    channel_.forget_lines();
    return start + timing::kNop;
  }
  if (!overlaps(e)) return start + timing::kEmptyTransfer;
  channel_.open(start - 1);
  count(e, channel_.load_beats(), counts);
  return asked();
}

/// Whole words: a row (TRANSPOSE: one byte of a lane for the elements that fill it) begins a new one.
void DmaLoad::count(const Execution& e, const LoadBeats& beats, ActionCounts& counts) const {
  const Instruction& c = *e.command;
  const auto word = static_cast<std::uint64_t>(machine_.hardware.axi_bytes);
  const auto target = static_cast<LoadTarget>(c.TARGET);
  const std::uint64_t local = target == LoadTarget::VIN ? machine_.hardware.vector_word() : word;
  const std::uint64_t bits = width_bits(c.LOCAL_BITS);
  using enum Action;
  counts[dram_read_bytes] += beats.asked * word;
  counts[line_write_bytes] += beats.lines_written * word;
  counts[line_read_bytes] += beats.lines_read * word;
  const std::uint64_t written =
      c.TRANSPOSE != 0 ? e.cols * ceil_div(e.rows * bits, 8) : e.rows * ceil_div(e.cols * bits, 8 * local) * local;
  counts[target == LoadTarget::VIN      ? vin_write_bytes
         : target == LoadTarget::SPAD_A ? spad_a_write_bytes
                                        : spad_b_write_bytes] += written;
}

}  // namespace bitloom
