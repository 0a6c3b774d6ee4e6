#include "model/rows/conv.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "model/io/error.hpp"
#include "testbench/model/golden/cases.hpp"
#include "testbench/model/rows/conv_judge.hpp"
#include "testbench/model/rows/guarded.hpp"

// Fast convolutions against nested loops, bit for bit. ctest runs this program once for each instruction set and oneDNN
// kernel family.

namespace bitloom::testing {
namespace {

class ConvTest : public ::testing::TestWithParam<int> {
 protected:
  void SetUp() override {
    // An instruction set that this machine lacks cannot be tested on it.
    if (const std::string reason = missing_isa(); !reason.empty()) GTEST_SKIP() << reason;
  }
  int below(int end) { return static_cast<int>(random() % static_cast<unsigned>(end)); }
  int one_of(std::initializer_list<int> values) { return values.begin()[below(static_cast<int>(values.size()))]; }

  /// Codes within ±limit; `extreme` makes them ±limit or 0.
  std::vector<std::int8_t> codes(std::size_t count, int limit, bool extreme) {
    std::vector<std::int8_t> result(count);
    for (std::int8_t& code : result) {
      code = static_cast<std::int8_t>(extreme ? limit * (below(3) - 1) : below(2 * limit + 1) - limit);
    }
    return result;
  }

  void compare(const ConvShape& s, Convolution& convolution, bool extreme) {
    const std::vector<std::int8_t> x = codes(s.in_pixels() * static_cast<std::size_t>(s.in), 127, extreme);
    const std::vector<std::int8_t> w = codes(s.depth() * static_cast<std::size_t>(s.out), 127, extreme);
    const std::vector<std::int8_t> d = codes(s.out_pixels() * static_cast<std::size_t>(s.out), 127, extreme);
    compare(s, convolution, x, w, d);
  }

  static void compare(const ConvShape& s, Convolution& convolution, const std::vector<std::int8_t>& x,
                      const std::vector<std::int8_t>& w, const std::vector<std::int8_t>& d) {
    const std::string name = describe(s);
    std::vector<std::int32_t> acc(d.size(), 77), g(x.size(), 77);
    std::vector<std::int64_t> dw(w.size(), 77);
    const test::Guarded x_codes(x), w_codes(w), d_codes(d);
    convolution.forward(s, x_codes.data(), w_codes.data(), acc.data());
    convolution.activation_gradient(s, d_codes.data(), w_codes.data(), g.data());
    convolution.weight_gradient(s, x_codes.data(), d_codes.data(), dw.data());
    const ConvSums want = judged_convolution(s, x, w, d);
    ASSERT_TRUE(std::equal(acc.begin(), acc.end(), want.acc.begin())) << "forward " << name;
    ASSERT_TRUE(std::equal(g.begin(), g.end(), want.g.begin())) << "activation gradient " << name;
    ASSERT_TRUE(std::equal(dw.begin(), dw.end(), want.dw.begin())) << "weight gradient " << name;
  }

  static std::string describe(const ConvShape& s) {
    std::string text;
    for (const int v : {s.n, s.height, s.width, s.in, s.out, s.kernel.rows, s.kernel.cols, s.stride.rows, s.stride.cols,
                        s.padding.rows, s.padding.cols, s.dilation.rows, s.dilation.cols, s.groups}) {
      text += std::to_string(v) + " ";
    }
    return text;
  }

  std::mt19937_64 random{5};
};

TEST_P(ConvTest, ShapesOfRealLayers) {
  Convolution convolution(GetParam());
  for (const ConvShape& s : {ConvShape{3, 28, 28, 1, 8, {5, 5}, {1, 1}, {2, 2}, {1, 1}, 1},
                             {3, 14, 14, 8, 16, {5, 5}, {1, 1}, {0, 0}, {1, 1}, 1},
                             {2, 32, 32, 3, 16, {3, 3}, {1, 1}, {1, 1}, {1, 1}, 1},
                             {2, 15, 13, 16, 32, {3, 3}, {2, 2}, {1, 1}, {1, 1}, 1},
                             {2, 16, 16, 16, 32, {1, 1}, {2, 2}, {0, 0}, {1, 1}, 1},
                             {2, 8, 8, 64, 48, {1, 1}, {1, 1}, {0, 0}, {1, 1}, 1},
                             {2, 8, 8, 64, 48, {1, 1}, {1, 1}, {0, 0}, {1, 1}, 4},
                             {2, 9, 9, 32, 32, {3, 3}, {1, 1}, {1, 1}, {1, 1}, 32},
                             {1, 9, 9, 20, 40, {3, 3}, {2, 1}, {1, 1}, {1, 2}, 20},
                             {2, 6, 6, 130, 65, {3, 3}, {1, 1}, {1, 1}, {1, 1}, 1}}) {
    compare(s, convolution, false);
    if (HasFatalFailure()) return;
  }
}

TEST_P(ConvTest, RandomShapes) {
  Convolution convolution(GetParam());
  for (int i = 0; i < 300;) {
    ConvShape s;
    s.groups = one_of({1, 1, 1, 2, 3, 5});
    s.in = s.groups * one_of({1, 1, 2, 3, 4, 7, 16, 17});
    s.out = s.groups * one_of({1, 1, 2, 3, 5, 8, 16, 19});
    s.n = 1 + below(4);
    s.height = 1 + below(12);
    s.width = 1 + below(12);
    s.kernel = {1 + below(5), 1 + below(5)};
    s.stride = {1 + below(3), 1 + below(3)};
    s.padding = {below(4), below(4)};
    s.dilation = {1 + below(3), 1 + below(3)};
    if (s.out_rows() < 1 || s.out_cols() < 1) continue;
    compare(s, convolution, i % 3 == 0);
    if (HasFatalFailure()) return;
    ++i;
  }
}

TEST_P(ConvTest, LongestSumsOfLargestCodes) {  // up to 131,072 products of 127 · -128
  Convolution convolution(GetParam());
  const std::vector<std::pair<ConvShape, int>> cases{{{2, 256, 256, 1, 2, {1, 1}, {1, 1}, {0, 0}, {1, 1}, 1}, 0},
                                                     {{1, 4, 4, 8192, 2, {4, 4}, {1, 1}, {0, 0}, {1, 1}, 1}, 1},
                                                     {{1, 4, 4, 2, 8192, {4, 4}, {1, 1}, {3, 3}, {1, 1}, 1}, 2}};
  for (const auto& [s, kind] : cases) {
    for (const int sign : {1, -1}) {
      const auto of = [sign_of = sign](std::size_t count, bool first) {
        return std::vector<std::int8_t>(count, static_cast<std::int8_t>(first ? -128 : 127 * sign_of));
      };
      const auto x = of(s.in_pixels() * static_cast<std::size_t>(s.in), kind != 2);
      const auto w = of(s.depth() * static_cast<std::size_t>(s.out), kind == 2);
      const auto d = of(s.out_pixels() * static_cast<std::size_t>(s.out), false);
      compare(s, convolution, x, w, d);
      if (HasFatalFailure()) return;
    }
  }
}

TEST_P(ConvTest, WeightGradientsBeyond32Bits) {  // 151,263 to 393,216 products, up to 127 · -128 each
  Convolution convolution(GetParam());
  for (const ConvShape& s : {ConvShape{3, 256, 256, 1, 2, {1, 1}, {1, 1}, {0, 0}, {1, 1}, 1},
                             {6, 256, 256, 2, 1, {1, 1}, {1, 1}, {0, 0}, {1, 1}, 1},
                             {256, 28, 28, 1, 4, {3, 3}, {1, 1}, {1, 1}, {1, 1}, 1},
                             {70, 51, 49, 4, 6, {2, 3}, {1, 1}, {1, 1}, {1, 1}, 2},
                             {2, 3, 100000, 2, 2, {1, 1}, {1, 1}, {0, 0}, {1, 1}, 1},
                             {3, 230, 229, 3, 3, {2, 2}, {1, 1}, {1, 1}, {1, 1}, 3}}) {
    for (const int kind : {-1, 0, 1}) {  // all products below 0, random, all above
      std::vector<std::int8_t> x = codes(s.in_pixels() * static_cast<std::size_t>(s.in), 127, false);
      std::vector<std::int8_t> d = codes(s.out_pixels() * static_cast<std::size_t>(s.out), 127, false);
      if (kind != 0) std::fill(x.begin(), x.end(), static_cast<std::int8_t>(kind < 0 ? -128 : 127));
      if (kind != 0) std::fill(d.begin(), d.end(), std::int8_t{127});
      std::vector<std::int64_t> dw(s.depth() * static_cast<std::size_t>(s.out), 77), want(dw.size());
      convolution.weight_gradient(s, x.data(), d.data(), dw.data());
      const auto in = static_cast<std::size_t>(s.in), out = static_cast<std::size_t>(s.out);
      for_products(s, [&](std::size_t p, std::size_t o, std::size_t q, std::size_t c, std::size_t k) {
        want[k * out + o] += x[q * in + c] * d[p * out + o];
      });
      ASSERT_EQ(dw, want) << describe(s) << kind;
    }
  }
}

TEST_P(ConvTest, RefusesShapesThatItCannotSum) {
  Convolution convolution(GetParam());
  const std::vector<std::int8_t> codes(1);
  std::vector<std::int32_t> sums(1);
  const auto forward = [&](const ConvShape& s) { convolution.forward(s, codes.data(), codes.data(), sums.data()); };
  EXPECT_THROW(forward({1, 4, 4, 3, 4, {1, 1}, {1, 1}, {0, 0}, {1, 1}, 2}), Error);
  EXPECT_THROW(forward({1, 4, 4, 1, 1, {5, 1}, {1, 1}, {0, 0}, {1, 1}, 1}), Error);
  EXPECT_THROW(forward({1, 4, 4, 1, 1, {1, 1}, {0, 1}, {0, 0}, {1, 1}, 1}), Error);
  EXPECT_THROW(forward({1, 3, 3, 131073 / 9 + 1, 1, {3, 3}, {1, 1}, {0, 0}, {1, 1}, 1}), Error);
  std::vector<std::int64_t> long_sums(1);
  EXPECT_THROW(convolution.weight_gradient({1, 1, 131073, 1, 1, {1, 1}, {1, 1}, {0, 0}, {1, 1}, 1}, codes.data(),
                                           codes.data(), long_sums.data()),
               Error);
  EXPECT_THROW(convolution.activation_gradient({1, 1, 1, 1, 131073, {1, 1}, {1, 1}, {0, 0}, {1, 1}, 1}, codes.data(),
                                               codes.data(), sums.data()),
               Error);
}

INSTANTIATE_TEST_SUITE_P(Threads, ConvTest, ::testing::Values(1, 2));

}  // namespace
}  // namespace bitloom::testing
