#include "model/rows/xnor.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "model/io/error.hpp"
#include "testbench/model/golden/cases.hpp"
#include "testbench/model/rows/conv_judge.hpp"

// One-bit convolutions against nested loops over codes ±1 and against the int8 path. ctest runs this program once for
// each instruction set.

namespace bitloom::testing {
namespace {

class XnorTest : public ::testing::TestWithParam<int> {
 protected:
  void SetUp() override {
    // An instruction set that this machine lacks cannot be tested on it.
    if (const std::string reason = missing_isa(); !reason.empty()) GTEST_SKIP() << reason;
  }
  int below(int end) { return static_cast<int>(random() % static_cast<unsigned>(end)); }
  int one_of(std::initializer_list<int> values) { return values.begin()[below(static_cast<int>(values.size()))]; }

  /// Codes ±1; `kind` 1 and 2 make all equal.
  std::vector<std::int8_t> signs(std::size_t count, int kind) {
    std::vector<std::int8_t> result(count);
    for (std::int8_t& code : result) code = static_cast<std::int8_t>(kind == 1 ? 1 : kind == 2 ? -1 : 2 * below(2) - 1);
    return result;
  }

  void compare(const ConvShape& s, XnorConvolution& xnor, int kind_x, int kind_w) {
    const auto x = signs(s.in_pixels() * static_cast<std::size_t>(s.in), kind_x);
    const auto w = signs(s.depth() * static_cast<std::size_t>(s.out), kind_w);
    const auto d = signs(s.out_pixels() * static_cast<std::size_t>(s.out), 0);
    std::vector<std::int32_t> acc(d.size(), 77), int8_acc(d.size(), 78);
    xnor.forward(s, x.data(), w.data(), acc.data());
    Convolution(GetParam()).forward(s, x.data(), w.data(), int8_acc.data());
    const ConvSums want = judged_convolution(s, x, w, d);
    ASSERT_TRUE(std::equal(acc.begin(), acc.end(), want.acc.begin()))
        << s.n << " " << s.height << "x" << s.width << " " << s.in << " -> " << s.out << " groups " << s.groups;
    ASSERT_EQ(acc, int8_acc);
  }

  std::mt19937_64 random{21};
};

TEST_P(XnorTest, RandomShapes) {
  XnorConvolution xnor(GetParam());
  for (int i = 0; i < 200;) {
    ConvShape s;
    s.groups = one_of({1, 1, 1, 2, 3});
    s.in = s.groups * one_of({1, 3, 16, 31, 63, 64, 65, 100, 128, 129});
    s.out = s.groups * one_of({1, 7, 8, 9, 16, 17, 24, 33});
    s.n = 1 + below(3);
    s.height = 1 + below(8);
    s.width = 1 + below(9);
    s.kernel = {1 + below(4), 1 + below(4)};
    s.stride = {1 + below(2), 1 + below(3)};
    s.padding = {below(4), below(4)};
    s.dilation = {1 + below(2), 1 + below(2)};
    if (s.out_rows() < 1 || s.out_cols() < 1) continue;
    compare(s, xnor, i % 4 == 1 ? 1 + below(2) : 0, i % 4 == 2 ? 1 + below(2) : 0);
    if (HasFatalFailure()) return;
    ++i;
  }
}

TEST_P(XnorTest, WideLayer) {
  XnorConvolution xnor(GetParam());
  compare({2, 7, 9, 192, 136, {3, 3}, {1, 1}, {1, 1}, {1, 1}, 1}, xnor, 0, 0);
  compare({1, 4, 4, 8192, 3, {4, 4}, {1, 1}, {2, 2}, {1, 1}, 1}, xnor, 1, 2);
}

/// Appends the signs of a byte's lowest bits behind `before` codes +1.
void append_signs(std::vector<std::int8_t>& codes, int before, int byte, int bits) {
  codes.insert(codes.end(), static_cast<std::size_t>(before), 1);
  for (int b = 0; b < bits; ++b) codes.push_back(static_cast<std::int8_t>((byte >> b) % 2 == 1 ? 1 : -1));
}

TEST_P(XnorTest, EveryPairOfBytes) {  // with every number of valid bits; at the begin and end of a word and in the next
  XnorConvolution xnor(GetParam());
  for (const int before : {0, 56, 64}) {
    for (int bits = 1; bits <= 8; ++bits) {
      std::vector<std::int8_t> x, by_output;
      for (int byte = 0; byte < 256; ++byte) append_signs(x, before, byte, bits);
      by_output = x;
      const auto channels = static_cast<std::size_t>(before + bits);
      std::vector<std::int8_t> w(by_output.size());
      for (std::size_t o = 0; o < 256; ++o) {
        for (std::size_t c = 0; c < channels; ++c) w[c * 256 + o] = by_output[o * channels + c];
      }
      std::vector<std::int32_t> acc(65536, 77);
      xnor.forward({1, 16, 16, before + bits, 256, {1, 1}, {1, 1}, {0, 0}, {1, 1}, 1}, x.data(), w.data(), acc.data());
      for (int a = 0; a < 256; ++a) {
        for (int b = 0; b < 256; ++b) {
          int want = before;
          for (int bit = 0; bit < bits; ++bit) want += (a >> bit) % 2 == (b >> bit) % 2 ? 1 : -1;
          ASSERT_EQ(acc[static_cast<std::size_t>(256 * a + b)], want) << a << " " << b << " " << bits << " of a byte";
        }
      }
    }
  }
}

TEST_P(XnorTest, CountsEveryCodeAboveZeroAsOne) {
  XnorConvolution xnor(GetParam());
  ConvShape s;
  s.in = 256;
  std::vector<std::int8_t> x(256);
  for (int i = 0; i < 256; ++i) x[static_cast<std::size_t>(i)] = static_cast<std::int8_t>(i - 128);
  const std::vector<std::int8_t> w(256, 1);
  std::int32_t acc = 0;
  xnor.forward(s, x.data(), w.data(), &acc);
  EXPECT_EQ(acc, 127 - 129);
}

TEST_P(XnorTest, RefusesShapes) {
  const std::vector<std::int8_t> codes(1);
  std::int32_t acc = 0;
  EXPECT_THROW(XnorConvolution(GetParam())
                   .forward({1, 4, 4, 3, 4, {1, 1}, {1, 1}, {0, 0}, {1, 1}, 2}, codes.data(), codes.data(), &acc),
               Error);
}

INSTANTIATE_TEST_SUITE_P(Threads, XnorTest, ::testing::Values(1, 2));

}  // namespace
}  // namespace bitloom::testing
