// TABLE_LOAD and TABLE_STORE of every length and place.
#include <gtest/gtest.h>

#include "testbench/rtl/units/random_commands.hpp"

namespace bitloom::testing {
namespace {

TEST(Table, LoadsAndStoresEveryLength) {
  const Hardware& hw = hardware();
  Sweep sweep(61);
  Pair pair(hw, 16);
  pair.start({});
  for (int length = 1; length <= 40; ++length) {
    const std::int64_t base = sweep.in(0, hw.vin_words - 40);
    for (int k = 0; k < length; ++k) {
      pair.set_vin(static_cast<std::size_t>(base * hw.lanes + k), static_cast<std::int32_t>(sweep.bits()));
    }
    const std::int64_t entry = sweep.in(0, hw.table_words - length);
    Command load(Opcode::TABLE_LOAD);
    load.set(Field::ROWS, 1).set(Field::DST, entry).set(Field::COLS, length).set(Field::VIN_BASE, base);
    pair.run(Execution(load));
    Command store(Opcode::TABLE_STORE);
    store.set(Field::ROWS, 1).set(Field::DST, sweep.in(0, hw.table_words - length)).set(Field::COLS, length);
    pair.run(Execution(store));
  }
  pair.compare_table(hw.table_words);
}

TEST(Table, LoadsAndStoresTiles) {
  const Hardware& hw = hardware();
  Sweep sweep(62);
  Pair pair(hw, 19);
  pair.start({});
  for (int trial = 0; trial < 200 && !::testing::Test::HasFailure(); ++trial) {
    const std::int64_t cols = sweep.in(1, 9), rows = sweep.in(1, 5), pitch = sweep.in(cols, 12);
    Command c(sweep.in(0, 1) == 0 ? Opcode::TABLE_LOAD : Opcode::TABLE_STORE);
    c.set(Field::ROWS, rows).set(Field::COLS, cols).set(Field::TABLE_PITCH, pitch).set(Field::DST, sweep.in(0, 10));
    c.set(Field::VIN_STRIDE, hw.vout_words / 2).set(Field::PARITY0, sweep.in(0, 3));
    if (c.opcode() == Opcode::TABLE_LOAD) c.set(Field::VIN_BASE, sweep.in(0, hw.vin_words - hw.vout_words / 2 - 25));
    for (int k = 0; k < hw.vin_words * hw.lanes; ++k) {
      pair.set_vin(static_cast<std::size_t>(k), static_cast<std::int32_t>(sweep.bits()));
    }
    Execution e(c);
    e.cols = static_cast<std::uint32_t>(sweep.in(1, cols));
    e.rows = static_cast<std::uint32_t>(sweep.in(1, rows));
    e.col0 = static_cast<std::uint32_t>(sweep.in(0, 2) * hw.lanes);
    e.parity = static_cast<std::uint32_t>(sweep.in(0, 7));
    pair.run(e);
    if (trial % 10 == 9) pair.compare_table();
  }
}

}  // namespace
}  // namespace bitloom::testing
