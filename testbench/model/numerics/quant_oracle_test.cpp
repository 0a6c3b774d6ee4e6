// The codes and optimizers against vectors that PyTorch made (traces/oracle/quant): real-valued inputs become raw
// views, a decision may differ only where the oracle's own margin is smaller than what the rules' 16-bit reals can
// shift it.
#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string>
#include <vector>

#include "model/numerics/group_code.hpp"
#include "model/numerics/log_code.hpp"
#include "model/numerics/sawb.hpp"
#include "model/numerics/update.hpp"
#include "testbench/model/numerics/adam_block.hpp"

namespace bitloom {
namespace {

using nlohmann::json;
using Numbers = std::vector<double>;

template <class T>
Numbers widen(const std::string& bytes, std::size_t offset, std::size_t count) {
  if (offset + count * sizeof(T) > bytes.size()) throw std::runtime_error("oracle: array beyond the end of the file");
  std::vector<T> narrow(count);
  std::memcpy(narrow.data(), bytes.data() + offset, count * sizeof(T));
  return {narrow.begin(), narrow.end()};
}

/// A group of recorded cases: quant or optim.
class Oracle {
 public:
  explicit Oracle(const std::string& group) {
    const char* full = std::getenv("BITLOOM_ORACLE_DIR");
    const char* root = std::getenv("BITLOOM_SOURCE_DIR");
    const std::string folder =
        full != nullptr ? full : std::string(root != nullptr ? root : ".") + "/traces/oracle/quant";
    std::ifstream manifest(folder + "/manifest.json");
    if (!manifest) throw std::runtime_error(folder + "/manifest.json: cannot be read");
    group_ = json::parse(manifest).at("groups").at(group);
    std::ifstream binary(folder + "/" + group_.at("bin").get<std::string>(), std::ios::binary);
    bytes_ = {std::istreambuf_iterator<char>(binary), std::istreambuf_iterator<char>()};
  }

  double parameter(const std::string& name, const std::string& key) const {
    return group_.at("cases").at(name).at("params").at(key).get<double>();
  }

  Numbers array(const std::string& name, const std::string& key) const {
    const json& facts = group_.at("cases").at(name).at("arrays").at(key);
    std::size_t count = 1;
    for (const json& extent : facts.at("shape")) count *= extent.get<std::size_t>();
    const auto offset = facts.at("offset").get<std::size_t>();
    const auto type = facts.at("dtype").get<std::string>();
    if (type == "float32") return widen<float>(bytes_, offset, count);
    if (type == "float64") return widen<double>(bytes_, offset, count);
    if (type == "int8") return widen<std::int8_t>(bytes_, offset, count);
    if (type == "uint8") return widen<std::uint8_t>(bytes_, offset, count);
    if (type == "uint16") return widen<std::uint16_t>(bytes_, offset, count);
    throw std::runtime_error("oracle: unexpected dtype " + type);
  }

 private:
  json group_;
  std::string bytes_;
};

std::int32_t raw_of(double x, int fraction_bits) {
  return static_cast<std::int32_t>(std::lround(std::ldexp(x, fraction_bits)));
}

/// Counts codes that had to agree, and those whose margin was too small to ask.
struct Agreement {
  int asked = 0, close = 0, close_and_different = 0;
  void add(double code, double expected, double margin, double tolerance, std::size_t i) {
    if (margin > tolerance) {
      ++asked;
      ASSERT_EQ(code, expected) << "element " << i << ", margin " << margin << ", tolerance " << tolerance;
    } else {
      ++close;
      close_and_different += code != expected ? 1 : 0;
      ASSERT_LE(std::fabs(code - expected), 1) << "element " << i;
    }
  }
  void report(const std::string& name, int least) const {
    std::printf("%s: %d codes equal, %d within the tolerance of a threshold (%d of them differ)\n", name.c_str(), asked,
                close, close_and_different);
    EXPECT_GE(asked, least) << name;
  }
};

/// Returns the distance of x from the nearest integer.
double from_integer_place(double x) { return std::fabs(x - std::round(x)); }

TEST(QuantOracle, UniformCodes) {  // N3.4, N3.1 with N2.6's scales
  // The oracle's code is floor(x + u/65536), ours floor((t + u)/65536) with the word 65535 - u, t the nearest integer
  // to 65536·x'. x' is x but for the scale and the ratio, rounded to 2^-16 each, the raw view's half unit, and t's
  // half.
  const Oracle oracle("quant");
  for (const std::string name : {"int4_sr", "int8_sr", "int8_rtn"}) {
    const bool nearest = name == "int8_rtn";
    const Numbers g = oracle.array(name, "g"), u = oracle.array(name, "u16"), code = oracle.array(name, "code");
    const double scale = oracle.parameter(name, "scale"), limit = oracle.parameter(name, "Q");
    std::uint64_t saturations = 0;
    const Scale ratio = div(power_of_two(22), nearest_scale(scale), saturations);
    Agreement agreement;
    for (std::size_t i = 0; i < g.size() && !HasFatalFailure(); ++i) {
      const double x = g[i] / scale;
      const auto word = static_cast<std::uint32_t>(65535 - u[i]);
      const auto got = requantize_to(raw_of(g[i], 22), ratio, nearest ? Rounding::kHalfUp : Rounding::kStochastic, word,
                                     16, static_cast<std::int64_t>(limit), saturations);
      const double noise = nearest ? 0.5 : u[i] / 65536;
      const double tolerance = std::ldexp(2 * std::fabs(x) + 0.5, -16) + std::ldexp(1 / scale, -23);
      agreement.add(static_cast<double>(got), code[i], from_integer_place(x + noise), tolerance, i);
    }
    agreement.report(name, 3900);
  }
}

TEST(QuantOracle, LogCodes) {  // N19.2, R = 6: exactly with the oracle's own top, then with N19.1's 16-bit top
  // With the oracle's top only the raw view's half unit moves a distance; with N19.1's, 2^-15 of the value besides.
  const Oracle oracle("quant");
  for (const std::string name : {"luq7_fp4_130", "luq7_fp4_130_pow2"}) {
    const Numbers g = oracle.array(name, "g"), u = oracle.array(name, "u16"), code = oracle.array(name, "code");
    const double alpha = oracle.parameter(name, "alpha");
    const double top_exact = std::ldexp(alpha, 6 + 22);
    ASSERT_EQ(top_exact, std::floor(top_exact));
    const auto exact = static_cast<std::uint32_t>(top_exact);
    for (const int which : {0, 1}) {
      const std::uint32_t top = which == 0 ? exact : log_top(exact, false);
      Agreement agreement;
      for (std::size_t i = 0; i < g.size() && !HasFatalFailure(); ++i) {
        std::uint64_t saturations = 0;
        const auto got = log_encode(raw_of(g[i], 22), top, 6, static_cast<std::uint32_t>(u[i]), 16,
                                    Rounding::kStochastic, saturations);
        ASSERT_EQ(saturations, 0u);
        const double v = std::fabs(g[i]) / alpha;
        const double cell = v < 1 ? 1 : std::exp2(std::floor(std::log2(v)));
        const double distance = v < 1 ? v : v / cell - 1;
        const double tolerance = std::ldexp(1 / (alpha * cell), -23) + (top == exact ? 0 : std::ldexp(v / cell, -15));
        const double margin = std::min(std::fabs(distance - u[i] / 65536), 1 - distance);  // or at the cell's end
        agreement.add((got & 8) != 0 ? -(got & 7) : got, code[i], margin, tolerance, i);
      }
      agreement.report(name + (which == 0 ? ", exact top" : ", 16-bit top"), top == exact ? 3995 : 3990);
    }
  }
}

TEST(QuantOracle, GroupCodes) {  // N21.1 for rows as groups, 1, 2, 4 and 8 bits, r = 16
  // x = (g - lo)·B/(hi - lo): the range and the ratio are rounded to 2^-16 each, raw views to half a unit, t to a half.
  const Oracle oracle("quant");
  for (const int bits : {1, 2, 4, 8}) {
    const std::string name = "psq" + std::to_string(bits);
    const Numbers g = oracle.array(name, "g"), u = oracle.array(name, "u16"), code = oracle.array(name, "code");
    constexpr std::size_t kColumns = 50;
    Agreement agreement;
    for (std::size_t i = 0; i < g.size() && !HasFatalFailure(); ++i) {
      const auto row = g.begin() + static_cast<std::ptrdiff_t>(i - i % kColumns);
      const auto [low, high] = std::minmax_element(row, row + kColumns);
      const std::int32_t lo = raw_of(*low, 28), hi = raw_of(*high, 28);
      const double step = (*high - *low) / ((1 << bits) - 1);
      const double x = (g[i] - *low) / step;
      const auto got = group_encode(raw_of(g[i], 28), lo, group_ratio(group_range(lo, hi), bits), bits,
                                    static_cast<std::uint32_t>(65535 - u[i]), 16);
      const double tolerance = std::ldexp(2 * x + 0.5, -16) + 3 * std::ldexp(1 / step, -29);
      agreement.add(got, code[i], from_integer_place(x + u[i] / 65536), tolerance, i);
    }
    agreement.report(name, 280);
  }
}

TEST(QuantOracle, SawbScaleAndCodes) {  // N18
  // The tolerance of the scale is that of Sawb.AgreesWithTheFormula (affine_test.cpp); codes may differ within it.
  const Oracle oracle("quant");
  const Numbers w = oracle.array("sawb4_weight", "w"), code = oracle.array("sawb4_weight", "code");
  const double c1 = oracle.parameter("sawb4_weight", "c1"), c2 = -oracle.parameter("sawb4_weight", "c2");
  const double expected = oracle.parameter("sawb4_weight", "scale"), e = std::ldexp(1.0, -16);
  constexpr int kBits = 31;
  SawbSums sums{static_cast<std::int64_t>(w.size()), 0, 0, 0};
  double absolute = 0, square = 0;
  for (const double x : w) {
    sums.max = std::max(sums.max, static_cast<std::uint32_t>(std::abs(raw_of(x, kBits))));
    absolute += std::fabs(x) / static_cast<double>(w.size());
    square += x * x / static_cast<double>(w.size());
  }
  const int shift = statistics_shift(sums.max);
  for (const double x : w) {
    const std::int64_t t = shifted(raw_of(x, kBits), shift);
    sums.absolute += std::abs(t);
    sums.square += t * t;
  }
  std::uint64_t saturations = 0;
  const Scale scale = sawb_scale(sums, power_of_two(kBits), real_constant(c1), real_constant(c2), false, saturations);
  const double clip_error = e * (5.6 * c1 * std::sqrt(square) + 5 * c2 * absolute + 5 * 7 * expected) +
                            (c1 + c2) * std::ldexp(0.5, shift - kBits);
  std::printf("scale %.8f for %.8f, tolerance %.8f\n", value(scale), expected, clip_error / 7);
  EXPECT_NEAR(value(scale), expected, clip_error / 7);
  Agreement agreement;
  const Scale ratio = div(power_of_two(kBits), scale, saturations);
  for (std::size_t i = 0; i < w.size() && !HasFatalFailure(); ++i) {
    const auto got = requantize_to(raw_of(w[i], kBits), ratio, Rounding::kHalfUp, 0, 8, 7, saturations);
    const double x = w[i] / expected;
    const double tolerance = std::fabs(x) * (clip_error / 7 / expected + 2 * e) + e;
    agreement.add(static_cast<double>(got), code[i], from_integer_place(x + 0.5), tolerance, i);
  }
  agreement.report("sawb4_weight", 1950);
}

constexpr std::size_t kParameters = 12, kSteps = 6;
constexpr int kMasterBits = 26, kGradientBits = 26;

TEST(QuantOracle, SgdWithMomentum) {  // N9.1, N9.2 with bias limits and half up
  // v: mu16 is mu to 2^-17; N9.1 rounds to half a unit of v, F16 to 2^-17 of one, the raw gradient is right to half a
  // unit of its own; ratio_g is a power of two, exact. p: lr times v's error; lr, its product with s_v and the quotient
  // are rounded to 2^-16 each, three of lr·v; N9.2 rounds to half a unit of p, F16 to 2^-17 of one: less than a unit.
  const Oracle oracle("optim");
  for (const std::string name : {"sgd", "sgd_mom"}) {
    const double lr = oracle.parameter(name, "lr"), mu = name == "sgd" ? 0.0 : oracle.parameter(name, "momentum");
    const Numbers start = oracle.array(name, "p0"), grads = oracle.array(name, "grads"),
                  after = oracle.array(name, "p");
    const auto mu16 = static_cast<std::uint32_t>(std::floor(65536 * mu + 0.5));
    const Scale unit_p = power_of_two(kMasterBits), unit_v = power_of_two(11);
    std::uint64_t saturations = 0;
    const Scale ratio_g = div(power_of_two(kGradientBits), unit_v, saturations);
    const Scale ratio_w = div(mul(nearest_scale(lr), unit_v, saturations), unit_p, saturations);
    double largest = 0;
    for (std::size_t i = 0; i < kParameters; ++i) {
      std::int32_t master = raw_of(start[i], kMasterBits), momentum = 0;
      double v = 0, v_error = 0, p_error = std::ldexp(0.5, -kMasterBits);
      for (std::size_t t = 0; t < kSteps; ++t) {
        const double g = grads[t * kParameters + i];
        momentum = update_momentum(momentum, raw_of(g, kGradientBits), mu16, ratio_g, kHalfUpWord16, saturations);
        master = update_master(master, momentum, ratio_w, kBiasLimit, kHalfUpWord16, saturations);
        v_error = mu * v_error + std::ldexp(std::fabs(v), -17) + std::ldexp(0.5, -11) + std::ldexp(1.0, -17 - 11) +
                  std::ldexp(0.5, -kGradientBits);
        v = mu * v + g;
        p_error += lr * v_error + 3 * std::ldexp(lr * (std::fabs(v) + v_error), -16) + std::ldexp(1.0, -kMasterBits);
        const double error = std::fabs(std::ldexp(master, -kMasterBits) - after[t * kParameters + i]);
        ASSERT_LE(error, p_error) << name << " parameter " << i << " step " << t;
        largest = std::max(largest, error / p_error);
      }
    }
    EXPECT_EQ(saturations, 0u);
    std::printf("%s: largest error %.3f of the tolerance\n", name.c_str(), largest);
  }
}

/// A parameter's Adam in double precision, with upper bounds on the distances of N25's state from it. e = 2^-16 is a
/// rounding of a real, `unit` 2^-F of N25.2.
struct AdamBound {
  double m = 0, v = 0, m_error = 0, r_error = 0, p_error = std::ldexp(0.5, -kMasterBits);

  void step(double g, int t, double lr, double unit) {
    const double e = std::ldexp(1.0, -16), p1 = std::pow(0.9, t), p2 = std::pow(0.999, t);
    // The raw gradient's half place. N25.2 rounds m, g and both parts of r to half a unit each, N25.3 m' again: m' is
    // off by 0.9 / 2 + 0.1 / 2 + 1 / 2 of a unit.
    const double g_error = std::ldexp(0.5, -kGradientBits) + unit;
    // b1 is beta1 to 2^-17 = e / 2, the weight of m and of g.
    m_error += g_error + e / 2 * (std::fabs(m) + std::fabs(g));
    // H drops 8 bits of r and of g, 128 units each, weighted by the roots of the betas: 132; the integers and the floor
    // of the root 2.5; epsilon, before the bias correction in place of behind it, and at least a unit, 1 or 2.
    r_error += g_error + 256 * unit;
    m = 0.9 * m + 0.1 * g;
    v = 0.999 * v + 0.001 * g * g;
    // b2 is beta2 to 2^-17, which is 0.8 % of 1 - beta2: it changes √v and the rate by half of that in the same
    // direction. What is left in their quotient are the weights b2^i of the gradients, t · 2^-17 of v, and the sum of
    // them in 1 - b2^t, half as much: less than t · e of the quotient.
    const double root = std::sqrt(v) * (1 - 0.004), quotient = std::fabs(m) / std::sqrt(v);
    const double quotient_error = m_error / root + quotient * (r_error / root + t * e) + e / 2;  // N25.4: half a place
    // N25.7: a power's roundings, t of e (pow1), t - 1 of e / 2 (pow2, just below 1; the first product is exact), grow
    // by p / (1 - p) in 1 - p, and the root halves those of pow2. Then RADD halved, SQRT 3 (N11.6: 1.5 places), RADD,
    // RDIV, LR and its product, RATIO: 8.5.
    const double rate_error = e * (t * p1 / (1 - p1) + (t - 1) * p2 / (1 - p2) / 4 + 8.5);
    const double rate = lr * std::sqrt(1 - p2) / (1 - p1);
    // The master's rounding, half a place, and its P's 2^-17.
    p_error += rate * (quotient_error + (quotient + quotient_error) * rate_error) + std::ldexp(1.0, -kMasterBits);
  }
  /// Allows half a code of m, and of √v a code (N25.6), since no √v above the smallest gets its code. Roundings: two of
  /// the step (FROM_INT, RDIV), two of the ratio, one of r_lo.
  void code(double m_step, double r_step) {
    m_error += m_step / 2 + std::ldexp(5 * std::fabs(m), -16);
    r_error += r_step + std::ldexp(5 * std::sqrt(v), -16);
  }
};

TEST(QuantOracle, Adam) {  // N25 with 16-bit states, one block of 12
  const Oracle oracle("optim");
  const double lr = oracle.parameter("adam", "lr");
  const Numbers start = oracle.array("adam", "p0"), grads = oracle.array("adam", "grads"),
                after = oracle.array("adam", "p");
  const AdamRates rates{58982, 65470, real_constant(1e-8), 16};
  std::vector<AdamBound> bounds(kParameters);
  std::vector<std::int32_t> master;
  for (const double p : start) master.push_back(raw_of(p, kMasterBits));
  testing::Block block(kParameters);
  AdamPowers powers;
  std::uint64_t saturations = 0;
  double largest = 0, widest = 0;
  for (std::size_t t = 0; t < kSteps; ++t) {
    std::vector<std::int64_t> raw;
    for (std::size_t i = 0; i < kParameters; ++i) raw.push_back(raw_of(grads[t * kParameters + i], kGradientBits));
    const auto by_magnitude = [](std::int64_t a, std::int64_t b) { return std::abs(a) < std::abs(b); };
    const auto max = static_cast<std::uint32_t>(std::abs(*std::max_element(raw.begin(), raw.end(), by_magnitude)));
    const auto steps = block.step(raw, max, power_of_two(kGradientBits), rates, saturations);
    powers = adam_next(powers, rates);
    const Real ratio = adam_ratio(adam_rate(real_constant(lr), powers), power_of_two(kMasterBits));
    for (std::size_t i = 0; i < kParameters; ++i) {
      master[i] = adam_master(master[i], steps[i], ratio, kBiasLimit, kHalfUpWord16, saturations);
      const double unit = std::ldexp(1.0, -block.factors.shift);
      bounds[i].step(grads[t * kParameters + i], static_cast<int>(t + 1), lr, unit);
      const double error = std::fabs(std::ldexp(master[i], -kMasterBits) - after[t * kParameters + i]);
      ASSERT_LE(error, bounds[i].p_error) << "parameter " << i << " step " << t;
      largest = std::max(largest, error / bounds[i].p_error);
      widest = std::max(widest, bounds[i].p_error);
      bounds[i].code(value(block.state.m_step), value(block.state.r_step));
    }
  }
  EXPECT_EQ(saturations, 0u);
  std::printf("adam: tolerances up to %.6f (6 steps of about %.3f); largest error %.3f of its tolerance\n", widest, lr,
              largest);
}

}  // namespace
}  // namespace bitloom
