#include "sim/dma_store.hpp"

#include <algorithm>

#include "sim/timing.hpp"

namespace bitloom {

/// The recurrences of docs/timing.md, STORE: one VOUT word is appended a cycle; full beats and the rest of a row are
/// offered.
std::uint64_t DmaStore::plan(const Execution& e, std::uint64_t start, ActionCounts& counts) {
  const Instruction& c = *e.command;
  if (is(c, Opcode::STORE_SHAPE)) {
    shapes_[c.SLOT] = &c;
    return start + timing::kNop;
  }
  if (e.rows == 0 || e.cols == 0) return start + timing::kEmptyTransfer;
  const Instruction* shape = c.SHAPED != 0 ? shapes_[c.SHAPE] : nullptr;
  if (c.SHAPED != 0 && shape == nullptr) throw Error("STORE: its shape was never loaded");
  const auto word_bits = static_cast<std::uint64_t>(machine_.hardware.axi_bytes) * 8;
  const auto lanes = static_cast<std::uint32_t>(machine_.hardware.lanes());
  const std::uint32_t bits = width_bits(c.MEMORY_BITS);
  std::uint64_t cycle = start + timing::kStoreSetup, beats = 0;
  BeatSpan accepted;
  const auto complete = [&](std::uint64_t at) {
    if (beats != 0 && accepted.last > at + 1) at = accepted.last - 1;
    accepted = timing_.write(at + timing::kAppendToOffer, 1);
    ++beats;
    return at;
  };
  for (std::uint32_t row = 0; row < e.rows; ++row) {
    std::uint64_t fill = store_row(e, shape, row) * 8 % word_bits;
    for (std::uint32_t done = 0; done < e.cols; done += lanes) {
      const std::uint32_t elements = std::min(lanes, e.cols - done);
      const bool ends = done + elements == e.cols;
      fill += std::uint64_t{elements} * bits;
      if (fill >= word_bits || ends) cycle = complete(cycle);
      if (ends && fill > word_bits) cycle = complete(cycle + 1);
      fill %= word_bits;
      ++cycle;
    }
  }
  const std::uint64_t word = word_bits / 8;
  counts[Action::dram_write_bytes] += beats * word;
  counts[Action::vout_read_bytes] += e.rows * ceil_div(e.cols, lanes) * word;
  return timing_.response(accepted);
}

}  // namespace bitloom
