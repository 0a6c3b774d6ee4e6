// UPDATE, also with LWQ, and ADAM: whole commands with boundary-heavy state, alone and in loop groups with TILE.
#include <gtest/gtest.h>

#include <algorithm>

#include "model/numerics/numbers.hpp"
#include "testbench/rtl/units/random_commands.hpp"

namespace bitloom::testing {
namespace {

TEST(Update, EqualsTheReferenceForRandomCommands) {
  const Hardware& hw = hardware();
  Sweep sweep(31);
  for (int seed = 1; seed <= 5 && !::testing::Test::HasFailure(); ++seed) {
    Pair pair(hw, seed);
    pair.start(random_registers(sweep));
    load_operands(pair, sweep);
    for (int i = 0; i < 100 && !::testing::Test::HasFailure(); ++i) {
      run_group(pair, {random_update(sweep, hw, static_cast<std::uint32_t>(sweep.in(0, 1000)))},
                static_cast<int>(sweep.in(1, 3)), sweep, hw);
      if (i % 10 == 9) pair.compare_table();
    }
  }
}

TEST(Adam, EqualsTheReferenceForRandomCommands) {
  const Hardware& hw = hardware();
  Sweep sweep(34);
  for (int seed = 1; seed <= 4 && !::testing::Test::HasFailure(); ++seed) {
    Pair pair(hw, seed);
    pair.start(random_registers(sweep));
    load_operands(pair, sweep);
    for (int i = 0; i < 50 && !::testing::Test::HasFailure(); ++i) {
      run_group(pair, {random_adam(sweep, hw, static_cast<std::uint32_t>(sweep.in(0, 1000)))},
                static_cast<int>(sweep.in(1, 3)), sweep, hw);
      if (i % 10 == 9) pair.compare_table();
    }
  }
}

TEST(Update, KeepsKeysAndStatisticsOfTheCommandsOfAGroupApart) {
  const Hardware& hw = hardware();
  Sweep sweep(32);
  Pair pair(hw, 9);
  pair.start(random_registers(sweep));
  load_operands(pair, sweep);
  for (int i = 0; i < 100 && !::testing::Test::HasFailure(); ++i) {
    const auto first = static_cast<std::uint32_t>(sweep.in(0, 1000));
    std::vector<Command> commands;
    for (std::uint32_t k = 0; k < 4; ++k) {
      Command tile = random_tile(sweep, hw, first + k);
      while (tile.flag(Flag::ADD_BIAS)) tile = random_tile(sweep, hw, first + k);
      const std::int64_t kind = sweep.in(0, 4);
      commands.push_back(kind < 2    ? random_update(sweep, hw, first + k)
                         : kind == 2 ? random_adam(sweep, hw, first + k)
                                     : tile);
    }
    run_group(pair, commands, 3, sweep, hw);
    pair.compare_table();
  }
}

TEST(Update, RoundsEveryWordAsTheRuleSays) {
  // One weight per word of the stream would need 2^16 executions; here the fraction is swept instead, for many words.
  const Hardware& hw = hardware();
  Sweep sweep(33);
  Pair pair(hw, 10);
  pair.start(random_registers(sweep));
  pair.load_table(2, {word(Scale{32768, 31}), word(Scale{32769, 16})});
  const std::int64_t stride = std::min(hw.vin_words / 6, hw.vout_words / 4);
  Command c(Opcode::UPDATE);
  c.set(Field::ROWS, stride).set(Field::COLS, hw.lanes).set(Field::VIN_STRIDE, stride);
  c.set(Field::RATIO, 2).set(Field::RATIO_W, 3).set(Field::MU16, 1).set(Field::STAT, 100).set(Field::TENSOR, 33);
  for (std::int64_t momentum = -32767; momentum <= 32767 && !::testing::Test::HasFailure();) {
    for (std::int64_t i = 0; i < stride * hw.lanes; ++i) {
      pair.set_vin(static_cast<std::size_t>(i), 0);
      pair.set_vin(static_cast<std::size_t>(i + 2 * stride * hw.lanes), static_cast<std::int32_t>(i - 5));
      pair.set_vin(static_cast<std::size_t>(i + 4 * stride * hw.lanes),
                   static_cast<std::int32_t>(std::min<std::int64_t>(momentum, 32767)));
      momentum += 7;
    }
    Execution e(c);
    e.row0 = static_cast<std::uint32_t>(momentum + 32767);
    pair.run(e);
  }
  pair.compare_table();
}

}  // namespace
}  // namespace bitloom::testing
