// LOSS: rows of few and many classes, equal, extreme and ordinary logits; the golden row and the specification's.
#include <gtest/gtest.h>

#include <vector>

#include "model/numerics/functions.hpp"
#include "testbench/model/numerics/spec_functions.hpp"
#include "testbench/rtl/units/random_commands.hpp"

namespace bitloom::testing {
namespace {

enum class Kind { kEqual, kExtreme, kOrdinary, kNear };

std::int32_t logit(Kind kind, Sweep& sweep) {
  switch (kind) {
    case Kind::kEqual:
      return -77;
    case Kind::kExtreme:
      return static_cast<std::int32_t>(sweep.in(0, 1) == 0 ? kRawLimit : -kRawLimit);
    case Kind::kOrdinary:
      return static_cast<std::int32_t>(sweep.signed_value(kRawLimit));
    case Kind::kNear:
      break;
  }
  return static_cast<std::int32_t>(sweep.in(-40000, 40000));
}

void run_rows(std::int64_t classes, std::uint64_t seed) {
  const Hardware& hw = hardware();
  Sweep sweep(seed);
  Pair pair(hw, 11);
  pair.start(random_registers(sweep));
  const std::int64_t v = hw.lanes;
  const std::int64_t row_words = (classes + v - 1) / v;
  const std::int64_t rows = std::min<std::int64_t>(std::min(hw.vin_words / 4, hw.vout_words / 2) / row_words, 9);
  ASSERT_GE(rows, 1);
  const std::int64_t stride = rows * row_words;
  for (int trial = 0; trial < 60 && !::testing::Test::HasFailure(); ++trial) {
    const auto kind = static_cast<Kind>(trial % 4);
    // c of N7.1 such that the distances span all of exp2neg's range.
    const auto s = static_cast<std::uint8_t>(kind == Kind::kNear ? sweep.in(20, 34) : sweep.in(15, 48));
    const Scale unit{static_cast<std::uint16_t>(sweep.mantissa()), s};
    std::uint64_t saturations = 0;
    pair.load_table(2, {word(logit_exponent_scale(unit, saturations))});
    Command c(Opcode::LOSS);
    c.set(Field::INDEX, trial).set(Field::ROWS, rows).set(Field::COLS, classes).set(Field::VIN_STRIDE, stride);
    c.set(Field::RATIO, 2).set(Field::STAT, 100);
    spec::AnyScale any{unit.m, unit.s, false};
    for (int iteration = 0; iteration < 2; ++iteration) {
      Execution e(c);
      e.first = iteration == 0;
      e.last = iteration == 1;
      e.parity = static_cast<std::uint32_t>(sweep.in(0, 1));
      e.rows = static_cast<std::uint32_t>(sweep.in(1, rows));
      const std::int64_t base = e.parity * stride * v;
      std::vector<spec::RowLoss> specified;
      for (std::int64_t i = 0; i < e.rows; ++i) {
        std::vector<std::int64_t> logits;
        for (std::int64_t j = 0; j < classes; ++j) {
          logits.push_back(logit(kind, sweep));
          pair.set_vin(static_cast<std::size_t>(base + i * row_words * v + j),
                       static_cast<std::int32_t>(logits.back()));
        }
        const auto label = static_cast<std::size_t>(sweep.in(0, classes - 1));
        pair.set_vin(static_cast<std::size_t>(base + 2 * stride * v + i), static_cast<std::int32_t>(label));
        specified.push_back(spec::softmax_cross_entropy(logits, label, any));
      }
      pair.run(e);
      for (std::int64_t i = 0; i < e.rows && saturations == 0; ++i) {
        for (std::int64_t j = 0; j < classes; ++j) {
          const auto at = static_cast<std::size_t>(base + i * row_words * v + j);
          ASSERT_EQ(static_cast<std::int32_t>(pair.reference().memories.vout_value(at)),
                    specified[static_cast<std::size_t>(i)].gradient[static_cast<std::size_t>(j)]);
        }
      }
    }
    pair.compare_table();
  }
}

TEST(Loss, OneClass) { run_rows(1, 41); }
TEST(Loss, TwoClasses) { run_rows(2, 42); }
TEST(Loss, TenClasses) { run_rows(10, 43); }
TEST(Loss, ThirtyThreeClasses) { run_rows(33, 44); }

TEST(Loss, ProbabilitiesHalfwayRoundUp) {
  // With c = 2^-16 the exponents t are the distances: e = 65536, 65535 and 1, so S = 2^17 and R = 2^30, and the second
  // and third probability lie halfway.
  const Hardware& hw = hardware();
  Pair pair(hw, 17);
  pair.start({});
  pair.load_table(2, {word(Scale{32768, 31})});
  const std::int64_t stride = (3 + hw.lanes - 1) / hw.lanes;
  Command c(Opcode::LOSS);
  c.set(Field::ROWS, 1).set(Field::COLS, 3).set(Field::VIN_STRIDE, stride).set(Field::RATIO, 2).set(Field::STAT, 100);
  const std::int32_t logits[] = {7, 6, 7 - (1 << 20)};
  for (std::size_t j = 0; j < 3; ++j) pair.set_vin(j, logits[j]);
  pair.set_vin(static_cast<std::size_t>(2 * stride * hw.lanes), 0);
  pair.run(Execution(c));
  pair.compare_table();
  pair.run(Execution(c));
  const std::int32_t gradient[] = {32768 - 65536, 32768, 1};
  for (std::size_t j = 0; j < 3; ++j) {
    EXPECT_EQ(static_cast<std::int32_t>(pair.reference().memories.vout_value(j)), gradient[j]) << j;
  }
  EXPECT_EQ(pair.reference().table[100], 65536u);  // one bit
  EXPECT_EQ(pair.reference().table[101], 1u);
}

TEST(Loss, TheSumOfLossesSaturates) {
  const Hardware& hw = hardware();
  Pair pair(hw, 12);
  pair.start({});
  pair.load_table(2, {word(Scale{65535, 0})});
  Command c(Opcode::LOSS);
  c.set(Field::ROWS, 1).set(Field::COLS, 2).set(Field::VIN_STRIDE, 1).set(Field::RATIO, 2).set(Field::STAT, 100);
  pair.set_vin(0, 1000);
  pair.set_vin(1, -1000);
  pair.set_vin(static_cast<std::size_t>(2 * hw.lanes), 1);  // the label: each row loses 2^21 - 1
  for (int i = 0; i < 2051; ++i) {
    Execution e(c);
    e.first = i == 0;
    e.last = i == 2050;
    pair.run(e);
  }
  pair.compare_table();
  EXPECT_EQ(pair.reference().table[100], 0xffffffffu);
}

}  // namespace
}  // namespace bitloom::testing
