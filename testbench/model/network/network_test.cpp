#include "model/network/network.hpp"

#include <map>

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

void expect_perceptron(const std::string& file, const std::vector<int>& widths) {
  const Network network = read_network(source_file("traces/networks/" + file));
  ASSERT_EQ(network.nodes.size(), 2 * widths.size() - 2);
  for (std::size_t i = 0; i < network.nodes.size(); ++i) {
    const Node& node = network.nodes[i];
    EXPECT_EQ(node.inputs, std::vector<int>{static_cast<int>(i) - 1});
    if (i % 2 == 1) {
      EXPECT_EQ(node.op, i + 1 == network.nodes.size() ? Op::kSoftmaxCrossEntropy : Op::kRelu);
      continue;
    }
    EXPECT_EQ(node.name, "fc" + std::to_string(i / 2 + 1));
    const auto& linear = std::get<LinearAttributes>(node.attributes);
    EXPECT_EQ(linear.in, widths[i / 2]);
    EXPECT_EQ(linear.out, widths[i / 2 + 1]);
    EXPECT_TRUE(linear.bias);
  }
}

// N14.5: independent nodes may stand in any order in the file.
TEST(Network, TheOrderOfIndependentNodesDoesNotCount) {
  const std::string a = R"({"name": "a", "op": "linear", "out": 3, "bias": true, "inputs": ["input"]})";
  const std::string b = R"({"name": "b", "op": "linear", "out": 3, "bias": true, "inputs": ["input"]})";
  const std::string relu = R"({"name": "r", "op": "relu", "inputs": ["b"]})";
  const std::string end = R"({"name": "s", "op": "add", "inputs": ["a", "r"]},)" + kLoss;
  for (const std::string& order : {a + "," + b + "," + relu, b + "," + a + "," + relu, b + "," + relu + "," + a}) {
    const Network network = parse(order + "," + end);
    std::string names;
    for (const Node& node : network.nodes) names += node.name + " ";
    EXPECT_EQ(names, "a b r s loss ");
    EXPECT_EQ(network.nodes[2].inputs, std::vector<int>{1});
    EXPECT_EQ(network.nodes[3].inputs, (std::vector<int>{0, 2}));
  }
}

TEST(Network, NamedNetworks) {
  expect_perceptron("mlp.json", {784, 256, 128, 10});
  expect_perceptron("mlp_odd.json", {61, 37, 23, 10});
}

// Shapes of the named nodes, and how many parameters the weights of linear and conv2d layers have.
void expect_graph(const std::string& file, const std::map<std::string, Shape>& shapes, std::int64_t weights) {
  const Network network = read_network(source_file("traces/networks/" + file));
  std::size_t found = 0;
  std::int64_t count = 0;
  for (const Node& node : network.nodes) {
    const auto expected = shapes.find(node.name);
    if (expected != shapes.end()) {
      EXPECT_EQ(node.shape, expected->second) << file << " " << node.name;
      ++found;
    }
    if (const auto* linear = std::get_if<LinearAttributes>(&node.attributes)) {
      count += std::int64_t{linear->in} * linear->out;
    } else if (const auto* conv = std::get_if<Conv2dAttributes>(&node.attributes)) {
      count += std::int64_t{conv->in / conv->groups} * conv->out * conv->kernel.rows * conv->kernel.cols;
    }
  }
  EXPECT_EQ(found, shapes.size()) << file;
  EXPECT_EQ(count, weights) << file;
  EXPECT_EQ(network.nodes.back().op, Op::kSoftmaxCrossEntropy);
}

TEST(Network, NamedConvolutionalNetworks) {
  const std::int64_t lenet = 8 * 25 + 16 * 8 * 25 + 400 * 120 + 120 * 84 + 84 * 10;
  expect_graph("lenet.json",
               {{"conv1", {8, 28, 28}},
                {"pool1", {8, 14, 14}},
                {"conv2", {16, 10, 10}},
                {"pool2", {16, 5, 5}},
                {"flatten", {400}},
                {"loss", {10}}},
               lenet);
  expect_graph("lenet_bn.json", {{"bn1", {8, 28, 28}}, {"bn2", {16, 10, 10}}, {"bn3", {120}}, {"bn4", {84}}}, lenet);
  const std::int64_t basic =
      2 * 9 * 16 * 16 + 9 * 16 * 32 + 9 * 32 * 32 + 16 * 32 + 9 * 32 * 64 + 9 * 64 * 64 + 32 * 64;
  expect_graph("resnet8.json",
               {{"stage1_add", {16, 32, 32}},
                {"stage2_add", {32, 16, 16}},
                {"stage3_add", {64, 8, 8}},
                {"pool", {64, 1, 1}},
                {"flatten", {64}}},
               27 * 16 + basic + 640);
  expect_graph("conv_small.json", {{"conv1", {5, 5, 4}}, {"add", {5, 5, 4}}, {"pool", {5, 2, 2}}, {"loss", {5}}},
               18 * 5 + 45 * 5 + 100);
  expect_graph("conv_ops.json",
               {{"dilated", {6, 11, 9}},
                {"grouped", {8, 11, 8}},
                {"max_pool", {8, 6, 4}},
                {"depthwise", {8, 6, 4}},
                {"average_pool", {8, 3, 2}}},
               36 * 6 + 18 * 8 + 9 * 8 + 240);
  expect_graph(
      "conv_byte.json",
      {{"conv1", {8, 9, 7}}, {"add", {8, 9, 7}}, {"conv3", {16, 5, 4}}, {"pool", {16, 2, 2}}, {"conv4", {16, 1, 2}}},
      27 * 8 + 72 * 8 + 72 * 16 + 32 * 16 + 32 * 5);
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
            "n.json: layers[0].out: expected an integer from 1 to 16777216, got 0");
  EXPECT_EQ(error_of([] { parse(R"({"name": "a", "op": "relu", "out": 3})"); }),
            "n.json: layers[0].out: has no effect here; it counts only with op \"linear\" or \"conv2d\"");
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
  EXPECT_THAT(error_of([] { parse(kFc, "[1, 1, 1, 1, 1]"); }), HasSubstr("input: expected 1 to 4 extents"));
  EXPECT_THAT(error_of([] { parse(kFc + "," + kLoss + "," + kRelu); }), HasSubstr("got a loss"));
  EXPECT_THAT(error_of([] { parse(kFc + R"(,{"name": "a", "op": "relu", "inputs": ["input"]})"); }),
              HasSubstr("nothing reads \"fc\""));
}

// The shape that one image layer gives, or its error.
Shape image_shape(const std::string& fields, const std::string& input = "[3, 9, 7]") {
  return parse("{\"name\": \"a\"," + fields + "}", input).nodes[0].shape;
}
std::string image_error(const std::string& fields, const std::string& input = "[3, 9, 7]") {
  return error_of([&] { image_shape(fields, input); });
}

TEST(Network, ConvShapesFollowTheWindowFormula) {
  EXPECT_EQ(image_shape(R"("op": "conv2d", "out": 5, "kernel": 3, "bias": false)"), (Shape{5, 7, 5}));
  EXPECT_EQ(image_shape(R"("op": "conv2d", "out": 5, "kernel": 3, "stride": 2, "padding": 1, "bias": false)"),
            (Shape{5, 5, 4}));
  EXPECT_EQ(image_shape(R"("op": "conv2d", "out": 5, "kernel": 3, "dilation": 2, "bias": false)"), (Shape{5, 5, 3}));
  EXPECT_EQ(image_shape(R"("op": "conv2d", "out": 6, "kernel": [2, 4], "stride": [3, 1], "padding": [0, 2],
                           "dilation": [1, 2], "groups": 3, "bias": true)"),
            (Shape{6, 3, 5}));
  const Network network = parse(R"({"name": "a", "op": "conv2d", "out": 6, "kernel": [2, 4], "stride": [3, 1],
                                    "padding": [0, 2], "dilation": [1, 2], "groups": 3, "bias": true})",
                                "[3, 9, 7]");
  const auto& conv = std::get<Conv2dAttributes>(network.nodes[0].attributes);
  EXPECT_EQ(
      std::vector<int>({conv.in, conv.out, conv.kernel.rows, conv.kernel.cols, conv.stride.rows, conv.stride.cols,
                        conv.padding.rows, conv.padding.cols, conv.dilation.rows, conv.dilation.cols, conv.groups}),
      std::vector<int>({3, 6, 2, 4, 3, 1, 0, 2, 1, 2, 3}));
  EXPECT_TRUE(conv.bias);
}

TEST(Network, PoolNormAddAndFlattenShapes) {
  EXPECT_EQ(image_shape(R"("op": "max_pool", "kernel": 2)"), (Shape{3, 4, 3}));
  EXPECT_EQ(image_shape(R"("op": "max_pool", "kernel": 3, "stride": 2, "padding": 1)"), (Shape{3, 5, 4}));
  EXPECT_EQ(image_shape(R"("op": "average_pool", "kernel": [3, 2])"), (Shape{3, 3, 3}));
  EXPECT_EQ(image_shape(R"("op": "average_pool", "kernel": "all")"), (Shape{3, 1, 1}));
  EXPECT_EQ(image_shape(R"("op": "flatten")"), (Shape{189}));
  EXPECT_EQ(image_shape(R"("op": "relu")"), (Shape{3, 9, 7}));
  EXPECT_EQ(image_shape(R"("op": "batch_norm")", "[12]"), (Shape{12}));
  const Network network = parse(R"({"name": "n", "op": "batch_norm", "eps": 0.25, "momentum": 0.5},
                                   {"name": "s", "op": "add", "inputs": ["n", "input"]})",
                                "[3, 9, 7]");
  const auto& norm = std::get<NormAttributes>(network.nodes[0].attributes);
  EXPECT_EQ(norm.channels, 3);
  EXPECT_EQ(norm.eps, 0.25);
  EXPECT_EQ(norm.momentum, 0.5);
  EXPECT_EQ(network.nodes[1].inputs, (std::vector<int>{0, kNetworkInput}));
  EXPECT_EQ(network.nodes[1].shape, (Shape{3, 9, 7}));
}

TEST(Network, ImageLayerErrors) {
  const std::string conv = R"("op": "conv2d", "out": 4, "bias": true, )";
  EXPECT_EQ(image_error(conv + R"("kernel": 0)"),
            "n.json: layers[0].kernel: expected an integer from 1 to 4096, got 0");
  EXPECT_THAT(image_error(conv + R"("kernel": [1, 2, 3])"),
              HasSubstr("layers[0].kernel: expected an integer or [rows, columns], got [1, 2, 3]"));
  EXPECT_THAT(image_error(conv + R"("kernel": 8)"),
              HasSubstr("layers[0].kernel: expected a window of at most 7 columns (input 7, padding 0), got 8"));
  EXPECT_THAT(image_error(conv + R"("kernel": 3, "dilation": [5, 1])"),
              HasSubstr("layers[0].kernel: expected a window of at most 9 rows (input 9, padding 0), got 11"));
  EXPECT_THAT(image_error(conv + R"("kernel": 1, "groups": 3)"),
              HasSubstr("layers[0].groups: expected a divisor of 3 input and 4 output channels, got 3"));
  EXPECT_THAT(image_error(conv + R"("kernel": "all")"), HasSubstr("layers[0].kernel: expected"));
  EXPECT_THAT(image_error(conv + R"("kernel": 1)", "[189]"),
              HasSubstr("op conv2d needs an input of {channels, rows, columns}, got shape [189]"));
  EXPECT_THAT(image_error(R"("op": "max_pool", "kernel": 2, "padding": [0, 2])"),
              HasSubstr("layers[0].padding: expected less than the kernel [2, 2], got [0, 2]"));
  EXPECT_THAT(image_error(R"("op": "max_pool", "kernel": "all")"), HasSubstr("layers[0].kernel: expected an integer"));
  EXPECT_THAT(image_error(R"("op": "average_pool", "kernel": "all", "stride": 2)"),
              HasSubstr("layers[0].stride: has no effect here; it counts only"));
  EXPECT_THAT(image_error(R"("op": "flatten")", "[4]"), HasSubstr("op flatten needs an input of"));
  EXPECT_THAT(image_error(R"("op": "batch_norm")", "[4, 5]"), HasSubstr("op batch_norm needs an input of"));
  EXPECT_THAT(image_error(R"("op": "add")"), HasSubstr("layers[0].inputs: expected 2 inputs for op add, got 1"));
  EXPECT_THAT(image_error(R"("op": "add", "inputs": ["input", "input"])"), HasSubstr("two different results"));
  EXPECT_THAT(error_of([] {
                parse(R"({"name": "f", "op": "flatten"}, {"name": "s", "op": "add", "inputs": ["f", "input"]})",
                      "[3, 9, 7]");
              }),
              HasSubstr("layers[1].inputs: expected two results of one shape, got [189] and [3, 9, 7]"));
}

// A file of 40,000 layers, more than 15 bits count: each reads the one above it.
TEST(Network, ManyLayersReadEachTheOneAbove) {
  std::string layers;
  for (int i = 0; i < 40000; ++i) layers += "{\"name\": \"r" + std::to_string(i) + "\", \"op\": \"relu\"}, ";
  const Network network = parse(layers + kFc + ", " + kLoss);
  ASSERT_EQ(network.nodes.size(), 40002u);
  for (int i = 0; i < 40002; ++i) ASSERT_EQ(network.nodes[static_cast<std::size_t>(i)].inputs, std::vector<int>{i - 1});
}

}  // namespace
}  // namespace bitloom
