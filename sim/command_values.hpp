#pragma once
#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "model/numerics/random.hpp"
#include "sim/engine.hpp"

namespace bitloom {

class VectorTile;
struct LoadPiece;

/// What the commands compute: the command set of docs/commands.md without time, one execution after the other, with
/// golden's element functions on the local memories and DRAM. Local memories start with garbage.
class CommandValues {
 public:
  /// Makes the values of one run. `memory`: the bytes from BASE on; both must live as long as this.
  CommandValues(const Machine& machine, std::span<std::uint8_t> memory);
  /// Computes one execution. Throws Error for an access outside a memory.
  void execute(const Execution& e);

 private:
  /// One lane of a scratchpad, both buffers one behind the other.
  struct Lane {
    std::vector<std::uint8_t> bytes;
    std::vector<std::uint8_t> valid;  ///< 0xFF, or 0 for a byte of padding
  };
  struct PoolCell {
    std::int64_t sum = 0;
    std::int32_t best = INT32_MIN;
    std::int32_t winner = 0;
  };
  /// Of one command, over all its executions.
  using Statistics = std::array<std::uint64_t, 4>;

  void run(const Execution& e);
  // values_transfer.cpp
  std::uint64_t offset(std::uint64_t address, std::uint64_t bytes) const;
  std::int32_t element(std::uint64_t bit, std::uint32_t bits, Expand expand) const;
  void load(const Execution& e);
  void load_vin(const Execution& e, const std::vector<LoadPiece>& pieces);
  void load_spad(const Execution& e, const std::vector<LoadPiece>& pieces);
  std::size_t spad_buffer(LoadTarget spad, std::uint32_t parity) const;
  void store(const Execution& e);
  // values_array.cpp
  void gemm(const Execution& e);
  std::int64_t& accumulator(std::size_t tile, std::size_t row, std::size_t col);
  // values_tile.cpp
  void tile(const Execution& e);
  std::int64_t code(const Instruction& c, std::int64_t x, std::uint32_t u, const VectorTile& t, std::int64_t j,
                    std::uint64_t& saturations) const;
  /// Returns the raw view of x, behind its ReLU.
  static std::int64_t raw_view(const Instruction& c, std::int64_t x, std::uint64_t& saturations);
  bool mask(const Instruction& c, std::int64_t raw) const;
  // values_vector.cpp
  void affine(const Execution& e);
  void reduce(const Execution& e);
  void write_sums(const Execution& e, VectorTile& t);
  void begin_sums(const Execution& e, const VectorTile& t);
  void add_to_sums(const Execution& e, const VectorTile& t, std::int64_t i, std::int64_t j, std::int64_t raw);
  void pool(const Execution& e);
  void pool_out(const Execution& e, VectorTile& t);
  // values_update.cpp
  void update(const Execution& e);
  void update_lwq(const Execution& e);
  void loss(const Execution& e);
  // values_adam.cpp
  void adam(const Execution& e);
  void adam_moments(const Execution& e);
  void adam_codes(const Execution& e);
  // values_scalar.cpp
  void copy_table(const Execution& e);
  void scalar(const Instruction& c);
  std::uint32_t scalar_element(const Instruction& c, std::uint32_t i, std::uint64_t& saturations) const;
  void select_top(const Instruction& c);

  std::uint32_t entry(std::uint32_t index) const;
  std::int64_t pair(std::uint32_t index, std::uint32_t pitch) const;
  void set_entry(std::uint32_t index, std::uint32_t value);
  Stream stream(const Instruction& c, RandomUse use) const;
  static std::size_t statistics_slot(const Instruction& c);
  Statistics& statistics(const Execution& e);
  void save_statistics(const Execution& e, std::uint32_t entries);
  VectorTile vector_tile(const Execution& e);

  const Hardware& hw_;
  const StepRegisters& registers_;
  std::span<std::uint8_t> memory_;
  std::array<std::vector<Lane>, 2> spads_;        ///< [A, B][lane]
  std::vector<std::int64_t> acc_;                 ///< [tile][R][C]
  std::vector<std::int32_t> vin_, vout_, vbias_;  ///< lanes
  std::vector<std::uint32_t> table_;
  std::array<std::array<const Instruction*, kShapeSlots>, 2> shapes_{};  ///< load, store
  std::array<Statistics, kGroupMax + 1> statistics_{};  ///< by the lowest bits of INDEX; the last of STAT_SLOT
  std::vector<std::int64_t> sums_;                      ///< REDUCE and SUMS: first, second of a column
  std::vector<PoolCell> pool_;
};

}  // namespace bitloom
