// What a training step of the shipped networks does not reach in the vector units: two commands of one loop group, the
// wide bias, zero maxima with a kept scale, the table's special entries.
#include <gtest/gtest.h>

#include "sim/scalar_unit.hpp"
#include "sim/tile_unit.hpp"
#include "sim/update_unit.hpp"

namespace bitloom {
namespace {

class Units : public testing::Test {
 protected:
  static Hardware hardware() {
    Hardware h;
    h.rows = h.cols = 4;
    h.axi_bytes = 8;
    h.spad_a_bytes = h.spad_b_bytes = 64;
    h.vin_words = h.vout_words = h.vbias_words = 64;
    h.table_words = 64;
    return h;
  }

  Units() { machine_.memories = &memories_; }

  void set_vin(std::size_t word, std::int32_t low, std::int32_t high) {
    Memories::set_int32(memories_.vin, 8 * word, low);
    Memories::set_int32(memories_.vin, 8 * word + 4, high);
  }
  static Execution once(const Instruction& c) {
    Execution e;
    e.command = &c;
    e.rows = c.ROWS;
    e.cols = c.COLS;
    e.first = e.last = true;
    return e;
  }

  Memories memories_{hardware()};
  Machine machine_{hardware(), {}, nullptr};
};

Instruction command(Opcode opcode, std::uint32_t position) {
  Instruction c;
  c.OPCODE = static_cast<std::uint32_t>(opcode);
  c.position = position;
  c.ROWS = 1;
  c.COLS = 2;
  return c;
}

TEST_F(Units, TilesOfOneLoopGroupKeepTheirOwnStatistics) {
  Instruction a = command(Opcode::TILE, 6), b = command(Opcode::TILE, 7);
  a.FLAGS = b.FLAGS = 1u << static_cast<int>(Flag::FROM_VIN);
  a.STAT = 10;
  b.STAT = 20;
  b.VIN_BASE = 1;
  set_vin(0, -300, 5);
  set_vin(1, 7, 40);
  TileUnit unit(machine_);
  Execution first = once(a), second = once(b);
  first.last = second.last = false;
  unit.compute(first);
  unit.compute(second);
  set_vin(0, 299, -1);
  set_vin(1, 0, -41);
  first.first = second.first = false;
  first.last = second.last = true;
  unit.compute(first);
  unit.compute(second);
  EXPECT_EQ(memories_.table[10], 300u);
  EXPECT_EQ(memories_.table[20], 41u);
}

TEST_F(Units, UpdatesOfOneLoopGroupKeepTheirOwnStatistics) {
  Instruction a = command(Opcode::UPDATE, 4), b = command(Opcode::UPDATE, 5);
  a.FLAGS = b.FLAGS = 1u << static_cast<int>(Flag::UPDATE_HALF_UP);
  a.VIN_STRIDE = b.VIN_STRIDE = 2;
  a.RATIO = b.RATIO = a.RATIO_W = b.RATIO_W = 2;
  memories_.table[2] = word(kOne);
  a.STAT = 10;
  b.STAT = 20;
  UpdateUnit unit(machine_);
  Execution first = once(a), second = once(b);
  first.last = second.last = false;
  set_vin(4, 1000, -2000);  // masters; gradients and momenta are 0
  unit.compute(first);
  set_vin(4, 3, 4);
  unit.compute(second);
  first.first = second.first = false;
  first.last = second.last = true;
  unit.compute(first);
  unit.compute(second);
  EXPECT_EQ(memories_.table[10], 2000u);
  EXPECT_EQ(memories_.table[20], 4u);
}

TEST_F(Units, AMasterIsLimitedTo24BitsAndABiasTo32) {
  Instruction c = command(Opcode::UPDATE, 0);
  c.VIN_STRIDE = 2;
  c.RATIO = c.RATIO_W = 2;
  c.STAT = 10;
  memories_.table[2] = word(kOne);
  set_vin(4, 1 << 28, -5);
  for (const bool bias : {false, true}) {
    c.FLAGS = 1u << static_cast<int>(Flag::UPDATE_HALF_UP) | (bias ? 1u << static_cast<int>(Flag::MASTER32) : 0u);
    UpdateUnit(machine_).compute(once(c));
    EXPECT_EQ(memories_.table[10], bias ? 1u << 28 : (1u << 23) - 1);
    EXPECT_EQ(memories_.table[11], bias ? 0u : 1u);
    EXPECT_EQ(Memories::int32_at(memories_.vout_raw, 4), -5);
  }
}

TEST_F(Units, AZeroMaximumGivesOneOrTheKeptScale) {
  Instruction c = command(Opcode::SCALAR, 0);
  c.SCALAR_OP = static_cast<std::uint32_t>(ScalarOp::MAX_TO_SCALE);
  c.SRC_A = 5;
  c.SRC_B = 2;
  c.SRC_KEEP = 6;
  c.QMAX = 127;
  c.DST = 7;
  memories_.table[2] = word(kOne);
  memories_.table[6] = word({50000, 20});
  ScalarUnit(machine_).compute(once(c));
  EXPECT_EQ(memories_.table[7], word(kOne));
  c.SCALAR_KEEP = 1;
  ScalarUnit(machine_).compute(once(c));
  EXPECT_EQ(memories_.table[7], word({50000, 20}));
  memories_.table[5] = 127;  // 127 units of 1 in 127 steps: the scale is 1 again
  ScalarUnit(machine_).compute(once(c));
  EXPECT_EQ(memories_.table[7], word(kOne));
}

TEST_F(Units, TheTablesFirstTwoEntriesAndTheLearningRateAreSpecial) {
  Instruction c = command(Opcode::SCALAR, 0);
  c.SCALAR_OP = static_cast<std::uint32_t>(ScalarOp::MUL);
  c.SRC_A = c.SRC_B = 4;
  c.DST = 0;
  memories_.table[4] = word({40000, 50});  // the square needs a shift of 84
  ScalarUnit(machine_).compute(once(c));
  EXPECT_EQ(memories_.table[0], 0u);
  EXPECT_EQ(memories_.table[1], 1u);
  ScalarUnit(machine_).compute(once(c));
  EXPECT_EQ(memories_.table[1], 2u);
  c.SCALAR_OP = static_cast<std::uint32_t>(ScalarOp::COPY);
  c.SRC_A = kTableLearningRate;
  c.DST = 9;
  memories_.learning_rate = word({33333, 17});
  ScalarUnit(machine_).compute(once(c));
  EXPECT_EQ(memories_.table[9], word({33333, 17}));
  c.SRC_A = 64;
  EXPECT_THROW(ScalarUnit(machine_).compute(once(c)), Error);
}

}  // namespace
}  // namespace bitloom
