// SCALAR in the engine: with its divider and table. What the operations compute is the subject of scalar_scale_test.cpp
// and scalar_unit_test.cpp.
#include <gtest/gtest.h>

#include "model/numerics/numbers.hpp"
#include "testbench/rtl/units/random_commands.hpp"

namespace bitloom::testing {
namespace {

Command scalar(ScalarOp op, std::uint32_t dst, std::uint32_t a, std::uint32_t b) {
  Command c(Opcode::SCALAR);
  c.set(Field::COLS, 1).set(Field::SCALAR_OP, static_cast<int>(op));
  return c.set(Field::DST, dst).set(Field::SRC_A, a).set(Field::SRC_B, b);
}

/// Room for operands from the first of the tests' entries on, and results 100 entries further.
constexpr std::uint32_t kOperands = 24;

TEST(Scalar, MulAndDiv) {
  Sweep sweep(51);
  const std::uint32_t first = table_origin();
  Pair pair(hardware(), 13);
  pair.start({});
  for (int round = 0; round < 3 && !::testing::Test::HasFailure(); ++round) {
    std::vector<std::uint32_t> operands;
    for (std::uint32_t k = 0; k < kOperands; ++k) {
      // Round 0: both ends of the mantissas. Later: a stride of a large prime.
      const std::uint32_t step = round == 0 ? (k < kOperands / 2 ? k : 32767 - (kOperands - 1 - k))
                                            : (static_cast<std::uint32_t>(round) * kOperands + k) * 13931u;
      const auto s = static_cast<std::uint8_t>(sweep.in(0, 63));
      operands.push_back(word(Scale{static_cast<std::uint16_t>(32768 + step % 32768), s}));
    }
    pair.load_table(first, operands);
    for (std::uint32_t a = 0; a < kOperands; ++a) {
      for (std::uint32_t b = 0; b < kOperands; ++b) {
        const ScalarOp op = (a + b + static_cast<std::uint32_t>(round)) % 3 == 0 ? ScalarOp::MUL : ScalarOp::DIV;
        pair.run(Execution(scalar(op, first + 100 + b, first + a, first + b)));
      }
      pair.compare_table();
    }
  }
}

TEST(Scalar, MaxToScale) {
  Sweep sweep(52);
  const std::uint32_t first = table_origin();
  Pair pair(hardware(), 14);
  pair.start({});
  for (int round = 0; round < 10 && !::testing::Test::HasFailure(); ++round) {
    std::vector<std::uint32_t> operands;
    for (std::uint32_t k = 0; k < 40; ++k) {
      operands.push_back(k % 4 == 0 ? random_scale(sweep)
                                    : static_cast<std::uint32_t>(k % 10 == 1 ? 0 : sweep.magnitude(kRawLimit)));
    }
    pair.load_table(first, operands);
    for (std::uint32_t k = 0; k < 40; ++k) {
      const auto unit = first + static_cast<std::uint32_t>(4 * sweep.in(0, 9));
      Command c = scalar(ScalarOp::MAX_TO_SCALE, first + 100 + k, first + k, unit);
      const int maxima[] = {7, 127, 32767, 1, 65535, 100};
      c.set(Field::QMAX, maxima[sweep.in(0, 5)]);
      c.set(Field::SRC_C, first + 4 * sweep.in(0, 9)).set(Field::SCALAR_KEEP, sweep.in(0, 1));
      if (k % 4 != 0) pair.run(Execution(c));
    }
    pair.compare_table();
  }
}

TEST(Scalar, ReadsTheLearningRateAndKeepsEntryZero) {
  Pair pair(hardware(), 15);
  pair.start({0, 0, word(Scale{40000, 20})});
  pair.load_table(0, {123, 77, word(Scale{50000, 30})});
  pair.run(Execution(scalar(ScalarOp::COPY, 10, kTableLearningRate, 0)));
  pair.run(Execution(scalar(ScalarOp::MUL, 11, kTableLearningRate, 2)));
  pair.run(Execution(scalar(ScalarOp::COPY, 0, 2, 0)));
  pair.compare_table();
  EXPECT_EQ(pair.reference().table[0], 0u);
  EXPECT_EQ(pair.reference().table[1], 77u);
  EXPECT_EQ(pair.reference().table[10], word(Scale{40000, 20}));
  pair.start({});  // a new program counts from 0
  pair.compare_table();
  EXPECT_EQ(pair.reference().table[1], 0u);
  pair.load_table(2, {word(Scale{32768, 63}), word(Scale{65535, 0})});
  pair.run(Execution(scalar(ScalarOp::MUL, 4, 2, 2)));
  pair.run(Execution(scalar(ScalarOp::DIV, 5, 3, 2)));
  pair.compare_table();
  EXPECT_EQ(pair.reference().table[1], 2u);
}

}  // namespace
}  // namespace bitloom::testing
