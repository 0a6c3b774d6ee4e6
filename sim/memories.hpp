#pragma once
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <vector>

#include "kernels/command_set.hpp"
#include "kernels/hardware.hpp"
#include "model/error.hpp"
#include "model/numbers.hpp"

namespace bitloom {

/// A local memory of words of axi_bytes bytes, little-endian like DRAM. Every access names its range of bytes, and a
/// range outside is an Error: a lowering that overruns a memory must not pass.
class LocalMemory {
 public:
  LocalMemory() = default;
  LocalMemory(std::string name, std::size_t bytes) : name_(std::move(name)), bytes_(bytes) {}

  std::uint8_t* at(std::size_t offset, std::size_t size) {
    if (offset > bytes_.size() || size > bytes_.size() - offset) {
      throw Error("memory " + name_ + ": bytes " + std::to_string(offset) + " to " + std::to_string(offset + size) +
                  " are beyond its " + std::to_string(bytes_.size()));
    }
    return bytes_.data() + offset;
  }
  std::size_t size() const { return bytes_.size(); }

 private:
  std::string name_;
  std::vector<std::uint8_t> bytes_;
};

/// The local memories of docs/commands.md and the DRAM image. Spads: lane, then buffer, then byte.
struct Memories {
  explicit Memories(const Hardware& h);

  std::uint8_t* spad_a_lane(std::size_t lane, std::size_t buffer, std::size_t offset, std::size_t size) {
    return lane_of(spad_a, spad_a_bytes, lane, buffer, offset, size);
  }
  std::uint8_t* spad_b_lane(std::size_t lane, std::size_t buffer, std::size_t offset, std::size_t size) {
    return lane_of(spad_b, spad_b_bytes, lane, buffer, offset, size);
  }
  std::int64_t* acc_row(std::size_t buffer, std::size_t row) { return acc.data() + (buffer * rows + row) * cols; }
  /// The bytes of DRAM at an address that the accelerator sees.
  std::uint8_t* dram_at(std::uint32_t address, std::size_t size);
  /// T[index], the register for kTableLearningRate.
  std::uint32_t table_entry(std::uint32_t index) const;
  /// T[index] as a scale; throws Error when it is none.
  Scale scale(std::uint32_t index) const;
  /// T[0] counts nothing and stays 0.
  void set_table(std::uint32_t index, std::uint32_t value);
  static std::int32_t int32_at(LocalMemory& memory, std::size_t offset);
  static void set_int32(LocalMemory& memory, std::size_t offset, std::int32_t value);

  std::size_t rows, cols, word;  ///< R, C and bytes of a word
  std::size_t spad_a_bytes, spad_b_bytes;
  LocalMemory spad_a, spad_b, vin, vbias, vout_raw, vout_p1, vout_p2, vout_mask;
  std::size_t mask_tile_bytes;
  std::vector<std::int64_t> acc;  ///< [buffer][row][column]
  std::vector<std::uint32_t> table;
  std::uint32_t learning_rate = 0;  ///< the register
  std::span<std::uint8_t> dram;     ///< from `dram_base` on
  std::uint32_t dram_base = 0;

 private:
  std::uint8_t* lane_of(LocalMemory& memory, std::size_t bytes, std::size_t lane, std::size_t buffer,
                        std::size_t offset, std::size_t size);
};

inline std::int32_t Memories::int32_at(LocalMemory& memory, std::size_t offset) {
  std::int32_t value = 0;
  std::memcpy(&value, memory.at(offset, sizeof value), sizeof value);
  return value;
}

inline void Memories::set_int32(LocalMemory& memory, std::size_t offset, std::int32_t value) {
  std::memcpy(memory.at(offset, sizeof value), &value, sizeof value);
}

}  // namespace bitloom
