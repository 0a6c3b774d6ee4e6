#include "model/rows/kernels.hpp"

#include <gtest/gtest.h>

#include <random>

#include "model/numerics/linear.hpp"
#include "model/numerics/random.hpp"
#include "model/numerics/raw_view.hpp"
#include "model/numerics/update.hpp"
#include "testbench/model/golden/cases.hpp"

// The row kernels of every instruction set that the machine has, against the element rules, over shifts, limits and
// extreme values that whole steps do not reach.

namespace bitloom::testing {
namespace {

class KernelTest : public ::testing::TestWithParam<Isa> {
 protected:
  void SetUp() override {
    // An instruction set that this machine lacks cannot be tested on it.
    if (!isa_supported(GetParam())) GTEST_SKIP() << "this machine lacks " << isa_name(GetParam());
  }
  const Kernels& kernel() const { return kernels(GetParam()); }

  /// Draws values of all magnitudes and both signs, with the extremes among them.
  std::vector<std::int32_t> values(std::size_t count) {
    std::vector<std::int32_t> result{0, 1, -1, 2147483647, -2147483647};
    while (result.size() < count) {
      const auto bits = static_cast<std::int32_t>(random() & 0x7fffffff) >> (random() % 31);
      result.push_back(random() % 2 == 0 ? bits : -bits);
    }
    result.resize(count);
    return result;
  }

  std::mt19937_64 random{11};
};

constexpr std::size_t kCounts[] = {1, 2, 3, 7, 8, 9, 31, 64, 77, 130};

TEST_P(KernelTest, RandomRowHoldsTheWordsOfTheStream) {  // N4.3
  const Stream stream = make_stream(random(), 7, tensor_id(2, TensorKind::kGradient), RandomUse::kQuantize);
  for (const std::size_t blocks : {1, 2, 5, 16, 17, 33}) {
    std::vector<std::uint32_t> words(2 * blocks);
    kernel().random_row(stream.key[0], stream.key[1], 12345, blocks, words.data());
    for (std::uint32_t col = 0; col < 8 * blocks; ++col) {
      ASSERT_EQ(reinterpret_cast<const unsigned char*>(words.data())[col], stream.draw(12345, col, 8)) << col;
    }
    for (std::uint32_t col = 0; col < 4 * blocks; ++col) {
      ASSERT_EQ(reinterpret_cast<const RandomField16*>(words.data())[col], stream.draw(12345, col, 16)) << col;
    }
  }
}

TEST_P(KernelTest, RequantizeRow) {  // N3, every shift
  for (int s = 0; s <= 63; ++s) {
    const std::size_t count = kCounts[static_cast<std::size_t>(s) % std::size(kCounts)];
    const std::vector<std::int32_t> x = values(count);
    std::vector<std::uint8_t> u(count);
    for (std::uint8_t& word : u) word = static_cast<std::uint8_t>(random());
    const Scale ratio{static_cast<std::uint16_t>(32768 + random() % 32768), static_cast<std::uint8_t>(s)};
    for (const int limit : {127, 7}) {
      for (int rounding = 0; rounding < 4; ++rounding) {
        std::vector<std::int8_t> codes(count);
        const std::uint64_t saturated =
            kernel().requantize_row(x.data(), count, {ratio.m, s, rounding, limit}, u.data(), codes.data());
        std::uint64_t want_saturated = 0;
        for (std::size_t i = 0; i < count; ++i) {
          const std::int64_t want =
              requantize_to(x[i], ratio, static_cast<Rounding>(rounding), u[i], 8, limit, want_saturated);
          ASSERT_EQ(codes[i], want) << "x " << x[i] << " m " << ratio.m << " s " << s << " rounding " << rounding;
        }
        ASSERT_EQ(saturated, want_saturated);
      }
    }
  }
}

TEST_P(KernelTest, RequantizeRowAtTies) {  // halves and their neighbours, where roundings differ
  for (int s = 1; s <= 20; ++s) {
    std::vector<std::int32_t> x;
    for (int y = -9; y <= 9; ++y) {
      for (int off = -1; off <= 1; ++off) x.push_back((2 * y + 1) * (1 << s) / 2 + off);
    }
    const Scale ratio{32768, static_cast<std::uint8_t>(15 + s)};
    const std::vector<std::uint8_t> u(x.size(), 127);
    for (int rounding = 0; rounding < 4; ++rounding) {
      std::vector<std::int8_t> codes(x.size());
      kernel().requantize_row(x.data(), x.size(), {ratio.m, ratio.s, rounding, 127}, u.data(), codes.data());
      for (std::size_t i = 0; i < x.size(); ++i) {
        ASSERT_EQ(codes[i], requantize(x[i], ratio, static_cast<Rounding>(rounding), u[i], 8)) << x[i] << " " << s;
      }
    }
  }
}

TEST_P(KernelTest, ActivateRow) {  // N5.1, N5.2
  for (const std::size_t count : kCounts) {
    std::vector<std::int32_t> acc = values(count);
    std::vector<std::int32_t> bias = values(count);
    std::shuffle(bias.begin(), bias.end(), random);
    bias[0] = acc[0] = random() % 2 == 0 ? 2147483647 : -2147483647;
    for (const bool relu : {true, false}) {
      std::vector<std::int32_t> raw(count);
      RowStatistics statistics;
      kernel().activate_row(acc.data(), bias.data(), count, relu, raw.data(), statistics);
      std::uint64_t saturated = 0;
      std::int32_t max = 0;
      for (std::size_t i = 0; i < count; ++i) {
        const std::int32_t want = raw_view(activate(std::int64_t{acc[i]} + bias[i], relu).a, saturated);
        max = std::max(max, std::abs(want));
        ASSERT_EQ(raw[i], want) << acc[i] << " + " << bias[i];
      }
      ASSERT_EQ(statistics.max, max);
      ASSERT_EQ(statistics.saturated, saturated);
    }
  }
}

TEST_P(KernelTest, NarrowRow) {  // N5.5, every shift
  for (int shift = 0; shift <= kMostRawShift; ++shift) {
    for (const std::size_t count : kCounts) {
      std::vector<std::int32_t> x = values(count);
      for (std::size_t i = 5; i < count; i += 3) {  // ties and limits, and their neighbours
        const std::int64_t at = static_cast<std::int64_t>(random() % 65543) - 32771;
        const std::int64_t half = shift == 0 ? 0 : std::int64_t{1} << (shift - 1);
        x[i] = static_cast<std::int32_t>(at * (std::int64_t{1} << shift) + half + static_cast<int>(random() % 3) - 1);
      }
      for (const bool relu : {true, false}) {
        std::vector<std::int32_t> raw = x;
        RowStatistics statistics;
        kernel().narrow_row(raw.data(), count, shift, relu, statistics);
        std::uint64_t saturated = 0;
        std::int32_t max = 0;
        for (std::size_t i = 0; i < count; ++i) {
          const std::int32_t view = narrow_view(x[i], shift, saturated);
          const std::int32_t want = relu ? std::max(view, 0) : view;
          max = std::max(max, std::abs(want));
          ASSERT_EQ(raw[i], want) << x[i] << " by " << shift;
        }
        ASSERT_EQ(statistics.max, max);
        ASSERT_EQ(statistics.saturated, saturated);
      }
    }
  }
}

TEST_P(KernelTest, MaskMaximumAndColumnSums) {
  for (const std::size_t count : kCounts) {
    std::vector<std::int32_t> g = values(count);
    const std::vector<std::int32_t> before = g;
    std::vector<std::int32_t> output(count);
    for (std::int32_t& value : output) value = static_cast<std::int32_t>(random() % 3) - 1;
    kernel().mask_row(g.data(), output.data(), count);
    std::int32_t max = 0;
    for (std::size_t i = 0; i < count; ++i) {
      ASSERT_EQ(g[i], output[i] > 0 ? before[i] : 0);
      max = std::max(max, std::abs(g[i]));
    }
    ASSERT_EQ(kernel().max_row(g.data(), count), max);
    std::vector<std::int8_t> codes(count, -127);
    std::vector<std::int32_t> sums(count, 5);
    kernel().add_row(codes.data(), count, sums.data());
    ASSERT_EQ(sums, std::vector<std::int32_t>(count, -122));
  }
}

TEST_P(KernelTest, UpdateRow) {  // N9 over every shift of both ratios
  for (int s = 0; s <= 63; ++s) {
    const std::size_t count = kCounts[static_cast<std::size_t>(s) % std::size(kCounts)];
    for (const std::int64_t limit : {std::int64_t{2047}, kMasterLimit, kBiasLimit}) {
      for (const bool stochastic : {true, false}) {
        const std::int32_t momentum_limit = random() % 2 == 0 ? 127 : 32767;
        const std::vector<std::int32_t> gradient = values(count);
        std::vector<std::int32_t> master = values(count);
        for (std::int32_t& w : master) w = static_cast<std::int32_t>(std::clamp<std::int64_t>(w, -limit, limit));
        std::vector<std::int32_t> momentum(count);
        for (std::int32_t& v : momentum) v = static_cast<std::int32_t>(random() % 65535) % (momentum_limit + 1);
        std::vector<std::uint16_t> u(count), w_words(count);
        for (std::size_t i = 0; i < count; ++i) {
          u[i] = static_cast<std::uint16_t>(random());
          w_words[i] = static_cast<std::uint16_t>(random());
        }
        const Scale ratio_g{static_cast<std::uint16_t>(32768 + random() % 32768), static_cast<std::uint8_t>(s)};
        const Scale ratio_w{static_cast<std::uint16_t>(32768 + random() % 32768), static_cast<std::uint8_t>(63 - s)};
        const std::vector<std::int32_t> old_master = master, old_momentum = momentum;
        RowStatistics statistics;
        kernel().update_row(
            master.data(), momentum.data(), gradient.data(), count,
            {58982, ratio_g.m, ratio_g.s, ratio_w.m, ratio_w.s, static_cast<std::int32_t>(limit), momentum_limit},
            stochastic ? u.data() : nullptr, stochastic ? w_words.data() : nullptr, statistics);
        std::uint64_t momentum_saturated = 0, master_saturated = 0;
        std::int32_t max = 0;
        for (std::size_t i = 0; i < count; ++i) {
          const std::uint32_t u1 = stochastic ? u[i] : kHalfUpWord16;
          const std::uint32_t u2 = stochastic ? w_words[i] : kHalfUpWord16;
          const std::int32_t v =
              update_momentum(old_momentum[i], gradient[i], 58982, ratio_g, u1, momentum_saturated, momentum_limit);
          const std::int32_t w = update_master(old_master[i], v, ratio_w, limit, u2, master_saturated);
          max = std::max(max, std::abs(w));
          ASSERT_EQ(momentum[i], v) << "gradient " << gradient[i] << " s " << s;
          ASSERT_EQ(master[i], w) << "master " << old_master[i] << " s " << 63 - s;
        }
        ASSERT_EQ(statistics.momentum_saturated, momentum_saturated);
        ASSERT_EQ(statistics.saturated, master_saturated);
        ASSERT_EQ(statistics.max, max);
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Isas, KernelTest,
                         ::testing::Values(Isa::kGeneric, Isa::kAvx2, Isa::kAvx512, Isa::kAvx512Popcnt),
                         [](const auto& instance) { return std::string(isa_name(instance.param)); });

TEST(ActiveIsa, UnknownNameIsAnError) {
  const char* before = std::getenv("BITLOOM_ISA");
  const std::string saved = before == nullptr ? "auto" : before;
  setenv("BITLOOM_ISA", "mmx", 1);
  try {
    active_isa();
    FAIL() << "no error";
  } catch (const Error& error) {
    EXPECT_STREQ(error.what(), "BITLOOM_ISA: expected generic, avx2, avx512, avx512popcnt or auto, got 'mmx'");
  }
  EXPECT_THROW(GoldenEngine(perceptron(2, {2}), make_recipe(8, ScaleRule::kExact), 1), Error);
  setenv("BITLOOM_ISA", "generic", 1);
  EXPECT_EQ(active_isa(), Isa::kGeneric);
  setenv("BITLOOM_ISA", saved.c_str(), 1);
}

}  // namespace
}  // namespace bitloom::testing
