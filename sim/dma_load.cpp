#include "sim/dma_load.hpp"

#include <algorithm>

#include "sim/timing.hpp"

namespace bitloom {

std::uint32_t DmaLoad::row_beats(const Execution& e) const {
  return static_cast<std::uint32_t>(ceil_div(e.cols, static_cast<std::uint64_t>(machine_.hardware.axi_bytes)));
}

void DmaLoad::count(const Execution& e, ActionCounts& counts) const {
  const auto word = static_cast<std::uint64_t>(machine_.hardware.axi_bytes);
  const std::uint64_t bytes = word * row_beats(e) * e.rows;
  using enum Action;
  counts[dram_read_bytes] += bytes;
  switch (static_cast<LoadTarget>(e.command->TARGET)) {
    case LoadTarget::SPAD_A:
      counts[spad_a_write_bytes] += bytes;
      break;
    case LoadTarget::SPAD_B:
      counts[spad_b_write_bytes] += bytes;
      break;
    case LoadTarget::VIN:
      counts[vin_write_bytes] += bytes;
      break;
  }
}

void DmaLoad::compute(const Execution& e) {
  Memories& m = *machine_.memories;
  const Instruction& c = *e.command;
  const std::size_t bytes = std::size_t{row_beats(e)} * m.word;
  for (std::uint32_t i = 0; i < e.rows; ++i) {
    const std::uint8_t* source = m.dram_at(e.address + i * c.PITCH, bytes);
    std::uint8_t* target = nullptr;
    if (c.TARGET == static_cast<std::uint32_t>(LoadTarget::VIN)) {
      target = m.vin.at((c.LOCAL_BASE + e.parity0 * c.LOCAL_STRIDE + i * c.LOCAL_PITCH) * m.word, bytes);
    } else if (c.TARGET == static_cast<std::uint32_t>(LoadTarget::SPAD_A)) {
      target = m.spad_a_lane(i, e.parity0, c.LOCAL_BASE * m.word, bytes);
    } else {
      target = m.spad_b_lane(i, e.parity0, c.LOCAL_BASE * m.word, bytes);
    }
    std::copy_n(source, bytes, target);
  }
}

std::uint64_t DmaLoad::plan(const Execution& e, std::uint64_t start) {
  if (e.rows == 0 || e.cols == 0) return start + timing::kEmptyTransfer;
  channel_.load({start + timing::kLoadSetup, e.address, e.command->PITCH, e.rows, row_beats(e)});
  return current_end();
}

std::uint64_t DmaLoad::current_end() const { return channel_.load_end(); }

}  // namespace bitloom
