// The vector units' values where a training step does not reach, and where it does against small sums by hand: each
// command runs alone between memory, VIN, VOUT and the table.
#include <gtest/gtest.h>

#include <cstring>
#include <vector>

#include "kernels/command.hpp"
#include "model/numerics/numbers.hpp"
#include "model/numerics/real.hpp"
#include "sim/command_values.hpp"

namespace bitloom {
namespace {

constexpr std::uint32_t kStride = 8;  // words of a section
constexpr std::uint32_t bit(Flag flag) { return 1u << static_cast<int>(flag); }

class Units : public testing::Test {
 protected:
  static Hardware hardware() {
    Hardware h;
    h.acc_tiles = 2;
    h.rows = h.cols = 4;
    h.axi_bytes = 8;
    h.lanes = 2;
    h.spad_a_bytes = h.spad_b_bytes = 64;
    h.vin_words = h.vout_words = h.vbias_words = 64;
    h.table_words = 64;
    return h;
  }

  Units() { values_.execute(once(constant_)); }

  static Execution once(const Instruction& c) {
    Execution e;
    e.command = &c;
    e.counts = {1, 1, 1};
    e.rows = c.ROWS;
    e.cols = c.COLS;
    e.col0 = c.COL_BASE;
    e.address = c.ADDR;
    e.first = e.last = true;
    return e;
  }
  static Instruction command(Opcode opcode, std::uint32_t rows = 1, std::uint32_t cols = 2) {
    Instruction c;
    c.OPCODE = static_cast<std::uint32_t>(opcode);
    c.queue = static_cast<int>(c.OPCODE >> 6);
    c.ROWS = rows;
    c.COLS = cols;
    c.VIN_STRIDE = kStride;
    return c;
  }
  void put(std::size_t address, const std::vector<std::int32_t>& words) {
    std::memcpy(&memory_[address], words.data(), 4 * words.size());
  }
  std::vector<std::int32_t> words(std::size_t address, std::size_t count) const {
    std::vector<std::int32_t> all(count);
    std::memcpy(all.data(), &memory_[address], 4 * count);
    return all;
  }
  /// Writes one row of 32-bit elements to a VIN word.
  void set_vin(std::uint32_t word, const std::vector<std::int32_t>& row) {
    put(0, row);
    Instruction c = command(Opcode::LOAD, 1, static_cast<std::uint32_t>(row.size()));
    c.MEMORY_BITS = static_cast<std::uint32_t>(Width::BITS32);
    c.TARGET = static_cast<std::uint32_t>(LoadTarget::VIN);
    c.LOCAL_BITS = static_cast<std::uint32_t>(Width::BITS32);
    c.LOCAL_BASE = word;
    values_.execute(once(c));
  }
  std::vector<std::int32_t> vout(std::uint32_t word, std::uint32_t count) {
    Instruction c = command(Opcode::STORE, 1, count);
    c.MEMORY_BITS = static_cast<std::uint32_t>(Width::BITS32);
    c.LOCAL_BASE = word;
    values_.execute(once(c));
    return words(0, count);
  }
  void set_table(std::uint32_t entry, const std::vector<std::uint32_t>& entries) {
    std::vector<std::int32_t> row;
    for (const std::uint32_t value : entries) row.push_back(static_cast<std::int32_t>(value));
    set_vin(40, row);
    Instruction c = command(Opcode::TABLE_LOAD, 1, static_cast<std::uint32_t>(row.size()));
    c.VIN_BASE = 40;
    c.DST = entry;
    values_.execute(once(c));
  }
  std::uint32_t table(std::uint32_t entry) {
    Instruction c = command(Opcode::TABLE_STORE, 1, 1);
    c.DST = entry;
    values_.execute(once(c));
    return static_cast<std::uint32_t>(vout(0, 1)[0]);
  }
  Instruction scalar(ScalarOp op, std::uint32_t a, std::uint32_t b = 0, std::uint32_t dst = 20) const {
    Instruction c = command(Opcode::SCALAR, 1, 1);
    c.SCALAR_OP = static_cast<std::uint32_t>(op);
    c.SRC_A = a;
    c.SRC_B = b;
    c.DST = dst;
    return c;
  }
  std::uint32_t result(const Instruction& c) {
    values_.execute(once(c));
    return table(c.DST);
  }

  std::vector<std::uint8_t> memory_ = std::vector<std::uint8_t>(4096);
  Machine machine_{hardware(), {}};
  Instruction constant_ = command(Opcode::VECTOR_NOP);
  CommandValues values_{machine_, memory_};
};

TEST_F(Units, TilesOfOneLoopGroupKeepTheirOwnStatistics) {
  Instruction a = command(Opcode::TILE), b = a;
  a.INDEX = 6;
  b.INDEX = 7;
  a.FLAGS = b.FLAGS = bit(Flag::FROM_VIN);
  a.STAT = 10;
  b.STAT = 20;
  b.VIN_BASE = 1;
  set_vin(0, {-300, 5});
  set_vin(1, {7, 40});
  Execution first = once(a), second = once(b);
  first.last = second.last = false;
  values_.execute(first);
  values_.execute(second);
  set_vin(0, {299, -1});
  set_vin(1, {0, -41});
  first.first = second.first = false;
  first.last = second.last = true;
  values_.execute(first);
  values_.execute(second);
  EXPECT_EQ(table(10), 300u);
  EXPECT_EQ(table(20), 41u);
}

TEST_F(Units, EveryMaskRule) {
  set_table(4, {5});
  set_vin(0, {-6, -5, 0, 4, 5, 6});
  const std::vector<std::int32_t> expected[] = {
      {0, 0, 0, 1, 1, 1}, {0, 1, 1, 1, 1, 0}, {0, 0, 1, 1, 0, 0}, {0, 0, 0, 1, 1, 0}};
  for (std::uint32_t rule = 0; rule < 4; ++rule) {
    Instruction c = command(Opcode::TILE, 1, 6);
    c.FLAGS = bit(Flag::FROM_VIN) | bit(Flag::MASK_OUT);
    c.MASK_RULE = rule;
    c.LIMIT = 4;
    values_.execute(once(c));
    EXPECT_EQ(vout(0, 6), expected[rule]) << rule;
  }
}

TEST_F(Units, CodesOfEveryQuantizer) {
  set_table(4, {word({32768, 17}), 64});  // a quarter; M = 64
  set_vin(0, {-100, -6, 6, 1});

  Instruction c = command(Opcode::TILE, 1, 4);
  c.FLAGS = bit(Flag::FROM_VIN) | bit(Flag::CODES_OUT);
  c.STAT = 30;
  c.RATIO = 4;
  c.QMAX = 7;
  c.ROUNDING = static_cast<std::uint32_t>(RoundingMode::HALF_UP);
  values_.execute(once(c));
  EXPECT_EQ(vout(0, 4), (std::vector<std::int32_t>{-7, -1, 2, 0}));  // -25, -1.5, 1.5, 0.25
  EXPECT_EQ(table(31), 1u);
  c.ROUNDING = static_cast<std::uint32_t>(RoundingMode::HALF_AWAY);
  values_.execute(once(c));
  EXPECT_EQ(vout(0, 4), (std::vector<std::int32_t>{-7, -2, 2, 0}));
  c.UNSIGNED = 1;
  values_.execute(once(c));
  EXPECT_EQ(vout(0, 4), (std::vector<std::int32_t>{0, 0, 2, 0}));
  c.QUANTIZER = static_cast<std::uint32_t>(QuantizerKind::SIGN);
  values_.execute(once(c));
  EXPECT_EQ(vout(0, 4), (std::vector<std::int32_t>{0, 0, 1, 1}));
  // Top 64, 4 binades below: 64 is e = 5, 4 is e = 1; 6 lies in the middle of 4 and 8; 1 is below half of 4.
  c.QUANTIZER = static_cast<std::uint32_t>(QuantizerKind::LOG);
  c.ROUNDING = static_cast<std::uint32_t>(RoundingMode::HALF_UP);
  c.QMAX = 4;
  c.RATIO = 5;
  values_.execute(once(c));
  EXPECT_EQ(vout(0, 4), (std::vector<std::int32_t>{8 + 5, 8 + 2, 2, 0}));
  EXPECT_EQ(table(31), 1u);
}

TEST_F(Units, AffineTakesRowsColumnsAndScalars) {
  // u · 1/2 + v(row) · 2 - c: coefficients A from the table, C a vector; v is 7 and -7.
  set_table(4, {word({32768, 16}), word({32768, 14})});
  set_vin(0, {10, -11});
  set_vin(1, {3, 4});
  set_vin(2 * kStride, {7, 99});
  set_vin(2 * kStride + 1, {-7, 99});
  set_vin(4 * kStride, {-1, 100});
  Instruction c = command(Opcode::AFFINE, 2, 2);
  c.FLAGS = bit(Flag::V_IN) | bit(Flag::V_ROW) | bit(Flag::C_VECTOR) | bit(Flag::RAW_OUT) | bit(Flag::MASK_OUT) |
            bit(Flag::RELU);
  c.RATIO = 4;
  c.LIMIT = 5;
  c.STAT = 30;
  values_.execute(once(c));
  EXPECT_EQ(vout(0, 4), (std::vector<std::int32_t>{18, 109, 0, 88}));  // 1.5 - 14 - 1 < 0; -5.5 + 114 = 108.5
  EXPECT_EQ(vout(2 * kStride, 4), (std::vector<std::int32_t>{1, 1, 0, 1}));
  EXPECT_EQ(table(30), 109u);
}

TEST_F(Units, ReduceSumsColumnsAndAll) {
  set_table(4, {1, 0});  // t = u / 2
  set_vin(0, {4, -8});
  set_vin(1, {6, 2});
  Instruction c = command(Opcode::REDUCE, 2, 2);
  c.RATIO = 4;
  c.LIMIT = 5;
  values_.execute(once(c));
  EXPECT_EQ(vout(0, 8), (std::vector<std::int32_t>{5, -3, 0, -1, 13, 17, 0, 0}));
  c.AXIS_ALL = 1;
  values_.execute(once(c));
  EXPECT_EQ(vout(0, 1)[0], 2);
  EXPECT_EQ(vout(2, 1)[0], 30);
  c.AXIS_ALL = 0;
  c.REDUCE_KIND = static_cast<std::uint32_t>(ReduceKind::ABSOLUTE);
  values_.execute(once(c));
  EXPECT_EQ(vout(0, 2), (std::vector<std::int32_t>{5, 5}));
  c.REDUCE_KIND = static_cast<std::uint32_t>(ReduceKind::RANGE);
  values_.execute(once(c));
  EXPECT_EQ(vout(0, 6), (std::vector<std::int32_t>{4, -8, 6, 2, 6, 8}));
  set_vin(2 * kStride, {1, 2});
  set_vin(2 * kStride + 1, {-3, 4});
  c.REDUCE_KIND = static_cast<std::uint32_t>(ReduceKind::CROSS);
  c.FLAGS = bit(Flag::V_IN);
  values_.execute(once(c));
  EXPECT_EQ(vout(2, 2), (std::vector<std::int32_t>{2 * 1 + 3 * -3, -4 * 2 + 1 * 4}));
}

TEST_F(Units, PoolsOverTaps) {
  const std::vector<std::vector<std::int32_t>> taps{{5, INT32_MIN}, {5, -9}, {4, 1 << 30}};
  for (const PoolOp op : {PoolOp::MAX, PoolOp::SUM, PoolOp::MAX_BACKWARD}) {
    Instruction c = command(Opcode::POOL);
    c.POOL_OP = static_cast<std::uint32_t>(op);
    c.CODE0 = 1;
    c.CODE2 = 3;
    Execution e = once(c);
    e.counts = {1, 1, 3};
    for (std::uint32_t k = 0; k < 3; ++k) {
      e.index = {0, 0, k};
      e.first = k == 0;
      e.last = k == 2;
      set_vin(0, taps[k]);
      set_vin(2 * kStride, {4, k == 0 ? 1 : 2});
      values_.execute(e);
    }
    if (op == PoolOp::MAX) {
      EXPECT_EQ(vout(0, 2), (std::vector<std::int32_t>{5, 1 << 30}));
      EXPECT_EQ(vout(2 * kStride, 2), (std::vector<std::int32_t>{1, 7}));
    } else if (op == PoolOp::SUM) {
      EXPECT_EQ(vout(0, 2), (std::vector<std::int32_t>{14, -(1 << 30) - 9}));
    } else {  // winner 4 is the second tap; the last column's is the first, where the gradient is the least integer
      EXPECT_EQ(vout(0, 2), (std::vector<std::int32_t>{5, -INT32_MAX}));
    }
  }
}

TEST_F(Units, AMasterIsLimitedTo24BitsAndABiasTo32) {
  Instruction c = command(Opcode::UPDATE);
  c.RATIO = c.RATIO_W = 2;
  c.STAT = 10;
  set_table(2, {word(kOne)});
  set_vin(0, {0, 0});
  set_vin(2 * kStride, {1 << 28, -5});
  set_vin(4 * kStride, {0, 0});
  for (const bool bias : {false, true}) {
    c.FLAGS = bit(Flag::HALF_UP) | (bias ? bit(Flag::MASTER32) : 0);
    values_.execute(once(c));
    EXPECT_EQ(vout(0, 2)[1], -5);
    EXPECT_EQ(table(10), bias ? 1u << 28 : (1u << 23) - 1);
    EXPECT_EQ(table(11), bias ? 0u : 1u);
  }
}

TEST_F(Units, AZeroMaximumGivesOneOrTheKeptScale) {
  Instruction c = scalar(ScalarOp::MAX_TO_SCALE, 5, 2, 7);
  c.SRC_C = 6;
  c.TABLE_PITCH = c.QMAX = 127;
  set_table(2, {word(kOne), 0, 0, 0, word({50000, 20})});
  EXPECT_EQ(result(c), word(kOne));
  c.SCALAR_KEEP = 1;
  EXPECT_EQ(result(c), word({50000, 20}));
  set_table(5, {127});  // 127 units of 1 in 127 steps: the scale is 1 again
  EXPECT_EQ(result(c), word(kOne));
}

TEST_F(Units, ScalarsOfReals) {
  const std::uint32_t half = word({32768, 16}), two = word({32768, 14}), six = word({49152, 13});
  set_table(4, {half, two, six, 3, 0xFFFFFFFF, 0});
  EXPECT_EQ(result(scalar(ScalarOp::RMUL, 4, 5)), word(kOne));
  EXPECT_EQ(result(scalar(ScalarOp::RDIV, 5, 4)), word({32768, 13}));
  EXPECT_EQ(result(scalar(ScalarOp::RADD, 5, 6)), word({32768, 12}));
  EXPECT_EQ(result(scalar(ScalarOp::RSUB, 6, 5)), word({32768, 13}));
  EXPECT_EQ(result(scalar(ScalarOp::RMAX, 4, 6)), six);
  EXPECT_EQ(result(scalar(ScalarOp::RMIN, 4, 6)), half);
  EXPECT_EQ(result(scalar(ScalarOp::ISUB, 7, 8)), 4u);
  EXPECT_EQ(result(scalar(ScalarOp::IMAX, 7, 8)), 3u);
  EXPECT_EQ(result(scalar(ScalarOp::RKEEP, 9, 4)), 0u);
  EXPECT_EQ(result(scalar(ScalarOp::RKEEP, 7, 4)), half);
  Instruction sum = scalar(ScalarOp::RSUM, 4);
  sum.COLS = 3;
  EXPECT_EQ(result(sum), word({34816, 12}));  // 8.5
  Instruction exponent = scalar(ScalarOp::EXP2, 7);
  exponent.IMMEDIATE = 0xFFFE;  // 2^(-2 + 3)
  EXPECT_EQ(result(exponent), two);
  exponent.SCALAR_KEEP = 1;  // 2^(-2 - 3)
  EXPECT_EQ(result(exponent), word({32768, 20}));
  Instruction to_int = scalar(ScalarOp::TO_INT, 6);
  to_int.IMMEDIATE = 4;
  EXPECT_EQ(result(to_int), 96u);
}

TEST_F(Units, SelectionsKeepTheFirstOfEqualScores) {
  set_table(4, {7, 9, 7, 7});
  Instruction c = scalar(ScalarOp::SELECT_TOP, 4);
  c.COLS = 4;
  c.IMMEDIATE = 2;
  values_.execute(once(c));
  for (const std::uint32_t i : {0u, 1u, 2u, 3u}) EXPECT_EQ(table(20 + i), i < 2 ? word(kOne) : 0u) << i;
}

TEST_F(Units, TheTablesFirstTwoEntriesAndTheLearningRateAreSpecial) {
  set_table(1, {0, 0, 0, word({40000, 50})});  // the square needs a shift of 84
  Instruction c = scalar(ScalarOp::MUL, 4, 4, 0);
  EXPECT_EQ(result(c), 0u);
  EXPECT_EQ(table(1), 1u);
  values_.execute(once(c));
  EXPECT_EQ(table(1), 2u);
  machine_.registers.learning_rate = word({33333, 17});
  EXPECT_EQ(result(scalar(ScalarOp::COPY, kTableLearningRate)), word({33333, 17}));
  EXPECT_THROW(values_.execute(once(scalar(ScalarOp::COPY, 64))), Error);
}

TEST_F(Units, TransposingAndGatheringLoadsMeetInTheArray) {
  // A: an image of 2×2 pixels of one code, gathered in taps of three columns with padding; B transposed.
  put(0, {0});
  memory_[16] = 1, memory_[17] = 2, memory_[18] = 3, memory_[19] = 4;  // lines (1, 2), (3, 4)
  Instruction shape = command(Opcode::LOAD_SHAPE);
  shape.EXTENT_X = shape.EXTENT_Y = shape.LIMIT_X = shape.LIMIT_Y = 2;
  shape.OFFSET_X = 0xFFFF;
  shape.SCALE_X = shape.SCALE_Y = shape.TAP_X = shape.TAP_Y = 1;
  shape.TAPS_X = 3;
  shape.TAPS_Y = shape.SEGMENT = shape.PIXEL_PITCH = 1;
  shape.LINE_PITCH = 2;
  values_.execute(once(shape));
  Instruction a = command(Opcode::LOAD, 4, 3);
  a.SHAPED = 1;
  a.ADDR = 16;
  a.MEMORY_BITS = a.LOCAL_BITS = static_cast<std::uint32_t>(Width::BITS8);
  values_.execute(once(a));
  const std::vector<std::uint8_t> weights{1, 10, 2, 20, 3, 30};  // [3][2]
  std::copy(weights.begin(), weights.end(), memory_.begin() + 64);
  Instruction b = command(Opcode::LOAD, 3, 2);
  b.ADDR = 64;
  b.PITCH = 2;
  b.TRANSPOSE = 1;
  b.TARGET = static_cast<std::uint32_t>(LoadTarget::SPAD_B);
  b.MEMORY_BITS = b.LOCAL_BITS = static_cast<std::uint32_t>(Width::BITS8);
  values_.execute(once(b));
  values_.execute(once(command(Opcode::GEMM, 0, 3)));
  Instruction tile = command(Opcode::TILE, 4, 2);
  tile.FLAGS = bit(Flag::RAW_OUT);
  values_.execute(once(tile));
  // Pixel (0, 0) sees 0, 1, 2; (0, 1) 1, 2, 0; then 0, 3, 4 and 3, 4, 0.
  EXPECT_EQ(vout(0, 8), (std::vector<std::int32_t>{8, 80, 5, 50, 18, 180, 11, 110}));
}

TEST_F(Units, NarrowProducts) {
  memory_[0] = 0x9F, memory_[8] = 0xA7;  // A: low 15 (-1), high 9 (-7); B: low 7, high 10 (-6)
  for (const bool to_b : {false, true}) {
    Instruction c = command(Opcode::LOAD, 1, 2);
    c.ADDR = to_b ? 8 : 0;
    c.MEMORY_BITS = c.LOCAL_BITS = static_cast<std::uint32_t>(Width::BITS4);
    c.TARGET = to_b ? 1 : 0;
    values_.execute(once(c));
  }
  const auto product = [&](Mode mode, Kind a, Kind b) {
    Instruction c = command(Opcode::GEMM, 0, 1);
    c.MODE = static_cast<std::uint32_t>(mode);
    c.A_KIND = static_cast<std::uint32_t>(a);
    c.B_KIND = static_cast<std::uint32_t>(b);
    values_.execute(once(c));
    Instruction tile = command(Opcode::TILE, 1, 1);
    tile.FLAGS = bit(Flag::RAW_OUT);
    values_.execute(once(tile));
    return vout(0, 1)[0];
  };
  EXPECT_EQ(product(Mode::MAC4, Kind::SIGNED, Kind::SIGNED), -1 * 7 + -7 * -6);
  EXPECT_EQ(product(Mode::MAC4, Kind::UNSIGNED, Kind::SIGNED), 15 * 7 + 9 * -6);
  EXPECT_EQ(product(Mode::MAC4, Kind::SIGNED, Kind::LOG), -1 * 64 + -7 * -2);  // 7: +2^6, 10: -2^1
  EXPECT_EQ(product(Mode::MAC8, Kind::SIGNED, Kind::UNSIGNED), -97 * 167);
  EXPECT_EQ(product(Mode::XNOR, Kind::SIGNED, Kind::SIGNED), 8 - 2 * 3);  // 0x9F ^ 0xA7 = 0x38
}

}  // namespace
}  // namespace bitloom
