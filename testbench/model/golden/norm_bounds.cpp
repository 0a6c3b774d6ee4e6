#include "testbench/model/golden/norm_bounds.hpp"

#include <cmath>

namespace bitloom::testing {
namespace {

/// Sums of a column, or of the tensor, that the bounds need.
struct Sums {
  double dy = 0.0, product = 0.0;  ///< |Σ gamma·dy|, |Σ gamma·dy·xhat|; where one pair: Σ of the columns'
  double size = 0.0, hats = 0.0, gamma = 0.0;  ///< Σ |gamma·dy|, Σ |gamma·xhat|, Σ |gamma|
};

}  // namespace

// k is a rounding of 2^-16. V has 1, E 5 and their sum 1 more, at most 7, of which RSQRT passes on half and adds its
// own: r has 4.5, gr = gamma·r 5.5 (where LIM acts instead, 3). The 15-bit statistics know each x to `half` and each dy
// to `half_of_dy`: so they know the mean to `half` and the deviation, which moves no more than its values do, too.
//
// Forward: gr is common to z·a and c, so its error is one of y - beta; a has 2 more (N, the product), c 3 (S1, the
// product, the sum); c, N12's products and its result round to places of y's unit, 1.5 in all.
//
// Backward: z's gradient is the sum of dy·gr·KA (gr 5.5, KC 2, N, two products: 10.5), z·h·KB and (h·S1 - f)·KC, where
// h has gr, r twice, X_c and four products (18.5), then KC 2, N, S1, the products and the sum: at most 25; one pair for
// the layer adds up C columns with a rounding each. Statistics: the mean of dy moves by half_of_dy, Σ dy·xhat by
// 2·half·Σ|dy| / sigma and half_of_dy·Σ|xhat|, and 1/sigma by half / (sigma - half) of itself.
NormBounds norm_bounds(const NormFacts& facts, const Reals& x, const Reals& gamma, const Reals& beta, const Reals& dy) {
  const double k = kRounding;
  const std::size_t channels = facts.channels;
  const RealNorm forward = norm_forward(facts.whole, facts.eps, channels, x, gamma, beta);
  const RealNormGradient back = norm_gradient(facts.whole, facts.eps, channels, x, gamma, dy);
  const double rows = static_cast<double>(x.size() / channels);
  const double count = facts.whole ? static_cast<double>(x.size()) : rows;
  NormBounds bounds{Reals(x.size()), Reals(x.size()), Reals(channels),
                    Reals(channels), Reals(channels), Reals(channels)};
  Reals sigma, by_sigma, sizes(channels), hats(channels);
  for (std::size_t c = 0; c < channels; ++c) {
    sigma.push_back(std::sqrt(forward.variance[c] + facts.eps));
    by_sigma.push_back(facts.half < sigma[c] ? facts.half / (sigma[c] - facts.half) : HUGE_VAL);
  }
  const auto hat = [&](std::size_t i) { return std::fabs(x[i] - forward.mean[i % channels]) / sigma[i % channels]; };
  for (std::size_t i = 0; i < x.size(); ++i) {
    sizes[i % channels] += std::fabs(dy[i]);
    hats[i % channels] += hat(i);
  }
  std::vector<Sums> sums(channels);
  for (std::size_t c = 0; c < channels; ++c) {
    Sums& to = sums[facts.whole ? 0 : c];
    const double g = std::fabs(gamma[c]);
    to.dy += g * std::fabs(back.dbeta[c]);
    to.product += g * std::fabs(back.dgamma[c]);
    to.size += g * sizes[c];
    to.hats += g * hats[c];
    to.gamma += g * rows;
    const double place = std::ldexp(1.0, -24);
    bounds.dgamma[c] = std::fabs(back.dgamma[c]) * (7.5 * k + by_sigma[c]) + sizes[c] * 2.0 * facts.half / sigma[c] +
                       hats[c] * facts.half_of_dy + place;
    bounds.dbeta[c] = std::fabs(back.dbeta[c]) * 2.0 * k + rows * facts.half_of_dy + place;
    // N16.2: S1, RDIV, U; V, N1, RDIV, U twice, U². The deviation moves by `half`.
    const double variance = forward.variance[c] * count / (count - 1.0);
    bounds.mean[c] = 3.0 * k * std::fabs(forward.mean[c]) + facts.half;
    bounds.variance[c] = 6.0 * k * variance + (2.0 * std::sqrt(variance) + facts.half) * facts.half * 2.0;
  }
  for (std::size_t i = 0; i < x.size(); ++i) {
    const std::size_t c = i % channels;
    const Sums& of = sums[facts.whole ? 0 : c];
    const double g = std::fabs(gamma[c]), gain = g / sigma[c], mean = std::fabs(forward.mean[c]);
    bounds.y[i] = g * hat(i) * (5.5 * k + by_sigma[c]) + 2.0 * k * gain * std::fabs(x[i]) +
                  3.0 * k * (gain * mean + std::fabs(beta[c])) + gain * facts.half + 1.5 * facts.unit_of_y;
    const double first = g * std::fabs(dy[i]), plain = of.dy / count, product = of.product / count;
    const double rounded = 11.0 * first + (25.0 + (facts.whole ? static_cast<double>(channels) : 0.0)) *
                                              (plain + product * (std::fabs(x[i]) + mean) / sigma[c]);
    const double statistics = of.gamma / count * facts.half_of_dy +
                              hat(i) * (of.size * 2.0 * facts.half / sigma[c] + of.hats * facts.half_of_dy) / count +
                              product * facts.half / sigma[c] + (first + plain + 2.0 * hat(i) * product) * by_sigma[c];
    bounds.dx[i] = (k * rounded + statistics) / sigma[c] + 1.5 * facts.unit_of_dx;
  }
  return bounds;
}

}  // namespace bitloom::testing
