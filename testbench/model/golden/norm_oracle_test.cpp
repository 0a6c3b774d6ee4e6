// Golden's integer normalization (N16) against arrays that PyTorch made in float64 (traces/oracle): batch
// normalization, and layer normalization, which is LBN of one row.
#include <gtest/gtest.h>

#include <cmath>

#include "model/golden/norm.hpp"
#include "testbench/model/golden/norm_bounds.hpp"
#include "testbench/model/oracle.hpp"

namespace bitloom::testing {
namespace {

using test::OracleArray;
using test::OracleCase;

constexpr double kEps = 1e-5;
constexpr int kRawBits = 20;   ///< x and dy in units of 2^-20
constexpr int kNormBits = 24;  ///< gamma and beta (N14.7)

struct Fixed {
  std::vector<std::int32_t> raw;
  Reals values;  ///< what raw stands for
};

Fixed fixed(const Reals& reals, int bits) {
  Fixed result;
  for (const double x : reals) {
    result.raw.push_back(static_cast<std::int32_t>(std::lround(std::ldexp(x, bits))));
    result.values.push_back(std::ldexp(result.raw.back(), -bits));
  }
  return result;
}

/// What one tensor's normalization gave, with a tolerance for each element: norm_bounds() of the fixed-point inputs,
/// and what fixing them moves the exact result by.
struct Result {
  Reals y, dx, dgamma, dbeta;
  NormBounds bounds;
};

Result normalize(bool whole, const Reals& x, const Reals& dy, const Reals& gamma, const Reals& beta) {
  const std::size_t channels = gamma.size(), rows = x.size() / channels;
  const Fixed z = fixed(x, kRawBits), d = fixed(dy, kRawBits), g = fixed(gamma, kNormBits), b = fixed(beta, kNormBits);
  GoldenTools tools(Recipe{}, 1);
  Normalizer normalizer;
  normalizer.whole = whole;
  normalizer.eps = real_constant(kEps);
  std::vector<Real> gammas, betas;
  for (std::size_t c = 0; c < channels; ++c) {
    gammas.push_back(from_int(g.raw[c], kNormBits));
    betas.push_back(from_int(b.raw[c], kNormBits));
  }
  normalizer.prepare(z.raw.data(), rows, channels, power_of_two(kRawBits), spec::largest(z.raw), gammas, betas, tools);
  std::vector<std::int32_t> y(x.size());
  normalizer.forward(z.raw.data(), rows, channels, false, tools, y.data());
  RawTensor gradient, dz;
  gradient.resize(rows, channels);
  gradient.data = d.raw;
  gradient.unit = power_of_two(kRawBits);
  gradient.max = static_cast<std::int32_t>(spec::largest(d.raw));
  normalizer.backward(z.raw.data(), gradient, dz, tools);
  normalizer.parameter_gradients(tools);
  EXPECT_EQ(normalizer.dz_saturated + tools.totals.scale_saturated, 0u);

  Result result;
  const double unit_of_dz = value(dz.unit), unit = std::ldexp(1.0, -kRawBits);
  result.bounds = norm_bounds({whole, kEps, channels, half_place(z.raw, unit), half_place(d.raw, unit), unit_of_dz},
                              z.values, g.values, b.values, d.values);
  const auto moved = [](Reals& bound, const Reals& of_fixed, const Reals& exact) {
    for (std::size_t i = 0; i < bound.size(); ++i) bound[i] += std::fabs(of_fixed[i] - exact[i]);
  };
  moved(result.bounds.y, norm_forward(whole, kEps, channels, z.values, g.values, b.values).y,
        norm_forward(whole, kEps, channels, x, gamma, beta).y);
  const RealNormGradient of_fixed = norm_gradient(whole, kEps, channels, z.values, g.values, d.values);
  const RealNormGradient exact = norm_gradient(whole, kEps, channels, x, gamma, dy);
  moved(result.bounds.dx, of_fixed.dx, exact.dx);
  moved(result.bounds.dgamma, of_fixed.dgamma, exact.dgamma);
  moved(result.bounds.dbeta, of_fixed.dbeta, exact.dbeta);
  for (const std::int32_t v : y) result.y.push_back(std::ldexp(v, -16));
  for (const std::int32_t v : dz.data) result.dx.push_back(v * unit_of_dz);
  for (const std::int32_t v : normalizer.dgamma) result.dgamma.push_back(std::ldexp(v, -kNormBits));
  for (const std::int32_t v : normalizer.dbeta) result.dbeta.push_back(std::ldexp(v, -kNormBits));
  return result;
}

void expect_near(const std::string& what, const Reals& got, const Reals& expected, const Reals& bound) {
  ASSERT_EQ(got.size(), expected.size()) << what;
  double largest = 0.0, widest = 0.0;
  for (std::size_t i = 0; i < got.size(); ++i) {
    ASSERT_NEAR(got[i], expected[i], bound[i]) << what << " " << i;
    largest = std::fmax(largest, std::fabs(got[i] - expected[i]) / bound[i]);
    widest = std::fmax(widest, bound[i]);
  }
  std::printf("%s: bounds up to %.1e, largest error %.3f of its bound\n", what.c_str(), widest, largest);
}

OracleArray rows_of(const OracleArray& array) { return array.shape.size() == 4 ? array.channels_last() : array; }

TEST(NormOracle, BatchNormalization) {  // N16.1, N16.3
  for (const std::string name : {"float_ops.batchnorm2d_train", "float_ops.batchnorm1d_train"}) {
    const OracleCase from(name);
    const Result got =
        normalize(false, rows_of(from["x"]).values, rows_of(from["gy"]).values, from["w"].values, from["b"].values);
    expect_near(name + ".y", got.y, rows_of(from["y"]).values, got.bounds.y);
    expect_near(name + ".dx", got.dx, rows_of(from["dx"]).values, got.bounds.dx);
    expect_near(name + ".dw", got.dgamma, from["dw"].values, got.bounds.dgamma);
    expect_near(name + ".db", got.dbeta, from["db"].values, got.bounds.dbeta);
  }
}

TEST(NormOracle, LayerNormalization) {  // N16.1, N16.3: LBN row by row; the parameters' gradients add up
  const OracleCase from("float_ops.layernorm");
  const Reals x = from["x"].values, dy = from["gy"].values, gamma = from["w"].values, beta = from["b"].values;
  const std::size_t channels = gamma.size();
  Reals y, dx, dgamma(channels), dbeta(channels);
  NormBounds bounds{{}, {}, Reals(channels), Reals(channels), {}, {}};
  for (std::size_t at = 0; at < x.size(); at += channels) {
    const auto row = [&](const Reals& of) {
      return Reals(of.begin() + static_cast<std::ptrdiff_t>(at),
                   of.begin() + static_cast<std::ptrdiff_t>(at + channels));
    };
    const Result got = normalize(true, row(x), row(dy), gamma, beta);
    y.insert(y.end(), got.y.begin(), got.y.end());
    dx.insert(dx.end(), got.dx.begin(), got.dx.end());
    bounds.y.insert(bounds.y.end(), got.bounds.y.begin(), got.bounds.y.end());
    bounds.dx.insert(bounds.dx.end(), got.bounds.dx.begin(), got.bounds.dx.end());
    for (std::size_t c = 0; c < channels; ++c) {
      dgamma[c] += got.dgamma[c];
      dbeta[c] += got.dbeta[c];
      bounds.dgamma[c] += got.bounds.dgamma[c];
      bounds.dbeta[c] += got.bounds.dbeta[c];
    }
  }
  expect_near("layernorm.y", y, from["y"].values, bounds.y);
  expect_near("layernorm.dx", dx, from["dx"].values, bounds.dx);
  expect_near("layernorm.dw", dgamma, from["dw"].values, bounds.dgamma);
  expect_near("layernorm.db", dbeta, from["db"].values, bounds.dbeta);
}

}  // namespace
}  // namespace bitloom::testing
