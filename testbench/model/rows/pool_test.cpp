#include "model/rows/pool.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "model/io/error.hpp"
#include "testbench/model/golden/cases.hpp"

// Pooling against N15 written down window by window, over random shapes, ties and values at the limits.

namespace bitloom::testing {
namespace {

constexpr std::int64_t kLimit = 2147483647;

class PoolTest : public ::testing::TestWithParam<int> {
 protected:
  void SetUp() override {
    // An instruction set that this machine lacks cannot be tested on it.
    if (const std::string reason = missing_isa(); !reason.empty()) GTEST_SKIP() << reason;
  }
  int below(int end) { return static_cast<int>(random() % static_cast<unsigned>(end)); }

  std::vector<std::int32_t> values(std::size_t count, int kind) {
    std::vector<std::int32_t> result(count);
    for (std::int32_t& v : result) {
      if (kind == 0) v = below(5) - 2;  // ties
      if (kind == 1) v = static_cast<std::int32_t>((random() & 1) != 0u ? kLimit : -kLimit);
      if (kind == 2) v = static_cast<std::int32_t>(random() >> 33) - (1 << 30);
    }
    return result;
  }

  PoolShape random_shape() {
    while (true) {
      PoolShape s{1 + below(3),
                  1 + below(11),
                  1 + below(11),
                  1 + below(37),
                  {1 + below(3), 1 + below(4)},
                  {1 + below(3), 1 + below(3)}};
      s.padding = {below(s.kernel.rows), below(s.kernel.cols)};
      if (s.height + 2 * s.padding.rows >= s.kernel.rows && s.width + 2 * s.padding.cols >= s.kernel.cols) return s;
    }
  }

  std::mt19937_64 random{9};
};

/// Returns the input elements of a window in the order of its taps, -1 for padding.
std::vector<std::int64_t> window(const PoolShape& s, std::size_t output) {
  const std::size_t c = output % static_cast<std::size_t>(s.channels);
  const std::size_t pixel = output / static_cast<std::size_t>(s.channels);
  const auto cols = static_cast<std::size_t>((s.width + 2 * s.padding.cols - s.kernel.cols) / s.stride.cols + 1);
  const auto rows = static_cast<std::size_t>((s.height + 2 * s.padding.rows - s.kernel.rows) / s.stride.rows + 1);
  std::vector<std::int64_t> elements;
  for (int ky = 0; ky < s.kernel.rows; ++ky) {
    for (int kx = 0; kx < s.kernel.cols; ++kx) {
      const int y = static_cast<int>(pixel / cols % rows) * s.stride.rows + ky - s.padding.rows;
      const int x = static_cast<int>(pixel % cols) * s.stride.cols + kx - s.padding.cols;
      const bool inside = y >= 0 && x >= 0 && y < s.height && x < s.width;
      const int n = static_cast<int>(pixel / cols / rows);
      elements.push_back(
          !inside ? -1 : ((std::int64_t{n} * s.height + y) * s.width + x) * s.channels + static_cast<std::int64_t>(c));
    }
  }
  return elements;
}

/// Clamps sums to raw views, counting as the kernels do.
std::vector<std::int32_t> raw(const std::vector<std::int64_t>& sums, RowStatistics& statistics) {
  std::vector<std::int32_t> result;
  for (const std::int64_t sum : sums) {
    const std::int64_t v = sum > kLimit ? kLimit : sum < -kLimit ? -kLimit : sum;
    if (v != sum) ++statistics.saturated;
    statistics.max = static_cast<std::int32_t>(std::max<std::int64_t>(statistics.max, v < 0 ? -v : v));
    result.push_back(static_cast<std::int32_t>(v));
  }
  return result;
}

void expect_same(const RowStatistics& got, const RowStatistics& want) {
  EXPECT_EQ(got.max, want.max);
  EXPECT_EQ(got.saturated, want.saturated);
}

TEST_P(PoolTest, MaximumOfRandomShapes) {
  const Pooling pooling(GetParam());
  for (int i = 0; i < 200 && !HasFailure(); ++i) {
    const PoolShape s = random_shape();
    const auto channels = static_cast<std::size_t>(s.channels);
    const auto x = values(s.in_pixels() * channels, i % 3);
    const auto dy = values(s.out_pixels() * channels, (i / 3) % 3);
    std::vector<std::int32_t> y(dy.size(), 5), g(x.size(), 5);
    std::vector<std::uint8_t> winners(dy.size(), 99);
    const RowStatistics forward = pooling.max_forward(s, x.data(), y.data(), winners.data());
    const RowStatistics backward = pooling.max_backward(s, dy.data(), winners.data(), g.data());
    std::vector<std::int64_t> best, sums(x.size());
    for (std::size_t o = 0; o < y.size(); ++o) {
      const std::vector<std::int64_t> elements = window(s, o);
      std::size_t winner = elements.size();
      for (std::size_t tap = 0; tap < elements.size(); ++tap) {
        if (elements[tap] < 0) continue;
        const auto at = [&](std::size_t t) { return x[static_cast<std::size_t>(elements[t])]; };
        if (winner == elements.size() || at(tap) > at(winner)) winner = tap;
      }
      ASSERT_EQ(winners[o], winner);
      best.push_back(x[static_cast<std::size_t>(elements[winner])]);
      sums[static_cast<std::size_t>(elements[winner])] += dy[o];
    }
    RowStatistics of_y, of_g;
    ASSERT_EQ(y, raw(best, of_y));
    ASSERT_EQ(g, raw(sums, of_g));
    expect_same(forward, of_y);
    expect_same(backward, of_g);
  }
}

TEST_P(PoolTest, AverageOfRandomShapes) {
  const Pooling pooling(GetParam());
  for (int i = 0; i < 200 && !HasFailure(); ++i) {
    const PoolShape s = random_shape();
    const auto channels = static_cast<std::size_t>(s.channels);
    const auto x = values(s.in_pixels() * channels, i % 3);
    const auto dy = values(s.out_pixels() * channels, (i / 3) % 3);
    std::vector<std::int32_t> y(dy.size(), 5), g(x.size(), 5);
    const RowStatistics forward = pooling.average_forward(s, x.data(), y.data());
    const RowStatistics backward = pooling.average_backward(s, dy.data(), g.data());
    std::vector<std::int64_t> forward_sums(y.size()), sums(x.size());
    for (std::size_t o = 0; o < y.size(); ++o) {
      for (const std::int64_t element : window(s, o)) {
        if (element < 0) continue;
        forward_sums[o] += x[static_cast<std::size_t>(element)];
        sums[static_cast<std::size_t>(element)] += dy[o];
      }
    }
    RowStatistics of_y, of_g;
    ASSERT_EQ(y, raw(forward_sums, of_y));
    ASSERT_EQ(g, raw(sums, of_g));
    expect_same(forward, of_y);
    expect_same(backward, of_g);
  }
}

TEST_P(PoolTest, AverageOfMoreTapsThanAWinnerCouldName) {
  const PoolShape s{2, 28, 28, 3, {28, 28}, {28, 28}};
  const std::size_t pixels = 28 * 28;
  std::vector<std::int32_t> x(2 * pixels * 3), y(6), g(x.size());
  for (std::size_t i = 0; i < x.size(); ++i) x[i] = static_cast<std::int32_t>(i % 1000) - 300;
  std::vector<std::int64_t> want(6);
  for (std::size_t i = 0; i < x.size(); ++i) want[i / 3 / pixels * 3 + i % 3] += x[i];
  const Pooling pooling(GetParam());
  pooling.average_forward(s, x.data(), y.data());
  EXPECT_TRUE(std::equal(y.begin(), y.end(), want.begin()));
  const std::vector<std::int32_t> dy{1, -2, 3, -4, 5, -6};
  pooling.average_backward(s, dy.data(), g.data());
  for (std::size_t i = 0; i < g.size(); ++i) ASSERT_EQ(g[i], dy[i / 3 / pixels * 3 + i % 3]);
  std::vector<std::uint8_t> winners(y.size());
  EXPECT_THROW(pooling.max_forward({2, 16, 16, 3, {16, 16}, {16, 16}}, x.data(), y.data(), winners.data()), Error);
  EXPECT_THROW(pooling.average_forward({1, 256, 256, 1, {256, 256}, {1, 1}}, x.data(), y.data()), Error);
}

TEST_P(PoolTest, RefusesShapes) {
  const Pooling pooling(GetParam());
  std::vector<std::int32_t> x(256), y(256);
  const auto forward = [&](const PoolShape& s) { pooling.average_forward(s, x.data(), y.data()); };
  EXPECT_THROW(forward({1, 2, 2, 1, {3, 1}, {1, 1}}), Error);
  EXPECT_THROW(forward({1, 2, 2, 1, {2, 2}, {1, 0}}), Error);
  EXPECT_THROW(forward({1, 2, 2, 1, {2, 2}, {1, 1}, {2, 0}}), Error);
}

INSTANTIATE_TEST_SUITE_P(Threads, PoolTest, ::testing::Values(1, 2));

}  // namespace
}  // namespace bitloom::testing
