#pragma once
#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "kernels/loops.hpp"
#include "kernels/program.hpp"
#include "model/random.hpp"

namespace bitloom {

struct StepRegisters;

/// What the commands compute: the command set of docs/commands.md without time, one execution after the other, with
/// golden's element functions on the local memories and DRAM. Local memories start with garbage.
class CommandValues {
 public:
  /// `memory`: the bytes from BASE on; all three must live as long as this.
  CommandValues(const Hardware& hardware, std::span<std::uint8_t> memory, const StepRegisters& registers);
  /// One execution; `counts` are the loop counts of its group's first command. Throws Error for an access outside a
  /// memory.
  void execute(const Command& c, const LoopIndex& index, const LoopIndex& counts);

 private:
  using Index = LoopIndex;
  struct Lane {
    std::vector<std::uint8_t> bytes;
    std::vector<std::uint8_t> valid;
  };
  struct TileAt;  ///< what a vector command knows of one execution
  struct PoolCell {
    std::int64_t sum = 0;
    std::int32_t best = 0;
    std::int32_t winner = 0;
  };

  std::int32_t element(std::uint64_t bit, int bits, Expand expand) const;
  std::int32_t source(const Command& c, const Index& index, std::int64_t row, std::int64_t col, bool& padding) const;
  void load(const Command& c, const Index& index, const Index& counts);
  void store(const Command& c, const Index& index, const Index& counts);
  void gemm(const Command& c, const Index& index, const Index& counts);
  void tile(const Command& c, const Index& index, const Index& counts);
  void affine(const Command& c, const Index& index, const Index& counts);
  void reduce(const Command& c, const Index& index, const Index& counts);
  void pool(const Command& c, const Index& index, const Index& counts);
  void update(const Command& c, const Index& index, const Index& counts);
  void lwq(const Command& c, const Index& index, TileAt& t);
  void loss(const Command& c, const Index& index, const Index& counts);
  void table_move(const Command& c, const Index& index, const Index& counts);
  void scalar(const Command& c);
  std::uint32_t scalar_element(const Command& c, int i);
  std::uint32_t word(std::int64_t entry) const;
  std::int64_t pair(std::int64_t entry, std::int64_t pitch) const;
  std::uint32_t random(const Command& c, RandomUse use, std::int64_t row, std::int64_t col, int r) const;
  std::int64_t code(const Command& c, std::int64_t x, std::int64_t row, std::int64_t col, const TileAt& t, int j);
  bool mask(const Command& c, std::int64_t before_relu, std::int64_t x) const;
  void add_statistics(const Command& c, const Index& index, std::uint32_t max, std::uint64_t codes, std::uint64_t raw);
  int parity(const Command& c, Field field, const Index& index, const Index& counts) const;

  const Hardware& hw_;
  std::span<std::uint8_t> memory_;
  const StepRegisters& registers_;
  std::array<std::array<std::vector<Lane>, 2>, 2> spads_;  ///< [A, B][buffer][lane]
  std::array<std::vector<std::int64_t>, 2> acc_;           ///< [buffer][R · C]
  std::vector<std::int32_t> vin_, vout_, vbias_;           ///< lanes
  std::vector<std::uint32_t> table_;
  std::array<std::array<Command, kShapeSlots>, 2> shapes_;  ///< load, store
  std::vector<std::int64_t> sums_;
  std::vector<PoolCell> pool_;
  std::uint64_t scale_saturations_ = 0;
};

}  // namespace bitloom
