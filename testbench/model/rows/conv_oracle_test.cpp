// Golden's integer convolutions and poolings against recorded arrays (traces/oracle/float), bit for bit.
#include <algorithm>
#include <cmath>

#include "model/rows/conv.hpp"
#include "model/rows/pool.hpp"
#include "model/rows/xnor.hpp"
#include "testbench/model/oracle.hpp"
#include "testbench/model/support.hpp"

namespace bitloom {
namespace {

using test::OracleArray;
using test::OracleCase;

Pair pair_of(const std::vector<int>& values) { return {values.front(), values.back()}; }

template <class T>
std::vector<T> integers(const OracleArray& array) {
  std::vector<T> result(array.values.size());
  std::transform(array.values.begin(), array.values.end(), result.begin(), [](double v) { return static_cast<T>(v); });
  return result;
}

/// [o][k] as golden's weights [k][o].
template <class T>
std::vector<T> by_tap(const OracleArray& weights) {
  const auto out = static_cast<std::size_t>(weights.shape[0]);
  const std::vector<T> rows = integers<T>(weights.channels_last());
  const std::size_t depth = rows.size() / out;
  std::vector<T> result(rows.size());
  for (std::size_t i = 0; i < rows.size(); ++i) result[i % depth * out + i / depth] = rows[i];
  return result;
}

ConvShape shape_of(const OracleCase& from) {
  const std::vector<int> x = from["x"].shape, w = from["w"].shape;
  const std::vector<int> pads = from.parameter("pads_tlbr");
  return {x[0],
          x[2],
          x[3],
          x[1],
          w[0],
          {w[2], w[3]},
          pair_of(from.parameter("stride")),
          {pads[0], pads[1]},
          pair_of(from.parameter("dilation")),
          from.parameter("groups")[0]};
}

/// The recorded y without its bias, which golden adds in the drain.
std::vector<std::int32_t> sums_of(const OracleCase& from) {
  std::vector<std::int32_t> y = integers<std::int32_t>(from["y"].channels_last());
  const std::vector<std::int32_t> bias = integers<std::int32_t>(from["b"]);
  for (std::size_t i = 0; i < y.size(); ++i) y[i] -= bias[i % bias.size()];
  return y;
}

TEST(ConvOracle, SumsAreTheRecordedOnes) {
  const std::vector<std::string> names = OracleCase::names("conv_int");
  EXPECT_EQ(names.size(), 26U);
  for (const int threads : {1, 3}) {
    Convolution convolution(threads);
    for (const std::string& name : names) {
      const OracleCase from(name);
      const ConvShape shape = shape_of(from);
      const std::vector<std::int8_t> x = integers<std::int8_t>(from["x"].channels_last());
      const std::vector<std::int8_t> d = integers<std::int8_t>(from["gy"].channels_last());
      const std::vector<std::int8_t> w = by_tap<std::int8_t>(from["w"]);
      std::vector<std::int32_t> acc(d.size()), g(x.size());
      std::vector<std::int64_t> dw(w.size());
      convolution.forward(shape, x.data(), w.data(), acc.data());
      convolution.activation_gradient(shape, d.data(), w.data(), g.data());
      convolution.weight_gradient(shape, x.data(), d.data(), dw.data());
      EXPECT_EQ(acc, sums_of(from)) << name;
      EXPECT_EQ(g, integers<std::int32_t>(from["dx"].channels_last())) << name;
      EXPECT_EQ(dw, by_tap<std::int64_t>(from["dw"])) << name;
    }
  }
}

TEST(ConvOracle, SignsAreMultipliedByXnor) {
  for (const std::string name : {"conv_int.binary", "conv_int.binary_nopad"}) {
    const OracleCase from(name);
    const std::vector<std::int32_t> expected = sums_of(from);
    std::vector<std::int32_t> acc(expected.size());
    XnorConvolution(2).forward(shape_of(from), integers<std::int8_t>(from["x"].channels_last()).data(),
                               by_tap<std::int8_t>(from["w"]).data(), acc.data());
    EXPECT_EQ(acc, expected) << name;
  }
}

std::vector<std::int32_t> times(std::vector<double> values, double factor) {
  std::vector<std::int32_t> result;
  for (const double value : values) {
    const double scaled = value * factor;
    EXPECT_LT(std::abs(scaled - std::round(scaled)), 1e-9) << "a recorded average times its window is no integer";
    result.push_back(static_cast<std::int32_t>(std::round(scaled)));
  }
  return result;
}

// Golden's average is the sum of the window: its unit carries the division (N15.2).
TEST(ConvOracle, PoolingsAreTheRecordedOnes) {
  const std::vector<std::string> names = OracleCase::names("pool");
  EXPECT_EQ(names.size(), 7U);
  for (const std::string& name : names) {
    const OracleCase from(name);
    const std::vector<int> x_shape = from["x"].shape;
    PoolShape shape{x_shape[0], x_shape[2], x_shape[3], x_shape[1], {x_shape[2], x_shape[3]}, {1, 1}};
    if (name != "pool.global_avg") {
      shape.kernel = pair_of(from.parameter("kernel"));
      shape.stride = pair_of(from.parameter("stride"));
      shape.padding = pair_of(from.parameter("pad"));
    }
    const bool maximum = name.starts_with("pool.max");
    const double window = maximum ? 1.0 : shape.kernel.rows * shape.kernel.cols;
    const std::vector<std::int32_t> x = integers<std::int32_t>(from["x"].channels_last());
    const std::vector<std::int32_t> dy = integers<std::int32_t>(from["gy"].channels_last());
    std::vector<std::int32_t> y(dy.size()), g(x.size());
    std::vector<std::uint8_t> winners(dy.size());
    const Pooling pooling(2);
    if (maximum) {
      pooling.max_forward(shape, x.data(), y.data(), winners.data());
      pooling.max_backward(shape, dy.data(), winners.data(), g.data());
    } else {
      pooling.average_forward(shape, x.data(), y.data());
      pooling.average_backward(shape, dy.data(), g.data());
    }
    EXPECT_EQ(y, times(from["y"].channels_last().values, window)) << name;
    EXPECT_EQ(g, times(from["dx"].channels_last().values, window)) << name;
  }
}

}  // namespace
}  // namespace bitloom
