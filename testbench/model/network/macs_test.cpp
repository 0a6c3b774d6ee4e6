// Multiply-accumulates of layers: by hand, and against a count of every pair of result and tap.
#include "model/network/macs.hpp"

#include <gtest/gtest.h>

#include "model/io/json_reader.hpp"
#include "model/io/traces.hpp"

namespace bitloom {
namespace {

Network network_of(const std::string& input, const std::string& layer) {
  const std::string text = R"({"name": "n", "input": )" + input + R"(, "layers": [)" + layer +
                           R"(, {"name": "flat", "op": "flatten"}, {"name": "loss", "op": "softmax_cross_entropy"}]})";
  return read_network(JsonObject::from_text(text, "net.json"));
}

/// Counts every result, every tap and every channel of its group, one at a time.
LayerMacs counted(const Network& network) {
  const auto& c = std::get<Conv2dAttributes>(network.nodes[0].attributes);
  const Shape& out = network.nodes[0].shape;
  LayerMacs sum;
  for (int o = 0; o < out[0] * (c.in / c.groups); ++o) {
    for (int y = 0; y < out[1] * c.kernel.rows; ++y) {
      for (int x = 0; x < out[2] * c.kernel.cols; ++x) {
        const int row = y / c.kernel.rows * c.stride.rows + y % c.kernel.rows * c.dilation.rows - c.padding.rows;
        const int col = x / c.kernel.cols * c.stride.cols + x % c.kernel.cols * c.dilation.cols - c.padding.cols;
        const bool meets = row >= 0 && row < network.input[1] && col >= 0 && col < network.input[2];
        sum.macs += 1;
        sum.macs_data += meets ? 1 : 0;
      }
    }
  }
  return sum;
}

TEST(LayerMacs, OfALinearLayerAreItsWeights) {
  const Network network = read_network(resolve_trace(TraceKind::kNetwork, "mlp_odd"));
  EXPECT_EQ(layer_macs(network, 0).macs, 61u * 37);
  EXPECT_EQ(layer_macs(network, 0).macs_data, 61u * 37);
  EXPECT_EQ(layer_macs(network, 1).macs, 0u);  // a ReLU
}

/// 28 × 28 positions whose 5 × 5 windows leave a padded image of 28 × 28; along an axis 24 positions meet 5 taps, two
/// meet 4 and two meet 3.
TEST(LayerMacs, OfAPaddedConvolutionByHand) {
  const Network network = read_network(resolve_trace(TraceKind::kNetwork, "lenet"));
  ASSERT_EQ(network.nodes[0].name, "conv1");
  EXPECT_EQ(layer_macs(network, 0).macs, 28u * 28 * 25 * 8);
  EXPECT_EQ(layer_macs(network, 0).macs_data, 134u * 134 * 8);
}

TEST(LayerMacs, OfEveryKindOfConvolutionAsCountedOneByOne) {
  for (const char* attributes : {R"("out": 6, "kernel": 3)", R"("out": 4, "kernel": 3, "padding": 1, "stride": 2)",
                                 R"("out": 8, "kernel": [1, 5], "padding": [0, 2], "groups": 2)",
                                 R"("out": 4, "kernel": 3, "padding": 3, "dilation": 2, "groups": 4, "stride": [3, 1])",
                                 R"("out": 2, "kernel": 1, "stride": 4)"}) {
    const Network network =
        network_of("[4, 11, 9]", R"({"name": "c", "op": "conv2d", "bias": true, )" + std::string(attributes) + "}");
    const LayerMacs expected = counted(network), got = layer_macs(network, 0);
    EXPECT_EQ(got.macs, expected.macs) << attributes;
    EXPECT_EQ(got.macs_data, expected.macs_data) << attributes;
  }
}

}  // namespace
}  // namespace bitloom
