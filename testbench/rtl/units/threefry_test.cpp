// bl_threefry (13 rounds) and bl_threefry_key (20 rounds) against published known answers and the specification (N4.1).
#include <gtest/gtest.h>

#include <deque>
#include <vector>

#include "Vbl_threefry_base.h"
#include "Vbl_threefry_key_base.h"
#include "testbench/model/numerics/spec_threefry.hpp"
#include "testbench/model/numerics/sweep.hpp"
#include "testbench/rtl/units/unit.hpp"

namespace bitloom::testing {
namespace {

std::uint64_t pair(std::uint64_t x0, std::uint64_t x1) { return x1 << 32 | x0; }

std::uint64_t specified(std::uint64_t key, std::uint64_t counter, unsigned rounds) {
  const auto words = spec::threefry({key & 0xffffffff, key >> 32}, {counter & 0xffffffff, counter >> 32}, rounds);
  return pair(words[0], words[1]);
}

/// The key unit's answer; its time is part of the check.
std::uint64_t make_key(Unit<Vbl_threefry_key_base>& unit, std::uint64_t key, std::uint64_t counter) {
  unit->start_i = 1;
  unit->key_i = key;
  unit->counter_i = counter;
  unit.cycle();
  unit->start_i = 0;
  int cycles = 1;
  while (unit->done_o == 0 && cycles < 100) {
    unit.cycle();
    ++cycles;
  }
  EXPECT_EQ(cycles, 21);
  return unit->word_o;
}

TEST(ThreefryKey, GivesTheKnownAnswersOf20Rounds) {
  Unit<Vbl_threefry_key_base> unit;
  unit->start_i = 0;
  unit.reset();
  EXPECT_EQ(make_key(unit, 0, 0), pair(0x6b200159, 0x99ba4efe));
  EXPECT_EQ(make_key(unit, ~0ull, ~0ull), pair(0x1cb996fc, 0xbb002be7));
  EXPECT_EQ(make_key(unit, pair(0x13198a2e, 0x03707344), pair(0x243f6a88, 0x85a308d3)), pair(0xc4923a9c, 0x483df7a0));
  Sweep sweep(14);
  for (int i = 0; i < 2000; ++i) {
    const std::uint64_t key = sweep.bits();
    const std::uint64_t counter = sweep.bits();
    ASSERT_EQ(make_key(unit, key, counter), specified(key, counter, 20));
  }
}

TEST(Threefry, GivesTheKnownAnswersOf13RoundsAfter14Cycles) {
  struct Known {
    std::uint64_t key, counter, word;
  };
  const Known known[] = {
      {0, 0, pair(0x9d1c5ec6, 0x8bd50731)},
      {pair(0x13198a2e, 0x03707344), pair(0x243f6a88, 0x85a308d3), pair(0xba3e4725, 0xf27d669e)},
  };
  for (const Known& each : known) {
    Unit<Vbl_threefry_base> unit;
    unit->valid_i = 0;
    unit.reset();
    for (int w = 0; w < 4; ++w) unit->keys_i[w] = static_cast<std::uint32_t>(each.key >> (w % 2 * 32));
    unit->row_i = static_cast<std::uint32_t>(each.counter);
    unit->block_i = static_cast<std::uint32_t>(each.counter >> 32);
    unit->sel_i = 1;
    unit->valid_i = 1;
    unit.cycle();
    unit->valid_i = 0;
    int cycles = 1;
    while (unit->valid_o == 0 && cycles < 100) {
      unit.cycle();
      ++cycles;
    }
    EXPECT_EQ(cycles, 14);
    EXPECT_EQ(unit->word_o, each.word);
  }
}

TEST(Threefry, TakesACounterAndAKeyEachCycle) {
  Unit<Vbl_threefry_base> unit;
  Sweep sweep(15);
  unit->valid_i = 0;
  unit.reset();
  const std::uint64_t keys[2] = {sweep.bits(), sweep.bits()};
  for (int w = 0; w < 4; ++w) unit->keys_i[w] = static_cast<std::uint32_t>(keys[w / 2] >> (w % 2 * 32));
  std::deque<std::uint64_t> expected;
  int compared = 0;
  for (int i = 0; i < 20000; ++i) {
    const bool valid = i < 19000 && sweep.in(0, 3) != 0;
    const int sel = static_cast<int>(sweep.in(0, 1));
    unit->valid_i = valid ? 1 : 0;
    unit->sel_i = static_cast<std::uint8_t>(sel);
    unit->row_i = static_cast<std::uint32_t>(sweep.bits());
    unit->block_i = static_cast<std::uint32_t>(sweep.bits());
    if (valid) expected.push_back(specified(keys[sel], pair(unit->row_i, unit->block_i), 13));
    unit.cycle();
    if (unit->valid_o != 0) {
      ASSERT_FALSE(expected.empty());
      ASSERT_EQ(unit->word_o, expected.front());
      expected.pop_front();
      ++compared;
    }
  }
  EXPECT_TRUE(expected.empty());
  EXPECT_GT(compared, 10000);
}

}  // namespace
}  // namespace bitloom::testing
