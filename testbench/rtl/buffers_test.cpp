// Double buffers of every memory, chosen by parity at different levels: operands that stay for several segments
// (B_STEP), operands and sums of several tiles, ACC, VIN and VOUT; and addresses from BASE and BATCH.
#include <gtest/gtest.h>

#include <algorithm>

#include "testbench/rtl/machine_case.hpp"

namespace bitloom {
namespace {

constexpr std::uint32_t kA = 0x10000, kB = 0x40000, kC = 0x80000, kD = 0x90000;

class BuffersTest : public ::testing::TestWithParam<std::string> {};

/// Adds loads: a new A tile in each iteration, B whole and once for each i0: buffers by level 0 and level 2, the result
/// in ACC by level 1.
void add_load_group(MachineCase& machine, int segment, int segments) {
  const Hardware& hw = machine.hardware();
  const int depth = segment * segments;
  Command& b = machine.add_shaped(Opcode::LOAD, hw.cols, depth);
  machine.bytes(b);
  b.set(Field::TARGET, static_cast<int>(LoadTarget::SPAD_B)).set(Field::ADDR, kB).set(Field::PITCH, depth);
  b.set(Field::STRIDE0, depth * hw.cols).set(Field::EXEC_LEVEL, 2).set(Field::PARITY0, 2);
  b.set(Field::N0, 2).set(Field::N2, segments).set(Field::GROUP, 1);
  Command& a = machine.add_shaped(Opcode::LOAD, hw.rows, segment);
  machine.bytes(a);
  a.set(Field::TARGET, static_cast<int>(LoadTarget::SPAD_A)).set(Field::ADDR, kA).set(Field::PITCH, depth);
  a.set(Field::STRIDE0, depth * hw.rows).set(Field::STRIDE2, segment);
  a.wait(make_token(kArrayQueue, kLoadQueue, 0)).signal(make_token(kLoadQueue, kArrayQueue, 0));
}

void add_compute(MachineCase& machine, int segment, int segments) {
  const Hardware& hw = machine.hardware();
  Command& gemm = machine.add_gemm(segment);
  gemm.set(Field::N0, 2).set(Field::N2, segments).set(Field::PARITY1, 2);
  gemm.set(Field::B_STEP, segment / hw.axi_bytes);
  gemm.wait(make_token(kLoadQueue, kArrayQueue, 0)).signal(make_token(kArrayQueue, kLoadQueue, 0));
  gemm.signal(make_token(kArrayQueue, kVectorQueue, 0, 1));
  const int groups = hw.tile_cols() / hw.lanes;
  Command& tile = machine.add_shaped(Opcode::TILE, hw.rows, hw.tile_cols());
  tile.set_flag(Flag::RAW_OUT).set(Field::N0, 2).set(Field::PARITY0, 2).set(Field::VIN_STRIDE, hw.rows * groups);
  tile.wait(make_token(kArrayQueue, kVectorQueue, 0)).signal(make_token(kVectorQueue, kStoreQueue, 0));
  const int row_bytes = 4 * hw.tile_cols();
  Command& store = machine.store_vout(kC, hw.rows, hw.tile_cols(), row_bytes, 0, groups);
  store.set(Field::N0, 2).set(Field::STRIDE0, row_bytes * hw.rows).set(Field::LOCAL_STRIDE, hw.rows * groups);
  store.wait(make_token(kVectorQueue, kStoreQueue, 0));
}

TEST_P(BuffersTest, OperandsAndAccumulators) {
  MachineCase machine(GetParam());
  const Hardware& hw = machine.hardware();
  const int w = hw.axi_bytes;
  const int segment = std::min(hw.spad_a_bytes, hw.spad_b_bytes / 2 / w * w), segments = hw.spad_b_bytes / segment;
  const int depth = segment * segments;
  for (int i = 0; i < 2 * depth * std::max(hw.rows, hw.cols); ++i) {
    machine.memory()[kA + static_cast<std::uint32_t>(i)] = static_cast<std::uint8_t>(machine.uniform(-127, 127));
    machine.memory()[kB + static_cast<std::uint32_t>(i)] = static_cast<std::uint8_t>(machine.uniform(-127, 127));
  }
  machine.add(Opcode::ARRAY_NOP).set(Field::N2, 2).signal(make_token(kArrayQueue, kLoadQueue, 0));
  add_load_group(machine, segment, segments);
  add_compute(machine, segment, segments);
  machine.add(Opcode::LOAD_NOP).set(Field::N2, 2).wait(make_token(kArrayQueue, kLoadQueue, 0));
  ASSERT_EQ(machine.run().error_code, 0u);

  const auto code = [&](std::uint32_t area, int row, int k) {
    return static_cast<std::int8_t>(machine.memory()[area + static_cast<std::uint32_t>(row * depth + k)]);
  };
  for (int pass = 0; pass < 2; ++pass) {
    for (int r = 0; r < hw.rows; ++r) {
      for (int c = 0; c < hw.tile_cols(); ++c) {
        std::int64_t sum = 0;
        for (int k = 0; k < depth; ++k) sum += code(kA, pass * hw.rows + r, k) * code(kB, pass * hw.cols + c, k);
        const int element = (pass * hw.rows + r) * hw.tile_cols() + c;
        ASSERT_EQ(machine.word_at(kC + 4 * static_cast<std::uint32_t>(element)), sum)
            << "pass " << pass << " row " << r << " column " << c;
      }
    }
  }
}

/// A product of several tiles at once: operands of all of them in the scratchpads, brought in segments of the
/// reduction, and the sums of all in the accumulators. Where lanes allow it both operands are transposed.
class TilesCase {
 public:
  TilesCase(const std::string& hardware, int bits)
      : machine_(hardware), hw_(machine_.hardware()), bits_(bits), transposed_(spreads(hw_.rows) && spreads(hw_.cols)) {
    row_tiles_ = std::min({hw_.acc_tiles, 3, hw_.spad_a_bytes / hw_.axi_bytes});
    col_tiles_ = hw_.acc_tiles / row_tiles_ >= 2 ? 2 : 1;
    const int words = std::min(hw_.spad_a_bytes / row_tiles_, hw_.spad_b_bytes / col_tiles_) / hw_.axi_bytes;
    segment_ = std::min(words, 3) * hw_.axi_bytes;
    machine_.fill_random(kA, 0x10000);
    machine_.fill_random(kB, 0x10000);
  }

  void run() {
    machine_.add(Opcode::ARRAY_NOP).set(Field::N2, 2).signal(make_token(kArrayQueue, kLoadQueue, 0));
    load(LoadTarget::SPAD_B, kB, cols()).set(Field::GROUP, 1).wait(make_token(kArrayQueue, kLoadQueue, 0));
    load(LoadTarget::SPAD_A, kA, rows()).signal(make_token(kLoadQueue, kArrayQueue, 0));
    Command& gemm = machine_.add_gemm(segment_);
    gemm.set(Field::MODE, static_cast<int>(bits_ == 8 ? Mode::MAC8 : bits_ == 4 ? Mode::MAC4 : Mode::XNOR));
    gemm.set(Field::N0, kSegments).set(Field::N1, col_tiles_).set(Field::N2, row_tiles_);
    gemm.set(Field::A_STEP, segment_ / hw_.axi_bytes).set(Field::B_STEP, segment_ / hw_.axi_bytes);
    gemm.set(Field::B_LOOP, 1).set(Field::SUM_LOOP, static_cast<int>(SumLoop::OUTER));
    gemm.set(Field::PARITY0, 2).set(Field::PARITY1, 2).wait(make_token(kLoadQueue, kArrayQueue, 0, 2));
    gemm.signal(make_token(kArrayQueue, kLoadQueue, 0, 2)).signal(make_token(kArrayQueue, kVectorQueue, 0, 3));
    const int groups = (hw_.cols + hw_.lanes - 1) / hw_.lanes, row_bytes = 4 * hw_.cols;
    Command& tile = machine_.add_shaped(Opcode::TILE, hw_.rows, hw_.cols);
    tile.set_flag(Flag::RAW_OUT).set(Field::ACC_ALL, 1).set(Field::N0, col_tiles_).set(Field::N1, row_tiles_);
    tile.wait(make_token(kArrayQueue, kVectorQueue, 0, 3)).wait(make_token(kStoreQueue, kVectorQueue, 0));
    tile.signal(make_token(kVectorQueue, kStoreQueue, 0));
    machine_.add(Opcode::STORE_NOP).signal(make_token(kStoreQueue, kVectorQueue, 0));
    machine_.store_vout(kC, hw_.rows, hw_.cols, row_bytes, 0, groups)
        .set(Field::N0, col_tiles_)
        .set(Field::N1, row_tiles_)
        .set(Field::STRIDE0, row_tiles_ * hw_.rows * row_bytes)
        .set(Field::STRIDE1, hw_.rows * row_bytes)
        .wait(make_token(kVectorQueue, kStoreQueue, 0))
        .signal(make_token(kStoreQueue, kVectorQueue, 0));
    machine_.add(Opcode::LOAD_NOP).set(Field::N2, 2).wait(make_token(kArrayQueue, kLoadQueue, 0));
    machine_.add(Opcode::VECTOR_NOP).wait(make_token(kStoreQueue, kVectorQueue, 0));
    ASSERT_EQ(machine_.run().error_code, 0u);
    for (int c = 0; c < cols(); ++c) {
      for (int r = 0; r < rows(); ++r) {
        const int place = (c / hw_.cols * rows() + r) * hw_.cols + c % hw_.cols;
        ASSERT_EQ(machine_.word_at(kC + 4 * static_cast<std::uint32_t>(place)), sum(r, c))
            << bits_ << " bits, row " << r << " column " << c;
      }
    }
  }

 private:
  static constexpr int kSegments = 3;
  static bool spreads(int lanes) { return (lanes & (lanes - 1)) == 0; }
  int rows() const { return row_tiles_ * hw_.rows; }
  int cols() const { return col_tiles_ * hw_.cols; }
  int terms() const { return segment_ * 8 / bits_; }  ///< of a segment
  /// Bytes from a row of memory to the next one.
  int pitch(int operand_rows) const { return transposed_ ? (operand_rows * bits_ + 7) / 8 : kSegments * segment_; }

  Command& load(LoadTarget target, std::uint32_t address, int operand_rows) {
    const int along = terms(), across = operand_rows, bytes = pitch(operand_rows);
    Command& command = transposed_ ? machine_.add_shaped(Opcode::LOAD, along, across)
                                   : machine_.add_shaped(Opcode::LOAD, across, along);
    const auto width = static_cast<int>(width_of(bits_));
    command.set(Field::MEMORY_BITS, width).set(Field::LOCAL_BITS, width).set(Field::TARGET, static_cast<int>(target));
    command.set(Field::ADDR, address).set(Field::PITCH, bytes).set(Field::TRANSPOSE, transposed_ ? 1 : 0);
    command.set(Field::LOCAL_STRIDE, segment_ / hw_.axi_bytes).set(Field::N0, kSegments).set(Field::PARITY0, 2);
    return command.set(Field::STRIDE0, transposed_ ? along * bytes : segment_);
  }

  /// Returns term k of an operand row, from memory.
  int term(std::uint32_t area, int operand_rows, int row, int k) const {
    const int bit = transposed_ ? k * pitch(operand_rows) * 8 + row * bits_ : row * pitch(operand_rows) * 8 + k * bits_;
    const int code = machine_.memory()[area + static_cast<std::uint32_t>(bit / 8)] >> (bit % 8) & ((1 << bits_) - 1);
    if (bits_ == 1) return code == 1 ? 1 : -1;
    return code >= 1 << (bits_ - 1) ? code - (1 << bits_) : code;
  }
  std::int64_t sum(int row, int col) const {
    std::int64_t sum = 0;
    for (int k = 0; k < kSegments * terms(); ++k) sum += term(kA, rows(), row, k) * term(kB, cols(), col, k);
    return sum;
  }

  mutable MachineCase machine_;
  const Hardware& hw_;
  int bits_;
  bool transposed_;
  int row_tiles_ = 1, col_tiles_ = 1, segment_ = 0;
};

TEST_P(BuffersTest, SumsOfSeveralTiles) {
  for (const int bits : {8, 4, 1}) ASSERT_NO_FATAL_FAILURE(TilesCase(GetParam(), bits).run()) << bits << " bits";
}

/// B of several column tiles stays in both buffers of its scratchpad, A for a row of tiles; each product is a sum.
TEST_P(BuffersTest, ColumnsThatStay) {
  MachineCase machine(GetParam());
  const Hardware& hw = machine.hardware();
  const int depth = std::min(hw.spad_a_bytes, hw.axi_bytes * 2), rows = 2,
            cols = 2 * hw.spad_b_bytes / depth > 3 ? 3 : 2;
  machine.fill_random(kA, 0x10000);
  machine.fill_random(kB, 0x10000);
  machine.add(Opcode::ARRAY_NOP).set(Field::N2, 2).signal(make_token(kArrayQueue, kLoadQueue, 0));
  machine.add(Opcode::VECTOR_NOP).set(Field::N2, 2).signal(make_token(kVectorQueue, kArrayQueue, 0));
  Command& b = machine.bytes(machine.add_shaped(Opcode::LOAD, cols * hw.cols, depth));
  b.set(Field::TARGET, static_cast<int>(LoadTarget::SPAD_B)).set(Field::ADDR, kB).set(Field::PITCH, depth);
  b.set(Field::LOCAL_STRIDE, depth / hw.axi_bytes).set(Field::EXEC_LEVEL, 3).set(Field::PARITY0, 3);
  b.set(Field::N1, rows).set(Field::N2, cols).set(Field::GROUP, 1);
  Command& a = machine.bytes(machine.add_shaped(Opcode::LOAD, hw.rows, depth));
  a.set(Field::TARGET, static_cast<int>(LoadTarget::SPAD_A)).set(Field::ADDR, kA).set(Field::PITCH, depth);
  a.set(Field::STRIDE1, depth * hw.rows).set(Field::EXEC_LEVEL, 1).set(Field::PARITY0, 1);
  a.wait(make_token(kArrayQueue, kLoadQueue, 0)).signal(make_token(kLoadQueue, kArrayQueue, 0));
  Command& gemm = machine.add_gemm(depth).set(Field::N1, rows).set(Field::N2, cols).set(Field::PARITY0, 1);
  gemm.set(Field::PARITY1, 3).set(Field::B_STEP, depth / hw.axi_bytes);
  gemm.set(Field::SUM_LOOP, static_cast<int>(SumLoop::NONE)).wait(make_token(kLoadQueue, kArrayQueue, 0, 1));
  gemm.wait(make_token(kVectorQueue, kArrayQueue, 0)).signal(make_token(kArrayQueue, kLoadQueue, 0, 1));
  gemm.signal(make_token(kArrayQueue, kVectorQueue, 0));
  const int groups = (hw.cols + hw.lanes - 1) / hw.lanes, row_bytes = 4 * hw.cols * cols;
  Command& tile = machine.add_shaped(Opcode::TILE, hw.rows, hw.cols).set_flag(Flag::RAW_OUT);
  tile.set(Field::N1, rows).set(Field::N2, cols).wait(make_token(kArrayQueue, kVectorQueue, 0));
  tile.wait(make_token(kStoreQueue, kVectorQueue, 0)).signal(make_token(kVectorQueue, kArrayQueue, 0));
  tile.set(Field::VIN_STRIDE, hw.rows * groups).signal(make_token(kVectorQueue, kStoreQueue, 0));
  machine.add(Opcode::STORE_NOP).signal(make_token(kStoreQueue, kVectorQueue, 0));
  machine.store_vout(kC, hw.rows, hw.cols, row_bytes, 0, groups)
      .set(Field::N1, rows)
      .set(Field::N2, cols)
      .set(Field::LOCAL_STRIDE, hw.rows * groups)
      .set(Field::STRIDE1, hw.rows * row_bytes)
      .set(Field::STRIDE2, 4 * hw.cols)
      .wait(make_token(kVectorQueue, kStoreQueue, 0))
      .signal(make_token(kStoreQueue, kVectorQueue, 0));
  machine.add(Opcode::LOAD_NOP).set(Field::N2, 2).wait(make_token(kArrayQueue, kLoadQueue, 0));
  machine.add(Opcode::ARRAY_NOP).set(Field::N2, 2).wait(make_token(kVectorQueue, kArrayQueue, 0));
  machine.add(Opcode::VECTOR_NOP).wait(make_token(kStoreQueue, kVectorQueue, 0));
  ASSERT_EQ(machine.run().error_code, 0u);
  const auto code = [&](std::uint32_t area, int row, int k) {
    return static_cast<std::int8_t>(machine.memory()[area + static_cast<std::uint32_t>(row * depth + k)]);
  };
  for (int r = 0; r < rows * hw.rows; ++r) {
    for (int c = 0; c < cols * hw.cols; ++c) {
      std::int64_t sum = 0;
      for (int k = 0; k < depth; ++k) sum += code(kA, r, k) * code(kB, c, k);
      ASSERT_EQ(machine.word_at(kC + 4 * static_cast<std::uint32_t>(r * cols * hw.cols + c)), sum)
          << "row " << r << " column " << c;
    }
  }
}

/// Two tiles of small integers, requantized with ratio 1: the codes are the integers, the mask their signs; both
/// outputs of both parities are stored packed.
TEST_P(BuffersTest, CodesAndMask) {
  MachineCase machine(GetParam());
  const Hardware& hw = machine.hardware();
  const int rows = hw.rows, cols = hw.tile_cols(), groups = cols / hw.lanes;
  const int tile_bytes = 4 * rows * cols, stride = rows * groups, table_word = 2 * stride;
  for (int i = 0; i < 2 * rows * cols; ++i) {
    machine.put_word(kA + 4 * static_cast<std::uint32_t>(i), machine.uniform(-100, 100));
  }
  machine.fill_random(kB, static_cast<std::size_t>(hw.vector_word()));
  machine.put_word(kB, 32768 | 15 << 16);  // N2.1: ONE

  const Token loaded = make_token(kLoadQueue, kVectorQueue, 0), made = make_token(kVectorQueue, kStoreQueue, 0);
  machine.load_vin(kB, 1, hw.lanes, 0, table_word, 0).signal(loaded);
  Command& load = machine.load_vin(kA, 1, rows * cols, 0, 0, 0);
  load.set(Field::N2, 2).set(Field::STRIDE2, tile_bytes).set(Field::LOCAL_STRIDE, stride).signal(loaded);
  Command& table = machine.add_shaped(Opcode::TABLE_LOAD, 1, 1);
  table.set(Field::DST, 9).set(Field::VIN_BASE, table_word).wait(loaded);
  Command& tile = machine.add_shaped(Opcode::TILE, rows, cols);
  tile.set(Field::N0, 2).set(Field::PARITY0, 2).set(Field::RATIO, 9).set(Field::VIN_STRIDE, stride);
  tile.set(Field::QMAX, 127);
  tile.set_flag(Flag::FROM_VIN).set_flag(Flag::MASK_OUT).set_flag(Flag::CODES_OUT).wait(loaded).signal(made);
  const auto store = [&](std::uint32_t to, Width width, int bytes, int section) -> Command& {
    Command& command = machine.store_vout(to, rows, cols, bytes, 2 * section * stride, groups);
    command.set(Field::MEMORY_BITS, static_cast<int>(width)).set(Field::LOCAL_STRIDE, stride);
    return command.set(Field::STRIDE0, rows * bytes).set(Field::PARITY0, 2);
  };
  const int mask_bytes = (cols + 7) / 8;
  store(kC, Width::BITS8, cols, 0).set(Field::N0, 2).set(Field::GROUP, 1).wait(made);
  store(kD, Width::BITS1, mask_bytes, 1);
  ASSERT_EQ(machine.run().error_code, 0u);

  for (int t = 0; t < 2; ++t) {
    for (int r = 0; r < rows; ++r) {
      for (int c = 0; c < cols; ++c) {
        const int element = (t * rows + r) * cols + c;
        const std::int32_t value = machine.word_at(kA + 4 * static_cast<std::uint32_t>(element));
        const auto byte = [&](std::uint32_t area, int offset) {
          return machine.memory()[area + static_cast<std::uint32_t>(offset)];
        };
        ASSERT_EQ(static_cast<std::int8_t>(byte(kC, element)), value) << "code of tile " << t << ": " << r << ", " << c;
        const int mask = byte(kD, (t * rows + r) * mask_bytes + c / 8);
        ASSERT_EQ(mask >> (c % 8) & 1, value > 0) << "mask of tile " << t << ": " << r << ", " << c;
      }
    }
  }
}

/// ADDR lies kFar above what BASE and BATCH, kFar below, bring back: all 64 bits take part.
TEST_P(BuffersTest, AddressesFromBaseAndBatch) {
  constexpr std::uint64_t kFar = 0xA5'0000'0000;
  MachineCase machine(GetParam());
  const int w = machine.hardware().vector_word();
  machine.fill_random(kA, 0x4000);
  // VIN buffers by level 1: parity 0 in words 0 …, parity 1 in words 2 ….
  Command& load = machine.load_vin(0x1000, 1, w / 4, 0, 0, 0);
  load.set_address(kFar + 0x1000)
      .set(Field::BATCH_BASE, 1)
      .set(Field::N1, 2)
      .set(Field::STRIDE1, 0x200)
      .set(Field::PARITY0, 1);
  load.set(Field::N2, 2).set(Field::STRIDE2, w).set(Field::LOCAL_STRIDE, 2).set(Field::GROUP, 1);
  Command& beside = machine.load_vin(0x2000, 1, w / 4, 0, 1, 0);
  beside.set_address(kFar + 0x2000).set(Field::STRIDE1, 0x200).set(Field::PARITY0, 1).set(Field::LOCAL_STRIDE, 2);
  beside.signal(make_token(kLoadQueue, kVectorQueue, 0, 3));
  machine.copy(4).wait(make_token(kLoadQueue, kVectorQueue, 0)).signal(make_token(kVectorQueue, kStoreQueue, 0));
  Command& store = machine.store_vout(0x300, 1, w, 0, 0, 0);
  store.set_address(kFar + 0x300).wait(make_token(kVectorQueue, kStoreQueue, 0));
  machine.machine().write_register(Register::BASE, Register::BASE_HIGH, kA - kFar);
  machine.machine().write_register(Register::BATCH, Register::BATCH_HIGH, kA + 0x800 - kFar);
  const std::vector<std::uint8_t> before = machine.memory();
  ASSERT_EQ(machine.run().error_code, 0u);
  // From BATCH the last of the two i2, from BASE always the same.
  const std::uint32_t sources[] = {kA + 0x1800 + static_cast<std::uint32_t>(w), kA + 0x2000,
                                   kA + 0x1A00 + static_cast<std::uint32_t>(w), kA + 0x2200};
  for (int word = 0; word < 4; ++word) {
    EXPECT_TRUE(std::equal(before.begin() + sources[word], before.begin() + sources[word] + w,
                           machine.memory().begin() + kA + 0x300 + word * w))
        << "word " << word;
  }
}

INSTANTIATE_TEST_SUITE_P(All, BuffersTest, ::testing::ValuesIn(all_hardware()),
                         [](const auto& each) { return each.param; });

}  // namespace
}  // namespace bitloom
