#include "sim/dma_store.hpp"

#include "sim/dram_actions.hpp"
#include "sim/timing.hpp"

namespace bitloom {
namespace {

/// Counts whole words: each row begins a new one, of memory and of VOUT.
void count_store(const Execution& e, const Instruction* shape, const Hardware& hardware, ActionCounts& counts) {
  const auto word = static_cast<std::uint64_t>(hardware.axi_bytes);
  const std::uint64_t row_bits = std::uint64_t{e.cols} * width_bits(e.command->MEMORY_BITS);
  for (std::uint32_t row = 0; row < e.rows; ++row) {
    counts[Action::dram_write_bytes] += ceil_div(store_row(e, shape, row) % word * 8 + row_bits, 8 * word) * word;
  }
  counts[Action::vout_read_bytes] += e.rows * ceil_div(e.cols, static_cast<std::uint64_t>(hardware.lanes)) *
                                     static_cast<std::uint64_t>(hardware.vector_word());
}

}  // namespace

std::uint64_t DmaStore::plan(const Execution& e, std::uint64_t start, ActionCounts& counts) {
  const Instruction& c = *e.command;
  if (is(c, Opcode::STORE_SHAPE)) {
    shapes_[c.SLOT] = &c;
    return start + timing::kNop;
  }
  if (!overlaps(e)) return start + timing::kEmptyTransfer;
  const Instruction* shape = c.SHAPED != 0 ? shapes_[c.SHAPE] : nullptr;
  if (c.SHAPED != 0 && shape == nullptr) throw Error("STORE: its shape was never loaded");
  count_store(e, shape, machine_.hardware, counts);
  beats_.add(e, shape, start, &counts);
  if (!made_) next_beat();
  if (memory_.banked() == nullptr) store_until(~std::uint64_t{0});
  return read();
}

void DmaStore::next_beat() {
  made_ = beats_.next(edge_);
  offered_ = false;
  if (made_) edge_ = beats_.beat().offered;
}

void DmaStore::store_until(std::uint64_t edge) {
  while (made_ && edge_ < edge) {
    if (!offered_) {
      edge_ = memory_.offer(edge_);
      offered_ = true;
      continue;
    }
    const StoreBeats::Beat& beat = beats_.beat();
    const std::uint64_t response = memory_.take(beat.beat, edge_);
    if (memory_.banked() != nullptr) count_use(*memory_.banked(), *beat.counts);
    if (beat.ends) ends_.push_back(response);
    next_beat();
  }
}

}  // namespace bitloom
