// The command set without time: runs a program on memory, one execution after the other, with the numbers of model/.
// It is the third reading of docs/commands.md (beside sim/ and rtl/) and proves programs in tests of the lowering.
#pragma once
#include <array>
#include <cstdint>
#include <deque>
#include <span>
#include <vector>

#include "kernels/loops.hpp"
#include "kernels/program.hpp"
#include "model/random.hpp"

namespace bitloom::functional {

struct MachineRegisters {
  std::uint64_t seed = 0;
  std::uint32_t step = 0;
  std::uint32_t learning_rate = 0;  ///< a scale word
  std::uint32_t batch = 0;          ///< bytes from BASE
};

class FunctionalMachine {
 public:
  /// `memory`: the bytes from BASE on.
  FunctionalMachine(const Program& program, std::span<std::uint8_t> memory, const MachineRegisters& registers);
  /// Runs the program to its end. Throws Error on a deadlock.
  void run();

 private:
  using Index = LoopIndex;
  struct Lane {
    std::vector<std::uint8_t> bytes;
    std::vector<std::uint8_t> valid;
  };
  struct Runner {
    std::deque<int> fifo;
    std::vector<int> group;
    LoopIndex counts{1, 1, 1};
    LoopIndex index{};
    std::size_t next = 0;
    bool running = false;
  };
  struct TileAt;  ///< what a vector command knows of one execution
  struct PoolCell {
    std::int64_t sum = 0;
    std::int32_t best = 0;
    std::int32_t winner = 0;
  };

  bool step(int queue);
  void execute(const Command& c, const Index& index, const Index& counts);
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
  void adam(const Command& c, const Index& index, const Index& counts);
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

  const Program& program_;
  const Hardware& hw_;
  std::span<std::uint8_t> memory_;
  MachineRegisters registers_;
  std::array<Runner, kQueues> queues_;
  std::array<int, kTokenCounters> tokens_{};
  std::array<std::array<std::vector<Lane>, 2>, 2> spads_;  ///< [A, B][buffer][lane]
  std::array<std::vector<std::int64_t>, 2> acc_;           ///< [buffer][R · C]
  std::vector<std::int32_t> vin_, vout_, vbias_;           ///< lanes
  std::vector<std::uint32_t> table_;
  std::array<std::array<Command, kShapeSlots>, 2> shapes_;  ///< load, store
  std::vector<std::int64_t> sums_;
  std::vector<PoolCell> pool_;
  std::uint64_t scale_saturations_ = 0;
};

}  // namespace bitloom::functional
