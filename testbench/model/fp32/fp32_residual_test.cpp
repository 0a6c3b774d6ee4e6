// A residual block (two convolutions with batch normalization, a projection with stride 2 beside them), forward and
// backward, against arrays that PyTorch made in float64; bounds as in fp32_oracle_test.cpp. Each operation's bound
// starts from how far its operands really are from float64, which the operation before it was tested for: bounds of
// bounds would grow at every normalization.
#include <algorithm>
#include <cmath>

#include "model/fp32/kernels.hpp"
#include "model/fp32/norm.hpp"
#include "model/fp32/primitives.hpp"
#include "testbench/model/fp32/error_bound.hpp"
#include "testbench/model/oracle.hpp"
#include "testbench/model/support.hpp"

namespace bitloom {
namespace {

using test::inputs;
using test::Near;
using test::NearConv;
using test::NearNorm;
using test::Nears;
using test::OracleArray;
using test::OracleCase;
using test::transposed;
using Floats = std::vector<float>;

constexpr double kEps = 1e-5;

void expect_near(const std::string& what, const Floats& got, const std::vector<double>& expected, const Nears& bound) {
  ASSERT_EQ(got.size(), expected.size()) << what;
  ASSERT_EQ(bound.size(), expected.size()) << what;
  double largest = 0.0, widest = 0.0;
  for (std::size_t i = 0; i < got.size(); ++i) {
    ASSERT_NEAR(bound[i].value, expected[i], 1e-3 * bound[i].error) << what << " " << i << ", in float64";
    ASSERT_NEAR(got[i], expected[i], bound[i].error) << what << " " << i;
    largest = std::max(largest, std::abs(got[i] - expected[i]) / bound[i].error);
    widest = std::max(widest, bound[i].error);
  }
  std::printf("%s: bounds up to %.1e, largest error %.3f of its bound\n", what.c_str(), widest, largest);
}

/// Tests an intermediate result, and leaves its distance from float64 in place of the bound.
void settle(const std::string& what, const Floats& got, Nears& bound) {
  ASSERT_EQ(got.size(), bound.size()) << what;
  for (std::size_t i = 0; i < got.size(); ++i) {
    const double error = std::abs(got[i] - bound[i].value);
    ASSERT_LE(error, bound[i].error) << what << " " << i;
    bound[i].error = error;
  }
}

/// A convolution and its normalization: the program's, and the same with bounds.
class Stage {
 public:
  Stage(const OracleCase& from, const std::string& suffix, const testing::Dims& in, const Pair& stride,
        const Pair& padding)
      : from_(from),
        suffix_(suffix),
        w_(from["w" + suffix].channels_last()),
        facts_{in.channels, w_.shape[0], {w_.shape[1], w_.shape[2]}, stride, padding, {1, 1}, 1, false},
        near_{facts_, in, {in.n, in.height / stride.rows, in.width / stride.cols, w_.shape[0]}},
        conv_(facts_, {in.channels, in.height, in.width}, in.n, false),
        norm_({w_.shape[0], kEps, 0.1}, Normalization::kBatch, 1),
        parameters_{{}, {}, from["g" + suffix].floats(), from["b" + suffix].floats()} {}

  const testing::Dims& out() const { return near_.out; }

  void forward(const Floats& x, const Nears& near_x, bool relu) {
    x_ = x;
    near_x_ = near_x;
    z_.resize(near_.out.size());
    y.resize(z_.size());
    ASSERT_TRUE(conv_.load_weights(w_.floats().data()));
    ASSERT_TRUE(conv_.forward(x_.data(), nullptr, z_.data()));
    norm_.add_sums(0, z_.data(), rows());
    norm_.finish_sums(rows(), parameters_);
    norm_.normalize(z_.data(), rows(), relu, y.data());
    near_w_ = transposed(inputs(w_.values), static_cast<std::size_t>(facts_.out));
    near_z_ = near_.forward(near_x_, near_w_, {});
    settle("z" + suffix_, z_, near_z_);
    near_y = normalized(near_z_).y;
    if (!relu) settle("y" + suffix_, y, near_y);
  }

  /// Leaves dx, and checks the gradients of the parameters.
  void backward(const Floats& dy, const Nears& near_dy) {
    Floats dz(z_.size()), sums(conv_.private_size()), dw(w_.values.size());
    norm_.add_gradient_sums(0, z_.data(), dy.data(), rows());
    norm_.finish_gradient_sums(rows(), parameters_);
    norm_.propagate(z_.data(), dy.data(), rows(), false, dz.data());
    dx.resize(x_.size());
    ASSERT_TRUE(conv_.backward_data(dz.data(), dx.data()));
    ASSERT_TRUE(conv_.backward_weights(x_.data(), dz.data(), sums.data(), nullptr));
    ASSERT_TRUE(conv_.export_gradient(sums.data(), dw.data()));
    NearNorm norm = normalized(near_dy);
    settle("dz" + suffix_, dz, norm.dx);
    near_dx = near_.by_x(norm.dx, near_w_);
    settle("dx" + suffix_, dx, near_dx);
    const auto out = static_cast<std::size_t>(facts_.out);
    expect_near("dw" + suffix_, dw, from_["dw" + suffix_].channels_last().values,
                transposed(near_.by_w(near_x_, norm.dx, dw.size()), dw.size() / out));
    expect_near("dg" + suffix_, norm_.gamma_gradient(), from_["dg" + suffix_].values, norm.dgamma);
    expect_near("db" + suffix_, norm_.beta_gradient(), from_["db" + suffix_].values, norm.dbeta);
  }

  Floats y, dx;
  Nears near_y, near_dx;  ///< before a ReLU

 private:
  std::int64_t rows() const { return static_cast<std::int64_t>(z_.size()) / facts_.out; }
  NearNorm normalized(const Nears& dy) const {
    return {false, kEps, near_z_, dy, inputs(from_["g" + suffix_].values), inputs(from_["b" + suffix_].values)};
  }

  const OracleCase& from_;
  std::string suffix_;
  OracleArray w_;
  Conv2dAttributes facts_;
  NearConv near_;
  fp32::Convolution conv_;
  fp32::Norm norm_;
  NodeParameters parameters_;
  Floats x_, z_;
  Nears near_x_, near_w_, near_z_;
};

TEST(Fp32Oracle, ResidualBlock) {
  const OracleCase from("float_ops.resnet_basic_block_s2");
  const OracleArray x = from["x"].channels_last(), gy = from["gy"].channels_last();
  const testing::Dims in{x.shape[0], x.shape[1], x.shape[2], x.shape[3]};
  Stage first(from, "1", in, {2, 2}, {1, 1}), second(from, "2", first.out(), {1, 1}, {1, 1});
  Stage shortcut(from, "s", in, {2, 2}, {0, 0});
  first.forward(x.floats(), inputs(x.values), true);
  Nears hidden;
  for (const Near& y : first.near_y) hidden.push_back(relu(y));
  settle("hidden", first.y, hidden);
  second.forward(first.y, hidden, false);
  shortcut.forward(x.floats(), inputs(x.values), false);
  const auto count = static_cast<std::int64_t>(second.y.size());
  Floats y(second.y.size()), dy = gy.floats();
  fp32::add_forward(second.y.data(), shortcut.y.data(), count, true, y.data());
  fp32::mask_relu(y.data(), count, dy.data());
  Nears near_y, near_dy;
  for (std::size_t i = 0; i < y.size(); ++i) {
    const Near sum = f32(second.near_y[i] + shortcut.near_y[i]);
    near_y.push_back(relu(sum));
    near_dy.push_back(behind_relu(sum, test::input(gy.values[i])));
  }
  expect_near("y", y, from["y"].channels_last().values, near_y);

  second.backward(dy, near_dy);
  fp32::mask_relu(first.y.data(), static_cast<std::int64_t>(first.y.size()), second.dx.data());
  Nears masked;
  for (std::size_t i = 0; i < hidden.size(); ++i) masked.push_back(behind_relu(first.near_y[i], second.near_dx[i]));
  first.backward(second.dx, masked);
  shortcut.backward(dy, near_dy);
  Floats dx = first.dx;
  fp32::add_or_copy(shortcut.dx.data(), static_cast<std::int64_t>(dx.size()), true, dx.data());
  Nears near_dx;
  for (std::size_t i = 0; i < dx.size(); ++i) near_dx.push_back(f32(first.near_dx[i] + shortcut.near_dx[i]));
  expect_near("dx", dx, from["dx"].channels_last().values, near_dx);
}

}  // namespace
}  // namespace bitloom
