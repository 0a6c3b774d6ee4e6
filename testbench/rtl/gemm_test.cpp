// GEMM against plain loops: LOAD of both operands, segments, accumulation over i2, TILE of the raw view, STORE.
#include <gtest/gtest.h>

#include <algorithm>

#include "testbench/rtl/machine_case.hpp"

namespace bitloom {
namespace {

enum class Values { kRandom, kLargest, kMixedExtremes };

struct GemmCase {
  std::string hardware;
  bool bits4;
  Values values;
  int segments;
  int stall;
};

constexpr std::uint32_t kA = 0x10000, kB = 0x40000, kC = 0x80000;

int element(MachineCase& machine, Values values, int largest) {
  switch (values) {
    case Values::kRandom:
      return machine.uniform(-largest, largest);
    case Values::kLargest:
      return largest;
    default:
      return machine.uniform(0, 3) == 0 ? 0 : (machine.uniform(0, 1) == 0 ? -largest : largest);
  }
}

/// Fills rows × count elements of 8 or 4 bits from `address` and returns them.
std::vector<int> operand(MachineCase& machine, const GemmCase& chosen, std::uint32_t address, int rows, int bytes) {
  const int per_byte = chosen.bits4 ? 2 : 1;
  std::vector<int> result;
  for (int r = 0; r < rows; ++r) {
    for (int k = 0; k < bytes; ++k) {
      int byte = 0;
      for (int part = 0; part < per_byte; ++part) {
        const int value = element(machine, chosen.values, chosen.bits4 ? 7 : 127);
        result.push_back(value);
        byte |= (chosen.bits4 ? (value & 15) << (4 * part) : value & 255);
      }
      machine.memory()[address + static_cast<std::uint32_t>(r * bytes + k)] = static_cast<std::uint8_t>(byte);
    }
  }
  return result;
}

/// LOAD of one operand: a segment of `bytes` bytes of each lane at iteration i2.
void load(MachineCase& machine, LoadTarget target, std::uint32_t address, int lanes, int bytes, int pitch,
          int segments) {
  Command& command = machine.add(Opcode::LOAD);
  command.set(Field::ADDR, address).set(Field::STRIDE2, bytes).set(Field::PITCH, pitch).set(Field::N2, segments);
  command.set(Field::ROWS, lanes).set(Field::ROWS_LAST, lanes).set(Field::ROWS_DIM, 3);
  command.set(Field::COLS, bytes).set(Field::COLS_LAST, bytes).set(Field::COLS_DIM, 3);
  command.set(Field::TARGET, static_cast<int>(target)).set(Field::GROUP, target == LoadTarget::SPAD_A ? 1 : 0);
  if (target == LoadTarget::SPAD_A) {
    command.wait(make_token(kArrayQueue, kLoadQueue, 0));
  } else {
    command.signal(make_token(kLoadQueue, kArrayQueue, 0));
  }
}

void run(const GemmCase& chosen) {
  MachineCase machine(chosen.hardware, chosen.stall);
  const Hardware& hw = machine.hardware();
  const int bytes = std::min(hw.spad_a_bytes, hw.spad_b_bytes);
  const int pitch = bytes * chosen.segments;
  const std::vector<int> a = operand(machine, chosen, kA, hw.rows, pitch);
  const std::vector<int> b = operand(machine, chosen, kB, hw.cols, pitch);

  Command& prime = machine.add(Opcode::ARRAY_NOP);
  prime.set(Field::N2, 2).signal(make_token(kArrayQueue, kLoadQueue, 0));
  load(machine, LoadTarget::SPAD_A, kA, hw.rows, bytes, pitch, chosen.segments);
  load(machine, LoadTarget::SPAD_B, kB, hw.cols, bytes, pitch, chosen.segments);
  Command& gemm = machine.add(Opcode::GEMM);
  gemm.set(Field::N2, chosen.segments).set(Field::COLS, bytes).set(Field::COLS_LAST, bytes).set(Field::COLS_DIM, 3);
  gemm.set(Field::BITS4, chosen.bits4 ? 1 : 0);
  gemm.wait(make_token(kLoadQueue, kArrayQueue, 0)).signal(make_token(kArrayQueue, kLoadQueue, 0));
  gemm.signal(make_token(kArrayQueue, kVectorQueue, 0, 1));
  const int cols = hw.tile_cols();
  Command& tile = machine.add(Opcode::TILE);
  tile.set(Field::ROWS, hw.rows).set(Field::ROWS_LAST, hw.rows).set(Field::ROWS_DIM, 3);
  tile.set(Field::COLS, cols).set(Field::COLS_LAST, cols).set(Field::COLS_DIM, 3).set_flag(Flag::RAW_OUT);
  tile.wait(make_token(kArrayQueue, kVectorQueue, 0)).signal(make_token(kVectorQueue, kStoreQueue, 0));
  machine.store_raw(kC, hw.rows, 4 * cols, 4 * cols, 0, cols / hw.lanes())
      .wait(make_token(kVectorQueue, kStoreQueue, 0));
  Command& drain = machine.add(Opcode::LOAD_NOP);
  drain.set(Field::N2, 2).wait(make_token(kArrayQueue, kLoadQueue, 0));

  const RtlResult result = machine.run();
  ASSERT_EQ(result.error_code, 0u);
  const int depth = static_cast<int>(a.size()) / hw.rows;
  for (int r = 0; r < hw.rows; ++r) {
    for (int c = 0; c < cols; ++c) {
      std::int64_t sum = 0;
      for (int k = 0; k < depth; ++k) {
        sum += std::int64_t{a[static_cast<std::size_t>(r * depth + k)]} * b[static_cast<std::size_t>(c * depth + k)];
      }
      sum = std::clamp<std::int64_t>(sum, -2147483647, 2147483647);
      ASSERT_EQ(machine.word_at(kC + static_cast<std::uint32_t>(4 * (r * cols + c))), sum)
          << "row " << r << " column " << c;
    }
  }
}

/// One resident segment of ±127, multiplied again and again until the sums are 1.5 · 2^31 in magnitude: beyond int32,
/// so that the accumulators' 48 bits show. The raw view is clamped, the codes come from the exact sum (N3, N5.2, N6.3).
void run_beyond_int32(const std::string& hardware) {
  constexpr std::int64_t kSquare = 127 * 127, kTwo31 = std::int64_t{1} << 31;
  MachineCase machine(hardware);
  const Hardware& hw = machine.hardware();
  const int bytes = std::min(hw.spad_a_bytes, hw.spad_b_bytes), cols = hw.tile_cols();
  const std::int64_t segments = (3 * kTwo31 / 2 + bytes * kSquare - 1) / (bytes * kSquare);
  const auto sign = [](int lane) { return lane % 2 == 0 ? 1 : -1; };
  for (int lane = 0; lane < hw.rows; ++lane) {
    std::fill_n(machine.memory().begin() + kA + lane * bytes, bytes, static_cast<std::uint8_t>(127 * sign(lane)));
  }
  std::fill_n(machine.memory().begin() + kB, hw.cols * bytes, static_cast<std::uint8_t>(127));

  machine.add(Opcode::ARRAY_NOP).signal(make_token(kArrayQueue, kLoadQueue, 0));
  load(machine, LoadTarget::SPAD_A, kA, hw.rows, bytes, bytes, 1);
  load(machine, LoadTarget::SPAD_B, kB, hw.cols, bytes, bytes, 1);
  Command& gemm = machine.add(Opcode::GEMM);
  gemm.set(Field::N2, segments).set(Field::COLS, bytes).set(Field::COLS_LAST, bytes).set(Field::COLS_DIM, 3);
  gemm.set(Field::PARITY0, 3).set(Field::PARITY1, 3);  // always buffer 0
  gemm.wait(make_token(kLoadQueue, kArrayQueue, 0, 3)).signal(make_token(kArrayQueue, kVectorQueue, 0, 3));
  Command& raw = machine.add_shaped(Opcode::TILE, hw.rows, cols);
  raw.set_flag(Flag::RAW_OUT).wait(make_token(kArrayQueue, kVectorQueue, 0));
  Command& codes = machine.add_shaped(Opcode::TILE, hw.rows, cols);
  codes.set_flag(Flag::CODES_OUT)
      .set(Field::RATIO, kTableLearningRate)
      .signal(make_token(kVectorQueue, kStoreQueue, 0));
  machine.store_raw(kC, hw.rows, 4 * cols, 4 * cols, 0, cols / hw.lanes())
      .wait(make_token(kVectorQueue, kStoreQueue, 0));
  Command& packed = machine.add_shaped(Opcode::STORE, hw.rows, cols);
  packed.set(Field::ADDR, kC + 0x8000).set(Field::PITCH, cols).set(Field::TARGET, static_cast<int>(StoreSource::P1));
  constexpr std::uint32_t kMantissa = 34000, kShift = 40;  // 1.5 · 2^31 becomes 100, a clamped 2^31 would 66
  machine.machine().write_register(Register::LEARNING_RATE, kMantissa | kShift << 16);
  const RtlResult result = machine.run(20'000'000);
  ASSERT_EQ(result.error_code, 0u);
  for (int r = 0; r < hw.rows; ++r) {
    const std::int64_t sum = segments * bytes * kSquare * sign(r);
    const std::int64_t product = sum * kMantissa;
    const auto rounded = static_cast<int>((product + (std::int64_t{1} << (kShift - 1))) >> kShift);
    for (int c = 0; c < cols; ++c) {
      const auto at = static_cast<std::uint32_t>(r * cols + c);
      EXPECT_EQ(machine.word_at(kC + 4 * at), sign(r) * 2147483647) << "row " << r << " column " << c;
      EXPECT_EQ(static_cast<std::int8_t>(machine.memory()[kC + 0x8000 + at]), rounded)
          << "row " << r << " column " << c;
    }
  }
}

class GemmTest : public ::testing::TestWithParam<std::string> {};

TEST_P(GemmTest, RandomOperands) {
  for (const bool bits4 : {false, true}) {
    for (const int stall : {0, 25, 75}) run({GetParam(), bits4, Values::kRandom, 3, stall});
  }
}

TEST_P(GemmTest, BoundaryOperands) {
  for (const bool bits4 : {false, true}) {
    for (const Values values : {Values::kLargest, Values::kMixedExtremes}) run({GetParam(), bits4, values, 5, 0});
  }
}

TEST_P(GemmTest, SumsBeyondInt32AreExact) { run_beyond_int32(GetParam()); }

TEST_P(GemmTest, OneSegment) { run({GetParam(), false, Values::kRandom, 1, 0}); }

INSTANTIATE_TEST_SUITE_P(All, GemmTest, ::testing::ValuesIn(all_hardware()),
                         [](const auto& each) { return each.param; });

}  // namespace
}  // namespace bitloom
