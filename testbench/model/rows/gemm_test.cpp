#include "model/rows/gemm.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <numeric>
#include <random>

#include "model/rows/conv.hpp"
#include "testbench/model/golden/cases.hpp"
#include "testbench/model/numerics/linear_oracle.hpp"
#include "testbench/model/numerics/spec_codes.hpp"

// The exact GEMMs against recorded vectors and against the reference sums. ctest runs this program once for each
// instruction set and oneDNN kernel family.

namespace bitloom::testing {
namespace {

constexpr std::size_t kSegment = 65536;  ///< terms that a 32-bit sum surely holds

int threads_under_test = 1;

/// Adds 32-bit sums of at most kSegment terms into 64 bits. Each part is copied out so that a segment is contiguous.
template <class Part>
void in_segments(std::size_t terms, std::size_t results, std::int64_t* sums, const Part& part) {
  std::fill(sums, sums + results, 0);
  for (std::size_t from = 0; from < terms; from += kSegment) {
    std::vector<std::int32_t> partial(results);
    part(from, std::min(kSegment, terms - from), partial.data());
    for (std::size_t i = 0; i < results; ++i) sums[i] += partial[i];
  }
}

/// Columns from … from + count - 1 of a row-major matrix.
std::vector<std::int8_t> columns(const std::int8_t* matrix, std::size_t rows, std::size_t cols, std::size_t from,
                                 std::size_t count) {
  std::vector<std::int8_t> result;
  for (std::size_t r = 0; r < rows; ++r) {
    result.insert(result.end(), matrix + r * cols + from, matrix + r * cols + from + count);
  }
  return result;
}

void fast_forward(const std::int8_t* x, const std::int8_t* w, const LinearShape& s, std::int64_t* acc) {
  in_segments(s.in, s.m * s.out, acc, [&](std::size_t from, std::size_t count, std::int32_t* part) {
    const std::vector<std::int8_t> some = columns(x, s.m, s.in, from, count);
    Gemm(threads_under_test)
        .forward(some.data(), w + from * s.out, static_cast<int>(s.m), static_cast<int>(count), static_cast<int>(s.out),
                 part);
  });
}

void fast_activation_gradient(const std::int8_t* d, const std::int8_t* w, const LinearShape& s, std::int64_t* g) {
  in_segments(s.out, s.m * s.in, g, [&](std::size_t from, std::size_t count, std::int32_t* part) {
    const std::vector<std::int8_t> some_d = columns(d, s.m, s.out, from, count);
    const std::vector<std::int8_t> some_w = columns(w, s.in, s.out, from, count);
    Gemm(threads_under_test)
        .activation_gradient(some_d.data(), some_w.data(), static_cast<int>(s.m), static_cast<int>(s.in),
                             static_cast<int>(count), part);
  });
}

void fast_weight_gradient(const std::int8_t* x, const std::int8_t* d, const LinearShape& s, std::int64_t* dw) {
  in_segments(s.m, s.in * s.out, dw, [&](std::size_t from, std::size_t count, std::int32_t* part) {
    Gemm(threads_under_test)
        .weight_gradient(x + from * s.in, d + from * s.out, static_cast<int>(count), static_cast<int>(s.in),
                         static_cast<int>(s.out), part);
  });
}

/// db as the step makes it: the kernel that adds rows.
void fast_bias_gradient(const std::int8_t* d, const LinearShape& s, std::int64_t* db) {
  in_segments(s.m, s.out, db, [&](std::size_t from, std::size_t count, std::int32_t* part) {
    for (std::size_t m = from; m < from + count; ++m) kernels(active_isa()).add_row(d + m * s.out, s.out, part);
  });
}

constexpr LinearKernels kFastLinear{"fast", fast_forward, fast_activation_gradient, fast_weight_gradient,
                                    fast_bias_gradient};

class GemmTest : public ::testing::TestWithParam<int> {
 protected:
  void SetUp() override {
    // An instruction set that this machine lacks cannot be tested on it.
    if (const std::string reason = missing_isa(); !reason.empty()) GTEST_SKIP() << reason;
    threads_under_test = GetParam();
  }
};

TEST_P(GemmTest, CommittedOracle) {
  const OracleCount count = check_linear_oracle(kFastLinear, committed_oracle());
  EXPECT_GE(count.cases, 6);
}

TEST_P(GemmTest, FullOracle) {
  // The full set is not part of the repository: without the variable there is nothing to compare with.
  if (full_oracle().empty()) GTEST_SKIP() << "BITLOOM_ORACLE_DIR is not set";
  EXPECT_GE(check_linear_oracle(kFastLinear, full_oracle()).cases, 9);
}

void compare(const LinearShape& s, const std::vector<std::int8_t>& x, const std::vector<std::int8_t>& w,
             const std::vector<std::int8_t>& d) {
  std::vector<std::int64_t> got(std::max({s.m * s.out, s.m * s.in, s.in * s.out}));
  std::vector<std::int64_t> want(got.size());
  kFastLinear.forward(x.data(), w.data(), s, got.data());
  kReferenceLinear.forward(x.data(), w.data(), s, want.data());
  ASSERT_EQ(got, want) << "forward " << s.m << " " << s.in << " " << s.out;
  kFastLinear.activation_gradient(d.data(), w.data(), s, got.data());
  kReferenceLinear.activation_gradient(d.data(), w.data(), s, want.data());
  ASSERT_EQ(got, want) << "activation gradient " << s.m << " " << s.in << " " << s.out;
  kFastLinear.weight_gradient(x.data(), d.data(), s, got.data());
  kReferenceLinear.weight_gradient(x.data(), d.data(), s, want.data());
  ASSERT_EQ(got, want) << "weight gradient " << s.m << " " << s.in << " " << s.out;
}

TEST_P(GemmTest, RandomOperandsInManyShapes) {
  std::mt19937_64 random(7);
  const auto fill = [&random](std::vector<std::int8_t>& values, std::size_t count) {
    values.resize(count);
    for (std::int8_t& value : values) value = static_cast<std::int8_t>(random() & 255);
  };
  for (const LinearShape s : {LinearShape{1, 1, 1},
                              {2, 3, 5},
                              {19, 61, 37},
                              {19, 37, 23},
                              {4, 1030, 33},
                              {5, 31, 65},
                              {128, 128, 10},
                              {1, 2049, 1},
                              {7, 2, 129}}) {
    std::vector<std::int8_t> x, w, d;
    fill(x, s.m * s.in);
    fill(w, s.in * s.out);
    fill(d, s.m * s.out);
    compare(s, x, w, d);
    if (HasFatalFailure()) return;
  }
}

TEST_P(GemmTest, LargestCodes) {  // a 16-bit sum inside would saturate
  const LinearShape s{6, 200, 40};
  for (const int a : {127, -127, -128}) {
    for (const int b : {127, -127, -128}) {
      const auto of = [](std::size_t count, int value) {
        return std::vector<std::int8_t>(count, static_cast<std::int8_t>(value));
      };
      compare(s, of(s.m * s.in, a), of(s.in * s.out, b), of(s.m * s.out, b));
      if (HasFatalFailure()) return;
    }
  }
}

TEST_P(GemmTest, EveryLogCodeTimesEvery4BitCode) {  // N19.3: 2^8 pairs with signed and 2^8 with unsigned codes
  std::vector<std::int8_t> d, w;
  std::vector<std::int32_t> want;
  for (int code = 0; code < 16; ++code) d.push_back(static_cast<std::int8_t>(spec::log_code_value(code)));
  for (int nibble = 0; nibble < 32; ++nibble)
    w.push_back(static_cast<std::int8_t>(nibble < 16 ? nibble - 8 : nibble - 16));
  for (const int x : d) {
    for (const int y : w) want.push_back(x * y);
  }
  const ConvShape pixels{1, 4, 4, 32, 1, {1, 1}, {1, 1}, {0, 0}, {1, 1}, 1};  // one output channel: outer products
  Gemm gemm(GetParam());
  Convolution convolution(GetParam());
  std::vector<std::int32_t> forward(want.size()), back(want.size()), weights(want.size()), of_pixels(want.size());
  gemm.forward(d.data(), w.data(), 16, 1, 32, forward.data());
  gemm.activation_gradient(d.data(), w.data(), 16, 32, 1, back.data());
  gemm.weight_gradient(d.data(), w.data(), 1, 16, 32, weights.data());
  convolution.activation_gradient(pixels, d.data(), w.data(), of_pixels.data());
  EXPECT_EQ(forward, want);
  EXPECT_EQ(back, want);
  EXPECT_EQ(weights, want);
  EXPECT_EQ(of_pixels, want);
  // Whole sums of such products: d of all codes against columns that hold one 4-bit code each.
  std::vector<std::int8_t> columns(16 * w.size());
  for (std::size_t i = 0; i < columns.size(); ++i) columns[i] = w[i % w.size()];
  std::vector<std::int32_t> sums(w.size());
  d[8] = 64;  // -0 is no code; a sum that is not 0
  gemm.forward(d.data(), columns.data(), 1, 16, 32, sums.data());
  for (std::size_t i = 0; i < sums.size(); ++i) EXPECT_EQ(sums[i], 64 * w[i]);
}

TEST_P(GemmTest, PartsOfTheRowsMakeTheWhole) {  // more than 32,768 products for each of eight threads
  constexpr int kRows = 67, kCols = 65, kDepth = 66;
  std::mt19937 random(8);
  std::vector<std::int8_t> x(kRows * kDepth), w(kDepth * kCols);
  for (std::vector<std::int8_t>* codes : {&x, &w}) {
    for (std::int8_t& code : *codes) code = static_cast<std::int8_t>(static_cast<int>(random() % 255) - 127);
  }
  std::vector<std::int32_t> sums(kRows * kCols);
  Gemm(GetParam(), GemmPath::kOwn).forward(x.data(), w.data(), kRows, kDepth, kCols, sums.data());
  for (int row = 0; row < kRows; ++row) {
    for (int col = 0; col < kCols; ++col) {
      std::int32_t want = 0;
      for (int k = 0; k < kDepth; ++k) {
        want += x[static_cast<std::size_t>(row * kDepth + k)] * w[static_cast<std::size_t>(k * kCols + col)];
      }
      ASSERT_EQ(sums[static_cast<std::size_t>(row * kCols + col)], want) << row << " " << col;
    }
  }
}

TEST_P(GemmTest, PackingStaysInTheRoomThatItAsksFor) {
  const std::vector<std::int8_t> b(70 * 9, 1);
  for (std::size_t n = 1; n <= 70; ++n) {
    for (std::size_t k = 1; k <= 9; ++k) {
      const std::size_t room = gemm_scratch(n, k);
      EXPECT_LE(room, (n + 31) * (k + 1));
      constexpr std::int16_t kUntouched = 30583;
      std::vector<std::int16_t> packed(room + 64, kUntouched);
      kernels(active_isa()).gemm_pack(n, k, b.data(), {n, 1}, packed.data());
      EXPECT_EQ(std::accumulate(packed.begin(), packed.begin() + static_cast<std::ptrdiff_t>(room), 0,
                                [](int sum, std::int16_t code) { return sum + (code == kUntouched ? 0 : code); }),
                static_cast<int>(n * k));
      for (std::size_t i = room; i < packed.size(); ++i) ASSERT_EQ(packed[i], kUntouched) << n << " " << k;
    }
  }
}

TEST_P(GemmTest, NamesTheKernelThatWasForced) {
  const char* isa = std::getenv("BITLOOM_ISA");
  const char* dnnl = std::getenv("DNNL_MAX_CPU_ISA");
  const std::string name = Gemm(1).name();
  if (isa != nullptr && !std::string(isa).starts_with("avx512") && std::string(isa) != "auto") {
    EXPECT_EQ(name, "own-" + std::string(isa));
  }
  if (dnnl != nullptr) {
    EXPECT_EQ(name, "own-" + std::string(isa_name(active_isa())));  // those families saturate inside
  }
}

TEST(GemmPathTest, TheShortestTrialWins) {
  using Trials = std::vector<GemmTrial>;
  EXPECT_EQ(fastest_path(Trials{{GemmPath::kOwn, 2.0}, {GemmPath::kOneDnn, 1.0}}), GemmPath::kOneDnn);
  EXPECT_EQ(fastest_path(Trials{{GemmPath::kOwn, 1.0}, {GemmPath::kOneDnn, 2.0}}), GemmPath::kOwn);
  EXPECT_EQ(fastest_path(Trials{{GemmPath::kOwn, 1.0}, {GemmPath::kOneDnn, 1.0}}), GemmPath::kOwn);
  EXPECT_EQ(fastest_path(Trials{{GemmPath::kOneDnn, 3.0}}), GemmPath::kOneDnn);
  EXPECT_THROW(fastest_path({}), Error);
}

TEST(GemmPathTest, WhatWasMeasuredIsWhatRuns) {
  const GemmChoice& choice = choose_gemm_path();
  EXPECT_EQ(Gemm(1).name() == "onednn", choice.path == GemmPath::kOneDnn);
  if (choice.trials.empty()) {
    // Nothing to choose from: oneDNN is not exact here, or the environment decided.
    EXPECT_EQ(choice.path, GemmPath::kOwn);
  } else {
    ASSERT_EQ(choice.trials.size(), 2u);
    EXPECT_EQ(choice.path, fastest_path(choice.trials));
    for (const GemmTrial& trial : choice.trials) EXPECT_GT(trial.seconds, 0.0);
  }
}

INSTANTIATE_TEST_SUITE_P(Threads, GemmTest, ::testing::Values(1, 2));

}  // namespace
}  // namespace bitloom::testing
