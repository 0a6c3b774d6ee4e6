#include <gtest/gtest.h>

#include <algorithm>

#include "model/golden/layer.hpp"
#include "model/golden/step.hpp"
#include "model/io/traces.hpp"
#include "model/network/init.hpp"
#include "model/rows/tensor_ops.hpp"
#include "model/train/trainer.hpp"
#include "testbench/model/golden/cases.hpp"
#include "testbench/model/named_record.hpp"
#include "testbench/model/rows/conv_judge.hpp"

// Batches whose weight gradients add up more products than a 32-bit sum surely holds (N5.4, N14.2).

namespace bitloom::testing {
namespace {

Recipe recipe_named(const std::string& name) { return read_recipe(resolve_trace(TraceKind::kRecipe, name)); }

Network network_of(const std::string& layers, const std::string& input) {
  const std::string text = R"({"name": "long", "input": )" + input + R"(, "layers": [)" + layers +
                           R"(, {"name": "loss", "op": "softmax_cross_entropy"}]})";
  return read_network(JsonObject::from_text(text, "long.json"));
}

Batch input_batch(const Network& network, const Recipe& recipe, int samples) {
  std::mt19937_64 random(17);
  Batch batch;
  batch.M = samples;
  const InputFormat format = input_format(network, recipe, {});
  batch.scale = format.scale;
  std::size_t count = static_cast<std::size_t>(samples);
  for (const int extent : network.input) count *= static_cast<std::size_t>(extent);
  const auto q = static_cast<std::uint64_t>(format.largest_code);
  for (std::size_t i = 0; i < count; ++i) {
    batch.X.push_back(static_cast<std::int8_t>(static_cast<int>(random() % (2 * q + 1)) - format.largest_code));
  }
  for (int m = 0; m < samples; ++m) batch.labels.push_back(static_cast<std::uint8_t>(random() % 10));
  return batch;
}

/// dw and db of a conv2d from its recorded codes, in 64 bits, against what the step recorded.
void check_sums(const NamedRecord& record, const std::string& layer, const ConvShape& shape, int samples) {
  const NamedTensor& x = record.tensors.at(layer + ".x");
  const NamedTensor& dw = record.tensors.at(layer + ".dw");
  const NamedTensor& db = record.tensors.at(layer + ".db");
  ConvShape s = shape;
  s.n = samples;
  const auto in = static_cast<std::size_t>(s.in), out = static_cast<std::size_t>(s.out);
  std::vector<std::int64_t> sums(dw.values.size()), columns(out);
  for (int sample = 0; sample < 8; ++sample) {  // of SMP
    const auto codes = record.tensors.find(layer + (sample == 0 ? ".d" : ".d_s" + std::to_string(sample)));
    if (codes == record.tensors.end()) break;
    std::vector<std::int32_t> d = codes->second.values;
    for (std::int32_t& code : d) {  // N19.2
      if (codes->second.kind == CodeKind::kLog) code = code % 8 == 0 ? 0 : (code < 8 ? 1 : -1) << (code % 8 - 1);
    }
    for_products(s, [&](std::size_t p, std::size_t o, std::size_t q, std::size_t c, std::size_t k) {
      sums[k * out + o] += std::int64_t{x.values[q * in + c]} * d[p * out + o];
    });
    for (std::size_t i = 0; i < d.size(); ++i) columns[i % out] += d[i];
  }
  for (std::size_t i = 0; i < sums.size(); ++i) ASSERT_EQ(dw.values[i], sums[i]) << layer << ".dw " << i;
  for (std::size_t i = 0; i < out; ++i) ASSERT_EQ(db.values[i], columns[i]) << layer << ".db " << i;
}

TEST(LongSums, StepOfLenetAtBatch256) {  // 200,704 rows of conv1
  const Network network = read_network(resolve_trace(TraceKind::kNetwork, "lenet"));
  for (const char* name : {"int8", "luq_smp2"}) {
    const Recipe recipe = recipe_named(name);
    TrainState state = initial_state(network, recipe, initial_parameters(network, 1));
    const Batch batch = input_batch(network, recipe, 256);
    NamedRecord record;
    golden_step(network, recipe, state, batch, make_context(state), ByName(record, network), 2);
    check_sums(record, "conv1", {1, 28, 28, 1, 8, {5, 5}, {1, 1}, {2, 2}, {1, 1}, 1}, 256);
    check_sums(record, "conv2", {1, 14, 14, 8, 16, {5, 5}, {1, 1}, {0, 0}, {1, 1}, 1}, 256);
    if (HasFatalFailure()) return;
  }
}

/// N5.2: a weight gradient beyond a raw view is clamped, and counted; the bias gradient is exact.
TEST(LongSums, ClampedToARawView) {
  const Network network = network_of(
      R"({"name": "c", "op": "conv2d", "out": 2, "kernel": 1, "bias": true}, {"name": "pool", "op": "average_pool", "kernel": "all"},
         {"name": "flatten", "op": "flatten"}, {"name": "fc", "op": "linear", "out": 10, "bias": true})",
      "[1, 15, 15]");
  const Recipe recipe = recipe_named("int8");
  const GoldenGraph graph = golden_graph(network, recipe);
  GoldenLayer layer(graph.nodes.front(), graph.rules.front());
  for (const int samples : {590, 592}) {  // 132,750 · 127² and 133,200 · 127² lie on both sides of 2^31
    GoldenTools tools(recipe, 2);
    tools.samples = static_cast<std::size_t>(samples);
    const std::size_t rows = layer.rows(tools);
    layer.counts = {};
    layer.x.assign(rows, 127);
    layer.sx = layer.sd = kOne;
    layer.d.assign(1, std::vector<std::int8_t>(2 * rows));
    for (std::size_t i = 0; i < rows; ++i) {
      layer.d[0][2 * i] = -127;
      layer.d[0][2 * i + 1] = 126;
    }
    layer.weight_gradient(LayerState{}, tools);
    const auto exact = static_cast<std::int64_t>(rows) * 127;
    EXPECT_EQ(layer.dw[0], -std::min<std::int64_t>(exact * 127, 2147483647));
    EXPECT_EQ(layer.dw[1], exact * 126);
    EXPECT_EQ(layer.counts.dw, exact * 127 > 2147483647 ? 1u : 0u);
    EXPECT_EQ(layer.db[0], -exact);
    EXPECT_EQ(layer.counts.db, 0u);
  }
}

/// Networks whose first convolution has 200,704 to 262,144 rows.
TEST(LongSums, TrainersTakeBatch256) {
  for (const char* name : {"lenet", "lenet_bn", "resnet8"}) {
    const Network network = read_network(resolve_trace(TraceKind::kNetwork, name));
    Dataset images;
    images.name = "random";
    images.classes = 10;
    images.channels = network.input[0];
    images.rows = network.input[1];
    images.cols = network.input[2];
    std::mt19937_64 random(5);
    images.labels.resize(256);
    images.images.resize(images.labels.size() * static_cast<std::size_t>(images.pixels()));
    for (std::uint8_t& label : images.labels) label = static_cast<std::uint8_t>(random() % 10);
    for (std::uint8_t& pixel : images.images) pixel = static_cast<std::uint8_t>(random());
    TrainOptions options;
    options.batch = 256;
    options.threads = 2;
    const Hyper hyper = read_hyper(resolve_trace(TraceKind::kHyper, "default"));
    const auto trainer = make_integer_trainer(network, recipe_named("int8"), hyper, options);
    const EpochResult result = trainer->run_epoch(images, 0, {});
    EXPECT_EQ(result.steps, 1) << name;
    EXPECT_TRUE(result.loss > 1.5 && result.loss < 4.0) << name << " " << result.loss;
  }
}

TEST(LongSums, Statistics) {  // N13.2, N18 with the largest |t|
  constexpr std::size_t kRows = 300001;
  std::vector<std::int32_t> u(2 * kRows, 32768), e(2 * kRows, -32768);
  const TensorOps ops(2);
  const auto rows = static_cast<std::int64_t>(kRows);
  const TensorSums sums = ops.product_sums(e.data(), 0, u.data(), 0, kRows, 2);
  EXPECT_EQ(sums.first, std::vector<std::int64_t>(2, -32768 * rows));
  EXPECT_EQ(sums.second, std::vector<std::int64_t>(2, -(rows << 30)));
  const MagnitudeSums magnitudes = ops.magnitude_sums(e.data(), 0, e.size());
  EXPECT_EQ(magnitudes.absolute, 2 * 32768 * rows);
  EXPECT_EQ(magnitudes.square, rows << 31);
}

std::string error_of(const Network& network, const char* recipe_name, int samples) {
  const Recipe recipe = recipe_named(recipe_name);
  try {
    GoldenEngine engine(network, recipe, 1);
    TrainState state = initial_state(network, recipe, initial_parameters(network, 1));
    engine.step(state, input_batch(network, recipe, samples), make_context(state), nullptr);
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

TEST(LongSums, LimitsNameNetworkLayerAndBatch) {
  const std::string end =
      R"(, {"name": "flatten", "op": "flatten"}, {"name": "fc", "op": "linear", "out": 10, "bias": false})";
  EXPECT_EQ(error_of(network_of(R"({"name": "c", "op": "conv2d", "out": 1, "kernel": 1, "bias": false},
                                   {"name": "pool", "op": "average_pool", "kernel": 4})" +
                                    end,
                                "[1, 128, 1024]"),
                     "int8", 129),
            "network long: layer c (conv2d), batch 129: expected at most 16777216 rows of its output (batch · rows · "
            "columns), "
            "got 16908288");
  const std::string wide = R"({"name": "c", "op": "conv2d", "out": 1, "kernel": 3, "bias": false})";
  EXPECT_EQ(
      error_of(network_of(wide + end, "[16384, 3, 3]"), "int8", 1),
      "network long: layer c (conv2d): expected at most 131072 products in a sum of the forward pass, got 147456");
  const std::string many = R"({"name": "c", "op": "conv2d", "out": 16384, "kernel": 3, "bias": false})";
  EXPECT_EQ(error_of(network_of(many + end, "[1, 3, 3]"), "int8", 1),
            "network long: layer c (conv2d): expected at most 131072 products in a sum of the activation gradient, got "
            "147456");
}

}  // namespace
}  // namespace bitloom::testing
