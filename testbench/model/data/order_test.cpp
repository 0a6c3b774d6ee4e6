#include "model/data/order.hpp"

#include <cmath>

#include "model/network/init.hpp"
#include "testbench/model/perceptron.hpp"
#include "testbench/model/support.hpp"

namespace bitloom {
namespace {

using test::perceptron;
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
  const auto parameters = initial_parameters(perceptron(7, {2}), 5);
  ASSERT_EQ(parameters.size(), 2U);
  EXPECT_EQ(parameters[0].bias.size(), 2U);
  ASSERT_EQ(parameters[0].weight.size(), 14U);
  EXPECT_EQ(parameters[0].weight[0], 0x1.5802480000000p-3F);
  EXPECT_EQ(parameters[0].weight[1], -0x1.9f765c0000000p-6F);
  EXPECT_EQ(parameters[0].weight[2], -0x1.d6bb6c0000000p-3F);
  EXPECT_EQ(parameters[0].weight[3], 0x1.bfac2a0000000p-3F);
}

TEST(Init, IsUniformInItsRange) {
  const auto parameters =
      initial_parameters(perceptron({{"a", 100, 400, true, true}, {"b", 400, 10, false, false}}), 1);
  EXPECT_TRUE(parameters[2].bias.empty());
  EXPECT_EQ(parameters[2].weight.size(), 4000U);
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

TEST(Init, NodesDrawInFileOrder) {
  // A convolution draws as a linear layer of its window: conv_ops' second one sees 3 of 6 channels in 3×2 places.
  const Network network = read_network(test::source_file("traces/networks/conv_ops.json"));
  const auto parameters = initial_parameters(network, 7);
  const auto alike = initial_parameters(perceptron({{"a", 9 * 4, 6, true, false},
                                                    {"b", 6 * 3, 8, true, false},
                                                    {"c", 9, 8, false, false},
                                                    {"d", 48, 5, true, false}}),
                                        7);
  std::size_t next = 0;
  for (std::size_t i = 0; i < network.nodes.size(); ++i) {
    if (parameters[i].weight.empty()) continue;
    EXPECT_EQ(parameters[i].weight, alike.at(next).weight) << network.nodes[i].name;
    EXPECT_EQ(parameters[i].bias, alike.at(next++).bias) << network.nodes[i].name;
  }
  EXPECT_EQ(next, 4U);
  EXPECT_EQ(fan_in(network.nodes[2]), 18);
  EXPECT_EQ(network.nodes[6].name, "bn1");
  EXPECT_EQ(parameters[6].gamma, std::vector<float>(8, 1.0F));
  EXPECT_EQ(parameters[6].beta, std::vector<float>(8, 0.0F));
}

}  // namespace
}  // namespace bitloom
