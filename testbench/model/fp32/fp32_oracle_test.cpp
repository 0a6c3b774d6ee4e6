// FP32's convolution, pooling, normalization and residual against arrays that PyTorch made in float64, and whole
// training steps against a recorded trace (traces/oracle).
//
// What is not exact has a tolerance of its own for each element: error_bound.hpp computes the same operation in float64
// with a bound on what the roundings of float32 can add up to. That computation must itself agree with the oracle, so
// that a bound is one of the right formula.
#include <algorithm>
#include <cmath>
#include <map>

#include "model/fp32/kernels.hpp"
#include "model/fp32/norm.hpp"
#include "model/fp32/operation.hpp"
#include "model/fp32/primitives.hpp"
#include "testbench/model/fp32/error_bound.hpp"
#include "testbench/model/oracle.hpp"
#include "testbench/model/support.hpp"

namespace bitloom {
namespace {

using test::input;
using test::inputs;
using test::Near;
using test::NearConv;
using test::NearLoss;
using test::NearNorm;
using test::Nears;
using test::OracleArray;
using test::OracleCase;

/// `bound` holds the oracle's values again, to what float64 rounds, a thousandth of float32's share at most.
void expect_near(const std::string& what, const std::vector<float>& got, const std::vector<double>& expected,
                 const Nears& bound) {
  ASSERT_EQ(got.size(), expected.size()) << what;
  ASSERT_EQ(bound.size(), expected.size()) << what;
  double largest = 0.0;
  for (std::size_t i = 0; i < got.size(); ++i) {
    ASSERT_NEAR(bound[i].value, expected[i], 1e-3 * bound[i].error) << what << " " << i << ", in float64";
    ASSERT_NEAR(got[i], expected[i], bound[i].error) << what << " " << i;
    if (bound[i].error > 0.0) largest = std::max(largest, std::abs(got[i] - expected[i]) / bound[i].error);
  }
  std::printf("%s: largest error %.3f of its bound\n", what.c_str(), largest);
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

testing::Dims dims(const OracleArray& nhwc) { return {nhwc.shape[0], nhwc.shape[1], nhwc.shape[2], nhwc.shape[3]}; }

/// [o][ky][kx][c] as N14.1's [k][o] and back.
template <class T>
std::vector<T> transposed(const std::vector<T>& from, std::size_t rows) {
  std::vector<T> to(from.size());
  const std::size_t cols = from.size() / rows;
  for (std::size_t i = 0; i < from.size(); ++i) to[i % cols * rows + i / cols] = from[i];
  return to;
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

/// A sum of products: each known to 2^-24 from either operand and from its own rounding, and n - 1 additions.
TEST(Fp32Oracle, Convolution) {
  const std::string name = "float_ops.conv_float";
  const OracleCase from(name);
  const Conv2dAttributes facts =
      conv_of(from, pair_of(from.parameter("stride")), pair_of(from.parameter("pad")), {1, 1}, 1);
  const OracleArray x = from["x"].channels_last(), gy = from["gy"].channels_last();
  const NearConv conv{facts, dims(x), dims(gy)};
  const auto out = static_cast<std::size_t>(facts.out);
  const Nears w = transposed(inputs(from["w"].channels_last().values), out);
  const Nears by_w = conv.by_w(inputs(x.values), inputs(gy.values), w.size());
  const std::map<std::string, Nears> bounds{{name + ".y", conv.forward(inputs(x.values), w, inputs(from["b"].values))},
                                            {name + ".dx", conv.by_x(inputs(gy.values), w)},
                                            {name + ".dw", transposed(by_w, w.size() / out)},
                                            {name + ".db", conv.by_b(inputs(gy.values))}};
  check_conv(name, facts, [&](const std::string& what, const auto& got, const auto& expected) {
    expect_near(what, got, expected, bounds.at(what));
  });
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

// Whole numbers. Averages divide by 4, 9 or 64, as a product with a rounded reciprocal or a quotient: two roundings at
// most. Their gradient adds up one such quotient for each window that contains the element.
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
    const Node node{"pool", maximum ? Op::kMaxPool : Op::kAveragePool, {kNetworkInput}, image_shape(from["y"]), pool};
    const auto pooling = fp32::make_operation({node, shape, x.shape[0], 1, false});
    const std::vector<float> values = x.floats();
    std::vector<float> y(gy.values.size()), dx(x.values.size()), dy = gy.floats();
    const fp32::PartAt part{0, x.shape[0], {values.data()}, y.data(), dy.data(), {{{dx.data(), false}}}};
    ASSERT_TRUE(pooling->forward(part)) << name;
    ASSERT_TRUE(pooling->backward(part)) << name;
    if (maximum) {
      expect_exact(name + ".y", y, from["y"].channels_last().values);
      expect_exact(name + ".dx", dx, from["dx"].channels_last().values);
      continue;
    }
    std::vector<test::Sum> by_y(y.size()), by_x(dx.size());
    const Near share = f32(test::exactly(1.0 / (pool.kernel.rows * pool.kernel.cols)));
    testing::for_taps(pool, dims(x), dims(gy), [&](std::size_t i, std::size_t o) {
      by_y[o].add(test::exactly(x.values[i]));
      by_x[i].add(f32(test::exactly(gy.values[o]) * share));
    });
    Nears averages;
    for (const test::Sum& sum : by_y) averages.push_back(f32(sum.in_double() * share));  // the sums are exact
    expect_near(name + ".y", y, from["y"].channels_last().values, averages);
    expect_near(name + ".dx", dx, from["dx"].channels_last().values, in_float(by_x));
  }
}

OracleArray rows_of(const OracleArray& array) { return array.shape.size() == 4 ? array.channels_last() : array; }

/// Checks training through the parts of Norm's interface, two unequal parts of the batch; the bounds: NearNorm.
void check_norm(const std::string& name) {
  const OracleCase from(name);
  const OracleArray x = rows_of(from["x"]);
  const OracleArray gy = rows_of(from["gy"]);
  const int channels = from["w"].shape[0];
  const std::int64_t rows = static_cast<std::int64_t>(x.values.size()) / channels;
  const NodeParameters parameters{{}, {}, from["w"].floats(), from["b"].floats()};
  const std::vector<float> values = x.floats();
  const std::vector<float> gradient = gy.floats();
  const bool running = name.ends_with("2d_train");
  const NearNorm bound(false, 1e-5, inputs(x.values), inputs(gy.values), inputs(from["w"].values),
                       inputs(from["b"].values));
  fp32::Norm norm({channels, 1e-5, 0.1}, Normalization::kBatch, 2);
  std::vector<float> y(values.size()), dx(values.size(), 1.0F);
  const std::int64_t cut = 3;
  if (running) {
    norm.running_mean = from["running_mean"].floats();
    norm.running_variance = from["running_var"].floats();
  }
  norm.add_sums(0, values.data(), cut);
  norm.add_sums(1, values.data() + cut * channels, rows - cut);
  norm.finish_sums(rows, parameters);
  norm.normalize(values.data(), rows, false, y.data());
  expect_near(name + ".y", y, rows_of(from["y"]).values, bound.y);
  norm.add_gradient_sums(0, values.data(), gradient.data(), cut);
  norm.add_gradient_sums(1, values.data() + cut * channels, gradient.data() + cut * channels, rows - cut);
  norm.finish_gradient_sums(rows, parameters);
  expect_near(name + ".dw", norm.gamma_gradient(), from["dw"].values, bound.dgamma);
  expect_near(name + ".db", norm.beta_gradient(), from["db"].values, bound.dbeta);
  norm.propagate(values.data(), gradient.data(), rows, false, dx.data());
  expect_near(name + ".dx", dx, rows_of(from["dx"]).values, bound.dx);
  std::vector<double> twice = rows_of(from["dx"]).values;
  Nears bound_of_twice;
  for (std::size_t i = 0; i < twice.size(); ++i) {
    twice[i] *= 2.0;
    bound_of_twice.push_back(f32(bound.dx[i] + bound.dx[i]));
  }
  norm.propagate(values.data(), gradient.data(), rows, true, dx.data());
  expect_near(name + ".dx added", dx, twice, bound_of_twice);
  if (!running) return;
  Nears means, variances;
  const Near count = test::exactly(static_cast<double>(rows)), one_less = test::exactly(static_cast<double>(rows - 1));
  for (std::size_t c = 0; c < bound.mean.size(); ++c) {
    means.push_back(NearNorm::running(input(from["running_mean"].values[c]), bound.mean[c], 0.1));
    variances.push_back(
        NearNorm::running(input(from["running_var"].values[c]), bound.variance[c] * count / one_less, 0.1));
  }
  expect_near(name + ".running_mean", norm.running_mean, from["running_mean_new"].values, means);
  expect_near(name + ".running_variance", norm.running_variance, from["running_var_new"].values, variances);
}

TEST(Fp32Oracle, BatchNormalization) {
  check_norm("float_ops.batchnorm2d_train");
  check_norm("float_ops.batchnorm1d_train");
}

TEST(Fp32Oracle, BatchNormalizationByRunningValues) {
  const OracleCase from("float_ops.batchnorm2d_eval");
  const OracleArray x = rows_of(from["x"]);
  const int channels = from["w"].shape[0];
  const std::int64_t rows = static_cast<std::int64_t>(x.values.size()) / channels;
  const NodeParameters parameters{{}, {}, from["w"].floats(), from["b"].floats()};
  fp32::Norm norm({channels, 1e-5, 0.1}, Normalization::kBatch, 1);
  norm.running_mean = from["running_mean"].floats();
  norm.running_variance = from["running_var"].floats();
  norm.use_running_values(parameters);
  std::vector<float> y(x.values.size());
  norm.normalize(x.floats().data(), rows, false, y.data());
  const NearNorm bound(1e-5, inputs(x.values), inputs(from["w"].values), inputs(from["b"].values),
                       inputs(from["running_mean"].values), inputs(from["running_var"].values));
  expect_near("evaluation", y, rows_of(from["y"]).values, bound.y);
}

/// Layer normalization over the last dimension is layer-batch normalization (N16) of one row.
TEST(Fp32Oracle, LayerNormalization) {
  const OracleCase from("float_ops.layernorm");
  const auto channels = from["w"].values.size();
  const std::size_t rows = from["x"].values.size() / channels;
  const NodeParameters parameters{{}, {}, from["w"].floats(), from["b"].floats()};
  const std::vector<float> x = from["x"].floats(), gy = from["gy"].floats();
  std::vector<float> y(x.size()), dx(x.size());
  std::vector<double> dgamma(channels), dbeta(channels);  // the parameters' gradients add up over the rows
  std::vector<test::Sum> dgamma_bound(channels), dbeta_bound(channels);
  Nears y_bound, dx_bound;
  for (std::size_t row = 0; row < rows; ++row) {
    const auto at = static_cast<std::ptrdiff_t>(row * channels), end = at + static_cast<std::ptrdiff_t>(channels);
    fp32::Norm norm({static_cast<int>(channels), 1e-5, 0.1}, Normalization::kLayerBatch, 1);
    norm.add_sums(0, &x[row * channels], 1);
    norm.finish_sums(1, parameters);
    norm.normalize(&x[row * channels], 1, false, &y[row * channels]);
    norm.add_gradient_sums(0, &x[row * channels], &gy[row * channels], 1);
    norm.finish_gradient_sums(1, parameters);
    norm.propagate(&x[row * channels], &gy[row * channels], 1, false, &dx[row * channels]);
    const std::vector<double> values = from["x"].values, gradient = from["gy"].values;
    const NearNorm bound(true, 1e-5, inputs({values.begin() + at, values.begin() + end}),
                         inputs({gradient.begin() + at, gradient.begin() + end}), inputs(from["w"].values),
                         inputs(from["b"].values));
    y_bound.insert(y_bound.end(), bound.y.begin(), bound.y.end());
    dx_bound.insert(dx_bound.end(), bound.dx.begin(), bound.dx.end());
    for (std::size_t c = 0; c < channels; ++c) {
      dgamma[c] += norm.gamma_gradient()[c];
      dbeta[c] += norm.beta_gradient()[c];
      dgamma_bound[c].add(bound.dgamma[c]);
      dbeta_bound[c].add(bound.dbeta[c]);
    }
  }
  EXPECT_EQ(rows, 12U);
  expect_near("layernorm.y", y, from["y"].values, y_bound);
  expect_near("layernorm.dx", dx, from["dx"].values, dx_bound);
  expect_near("layernorm.dw", {dgamma.begin(), dgamma.end()}, from["dw"].values, in_float(dgamma_bound));
  expect_near("layernorm.db", {dbeta.begin(), dbeta.end()}, from["db"].values, in_float(dbeta_bound));
}

/// One addition of two rounded inputs; a ReLU only chooses.
TEST(Fp32Oracle, ResidualAddAndRelu) {
  const OracleCase from("float_ops.residual_add_relu");
  const std::vector<float> a = from["a"].floats();
  const auto count = static_cast<std::int64_t>(a.size());
  std::vector<float> y(a.size()), gradient = from["gy"].floats();
  Nears sums, gradients;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const Near sum = f32(input(from["a"].values[i]) + input(from["b"].values[i]));
    sums.push_back(relu(sum));
    gradients.push_back(behind_relu(sum, input(from["gy"].values[i])));
  }
  fp32::add_forward(a.data(), from["b"].floats().data(), count, true, y.data());
  expect_near("residual y", y, from["y"].values, sums);
  fp32::mask_relu(y.data(), count, gradient.data());
  expect_near("residual da", gradient, from["da"].values, gradients);
  expect_near("residual db", gradient, from["db"].values, gradients);

  const OracleCase only("float_ops.act_relu");
  const std::vector<float> x = only["x"].floats();
  std::vector<float> result(x.size()), dx(x.size(), 1.0F);
  Nears bound, dx_bound;
  for (std::size_t i = 0; i < x.size(); ++i) {
    bound.push_back(relu(input(only["x"].values[i])));
    dx_bound.push_back(behind_relu(input(only["x"].values[i]), input(only["gy"].values[i])));
  }
  fp32::relu_forward(x.data(), static_cast<std::int64_t>(x.size()), result.data());
  expect_near("relu", result, only["y"].values, bound);
  fp32::relu_backward(result.data(), only["gy"].floats().data(), static_cast<std::int64_t>(x.size()), false, dx.data());
  expect_near("relu dx", dx, only["dx"].values, dx_bound);
}

/// NearLoss: a logit is known to 2^-24 of itself, which for large logits is most of the bound.
TEST(Fp32Oracle, SoftmaxCrossEntropy) {
  for (const std::string name : {"float_ops.softmax_ce_10", "float_ops.softmax_ce_large_logits"}) {
    const OracleCase from(name);
    const OracleArray z = from["z"];
    const std::vector<double> labels = from["labels"].values;
    const std::vector<std::uint8_t> classes(labels.begin(), labels.end());
    std::vector<float> gradient(z.values.size());
    const auto sums = fp32::softmax_cross_entropy(z.floats().data(), classes.data(), z.shape[0], z.shape[1],
                                                  static_cast<float>(z.shape[0]), gradient.data());
    const NearLoss bound(inputs(z.values), classes);
    EXPECT_NEAR(sums.loss / z.shape[0], from["loss"].values[0], bound.loss.error) << name;
    expect_near(name + ".dz", gradient, from["dz"].values, bound.gradient);
  }
}

}  // namespace
}  // namespace bitloom
