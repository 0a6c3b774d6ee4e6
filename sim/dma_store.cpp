#include "sim/dma_store.hpp"

#include <algorithm>

#include "sim/timing.hpp"

namespace bitloom {

/// Beats of all rows: a row that starts inside a word may touch one word more than it has.
std::uint64_t DmaStore::beats(const Execution& e) const {
  const auto word = static_cast<std::uint32_t>(machine_.hardware.axi_bytes);
  if (e.cols == 0) return 0;
  if (e.command->PITCH % word == 0) return e.rows * ceil_div(e.address % word + std::uint64_t{e.cols}, word);
  std::uint64_t sum = 0;
  for (std::uint32_t i = 0; i < e.rows; ++i) {
    sum += ceil_div((e.address + i * e.command->PITCH) % word + std::uint64_t{e.cols}, word);
  }
  return sum;
}

void DmaStore::count(const Execution& e, ActionCounts& counts) const {
  const auto word = static_cast<std::uint64_t>(machine_.hardware.axi_bytes);
  const std::uint64_t read = e.rows * ceil_div(e.cols, word) * word;
  using enum Action;
  counts[dram_write_bytes] += beats(e) * word;
  switch (static_cast<StoreSource>(e.command->TARGET)) {
    case StoreSource::RAW:
      counts[vout_raw_read_bytes] += read;
      break;
    case StoreSource::P1:
    case StoreSource::P2:
      counts[vout_codes_read_bytes] += read;
      break;
    case StoreSource::MASK:
      counts[vout_mask_read_bytes] += read;
      break;
  }
}

void DmaStore::compute(const Execution& e) {
  Memories& m = *machine_.memories;
  const Instruction& c = *e.command;
  for (std::uint32_t i = 0; i < e.rows; ++i) {
    const std::uint8_t* source = nullptr;
    switch (static_cast<StoreSource>(c.TARGET)) {
      case StoreSource::RAW:
        source = m.vout_raw.at((c.LOCAL_BASE + e.parity0 * c.LOCAL_STRIDE + i * c.LOCAL_PITCH) * m.word, e.cols);
        break;
      case StoreSource::P1:
        source = m.vout_p1.at((e.parity0 * m.rows + i) * m.word, e.cols);
        break;
      case StoreSource::P2:
        source = m.vout_p2.at((e.parity0 * m.cols + i) * m.word, e.cols);
        break;
      case StoreSource::MASK:
        source = m.vout_mask.at(e.parity0 * m.mask_tile_bytes + i * m.word, e.cols);
        break;
    }
    std::copy_n(source, e.cols, m.dram_at(e.address + i * c.PITCH, e.cols));
  }
}

std::uint64_t DmaStore::plan(const Execution& e, std::uint64_t start) {
  const std::uint64_t count = beats(e);
  if (count == 0 || e.rows == 0) return start + timing::kEmptyTransfer;
  const BeatSpan span = timing_.write(start + timing::kStoreSetup, count);
  return timing_.response(span);
}

}  // namespace bitloom
