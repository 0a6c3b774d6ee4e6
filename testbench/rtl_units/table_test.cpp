// TABLE_LOAD and TABLE_STORE of every length and place.
#include <gtest/gtest.h>

#include "testbench/rtl_units/random_commands.hpp"

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
      pair.set_vin(static_cast<std::size_t>(base * hw.lanes() + k), static_cast<std::int32_t>(sweep.bits()));
    }
    const std::int64_t entry = sweep.in(0, hw.table_words - length);
    Command load(Opcode::TABLE_LOAD);
    load.set(Field::DST, entry).set(Field::COLS, length).set(Field::VIN_BASE, base);
    pair.run(Execution(load));
    Command store(Opcode::TABLE_STORE);
    store.set(Field::DST, sweep.in(0, hw.table_words - length)).set(Field::COLS, length);
    pair.run(Execution(store));
  }
  pair.compare_table();
}

}  // namespace
}  // namespace bitloom::testing
