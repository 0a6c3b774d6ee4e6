// FP32's convolution, pooling, normalization and residual against arrays that PyTorch made in float64, and whole
// training steps against a recorded trace (traces/oracle).
//
// Tolerance of what is not exact: an operation adds at most n = 2048 terms here, whose roundings in float32 (relative
// 2^-24 each) add up to at most n · 2^-24 = 1.2e-4 of the sum of magnitudes in the worst case and to about
// sqrt(n) · 2^-24 = 2.7e-6 in the usual one. kTolerance, of the array's largest value, is between the two; a wrong
// formula is off by its terms' own size.
#include <algorithm>
#include <cmath>
#include <map>

#include "model/fp32.hpp"
#include "testbench/model/oracle.hpp"
#include "testbench/model/support.hpp"

namespace bitloom {
namespace {

using test::OracleArray;
using test::OracleCase;

constexpr double kTolerance = 1e-5;

void expect_near(const std::string& what, const std::vector<float>& got, const std::vector<double>& expected) {
  ASSERT_EQ(got.size(), expected.size()) << what;
  double largest = 0.0;
  for (const double value : expected) largest = std::max(largest, std::abs(value));
  for (std::size_t i = 0; i < got.size(); ++i) {
    ASSERT_NEAR(got[i], expected[i], kTolerance * std::max(largest, 1e-3)) << what << " " << i;
  }
}

void expect_exact(const std::string& what, const std::vector<float>& got, const std::vector<double>& expected) {
  ASSERT_EQ(got.size(), expected.size()) << what;
  for (std::size_t i = 0; i < got.size(); ++i) ASSERT_EQ(got[i], expected[i]) << what << " " << i;
}

Pair pair_of(const std::vector<int>& values) { return {values.front(), values.back()}; }

Shape image_shape(const OracleArray& nchw) { return {nchw.shape.at(1), nchw.shape.at(2), nchw.shape.at(3)}; }

Conv2dAttributes conv_of(const OracleCase& from, const Pair& stride, const Pair& padding, const Pair& dilation,
                         int groups) {
  const OracleArray w = from["w"];
  return {
      from["x"].shape.at(1), w.shape.at(0), {w.shape.at(2), w.shape.at(3)}, stride, padding, dilation, groups, true};
}

template <class Compare>
void check_conv(const std::string& name, const Conv2dAttributes& attributes, const Compare& compare) {
  const OracleCase from(name);
  const OracleArray x = from["x"].channels_last();
  const OracleArray gy = from["gy"].channels_last();
  fp32::Convolution conv(attributes, image_shape(from["x"]), x.shape[0], false);
  ASSERT_TRUE(conv.load_weights(from["w"].channels_last().floats().data())) << name;
  std::vector<float> y(gy.values.size()), dx(x.values.size()), sum(conv.private_size()), dw(from["w"].values.size()),
      db(from["b"].values.size());
  ASSERT_TRUE(conv.forward(x.floats().data(), from["b"].floats().data(), y.data())) << name;
  ASSERT_TRUE(conv.backward_data(gy.floats().data(), dx.data())) << name;
  ASSERT_TRUE(conv.backward_weights(x.floats().data(), gy.floats().data(), sum.data(), db.data())) << name;
  ASSERT_TRUE(conv.export_gradient(sum.data(), dw.data())) << name;
  compare(name + ".y", y, from["y"].channels_last().values);
  compare(name + ".dx", dx, from["dx"].channels_last().values);
  compare(name + ".dw", dw, from["dw"].channels_last().values);
  compare(name + ".db", db, from["db"].values);
}

// Sums of whole numbers below 2^24 are exact in float32, in any order.
TEST(Fp32Oracle, IntegerConvolutionsAreExact) {
  const std::vector<std::string> names = OracleCase::names("conv_int");
  EXPECT_EQ(names.size(), 26U);
  for (const std::string& name : names) {
    const OracleCase from(name);
    const std::vector<int> pads = from.parameter("pads_tlbr");
    check_conv(name,
               conv_of(from, pair_of(from.parameter("stride")), {pads[0], pads[1]}, pair_of(from.parameter("dilation")),
                       from.parameter("groups")[0]),
               expect_exact);
  }
}

TEST(Fp32Oracle, Convolution) {
  const std::string name = "float_ops.conv_float";
  const OracleCase from(name);
  check_conv(name, conv_of(from, pair_of(from.parameter("stride")), pair_of(from.parameter("pad")), {1, 1}, 1),
             expect_near);
}

TEST(Fp32Oracle, ConvolutionWithRelu) {
  const OracleCase from("conv_int.k3s2p1_odd");
  const OracleArray x = from["x"].channels_last();
  fp32::Convolution conv(conv_of(from, {2, 2}, {1, 1}, {1, 1}, 1), image_shape(from["x"]), x.shape[0], true);
  std::vector<double> expected = from["y"].channels_last().values;
  for (double& value : expected) value = std::max(value, 0.0);
  std::vector<float> y(expected.size());
  ASSERT_TRUE(conv.load_weights(from["w"].channels_last().floats().data()));
  ASSERT_TRUE(conv.forward(x.floats().data(), from["b"].floats().data(), y.data()));
  expect_exact("y", y, expected);
}

// Whole numbers; averages divide by 4, 9 or 64.
TEST(Fp32Oracle, Pooling) {
  const std::vector<std::string> names = OracleCase::names("pool");
  EXPECT_EQ(names.size(), 7U);
  for (const std::string& name : names) {
    const OracleCase from(name);
    const bool maximum = name.starts_with("pool.max");
    const Shape shape = image_shape(from["x"]);
    PoolAttributes pool{{shape[1], shape[2]}, {shape[1], shape[2]}, {0, 0}};
    if (name != "pool.global_avg") {
      pool = {pair_of(from.parameter("kernel")), pair_of(from.parameter("stride")), pair_of(from.parameter("pad"))};
    }
    const OracleArray x = from["x"].channels_last();
    const OracleArray gy = from["gy"].channels_last();
    const fp32::Pooling pooling(pool, maximum, shape, x.shape[0]);
    std::vector<std::uint8_t> workspace(pooling.workspace_size());
    std::vector<float> y(gy.values.size()), dx(x.values.size());
    ASSERT_TRUE(pooling.forward(x.floats().data(), y.data(), workspace.data())) << name;
    ASSERT_TRUE(pooling.backward(gy.floats().data(), workspace.data(), dx.data())) << name;
    const auto compare = maximum ? expect_exact : expect_near;
    compare(name + ".y", y, from["y"].channels_last().values);
    compare(name + ".dx", dx, from["dx"].channels_last().values);
  }
}

OracleArray rows_of(const OracleArray& array) { return array.shape.size() == 4 ? array.channels_last() : array; }

void check_norm(const std::string& name, bool evaluation) {
  const OracleCase from(name);
  const OracleArray x = rows_of(from["x"]);
  const OracleArray gy = rows_of(from["gy"]);
  const int channels = from["w"].shape[0];
  const std::int64_t rows = static_cast<std::int64_t>(x.values.size()) / channels;
  const NodeParameters parameters{{}, {}, from["w"].floats(), from["b"].floats()};
  const std::vector<float> values = x.floats();
  const std::vector<float> gradient = gy.floats();
  fp32::Norm norm({channels, 1e-5, 0.1}, Normalization::kBatch, 2);
  std::vector<float> y(values.size()), dx(values.size(), 1.0F);
  const std::int64_t cut = 3;  // two unequal parts
  if (evaluation || name.ends_with("2d_train")) {
    norm.running_mean = from["running_mean"].floats();
    norm.running_variance = from["running_var"].floats();
  }
  if (evaluation) {
    norm.use_running_values(parameters);
    norm.normalize(values.data(), rows, false, y.data());
    expect_near(name + ".y", y, rows_of(from["y"]).values);
    return;
  }
  norm.add_sums(0, values.data(), cut);
  norm.add_sums(1, values.data() + cut * channels, rows - cut);
  norm.finish_sums(rows, parameters);
  norm.normalize(values.data(), rows, false, y.data());
  expect_near(name + ".y", y, rows_of(from["y"]).values);
  norm.add_gradient_sums(0, values.data(), gradient.data(), cut);
  norm.add_gradient_sums(1, values.data() + cut * channels, gradient.data() + cut * channels, rows - cut);
  norm.finish_gradient_sums(rows, parameters);
  expect_near(name + ".dw", norm.gamma_gradient(), from["dw"].values);
  expect_near(name + ".db", norm.beta_gradient(), from["db"].values);
  norm.propagate(values.data(), gradient.data(), rows, false, dx.data());
  expect_near(name + ".dx", dx, rows_of(from["dx"]).values);
  std::vector<double> twice = rows_of(from["dx"]).values;
  for (double& value : twice) value *= 2.0;
  norm.propagate(values.data(), gradient.data(), rows, true, dx.data());
  expect_near(name + ".dx added", dx, twice);
  if (name.ends_with("2d_train")) {
    expect_near(name + ".running_mean", norm.running_mean, from["running_mean_new"].values);
    expect_near(name + ".running_variance", norm.running_variance, from["running_var_new"].values);
  }
}

TEST(Fp32Oracle, BatchNormalization) {
  check_norm("float_ops.batchnorm2d_train", false);
  check_norm("float_ops.batchnorm1d_train", false);
  check_norm("float_ops.batchnorm2d_eval", true);
}

TEST(Fp32Oracle, ResidualAddAndRelu) {
  const OracleCase from("float_ops.residual_add_relu");
  const std::vector<float> a = from["a"].floats();
  const auto count = static_cast<std::int64_t>(a.size());
  std::vector<float> y(a.size()), gradient = from["gy"].floats();
  fp32::add_forward(a.data(), from["b"].floats().data(), count, true, y.data());
  expect_near("y", y, from["y"].values);
  fp32::mask_relu(y.data(), count, gradient.data());
  expect_near("da", gradient, from["da"].values);
  expect_near("db", gradient, from["db"].values);

  const OracleCase relu("float_ops.act_relu");
  const std::vector<float> x = relu["x"].floats();
  std::vector<float> result(x.size()), dx(x.size(), 1.0F);
  fp32::relu_forward(x.data(), static_cast<std::int64_t>(x.size()), result.data());
  expect_near("relu", result, relu["y"].values);
  fp32::relu_backward(result.data(), relu["gy"].floats().data(), static_cast<std::int64_t>(x.size()), false, dx.data());
  expect_near("relu dx", dx, relu["dx"].values);
}

TEST(Fp32Oracle, SoftmaxCrossEntropy) {
  for (const std::string name : {"float_ops.softmax_ce_10", "float_ops.softmax_ce_large_logits"}) {
    const OracleCase from(name);
    const OracleArray z = from["z"];
    const std::vector<double> labels = from["labels"].values;
    const std::vector<std::uint8_t> classes(labels.begin(), labels.end());
    std::vector<float> gradient(z.values.size());
    const auto sums = fp32::softmax_cross_entropy(z.floats().data(), classes.data(), z.shape[0], z.shape[1],
                                                  static_cast<float>(z.shape[0]), gradient.data());
    EXPECT_NEAR(sums.loss / z.shape[0], from["loss"].values[0], kTolerance * std::max(1.0, from["loss"].values[0]));
    expect_near(name + ".dz", gradient, from["dz"].values);
  }
}

Network trace_network() {
  return read_network(JsonObject::from_text(R"({"name": "trace", "input": [1, 8, 8], "layers": [
      {"name": "0", "op": "conv2d", "out": 4, "kernel": 3, "stride": 2, "padding": 1, "bias": false},
      {"name": "1", "op": "batch_norm"}, {"name": "2", "op": "relu"}, {"name": "3", "op": "max_pool", "kernel": 2},
      {"name": "4", "op": "flatten"}, {"name": "5", "op": "linear", "out": 10, "bias": true},
      {"name": "6", "op": "softmax_cross_entropy"}]})",
                                            "trace"));
}

// The trace's flatten is channels, rows, columns; ours rows, columns, channels.
OracleArray in_our_order(const OracleCase& trace, const std::string& name, const std::string& tensor) {
  OracleArray array = trace[name];
  if (tensor == "0.weight") return array.channels_last();
  if (tensor != "5.weight") return array;
  array.shape = {10, 4, 2, 2};
  return array.channels_last();
}

TEST(Fp32Oracle, TrainingSteps) {
  const OracleCase trace("train_trace.conv_bn_relu_pool_fc");
  Hyper hyper;
  hyper.momentum = 0.9;
  fp32::Graph graph(trace_network(), hyper, {1, 8, 1, 1}, Normalization::kBatch);
  const std::map<std::string, std::string> names{{"0.weight", "0_weight"},
                                                 {"1.gamma", "1_weight"},
                                                 {"1.beta", "1_bias"},
                                                 {"1.running_mean", "1_running_mean"},
                                                 {"1.running_variance", "1_running_var"},
                                                 {"5.weight", "5_weight"},
                                                 {"5.bias", "5_bias"}};
  const auto visit = [&](const auto& body) {
    int seen = 0;
    graph.for_tensors([&](const std::string& name, const auto&, std::vector<float>& values, bool parameter) {
      if (!parameter) return;
      body(name, names.at(name), values);
      ++seen;
    });
    EXPECT_EQ(seen, 7);
  };
  visit([&](const std::string& name, const std::string& theirs, std::vector<float>& values) {
    const std::vector<float> initial = in_our_order(trace, "init_" + theirs, name).floats();
    ASSERT_EQ(values.size(), initial.size()) << name;
    values = initial;
  });
  const std::vector<float> x = trace["x"].floats();
  const std::vector<double> labels = trace["labels"].values;
  const std::vector<std::uint8_t> classes(labels.begin(), labels.end());
  for (std::size_t step = 0; step < 3; ++step) {
    graph.load(x.data() + step * 8 * 64, classes.data() + step * 8, 8);
    const fp32::LossSums sums = graph.train(0.1F);
    EXPECT_NEAR(sums.loss / 8, trace["loss"].values[step], kTolerance * trace["loss"].values[step]);
    visit([&](const std::string& name, const std::string& theirs, std::vector<float>& values) {
      const std::string after = "after" + std::to_string(step) + "_" + theirs;
      expect_near(after, values, in_our_order(trace, after, name).values);
    });
  }
}

}  // namespace
}  // namespace bitloom
