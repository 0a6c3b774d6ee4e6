#include "model/order.hpp"

#include <cmath>

#include "model/init.hpp"
#include "testbench/model/support.hpp"

namespace bitloom {
namespace {

using testing::ElementsAre;

// From a separate Python program with its own seed_seq, mt19937_64 and Fisher–Yates.
TEST(Order, KnownAnswers) {
  EXPECT_THAT(epoch_order(10, 1, 0), ElementsAre(1, 3, 4, 0, 2, 8, 9, 6, 7, 5));
  EXPECT_THAT(epoch_order(10, 1, 1), ElementsAre(5, 4, 7, 9, 6, 3, 0, 2, 1, 8));
  EXPECT_THAT(epoch_order(10, (std::uint64_t{7} << 32) | 1, 0), ElementsAre(2, 9, 4, 3, 6, 5, 0, 7, 1, 8));
}

TEST(Order, IsAPermutation) {
  const std::vector<std::uint32_t> order = epoch_order(60000, 3, 2);
  std::vector<int> seen(order.size(), 0);
  for (const std::uint32_t index : order) ++seen.at(index);
  EXPECT_THAT(seen, testing::Each(1));
}

TEST(Init, KnownAnswers) {
  const auto parameters = initial_parameters({{"fc", 7, 2, true, false}}, 5);
  ASSERT_EQ(parameters.size(), 1U);
  EXPECT_EQ(parameters[0].bias.size(), 2U);
  ASSERT_EQ(parameters[0].weight.size(), 14U);
  EXPECT_EQ(parameters[0].weight[0], 0x1.5802480000000p-3F);
  EXPECT_EQ(parameters[0].weight[1], -0x1.9f765c0000000p-6F);
  EXPECT_EQ(parameters[0].weight[2], -0x1.d6bb6c0000000p-3F);
  EXPECT_EQ(parameters[0].weight[3], 0x1.bfac2a0000000p-3F);
}

TEST(Init, IsUniformInItsRange) {
  const auto parameters = initial_parameters({{"a", 100, 400, true, true}, {"b", 400, 10, false, false}}, 1);
  EXPECT_TRUE(parameters[1].bias.empty());
  double sum = 0.0;
  double squares = 0.0;
  float largest = 0.0F;
  for (const float weight : parameters[0].weight) {
    sum += weight;
    squares += weight * weight;
    largest = std::max(largest, std::abs(weight));
  }
  const auto count = static_cast<double>(parameters[0].weight.size());
  EXPECT_LT(largest, 0.1F);
  EXPECT_GT(largest, 0.0999F);
  EXPECT_NEAR(sum / count, 0.0, 0.001);                 // standard error 0.0003
  EXPECT_NEAR(squares / count, 0.01 / 3.0, 0.0000750);  // standard error 0.000015
}

}  // namespace
}  // namespace bitloom
