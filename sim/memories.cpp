#include "sim/memories.hpp"

namespace bitloom {
namespace {
std::size_t unsigned_of(int value) { return static_cast<std::size_t>(value); }
}  // namespace

Memories::Memories(const Hardware& h)
    : rows(unsigned_of(h.rows)),
      cols(unsigned_of(h.cols)),
      word(unsigned_of(h.axi_bytes)),
      spad_a_bytes(unsigned_of(h.spad_a_bytes)),
      spad_b_bytes(unsigned_of(h.spad_b_bytes)),
      spad_a("spad A", rows * 2 * spad_a_bytes),
      spad_b("spad B", cols * 2 * spad_b_bytes),
      vin("VIN", unsigned_of(h.vin_words) * word),
      vbias("VBIAS", unsigned_of(h.vbias_words) * word),
      vout_raw("VOUT.RAW", unsigned_of(h.vout_words) * word),
      vout_p1("VOUT.P1", 2 * rows * word),
      vout_p2("VOUT.P2", 2 * cols * word),
      vout_mask("VOUT.MASK", 2 * unsigned_of(h.mask_words()) * word),
      mask_tile_bytes(unsigned_of(h.mask_words()) * word),
      acc(2 * rows * cols),
      table(unsigned_of(h.table_words)) {}

std::uint8_t* Memories::lane_of(LocalMemory& memory, std::size_t bytes, std::size_t lane, std::size_t buffer,
                                std::size_t offset, std::size_t size) {
  if (offset + size > bytes) {
    throw Error("scratchpad: bytes " + std::to_string(offset) + " to " + std::to_string(offset + size) +
                " are beyond a lane's " + std::to_string(bytes));
  }
  return memory.at((lane * 2 + buffer) * bytes + offset, size);
}

std::uint8_t* Memories::dram_at(std::uint32_t address, std::size_t size) {
  const std::size_t offset = std::uint32_t{address - dram_base};  // mod 2^32: below the base is far beyond the end
  if (offset > dram.size() || size > dram.size() - offset) {
    throw Error("DRAM: bytes " + std::to_string(offset) + " to " + std::to_string(offset + size) +
                " from BASE are beyond the image's " + std::to_string(dram.size()));
  }
  return dram.data() + offset;
}

std::uint32_t Memories::table_entry(std::uint32_t index) const {
  if (index == kTableLearningRate) return learning_rate;
  if (index >= table.size()) throw Error("table: entry " + std::to_string(index) + " does not exist");
  return table[index];
}

Scale Memories::scale(std::uint32_t index) const {
  const Scale result = from_word(table_entry(index));
  if (!is_scale(result)) throw Error("table: entry " + std::to_string(index) + " is no scale");
  return result;
}

void Memories::set_table(std::uint32_t index, std::uint32_t value) {
  if (index >= table.size()) throw Error("table: entry " + std::to_string(index) + " does not exist");
  if (index != 0) table[index] = value;
}

}  // namespace bitloom
