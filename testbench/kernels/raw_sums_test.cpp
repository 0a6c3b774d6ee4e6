// Which norms read their input and gradient once more for sums, and which find them made on the way.
#include "kernels/raw_sums.hpp"

#include <gtest/gtest.h>

#include <map>

#include "testbench/kernels/cases.hpp"

namespace bitloom {
namespace {

using namespace testing_cases;

/// REDUCE commands of a program, by kind: those that read a tensor, and those that write sums made on the way.
struct Reductions {
  std::map<ReduceKind, int> read, made;
};

Reductions reductions(const char* network, const char* recipe, const char* hardware) {
  const Program program = lower(named_network(network), named_recipe(recipe), named_hardware(hardware), with_batch(3));
  Reductions of;
  for (const Command& command : program.commands) {
    if (command.opcode() != Opcode::REDUCE) continue;
    ++(command.get(Field::SUMS) != 0 ? of.made : of.read)[static_cast<ReduceKind>(command.get(Field::REDUCE_KIND))];
  }
  return of;
}

TEST(RawSums, OfViewsOf16BitsAreMadeOnTheWay) {  // conv_small has three norms; one of their gradients is a pool's
  const Reductions of = reductions("conv_small", "int8_raw16", "base");
  EXPECT_EQ(of.read.count(ReduceKind::MOMENTS), 0u);
  EXPECT_GT(of.made.at(ReduceKind::MOMENTS), 0);
  EXPECT_GT(of.made.at(ReduceKind::CROSS), 0);
}

TEST(RawSums, OfViewsOf32BitsAreRead) {
  const Reductions of = reductions("conv_small", "int8", "base");
  EXPECT_TRUE(of.made.empty());
  EXPECT_GT(of.read.at(ReduceKind::MOMENTS), 0);
}

TEST(RawSums, OfMoreColumnsThanThereArePlacesAreRead) {  // 256 on base
  const Reductions of = reductions("resnet50", "int8_raw16", "base");
  EXPECT_GT(of.read.at(ReduceKind::MOMENTS), 0);
  EXPECT_GT(of.made.at(ReduceKind::MOMENTS), 0);
}

/// SAWB's sums of a result are made once for all layers that read it, on the way or by a pass.
TEST(RawSums, SawbSharesThemAmongReaders) {
  const Reductions narrow = reductions("resnet8", "luq_raw16", "base"), wide = reductions("resnet8", "luq", "base");
  const int weights = 8;  // layers of 4-bit weights
  EXPECT_EQ(narrow.read.at(ReduceKind::ABSOLUTE), weights);
  EXPECT_EQ(narrow.made.at(ReduceKind::ABSOLUTE) + weights, wide.read.at(ReduceKind::ABSOLUTE));
}

TEST(RawSums, HoldSixteenWordsOfColumns) {
  Hardware hardware = named_hardware("base");
  const RawSums sums;
  EXPECT_TRUE(sums.holds(hardware, 16 * hardware.lanes));
  EXPECT_FALSE(sums.holds(hardware, 16 * hardware.lanes + 1));
  EXPECT_TRUE(RawSums{.all = true}.holds(hardware, 100000));
  hardware.vout_words = 64;  // four rows of results, twice
  EXPECT_TRUE(sums.holds(hardware, 8 * hardware.lanes));
  EXPECT_FALSE(sums.holds(hardware, 8 * hardware.lanes + 1));
}

}  // namespace
}  // namespace bitloom
