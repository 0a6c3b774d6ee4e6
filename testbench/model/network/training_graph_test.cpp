#include "model/network/training_graph.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "model/io/error.hpp"
#include "model/io/json_reader.hpp"

namespace bitloom {
namespace {

using testing::ElementsAre;

/// Makes a network of these layers of a file, before the loss.
Network network_of(const std::string& input, const std::string& layers) {
  const std::string text =
      fmt::format(R"({{"name": "n", "input": {}, "layers": [{}, {{"name": "loss", "op": "softmax_cross_entropy"}}]}})",
                  input, layers);
  return read_network(JsonObject::from_text(text, "n.json"));
}

const std::string kConv = R"({"name": "c", "op": "conv2d", "out": 2, "kernel": 3, "padding": 1, "bias": true})";
const std::string kEnd = R"({"name": "flat", "op": "flatten"}, {"name": "fc", "op": "linear", "out": 3, "bias": true})";
const std::string kRelu = R"({"name": "r", "op": "relu"})";

TrainingGraph image_graph(const std::string& middle) {
  return training_graph(network_of("[2, 4, 4]", kConv + ", " + middle + ", " + kEnd), Recipe{});
}

std::string refusal(const std::string& input, const std::string& layers, const Recipe& recipe = {}) {
  try {
    training_graph(network_of(input, layers), recipe);
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

std::string image_refusal(const std::string& middle) {
  return refusal("[2, 4, 4]", kConv + ", " + middle + ", " + kEnd);
}

TEST(TrainingGraph, TapsOfAWindowAreLimited) {  // a sum of 65,535 taps fits, and the place of a maximum among 255
  const auto pool = [](const char* op, const char* kernel) {
    return refusal("[2, 256, 257]",
                   kConv + fmt::format(R"(, {{"name": "p", "op": "{}", "kernel": {}}}, {})", op, kernel, kEnd));
  };
  EXPECT_EQ(pool("average_pool", "[255, 257]"), "");
  EXPECT_THAT(pool("average_pool", "[256, 256]"), testing::HasSubstr("at most 65535 taps, got 65536"));
  EXPECT_EQ(pool("max_pool", "[15, 17]"), "");
  EXPECT_THAT(pool("max_pool", "[16, 16]"), testing::HasSubstr("at most 255 taps, got 256"));
}

TEST(TrainingGraph, WhatVanishes) {
  const std::string relu = kRelu;
  const TrainingGraph plain = image_graph(relu);
  ASSERT_EQ(plain.nodes.size(), 2u);
  EXPECT_TRUE(plain.nodes[0].relu);
  EXPECT_TRUE(plain.nodes[0].non_negative);
  EXPECT_THAT(plain.nodes[0].readers, ElementsAre(1));
  EXPECT_THAT(plain.nodes[1].inputs, ElementsAre(0));
  EXPECT_EQ(plain.nodes[1].name, "fc");
  const std::string pool = R"({"name": "p", "op": "max_pool", "kernel": 1})";
  for (const std::string& same : {relu + R"(, {"name": "again", "op": "relu"})", pool + ", " + relu, relu + ", " + pool,
                                  relu + R"(, {"name": "p", "op": "average_pool", "kernel": 1})"}) {
    const TrainingGraph graph = image_graph(same);
    ASSERT_EQ(graph.nodes.size(), 2u) << same;
    EXPECT_TRUE(graph.nodes[0].relu) << same;
    EXPECT_THAT(graph.nodes[1].inputs, ElementsAre(0)) << same;
  }
  EXPECT_EQ(image_graph(R"({"name": "p", "op": "max_pool", "kernel": [1, 2]})").nodes.size(), 3u);
}

TEST(TrainingGraph, PlacesOfRelu) {
  EXPECT_EQ(
      image_refusal(R"({"name": "p", "op": "max_pool", "kernel": 2}, )" + kRelu),
      "network n: layer r (relu): expected behind linear, conv2d, batch_norm or add, got max_pool p; put it before "
      "the max_pool");
  EXPECT_EQ(image_refusal(kRelu + R"(, {"name": "d", "op": "conv2d", "out": 2, "kernel": 1, "bias": true},
                                       {"name": "a", "op": "add", "inputs": ["c", "d"]})"),
            "network n: layer r (relu): expected to be the only reader of c, which a reads too; let a read r");
  EXPECT_EQ(refusal("[3]", kRelu + R"(, {"name": "fc", "op": "linear", "out": 3, "bias": true})"),
            "network n: layer r (relu): the network's input has no node to which a relu could belong");
}

TEST(TrainingGraph, Limits) {
  const auto linear = [](const std::string& input) {
    return refusal("[" + input + "]", R"({"name": "fc", "op": "linear", "out": 3, "bias": true})");
  };
  EXPECT_EQ(linear("65535"), "");
  EXPECT_EQ(linear("65536"), "network n: layer fc (linear): expected at most 65535 inputs and outputs, got 65536");
  EXPECT_EQ(refusal("[3000, 7, 7]", R"({"name": "c", "op": "conv2d", "out": 4, "kernel": 7, "bias": true}, )" + kEnd),
            "network n: layer c (conv2d): expected at most 131072 products in a sum of the forward pass, got 147000");
  EXPECT_EQ(image_refusal(R"({"name": "p", "op": "max_pool", "kernel": 2, "padding": 1})"), "");
}

TEST(TrainingGraph, PlacesOfTheLoss) {
  const std::string text =
      R"({"name": "n", "input": [3], "layers": [{"name": "fc", "op": "linear", "out": 3, "bias": true}]})";
  EXPECT_THROW(training_graph(read_network(JsonObject::from_text(text, "n.json")), Recipe{}), Error);
  EXPECT_EQ(refusal("[1, 2, 2]", R"({"name": "flat", "op": "flatten"})"),
            "network n: expected at least one linear or conv2d layer");
}

TEST(TrainingGraph, ReadersOfTheInput) {
  const std::string two = kConv +
                          R"(, {"name": "d", "op": "conv2d", "out": 2, "kernel": 1, "bias": true, "inputs": ["input"]},
      {"name": "a", "op": "add", "inputs": ["c", "d"]}, )" +
                          kEnd;
  EXPECT_EQ(refusal("[2, 4, 4]", two), "");
  Recipe recipe;
  recipe.name = "x";
  recipe.named_bits["d"] = 4;
  EXPECT_EQ(
      refusal("[2, 4, 4]", two, recipe),
      "recipe x: network n: layer d reads the network's input: expected activations of 8 bits, as its first reader "
      "has, got 4");
  recipe.activation.quantizer = Quantizer::kSawb;
  EXPECT_EQ(refusal("[2, 4, 4]", two, recipe),
            "recipe x: network n: layer c reads the network's input: expected activation quantizer max or niti");
  EXPECT_EQ(refusal("[2, 4, 4]", R"({"name": "n1", "op": "batch_norm"}, )" + two),
            "network n: layer n1 (batch_norm): only linear and conv2d layers read the network's input, as codes");
}

TEST(TrainingGraph, SamplesAtOnce) {
  const Network network =
      network_of("[1, 128, 1024]", R"({"name": "c", "op": "conv2d", "out": 1, "kernel": 1, "bias": true},
      {"name": "p", "op": "average_pool", "kernel": 4}, )" +
                                       kEnd);
  const TrainingGraph graph = training_graph(network, Recipe{});
  require_batch(network, Recipe{}, graph, 128);
  const auto refused = [&](int samples) {
    try {
      require_batch(network, Recipe{}, graph, samples);
    } catch (const Error& error) {
      return std::string(error.what());
    }
    return std::string();
  };
  EXPECT_EQ(refused(129),
            "network n: layer c (conv2d), batch 129: expected at most 16777216 rows of its output (batch · "
            "rows · columns), got 16908288");
  EXPECT_EQ(refused(0), "batch: expected 1 to 65535 samples at once, got 0");
  EXPECT_EQ(refused(65536), "batch: expected 1 to 65535 samples at once, got 65536");
}

Recipe hindsight() {
  Recipe recipe;
  recipe.activation.scale = recipe.gradient.scale = ScaleRule::kHindsight;
  return recipe;
}

std::string conv(const std::string& name, const std::string& more) {
  return fmt::format(R"({{"name": "{}", "op": "conv2d", "out": 4, "bias": true, {}}})", name, more);
}

/// What N6.3 makes at once of the first layer's result: "x", "d", "xd" or nothing.
std::string at_once(const std::string& input, const std::string& layers, const Recipe& recipe = hindsight()) {
  const TrainingNode first = training_graph(network_of(input, layers), recipe).nodes.front();
  return std::string(first.result_at_once ? "x" : "") + (first.gradient_at_once ? "d" : "");
}

const std::string kFlatEnd = R"({"name": "fc", "op": "linear", "out": 3, "bias": true})";
const std::string kFc1 = R"({"name": "fc1", "op": "linear", "out": 5, "bias": true})";

// N6.3: where codes are made at once is said by the edge between two layers.
TEST(TrainingGraph, CodesAreMadeAtOnceOnEdgesBetweenLayers) {
  const std::string flat = R"({"name": "before", "op": "flatten"}, )";
  EXPECT_EQ(at_once("[3]", kFc1 + ", " + kRelu + ", " + kFlatEnd), "xd");
  EXPECT_EQ(at_once("[2, 4, 4]", flat + kFc1 + ", " + kFlatEnd), "xd");
  const std::string first = conv("c1", R"("kernel": 3, "padding": 1)");
  EXPECT_EQ(
      at_once("[2, 4, 4]", first + ", " + conv("c2", R"("kernel": 3, "padding": 2, "dilation": 2)") + ", " + kEnd),
      "xd");
  // A norm or a pool between, or a second reader: a raw view is needed.
  EXPECT_EQ(at_once("[2, 4, 4]", first + R"(, {"name": "bn", "op": "batch_norm"}, )" + kEnd), "");
  EXPECT_EQ(at_once("[2, 4, 4]", first + R"(, {"name": "p", "op": "max_pool", "kernel": 2}, )" + kEnd), "");
  EXPECT_EQ(at_once("[3]", kFc1 + R"(, {"name": "a", "op": "linear", "out": 5, "bias": true},
    {"name": "s", "op": "add", "inputs": ["fc1", "a"]}, )" +
                               kFlatEnd),
            "");
  EXPECT_EQ(at_once("[3]", kFc1), "");  // the loss reads the last one
}

TEST(TrainingGraph, CodesAreMadeAtOnceWhereRowsStayWhole) {
  const std::string first = conv("c1", R"("kernel": 3)");
  EXPECT_EQ(at_once("[2, 4, 4]", first + ", " + kEnd), "");
  EXPECT_EQ(at_once("[2, 3, 3]", first + ", " + kEnd), "xd");  // of one place
}

TEST(TrainingGraph, GradientsAreMadeAtOnceInOneSumAndOnePass) {
  const std::string first = conv("c1", R"("kernel": 1)"), groups = conv("c1", R"("kernel": 1, "groups": 2)");
  const std::string second = conv("c2", R"("kernel": 1)");
  EXPECT_EQ(at_once("[2, 4, 4]", groups + ", " + second + ", " + kEnd), "d");
  EXPECT_EQ(at_once("[2, 4, 4]", first + ", " + conv("c2", R"("kernel": 1, "groups": 2)") + ", " + kEnd), "x");
  EXPECT_EQ(at_once("[2, 4, 4]", first + ", " + conv("c2", R"("kernel": 1, "stride": [1, 2])") + ", " + kEnd), "x");
  const std::string two = first + ", " + second + ", " + kEnd;
  Recipe of_groups = hindsight();
  of_groups.overrides["c2"].gradient = ViewRule{.quantizer = Quantizer::kGroup};
  EXPECT_EQ(at_once("[2, 4, 4]", two, of_groups), "x");
  Recipe of_signs = hindsight();
  of_signs.overrides["c2"].activation = ViewRule{.quantizer = Quantizer::kSign};
  EXPECT_EQ(at_once("[2, 4, 4]", two, of_signs), "");
}

// Of each kind of codes the reader's, or the first layer's own, rule counts.
TEST(TrainingGraph, CodesAreMadeAtOnceByHindsightAlone) {
  const std::string two = kFc1 + ", " + kFlatEnd;
  EXPECT_EQ(at_once("[3]", two, Recipe{}), "");
  const ViewRule exact{}, behind{.scale = ScaleRule::kHindsight};
  Recipe reader;
  reader.overrides["fc"].activation = behind;
  reader.overrides["fc"].gradient = behind;
  EXPECT_EQ(at_once("[3]", two, reader), "x");
  Recipe own;
  own.overrides["fc1"].gradient = behind;
  EXPECT_EQ(at_once("[3]", two, own), "d");
  Recipe first = hindsight();
  first.overrides["fc1"].gradient = exact;
  EXPECT_EQ(at_once("[3]", two, first), "x");
}

}  // namespace
}  // namespace bitloom
