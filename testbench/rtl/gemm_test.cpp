// GEMM against plain loops: LOAD of both operands, segments, accumulation over i2, TILE of the raw view, STORE; every
// mode and kind, and every pair of bytes.
#include <gtest/gtest.h>

#include <algorithm>
#include <bit>

#include "testbench/rtl/gemm_kinds.hpp"
#include "testbench/rtl/transfer.hpp"

namespace bitloom {
namespace {

constexpr std::uint32_t kA = 0x10000, kB = 0x40000, kC = 0x80000;

int value_of(int code, int bits, Kind kind) {
  if (kind == Kind::UNSIGNED) return code;
  if (kind == Kind::SIGNED) return code >= 1 << (bits - 1) ? code - (1 << bits) : code;
  const int e = code & 7;  // ±2^(e−1)
  const int magnitude = e == 0 ? 0 : 1 << (e - 1);
  return (code & 8) != 0 ? -magnitude : magnitude;
}

/// Returns the product of two bytes.
int product(int a, int b, const GemmKinds& kinds) {
  if (kinds.mode == Mode::XNOR) return 8 - 2 * std::popcount(static_cast<unsigned>(a ^ b));
  if (kinds.mode == Mode::MAC8) return value_of(a, 8, kinds.a) * value_of(b, 8, kinds.b);
  return value_of(a & 15, 4, kinds.a) * value_of(b & 15, 4, kinds.b) +
         value_of(a >> 4, 4, kinds.a) * value_of(b >> 4, 4, kinds.b);
}

/// Adds a LOAD of bytes into one operand's lanes.
Command& load(MachineCase& machine, LoadTarget target, std::uint32_t address, int lanes, int bytes, int pitch) {
  Command& command = machine.bytes(machine.add_shaped(Opcode::LOAD, lanes, bytes));
  return command.set(Field::ADDR, address).set(Field::PITCH, pitch).set(Field::TARGET, static_cast<int>(target));
}

Command& add_kinds(Command& gemm, const GemmKinds& kinds) {
  gemm.set(Field::MODE, static_cast<int>(kinds.mode));
  return gemm.set(Field::A_KIND, static_cast<int>(kinds.a)).set(Field::B_KIND, static_cast<int>(kinds.b));
}

/// One operand in a double buffer for each of `segments` segments; the sum of all is stored.
void add_segments(MachineCase& machine, const GemmKinds& kinds, int bytes, int segments) {
  const Hardware& hw = machine.hardware();
  const int pitch = bytes * segments, cols = hw.tile_cols();
  machine.add(Opcode::ARRAY_NOP).set(Field::N2, 2).signal(make_token(kArrayQueue, kLoadQueue, 0));
  Command& a = load(machine, LoadTarget::SPAD_A, kA, hw.rows, bytes, pitch);
  a.set(Field::STRIDE2, bytes).set(Field::N2, segments).set(Field::GROUP, 1);
  a.wait(make_token(kArrayQueue, kLoadQueue, 0));
  load(machine, LoadTarget::SPAD_B, kB, hw.cols, bytes, pitch)
      .set(Field::STRIDE2, bytes)
      .signal(make_token(kLoadQueue, kArrayQueue, 0));
  Command& gemm = add_kinds(machine.add_gemm(bytes), kinds);
  gemm.set(Field::N2, segments);
  gemm.wait(make_token(kLoadQueue, kArrayQueue, 0)).signal(make_token(kArrayQueue, kLoadQueue, 0));
  gemm.signal(make_token(kArrayQueue, kVectorQueue, 0, 1));
  machine.add_shaped(Opcode::TILE, hw.rows, cols)
      .set_flag(Flag::RAW_OUT)
      .wait(make_token(kArrayQueue, kVectorQueue, 0))
      .signal(make_token(kVectorQueue, kStoreQueue, 0));
  machine.store_vout(kC, hw.rows, cols, 4 * cols, 0, cols / hw.lanes).wait(make_token(kVectorQueue, kStoreQueue, 0));
  machine.add(Opcode::LOAD_NOP).set(Field::N2, 2).wait(make_token(kArrayQueue, kLoadQueue, 0));
}

/// `fill` gives the bytes of both operands.
template <typename Fill>
void run_segments(const std::string& hardware, const GemmKinds& kinds, int segments, int stall, const Fill& fill) {
  MachineCase machine(hardware, stall);
  const Hardware& hw = machine.hardware();
  constexpr int kMostBytes = 2048;  // so that five segments of all lanes fit between kA, kB and kC
  const int bytes = std::min({hw.spad_a_bytes, hw.spad_b_bytes, kMostBytes}), depth = bytes * segments;
  const int cols = hw.tile_cols();
  for (int i = 0; i < depth * hw.rows; ++i) machine.memory()[kA + static_cast<std::uint32_t>(i)] = fill(machine);
  for (int i = 0; i < depth * hw.cols; ++i) machine.memory()[kB + static_cast<std::uint32_t>(i)] = fill(machine);
  add_segments(machine, kinds, bytes, segments);
  ASSERT_EQ(machine.run().error_code, 0u);
  for (int r = 0; r < hw.rows; ++r) {
    for (int c = 0; c < cols; ++c) {
      std::int64_t sum = 0;
      for (int k = 0; k < depth; ++k) {
        sum += product(machine.memory()[kA + static_cast<std::uint32_t>(r * depth + k)],
                       machine.memory()[kB + static_cast<std::uint32_t>(c * depth + k)], kinds);
      }
      sum = std::clamp<std::int64_t>(sum, -2147483647, 2147483647);
      ASSERT_EQ(machine.word_at(kC + static_cast<std::uint32_t>(4 * (r * cols + c))), sum)
          << "row " << r << " column " << c;
    }
  }
}

class GemmTest : public ::testing::TestWithParam<std::string> {};

TEST_P(GemmTest, RandomOperands) {
  for (const GemmKinds& kinds : all_gemm_kinds()) {
    for (const int stall : {0, 75}) {
      run_segments(GetParam(), kinds, 3, stall,
                   [](MachineCase& machine) { return static_cast<std::uint8_t>(machine.random()()); });
    }
  }
}

TEST_P(GemmTest, BoundaryOperands) {
  for (const GemmKinds& kinds : all_gemm_kinds()) {
    run_segments(GetParam(), kinds, 5, 0, [](MachineCase& machine) {
      static constexpr std::uint8_t kBytes[] = {0x00, 0x80, 0x7F, 0xFF, 0x88, 0x77, 0x81, 0x08};
      return kBytes[machine.uniform(0, 7)];
    });
    run_segments(GetParam(), kinds, 2, 0, [](MachineCase&) { return std::uint8_t{0xFF}; });
  }
}

TEST_P(GemmTest, OneSegment) {
  run_segments(GetParam(), {Mode::MAC8, Kind::SIGNED, Kind::SIGNED}, 1, 0,
               [](MachineCase& machine) { return static_cast<std::uint8_t>(machine.random()()); });
}

/// Lets every byte meet every byte: GEMMs of one reduction byte, whose sums are the products.
void all_pairs(const std::string& hardware, const GemmKinds& kinds) {
  MachineCase machine(hardware);
  const Hardware& hw = machine.hardware();
  const int rows = (256 + hw.rows - 1) / hw.rows, cols = (256 + hw.cols - 1) / hw.cols, pitch = cols * hw.cols * 4;
  for (std::uint32_t i = 0; i < 300; ++i) {
    machine.memory()[kA + i] = static_cast<std::uint8_t>(i);
    machine.memory()[kB + i] = static_cast<std::uint8_t>(i);
  }
  machine.add(Opcode::ARRAY_NOP).signal(make_token(kArrayQueue, kLoadQueue, 0));
  machine.add(Opcode::VECTOR_NOP).signal(make_token(kVectorQueue, kArrayQueue, 0));
  machine.add(Opcode::STORE_NOP).signal(make_token(kStoreQueue, kVectorQueue, 0));
  const auto loops = [&](Command& command) -> Command& { return command.set(Field::N0, rows).set(Field::N1, cols); };
  loops(load(machine, LoadTarget::SPAD_A, kA, hw.rows, 1, 1))
      .set(Field::STRIDE0, hw.rows)
      .set(Field::GROUP, 1)
      .set(Field::EXEC_LEVEL, 2)
      .set(Field::PARITY0, 3)
      .wait(make_token(kArrayQueue, kLoadQueue, 1));
  load(machine, LoadTarget::SPAD_B, kB, hw.cols, 1, 1)
      .set(Field::STRIDE1, hw.cols)
      .wait(make_token(kArrayQueue, kLoadQueue, 0))
      .signal(make_token(kLoadQueue, kArrayQueue, 0));
  Command& first = machine.add(Opcode::ARRAY_NOP);
  first.signal(make_token(kArrayQueue, kLoadQueue, 1));
  loops(add_kinds(machine.add_gemm(1), kinds))
      .set(Field::PARITY0, 3)
      .wait(make_token(kLoadQueue, kArrayQueue, 0))
      .wait(make_token(kVectorQueue, kArrayQueue, 0))
      .signal(make_token(kArrayQueue, kLoadQueue, 0))
      .signal(make_token(kArrayQueue, kLoadQueue, 1, 2))
      .signal(make_token(kArrayQueue, kVectorQueue, 0));
  loops(machine.add_shaped(Opcode::TILE, hw.rows, hw.cols))
      .set_flag(Flag::RAW_OUT)
      .set(Field::PARITY0, 1)
      .wait(make_token(kArrayQueue, kVectorQueue, 0))
      .wait(make_token(kStoreQueue, kVectorQueue, 0))
      .signal(make_token(kVectorQueue, kArrayQueue, 0))
      .signal(make_token(kVectorQueue, kStoreQueue, 0));
  loops(machine.store_vout(kC, hw.rows, hw.cols, pitch, 0, (hw.cols + hw.lanes - 1) / hw.lanes))
      .set(Field::STRIDE0, pitch * hw.rows)
      .set(Field::STRIDE1, hw.cols * 4)
      .wait(make_token(kVectorQueue, kStoreQueue, 0))
      .signal(make_token(kStoreQueue, kVectorQueue, 0));
  machine.add(Opcode::LOAD_NOP)
      .wait(make_token(kArrayQueue, kLoadQueue, 0))
      .wait(make_token(kArrayQueue, kLoadQueue, 1));
  machine.add(Opcode::ARRAY_NOP).wait(make_token(kVectorQueue, kArrayQueue, 0));
  machine.add(Opcode::VECTOR_NOP).wait(make_token(kStoreQueue, kVectorQueue, 0));
  ASSERT_EQ(machine.run().error_code, 0u);
  for (int a = 0; a < 256; ++a) {
    for (int b = 0; b < 256; ++b) {
      ASSERT_EQ(machine.word_at(kC + static_cast<std::uint32_t>(a * pitch + 4 * b)), product(a, b, kinds))
          << a << " x " << b << " mode " << static_cast<int>(kinds.mode) << " kinds " << static_cast<int>(kinds.a)
          << ", " << static_cast<int>(kinds.b);
    }
  }
}

TEST_P(GemmTest, EveryPairOfBytes) {
  for (const GemmKinds& kinds : all_gemm_kinds()) ASSERT_NO_FATAL_FAILURE(all_pairs(GetParam(), kinds));
}

/// A convolution's rows of signs with padding: bytes that are padding count nothing.
TEST_P(GemmTest, PaddingOfSigns) {
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    MachineCase machine(GetParam(), seed % 2 == 0 ? 25 : 0, seed);
    const Hardware& hw = machine.hardware();
    machine.fill_random(kA - 0x8000, 0x20000);
    machine.fill_random(kB, 0x1000);
    TransferCase t;
    t.bits = 1;
    t.address = kA + static_cast<std::uint32_t>(machine.uniform(0, 4095));
    t.shape = random_shape(machine, 1, 3, 24, 8);
    const int bytes =
        std::min({hw.spad_a_bytes, hw.spad_b_bytes, t.shape->taps_x * t.shape->taps_y * t.shape->segment / 8});
    t.rows = t.rows_last = hw.rows;
    t.cols = t.cols_last = bytes * 8;
    set_shape(machine.add(Opcode::LOAD_SHAPE), *t.shape, 3);
    Command& a = machine.add(Opcode::LOAD);
    set_transfer(a, t);
    a.set(Field::SHAPE, 3).set(Field::TARGET, static_cast<int>(LoadTarget::SPAD_A));
    load(machine, LoadTarget::SPAD_B, kB, hw.cols, bytes, bytes).signal(make_token(kLoadQueue, kArrayQueue, 0));
    add_kinds(machine.add_gemm(bytes), {Mode::XNOR, Kind::SIGNED, Kind::SIGNED})
        .wait(make_token(kLoadQueue, kArrayQueue, 0))
        .signal(make_token(kArrayQueue, kVectorQueue, 0));
    machine.add_shaped(Opcode::TILE, hw.rows, hw.cols)
        .set_flag(Flag::RAW_OUT)
        .wait(make_token(kArrayQueue, kVectorQueue, 0))
        .signal(make_token(kVectorQueue, kStoreQueue, 0));
    machine.store_vout(kC, hw.rows, hw.cols, hw.cols * 4, 0, (hw.cols + hw.lanes - 1) / hw.lanes)
        .wait(make_token(kVectorQueue, kStoreQueue, 0));
    ASSERT_EQ(machine.run().error_code, 0u);
    for (int r = 0; r < hw.rows; ++r) {
      const auto row = load_row(machine.memory(), t, iterations(t)[0], r);
      for (int c = 0; c < hw.cols; ++c) {
        int sum = 0;
        for (int k = 0; k < bytes * 8; ++k) {
          const auto& element = row[static_cast<std::size_t>(k)];
          const std::uint32_t other =
              bits_at(machine.memory(), std::int64_t{8} * (kB + static_cast<std::uint32_t>(c * bytes)) + k, 1);
          if (element) sum += *element == other ? 1 : -1;
        }
        ASSERT_EQ(machine.word_at(kC + static_cast<std::uint32_t>(4 * (r * hw.cols + c))), sum)
            << "seed " << seed << " row " << r << " column " << c;
      }
    }
  }
}

/// Segments shorter than the array has rows: each waits for the rows of the one before it, whose sums begin or go on
/// otherwise and belong to another tile. TILE follows the rows of each tile's last segment.
class ShortSegments {
 public:
  ShortSegments(const std::string& hardware, int bytes) : machine_(hardware), hw_(machine_.hardware()), bytes_(bytes) {
    machine_.fill_random(kA, 0x1000);
    machine_.fill_random(kB, 0x1000);
  }

  void run() {
    const int groups = hw_.tile_cols() / hw_.lanes;
    machine_.add(Opcode::VECTOR_NOP).set(Field::N2, 2).signal(make_token(kVectorQueue, kArrayQueue, 0));
    machine_.add(Opcode::STORE_NOP).set(Field::N2, 2).signal(make_token(kStoreQueue, kVectorQueue, 0));
    load(machine_, LoadTarget::SPAD_A, kA, hw_.rows, pitch(), pitch());
    load(machine_, LoadTarget::SPAD_B, kB, hw_.cols, pitch(), pitch()).signal(make_token(kLoadQueue, kArrayQueue, 0));
    Command& gemm = machine_.add_gemm(bytes_).set(Field::N1, kTiles).set(Field::N2, kSegments);
    gemm.set(Field::A_STEP, 1).set(Field::B_STEP, 1).set(Field::PARITY0, 3).set(Field::PARITY1, 3);
    gemm.wait(make_token(kLoadQueue, kArrayQueue, 0, 3)).wait(make_token(kVectorQueue, kArrayQueue, 0, 1));
    gemm.signal(make_token(kArrayQueue, kVectorQueue, 0, 1));
    Command& tile = machine_.add_shaped(Opcode::TILE, hw_.rows, hw_.tile_cols()).set_flag(Flag::RAW_OUT);
    tile.set(Field::N1, kTiles).set(Field::VIN_STRIDE, hw_.rows * groups);
    tile.wait(make_token(kArrayQueue, kVectorQueue, 0)).wait(make_token(kStoreQueue, kVectorQueue, 0));
    tile.signal(make_token(kVectorQueue, kArrayQueue, 0)).signal(make_token(kVectorQueue, kStoreQueue, 0));
    machine_.store_vout(kC, hw_.rows, hw_.tile_cols(), 4 * hw_.tile_cols(), 0, groups)
        .set(Field::N1, kTiles)
        .set(Field::STRIDE1, 4 * hw_.rows * hw_.tile_cols())
        .set(Field::LOCAL_STRIDE, hw_.rows * groups)
        .wait(make_token(kVectorQueue, kStoreQueue, 0))
        .signal(make_token(kStoreQueue, kVectorQueue, 0));
    machine_.add(Opcode::ARRAY_NOP).set(Field::N2, 2).wait(make_token(kVectorQueue, kArrayQueue, 0));
    machine_.add(Opcode::VECTOR_NOP).set(Field::N2, 2).wait(make_token(kStoreQueue, kVectorQueue, 0));
    ASSERT_EQ(machine_.run().error_code, 0u);
    for (int at = 0; at < kTiles * hw_.rows * hw_.tile_cols(); ++at) {
      const int row = at / hw_.tile_cols() % hw_.rows, col = at % hw_.tile_cols();
      ASSERT_EQ(machine_.word_at(kC + 4 * static_cast<std::uint32_t>(at)), sum(row, col))
          << "tile " << at / hw_.tile_cols() / hw_.rows << " row " << row << " column " << col;
    }
  }

 private:
  static constexpr int kTiles = 5, kSegments = 2;
  int pitch() const { return kSegments * hw_.axi_bytes; }  ///< a word for each segment
  int sum(int row, int col) const {
    int sum = 0;
    for (int k = 0; k < pitch(); ++k) {
      const auto code = [&](std::uint32_t area, int lane) {
        return static_cast<std::int8_t>(machine_.memory()[area + static_cast<std::uint32_t>(lane * pitch() + k)]);
      };
      if (k % hw_.axi_bytes < bytes_) sum += code(kA, row) * code(kB, col);
    }
    return sum;
  }

  mutable MachineCase machine_;
  const Hardware& hw_;
  int bytes_;
};

TEST_P(GemmTest, SegmentsShorterThanTheRows) {
  const int word = MachineCase(GetParam()).hardware().axi_bytes;
  for (int bytes = 1; bytes <= word; ++bytes) {
    ASSERT_NO_FATAL_FAILURE(ShortSegments(GetParam(), bytes).run()) << bytes << " bytes";
  }
}

/// One resident segment of ±127, multiplied again and again until the sums are 1.5 · 2^31 in magnitude: beyond int32,
/// so that the accumulators' 48 bits show. The raw view is clamped, the codes come from the exact sum (N3, N5.2, N6.3).
TEST_P(GemmTest, SumsBeyondInt32AreExact) {
  constexpr std::int64_t kSquare = 127 * 127, kTwo31 = std::int64_t{1} << 31;
  MachineCase machine(GetParam());
  const Hardware& hw = machine.hardware();
  const int bytes = std::min(hw.spad_a_bytes, hw.spad_b_bytes), cols = hw.tile_cols();
  const std::int64_t segments = (3 * kTwo31 / 2 + bytes * kSquare - 1) / (bytes * kSquare);
  const auto sign = [](int lane) { return lane % 2 == 0 ? 1 : -1; };
  for (int lane = 0; lane < hw.rows; ++lane) {
    std::fill_n(machine.memory().begin() + kA + lane * bytes, bytes, static_cast<std::uint8_t>(127 * sign(lane)));
  }
  std::fill_n(machine.memory().begin() + kB, hw.cols * bytes, static_cast<std::uint8_t>(127));

  load(machine, LoadTarget::SPAD_A, kA, hw.rows, bytes, bytes);
  load(machine, LoadTarget::SPAD_B, kB, hw.cols, bytes, bytes).signal(make_token(kLoadQueue, kArrayQueue, 0));
  Command& gemm = machine.add_gemm(bytes);
  gemm.set(Field::N2, segments).set(Field::PARITY0, 3).set(Field::PARITY1, 3);  // always buffer 0
  gemm.wait(make_token(kLoadQueue, kArrayQueue, 0, 3)).signal(make_token(kArrayQueue, kVectorQueue, 0, 3));
  const Token made = make_token(kVectorQueue, kStoreQueue, 0);
  machine.add_shaped(Opcode::TILE, hw.rows, cols)
      .set_flag(Flag::RAW_OUT)
      .set_flag(Flag::CODES_OUT)
      .set(Field::QMAX, 127)
      .set(Field::VIN_STRIDE, hw.rows * cols / hw.lanes)
      .set(Field::RATIO, kTableLearningRate)
      .wait(make_token(kArrayQueue, kVectorQueue, 0))
      .signal(made);
  machine.store_vout(kC, hw.rows, cols, 4 * cols, 0, cols / hw.lanes).wait(made);
  machine.store_vout(kC + 0x8000, hw.rows, cols, cols, 2 * hw.rows * cols / hw.lanes, cols / hw.lanes)
      .set(Field::MEMORY_BITS, static_cast<int>(Width::BITS8));
  constexpr std::uint32_t kMantissa = 34000, kShift = 40;  // 1.5 · 2^31 becomes 100, a clamped 2^31 would 66
  machine.machine().write_register(Register::LEARNING_RATE, kMantissa | kShift << 16);
  const RtlResult result = machine.run(20'000'000);
  ASSERT_EQ(result.error_code, 0u);
  for (int r = 0; r < hw.rows; ++r) {
    const std::int64_t sum = segments * bytes * kSquare * sign(r);
    const std::int64_t scaled = sum * kMantissa;
    const auto rounded = static_cast<int>((scaled + (std::int64_t{1} << (kShift - 1))) >> kShift);
    for (int c = 0; c < cols; ++c) {
      const auto at = static_cast<std::uint32_t>(r * cols + c);
      EXPECT_EQ(machine.word_at(kC + 4 * at), sign(r) * 2147483647) << "row " << r << " column " << c;
      EXPECT_EQ(static_cast<std::int8_t>(machine.memory()[kC + 0x8000 + at]), rounded)
          << "row " << r << " column " << c;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(All, GemmTest, ::testing::ValuesIn(all_hardware()),
                         [](const auto& each) { return each.param; });

}  // namespace
}  // namespace bitloom
