#pragma once
#include <gtest/gtest.h>

#include <cstdint>
#include <vector>

#include "Vbl_scalar_base.h"
#include "kernels/command.hpp"
#include "testbench/model/numerics/spec_real.hpp"
#include "testbench/rtl/units/unit.hpp"

namespace bitloom::testing {

using spec::Wide;
using spec::Word;

/// Elements of the vectors, and where they lie: word i of A, B, C and of the results; high words kHigh further. Every
/// bit of an index is 1 in some of them.
inline constexpr int kElements = 12;
inline constexpr std::uint32_t kA = 40100, kB = 20200, kC = 54300, kN = 33050, kDst = 50500, kHigh = 9040;
inline constexpr Word kOneWord = 32768 | 15 << 16;

/// bl_scalar between a table, a divider and random words of C++.
class Bench {
 public:
  Bench() {
    unit_->run_i = 0;
    unit_.reset();
  }

  std::vector<Word> table = std::vector<Word>(65536);
  std::uint64_t random_word = 0;
  std::vector<std::uint32_t> keys;    ///< addresses that were asked for
  std::vector<std::uint32_t> blocks;  ///< draws

  /// Runs a command to its end; returns its cycles.
  int run(const Command& command) {
    for (std::size_t i = 0; i < command.words().size(); ++i) unit_->cmd_i[i] = command.words()[i];
    unit_->run_i = 1;
    bool done = false;
    int cycles = 0;
    while (!done && cycles < 100000) {
      done = cycle();
      ++cycles;
    }
    unit_->run_i = 0;
    cycle();
    EXPECT_TRUE(done) << disassemble(command);
    return cycles;
  }

 private:
  bool cycle() {
    unit_->div_done_i = divider_left_ == 1;
    unit_->key_done_i = key_left_ == 1;
    unit_->word_i = random_word;
    unit_->eval();
    unit_->table_data_i = table[unit_->table_addr_o];
    unit_->eval();
    const bool done = unit_->done_o != 0;
    const bool writes = unit_->table_we_o != 0 && unit_->table_waddr_o != 0;
    const std::uint32_t address = unit_->table_waddr_o, data = unit_->table_wdata_o;
    divide();
    if (key_left_ > 0) --key_left_;
    if (unit_->key_start_o) {
      key_left_ = 21;
      keys.push_back(unit_->key_address_o);
    }
    if (unit_->draw_o) blocks.push_back(unit_->draw_block_o);
    unit_.cycle();
    if (writes) table[address] = data;
    return done;
  }

  /// Divides as the divider's contract says: quotient of (first, the top `steps` bits) by the divisor, after `steps`
  /// cycles.
  void divide() {
    if (divider_left_ > 0 && --divider_left_ == 0) {
      unit_->div_quotient_i = quotient_;
      unit_->div_inexact_i = inexact_;
    }
    if (!unit_->div_start_o) return;
    const int steps = unit_->div_steps_o;
    divider_left_ = steps;
    const std::uint64_t divisor = unit_->div_divisor_o;
    const Wide dividend =
        Wide{unit_->div_first_o} * spec::power_of_two(steps) + (std::uint64_t{unit_->div_bits_o} >> (48 - steps));
    if (divisor == 0) return;
    quotient_ = static_cast<std::uint64_t>(dividend / Wide{divisor});
    inexact_ = dividend % Wide{divisor} != 0;
  }

  Unit<Vbl_scalar_base> unit_;
  int divider_left_ = 0, key_left_ = 0;
  std::uint64_t quotient_ = 0;
  bool inexact_ = false;
};

/// Makes the operation on three vectors.
inline Command vector_command(ScalarOp op, std::int64_t immediate = 0) {
  Command c(Opcode::SCALAR);
  c.set(Field::SCALAR_OP, static_cast<int>(op)).set(Field::COLS, kElements);
  c.set(Field::DST, kDst).set(Field::SRC_A, kA).set(Field::SRC_B, kB).set(Field::SRC_C, kC);
  c.set(Field::VECTOR_A, 1).set(Field::VECTOR_B, 1).set(Field::VECTOR_C, 1);
  return c.set(Field::IMMEDIATE, immediate);
}

}  // namespace bitloom::testing
