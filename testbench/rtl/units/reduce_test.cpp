// AFFINE, REDUCE and POOL: whole commands of random shape and flags over their loops; every output, statistic and cycle
// count.
#include <gtest/gtest.h>

#include "model/numerics/numbers.hpp"
#include "model/numerics/real.hpp"
#include "testbench/rtl/units/random_commands.hpp"

namespace bitloom::testing {
namespace {

TEST(Affine, EqualsTheReferenceForRandomCommands) {
  const Hardware& hw = hardware();
  Sweep sweep(71);
  for (int seed = 1; seed <= 6 && !::testing::Test::HasFailure(); ++seed) {
    Pair pair(hw, seed);
    pair.start(random_registers(sweep));
    load_operands(pair, sweep);
    for (int i = 0; i < 80 && !::testing::Test::HasFailure(); ++i) {
      const auto index = static_cast<std::uint32_t>(sweep.in(0, 1000));
      run_group(pair, {random_affine(sweep, hw, index)}, static_cast<int>(sweep.in(1, 3)), sweep, hw);
      if (i % 10 == 9) pair.compare_table();
    }
  }
}

TEST(Affine, CountsSaturationsAlsoUnderTheMaskAndTheReLU) {  // N12: the clamp is before them
  const Hardware& hw = hardware();
  Pair pair(hw, 3);
  pair.start({});
  pair.load_table(2, {word(kOne)});
  Command c(Opcode::AFFINE);
  c.set(Field::ROWS, 1).set(Field::COLS, 2).set(Field::VIN_STRIDE, 1).set(Field::STAT, 20);
  c.set(Field::RATIO, 2).set(Field::LIMIT, 2).set(Field::ADDEND, 5);
  for (const Flag flag : {Flag::V_IN, Flag::MASK_IN, Flag::RELU, Flag::RAW_OUT}) c.set_flag(flag);
  pair.load_table(5, {static_cast<std::uint32_t>(-5)});
  for (const std::size_t section : {0, 2}) {  // u and v, of which each product is limited to 2^30
    for (std::size_t j = 0; j < 2; ++j) pair.set_vin(section * static_cast<std::size_t>(hw.lanes) + j, -2147483647);
  }
  pair.set_vin(static_cast<std::size_t>(4 * hw.lanes), 1);      // kept, negative
  pair.set_vin(static_cast<std::size_t>(4 * hw.lanes + 1), 0);  // masked
  pair.run(Execution(c));
  pair.compare_table();
  EXPECT_EQ(pair.reference().table[20], 0u);
  EXPECT_EQ(pair.reference().table[22], 2u);
}

TEST(Reduce, EqualsTheReferenceForRandomCommands) {
  const Hardware& hw = hardware();
  Sweep sweep(72);
  for (int seed = 1; seed <= 6 && !::testing::Test::HasFailure(); ++seed) {
    Pair pair(hw, seed);
    pair.start(random_registers(sweep));
    for (int i = 0; i < 40 && !::testing::Test::HasFailure(); ++i) {
      if (i % 4 == 0) load_operands(pair, sweep);
      run_loops(pair, random_reduce(sweep, hw, 0), static_cast<int>(sweep.in(1, 2)), sweep, hw);
    }
  }
}

/// Returns a REDUCE of one row; with SUMS it only writes.
Command reduce_of(const Hardware& hw, std::int64_t cols) {
  Command reduce(Opcode::REDUCE);
  reduce.set(Field::N1, 1).set(Field::N2, 1).set(Field::ROWS, 1).set(Field::COLS, cols);
  return reduce.set(Field::VIN_STRIDE, hw.vout_words / 2);
}

/// Commands with SUMS, tiles and affine ones among each other, some of which go on with the sums of those before; then
/// a REDUCE that writes them.
TEST(Sums, EqualTheReferenceForRandomCommands) {
  const Hardware& hw = hardware();
  Sweep sweep(74);
  const std::int64_t columns = std::int64_t{kReduceWords} * hw.lanes;
  for (int seed = 1; seed <= 6 && !::testing::Test::HasFailure(); ++seed) {
    Pair pair(hw, seed);
    pair.start(random_registers(sweep));
    Command begin = reduce_of(hw, columns).set(Field::N1, 2);  // else sums that were never begun hold anything
    pair.run(Execution(begin.set(Field::REDUCE_KIND, static_cast<int>(ReduceKind::RANGE))));
    int written = 0;
    bool begun = false;
    while (written < 25 && !::testing::Test::HasFailure()) {
      if (written % 4 == 0) load_operands(pair, sweep);
      const auto index = static_cast<std::uint32_t>(sweep.in(0, 1000));
      Command summed = sweep.in(0, 1) == 0 ? random_tile(sweep, hw, index) : random_affine(sweep, hw, index);
      if (summed.get(Field::SUMS) == 0 || summed.flag(Flag::ADD_BIAS)) continue;  // no bias was written
      summed.set(Field::AXIS_ALL, seed % 2);  // sums over everything lie in the lanes, and no columns go on with them
      if (!begun) summed.set(Field::SUMS_KEEP, 0);
      begun = true;
      run_rows(pair, summed, static_cast<int>(sweep.in(1, 4)), sweep, hw);
      if (sweep.in(0, 2) == 0) continue;
      const std::int64_t most = std::min<std::int64_t>(columns, hw.vout_words / 8 * hw.lanes);
      Command reduce = reduce_of(hw, sweep.in(1, most)).set(Field::SUMS, 1);
      reduce.set(Field::REDUCE_KIND, summed.get(Field::REDUCE_KIND));
      reduce.set(Field::AXIS_ALL, summed.get(Field::AXIS_ALL));
      Execution e(reduce);
      e.parity = static_cast<std::uint32_t>(sweep.in(0, 7));
      pair.run(e);
      ++written;
    }
  }
}

TEST(Pool, EqualsTheReferenceForRandomCommands) {
  const Hardware& hw = hardware();
  Sweep sweep(73);
  for (int seed = 1; seed <= 6 && !::testing::Test::HasFailure(); ++seed) {
    Pair pair(hw, seed);
    pair.start(random_registers(sweep));
    load_operands(pair, sweep);
    for (int i = 0; i < 40 && !::testing::Test::HasFailure(); ++i) {
      run_loops(pair, random_pool(sweep, hw, static_cast<std::uint32_t>(i)), static_cast<int>(sweep.in(1, 2)), sweep,
                hw);
      if (i % 10 == 9) pair.compare_table();
    }
  }
}

}  // namespace
}  // namespace bitloom::testing
