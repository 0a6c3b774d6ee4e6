#include "model/numerics/random.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

#include "testbench/model/numerics/spec_threefry.hpp"
#include "testbench/model/numerics/sweep.hpp"

namespace bitloom {
namespace {

TEST(Threefry, PublishedAnswers) {  // N4.1: the known answers that Random123 publishes
  constexpr Words2x32 kOnes{0xffffffffu, 0xffffffffu};
  constexpr Words2x32 kPiKey{0x13198a2eu, 0x03707344u};
  constexpr Words2x32 kPiCounter{0x243f6a88u, 0x85a308d3u};
  EXPECT_EQ(threefry2x32({0, 0}, {0, 0}, 20), (Words2x32{0x6b200159u, 0x99ba4efeu}));
  EXPECT_EQ(threefry2x32(kOnes, kOnes, 20), (Words2x32{0x1cb996fcu, 0xbb002be7u}));
  EXPECT_EQ(threefry2x32(kPiKey, kPiCounter, 20), (Words2x32{0xc4923a9cu, 0x483df7a0u}));
  EXPECT_EQ(threefry2x32({0, 0}, {0, 0}, 13), (Words2x32{0x9d1c5ec6u, 0x8bd50731u}));
  EXPECT_EQ(threefry2x32(kPiKey, kPiCounter, 13), (Words2x32{0xba3e4725u, 0xf27d669eu}));
}

TEST(Threefry, EqualsSpecification) {  // N4.1
  testing::Sweep sweep(0xb1700021);
  for (int trial = 0; trial < 20000; ++trial) {
    std::array<std::uint32_t, 4> v{};
    for (auto& word : v) word = static_cast<std::uint32_t>(sweep.magnitude(0xffffffff));
    for (const int rounds : {1, 4, 8, 12, 13, 20}) {
      const auto expected = spec::threefry({v[0], v[1]}, {v[2], v[3]}, static_cast<unsigned>(rounds));
      const Words2x32 got = threefry2x32({v[0], v[1]}, {v[2], v[3]}, rounds);
      ASSERT_TRUE(got[0] == expected[0] && got[1] == expected[1]) << rounds << " rounds";
    }
  }
}

TEST(Stream, AddressAsWritten) {  // N4.2, N4.3, N4.5
  constexpr std::uint64_t kSeed = 0x0123456789abcdefull;
  EXPECT_EQ(tensor_id(1, TensorKind::kInput), 36u);
  EXPECT_EQ(tensor_id(2, TensorKind::kGradient), 50u);
  EXPECT_EQ(tensor_id(70000, TensorKind::kGradient), 16u * 70001 + 2u);  // beyond 16 bits
  const Stream stream = make_stream(kSeed, 7, tensor_id(2, TensorKind::kGradient), RandomUse::kMaster, 5);
  const auto key = spec::threefry({0x89abcdefu, 0x01234567u}, {7, (50u << 16) | (3u << 8) | 5u}, 20);
  ASSERT_EQ(stream.key[0], key[0]);
  ASSERT_EQ(stream.key[1], key[1]);
  for (std::uint32_t row = 0; row < 9; ++row) {
    for (std::uint32_t col = 0; col < 100; ++col) {
      const auto bytes = spec::threefry(key, {row, col / 8}, 13);
      const auto halves = spec::threefry(key, {row, col / 4}, 13);
      const std::uint64_t byte = (col % 8 < 4 ? bytes[0] >> (col % 4 * 8) : bytes[1] >> (col % 4 * 8)) % 256;
      const std::uint64_t half = (col % 4 < 2 ? halves[0] >> (col % 2 * 16) : halves[1] >> (col % 2 * 16)) % 65536;
      ASSERT_EQ(stream.draw(row, col, 8), byte) << row << " " << col;
      ASSERT_EQ(stream.draw(row, col, 16), half) << row << " " << col;
    }
  }
}

struct Layer {
  std::uint32_t in;
  std::uint32_t out;
};

/// One generator call of a run, as the four words that go into it.
using Call = std::array<std::uint32_t, 4>;

void add_view(std::vector<Call>& calls, const Stream& stream, std::uint32_t rows, std::uint32_t cols,
              std::uint32_t fields) {
  for (std::uint32_t row = 0; row < rows; ++row) {
    for (std::uint32_t block = 0; block * fields < cols; ++block)
      calls.push_back({stream.key[0], stream.key[1], row, block});
  }
}

/// Every call that a training step with stochastic rounding everywhere makes.
void add_step(std::vector<Call>& calls, std::uint32_t step, std::uint32_t batch, const std::vector<Layer>& layers) {
  const auto stream = [&](std::size_t layer, TensorKind kind, RandomUse use) {
    return make_stream(42, step, tensor_id(static_cast<int>(layer), kind), use);
  };
  for (std::size_t l = 0; l < layers.size(); ++l) {
    if (l > 0) add_view(calls, stream(l, TensorKind::kInput, RandomUse::kQuantize), batch, layers[l].in, 8);
    add_view(calls, stream(l, TensorKind::kGradient, RandomUse::kQuantize), batch, layers[l].out, 8);
    add_view(calls, stream(l, TensorKind::kWeight, RandomUse::kQuantize), layers[l].in, layers[l].out, 8);
    for (const RandomUse use : {RandomUse::kMomentum, RandomUse::kMaster}) {
      add_view(calls, stream(l, TensorKind::kWeight, use), layers[l].in, layers[l].out, 4);
      add_view(calls, stream(l, TensorKind::kBias, use), 1, layers[l].out, 4);
    }
  }
}

TEST(Stream, NoCallRepeatsInARun) {
  std::vector<Call> calls;
  for (std::uint32_t step = 0; step < 8; ++step) add_step(calls, step, 128, {{784, 256}, {256, 128}, {128, 10}});
  for (std::uint32_t step = 8; step < 40; ++step) add_step(calls, step, 19, {{61, 37}, {37, 23}, {23, 10}});
  const std::size_t made = calls.size();
  ASSERT_GT(made, 1000000u);
  std::sort(calls.begin(), calls.end());
  EXPECT_EQ(std::adjacent_find(calls.begin(), calls.end()), calls.end());
  std::printf("%zu calls, all with different key and counter\n", made);
}

TEST(Stream, NoKeyRepeatsInALongRun) {
  std::vector<Words2x32> keys;
  for (std::uint32_t step = 0; step < 20000; ++step) {
    for (std::uint32_t tensor = 0; tensor < 64; tensor += 1) {
      if (tensor % 16 > 3) continue;
      for (const RandomUse use : {RandomUse::kQuantize, RandomUse::kMomentum, RandomUse::kMaster}) {
        keys.push_back(make_stream(1, step, tensor, use).key);
      }
    }
  }
  std::sort(keys.begin(), keys.end());
  EXPECT_EQ(std::adjacent_find(keys.begin(), keys.end()), keys.end());
}

/// Chi-square of 256 byte values, as standard deviations from its mean 255.
template <class Draw>
double byte_deviation(Draw draw) {
  constexpr int kRows = 1024;
  constexpr int kCols = 1024;
  std::vector<double> counts(256, 0.0);
  for (std::uint32_t row = 0; row < kRows; ++row) {
    for (std::uint32_t col = 0; col < kCols; ++col) counts[draw(row, col) & 255u] += 1.0;
  }
  const double expected = kRows * kCols / 256.0;
  double chi = 0.0;
  for (const double count : counts) chi += (count - expected) * (count - expected) / expected;
  return (chi - 255.0) / std::sqrt(2.0 * 255.0);
}

TEST(Stream, BytesAreUniformAndIndependentOfNeighbours) {
  const Stream a = make_stream(3, 0, tensor_id(0, TensorKind::kGradient), RandomUse::kQuantize);
  const Stream next_step = make_stream(3, 1, tensor_id(0, TensorKind::kGradient), RandomUse::kQuantize);
  const Stream next_layer = make_stream(3, 0, tensor_id(1, TensorKind::kGradient), RandomUse::kQuantize);
  const Stream next_use = make_stream(3, 0, tensor_id(0, TensorKind::kGradient), RandomUse::kMomentum);
  const Stream next_seed = make_stream(4, 0, tensor_id(0, TensorKind::kGradient), RandomUse::kQuantize);
  const auto check = [](const char* name, double deviation) {
    std::printf("%-28s chi-square %+.2f standard deviations\n", name, deviation);
    EXPECT_LT(std::fabs(deviation), 5.0) << name;
  };
  check("bytes", byte_deviation([&](auto r, auto c) { return a.draw(r, c, 8); }));
  check("low bytes of 16-bit words", byte_deviation([&](auto r, auto c) { return a.draw(r, c, 16); }));
  check("high bytes of 16-bit words", byte_deviation([&](auto r, auto c) { return a.draw(r, c, 16) >> 8; }));
  const auto differs = [&](const char* name, auto other) {
    check(name, byte_deviation([&](auto r, auto c) { return a.draw(r, c, 8) - other(r, c); }));
  };
  differs("minus next column", [&](auto r, auto c) { return a.draw(r, c + 1, 8); });
  differs("minus next block", [&](auto r, auto c) { return a.draw(r, c + 8, 8); });
  differs("minus next row", [&](auto r, auto c) { return a.draw(r + 1, c, 8); });
  differs("minus next step", [&](auto r, auto c) { return next_step.draw(r, c, 8); });
  differs("minus next layer", [&](auto r, auto c) { return next_layer.draw(r, c, 8); });
  differs("minus next use", [&](auto r, auto c) { return next_use.draw(r, c, 8); });
  differs("minus next seed", [&](auto r, auto c) { return next_seed.draw(r, c, 8); });
}

}  // namespace
}  // namespace bitloom
