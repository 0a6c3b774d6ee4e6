#include "model/network.hpp"

#include "testbench/model/support.hpp"

namespace bitloom {
namespace {

using test::error_of;
using test::source_file;
using testing::HasSubstr;

Network parse(const std::string& layers, const std::string& input = "[4]") {
  return read_network(
      JsonObject::from_text("{\"name\": \"n\", \"input\": " + input + ", \"layers\": [" + layers + "]}", "n.json"));
}

const std::string kFc = R"({"name": "fc", "op": "linear", "out": 3, "bias": true})";
const std::string kRelu = R"({"name": "r", "op": "relu"})";
const std::string kLoss = R"({"name": "loss", "op": "softmax_cross_entropy"})";

void expect_chain(const std::string& file, const std::vector<int>& widths) {
  const Network network = read_network(source_file("traces/networks/" + file));
  const std::vector<LinearLayer> layers = linear_chain(network);
  ASSERT_EQ(layers.size(), widths.size() - 1);
  for (std::size_t i = 0; i < layers.size(); ++i) {
    EXPECT_EQ(layers[i].name, "fc" + std::to_string(i + 1));
    EXPECT_EQ(layers[i].in, widths[i]);
    EXPECT_EQ(layers[i].out, widths[i + 1]);
    EXPECT_TRUE(layers[i].bias);
    EXPECT_EQ(layers[i].relu, i + 1 < layers.size());
  }
  EXPECT_EQ(network.nodes.back().op, Op::kSoftmaxCrossEntropy);
}

TEST(Network, NamedNetworks) {
  expect_chain("mlp.json", {784, 256, 128, 10});
  expect_chain("mlp_odd.json", {61, 37, 23, 10});
}

TEST(Network, InfersShapesAndInputs) {
  const Network network = parse(
      kFc + "," + kRelu + R"(,{"name": "fc2", "op": "linear", "out": 2, "bias": false, "inputs": ["r"]},)" + kLoss);
  ASSERT_EQ(network.nodes.size(), 4U);
  EXPECT_EQ(network.nodes[0].inputs, std::vector<int>{kNetworkInput});
  EXPECT_EQ(network.nodes[1].shape, Shape{3});
  EXPECT_EQ(network.nodes[2].inputs, std::vector<int>{1});
  EXPECT_EQ(network.nodes[2].shape, Shape{2});
  EXPECT_FALSE(std::get<LinearAttributes>(network.nodes[2].attributes).bias);
  EXPECT_EQ(element_count({3, 4, 5}), 60);
}

TEST(Network, ReadErrors) {
  EXPECT_EQ(error_of([] { parse(""); }), "n.json: layers: expected at least one layer");
  EXPECT_THAT(error_of([] { parse(R"({"name": "a", "op": "conv"})"); }), HasSubstr("layers[0].op: expected one of"));
  EXPECT_EQ(error_of([] { parse(R"({"name": "a", "op": "linear", "out": 0, "bias": true})"); }),
            "n.json: layers[0].out: expected an integer from 1 to 1048576, got 0");
  EXPECT_EQ(error_of([] { parse(R"({"name": "a", "op": "relu", "out": 3})"); }), "n.json: layers[0].out: unknown key");
  EXPECT_EQ(error_of([] { parse(R"({"name": "a", "op": "linear", "out": 3})"); }),
            "n.json: layers[0].bias: required key is missing");
  EXPECT_THAT(error_of([] { parse(kFc + "," + kFc); }), HasSubstr("layers[1].name: \"fc\" is already taken"));
  EXPECT_THAT(error_of([] { parse(R"({"name": "input", "op": "relu"})"); }), HasSubstr("already taken"));
  EXPECT_THAT(error_of([] { parse(R"({"name": "a/b", "op": "relu"})"); }),
              HasSubstr("layers[0].name: expected letters"));
  EXPECT_THAT(error_of([] { parse(R"({"name": "a", "op": "relu", "inputs": ["b"]})"); }),
              HasSubstr("layers[0].inputs: expected \"input\" or the name of a layer above, got \"b\""));
  EXPECT_THAT(error_of([] { parse(R"({"name": "a", "op": "relu", "inputs": ["input", "input"]})"); }),
              HasSubstr("expected 1 input for op relu, got 2"));
  EXPECT_THAT(error_of([] { parse(kFc, "[1, 2, 2]"); }), HasSubstr("one-dimensional input, got shape [1, 2, 2]"));
  EXPECT_THAT(error_of([] { parse(kFc, "[]"); }), HasSubstr("input: expected 1 to 4 extents"));
  EXPECT_THAT(error_of([] { parse(kFc + "," + kLoss + "," + kRelu); }), HasSubstr("got a loss"));
  EXPECT_THAT(error_of([] { parse(kFc + R"(,{"name": "a", "op": "relu", "inputs": ["input"]})"); }),
              HasSubstr("nothing reads \"fc\""));
}

TEST(Network, LinearChainErrors) {
  EXPECT_THAT(error_of([] { linear_chain(parse(kFc)); }),
              HasSubstr("expected softmax_cross_entropy as its last layer"));
  EXPECT_THAT(error_of([] { linear_chain(parse(kRelu + "," + kFc + "," + kLoss)); }),
              HasSubstr("layer r (relu): expected a linear layer before it"));
  EXPECT_THAT(error_of([] { linear_chain(parse(kFc + "," + kRelu + R"(,{"name": "r2", "op": "relu"},)" + kLoss)); }),
              HasSubstr("layer r2 (relu)"));
  EXPECT_THAT(
      error_of([] { linear_chain(parse(kFc + "," + kRelu + R"(,{"name": "l2", "op": "relu", "inputs": ["fc"]})")); }),
      HasSubstr("nothing reads \"r\""));
  EXPECT_THAT(error_of([] { linear_chain(parse(kFc + "," + kRelu + "," + kLoss)); }),
              HasSubstr("layer loss (softmax_cross_entropy): expected a linear layer before it"));
}

}  // namespace
}  // namespace bitloom
