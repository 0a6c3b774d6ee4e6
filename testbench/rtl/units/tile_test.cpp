// TILE: whole commands of random shape, source, flags, quantizer and rounding; every output, statistic and cycle count.
#include <gtest/gtest.h>

#include <algorithm>

#include "model/numerics/numbers.hpp"
#include "testbench/rtl/units/random_commands.hpp"

namespace bitloom::testing {
namespace {

/// Writes every word of the bias memory, so that later reads are defined.
void fill_bias(Pair& pair, const Hardware& hw) {
  for (int word = 0; word < hw.vbias_words;) {
    const int rows = std::min(hw.vbias_words - word, std::min(hw.vin_words, 64));
    Command c(Opcode::TILE);
    c.set(Field::ROWS, rows).set(Field::COLS, hw.lanes).set(Field::RATIO, 2);
    c.set_flag(Flag::FROM_VIN).set_flag(Flag::BIAS_OUT);
    Execution e(c);
    e.col0 = static_cast<std::uint32_t>(word * hw.lanes);
    pair.run(e);
    word += rows;
  }
}

TEST(Tile, EqualsTheReferenceForRandomGroups) {
  const Hardware& hw = hardware();
  Sweep sweep(21);
  for (int seed = 1; seed <= 6 && !::testing::Test::HasFailure(); ++seed) {
    Pair pair(hw, seed);
    pair.start(random_registers(sweep));
    load_operands(pair, sweep);
    fill_bias(pair, hw);
    for (int i = 0; i < 150 && !::testing::Test::HasFailure(); ++i) {
      std::vector<Command> commands;
      const auto first = static_cast<std::uint32_t>(sweep.in(0, 1000));
      const auto count = static_cast<std::uint32_t>(sweep.in(1, 4));
      for (std::uint32_t k = 0; k < count; ++k) commands.push_back(random_tile(sweep, hw, first + k));
      run_group(pair, commands, static_cast<int>(sweep.in(1, 3)), sweep, hw);
      if (i % 10 == 9) pair.compare_table();
    }
  }
}

TEST(Tile, ForwardLayer) {
  // What lowering asks of a hidden layer: bias, ReLU, mask, raw view and statistics, full tiles back to back.
  const Hardware& hw = hardware();
  Sweep sweep(22);
  Pair pair(hw, 7);
  pair.start(random_registers(sweep));
  load_operands(pair, sweep);
  fill_bias(pair, hw);
  Command c(Opcode::TILE);
  c.set(Field::ROWS, hw.rows).set(Field::COLS, hw.tile_cols()).set(Field::RATIO, 5).set(Field::STAT, 100);
  c.set(Field::PARITY0, 1).set(Field::VIN_STRIDE, hw.vout_words / 6).set(Field::TENSOR, 17).set(Field::USE, 1);
  c.set(Field::ROUNDING, static_cast<int>(RoundingMode::STOCHASTIC)).set(Field::QMAX, 127);
  for (const Flag flag : {Flag::ADD_BIAS, Flag::RELU, Flag::MASK_OUT, Flag::RAW_OUT, Flag::CODES_OUT}) c.set_flag(flag);
  run_group(pair, {c}, 20, sweep, hw);
  pair.compare_table();
}

TEST(Tile, StatisticsCountInt32Overflow) {
  const Hardware& hw = hardware();
  Pair pair(hw, 8);
  pair.start({});
  pair.load_table(2, {word(kOne)});
  for (std::size_t i = 0; i < pair.reference().memories.acc.size(); ++i) {
    pair.set_acc(i, i % 2 == 0 ? (std::int64_t{1} << 45) : -(std::int64_t{1} << 31));
  }
  Command c(Opcode::TILE);
  c.set(Field::ROWS, hw.rows).set(Field::COLS, hw.tile_cols()).set(Field::RATIO, 2).set(Field::STAT, 100);
  c.set(Field::QMAX, 127).set(Field::VIN_STRIDE, hw.vout_words / 4);
  c.set_flag(Flag::CODES_OUT).set_flag(Flag::RAW_OUT);
  pair.run(Execution(c));
  pair.compare_table();
  const auto elements = static_cast<std::uint32_t>(hw.rows * hw.tile_cols());
  EXPECT_EQ(pair.reference().table[100], 0x7fffffffu);
  EXPECT_EQ(pair.reference().table[101], elements);
  EXPECT_EQ(pair.reference().table[102], elements);
}

}  // namespace
}  // namespace bitloom::testing
