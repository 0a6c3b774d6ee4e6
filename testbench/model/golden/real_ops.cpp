#include "testbench/model/golden/real_ops.hpp"

#include <cmath>
#include <limits>

namespace bitloom::testing {
namespace {

std::size_t size_of(int extent) { return static_cast<std::size_t>(extent); }

}  // namespace

Dims dims_of(const Shape& shape, int n) {
  return shape.size() == 3 ? Dims{n, shape[1], shape[2], shape[0]}
                           : Dims{n, 1, 1, static_cast<int>(element_count(shape))};
}

Conv2dAttributes conv_of(const Node& node) {
  if (node.op == Op::kConv2d) return std::get<Conv2dAttributes>(node.attributes);
  const auto& linear = std::get<LinearAttributes>(node.attributes);
  Conv2dAttributes conv;
  conv.in = linear.in;
  conv.out = linear.out;
  conv.bias = linear.bias;
  return conv;
}

Reals conv_forward(const Conv2dAttributes& conv, const Dims& in, const Dims& out, const Reals& x, const Reals& w) {
  Reals z(out.size());
  for_products(conv, in, out, [&](std::size_t i, std::size_t o, std::size_t k) { z[o] += x[i] * w[k]; });
  return z;
}

Reals conv_input_gradient(const Conv2dAttributes& conv, const Dims& in, const Dims& out, const Reals& d,
                          const Reals& w) {
  Reals g(in.size());
  for_products(conv, in, out, [&](std::size_t i, std::size_t o, std::size_t k) { g[i] += d[o] * w[k]; });
  return g;
}

Reals conv_weight_gradient(const Conv2dAttributes& conv, const Dims& in, const Dims& out, const Reals& x,
                           const Reals& d) {
  Reals dw(size_of(conv.kernel.rows) * size_of(conv.kernel.cols) * size_of(conv.in / conv.groups) * size_of(conv.out));
  for_products(conv, in, out, [&](std::size_t i, std::size_t o, std::size_t k) { dw[k] += x[i] * d[o]; });
  return dw;
}

Reals pool_forward(const PoolAttributes& pool, bool max, const Dims& in, const Dims& out, const Reals& x) {
  Reals z(out.size(), max ? -std::numeric_limits<double>::infinity() : 0.0);
  for_taps(pool, in, out, [&](std::size_t i, std::size_t o) { z[o] = max ? std::fmax(z[o], x[i]) : z[o] + x[i]; });
  return z;
}

Reals pool_gradient(const PoolAttributes& pool, bool max, const Dims& in, const Dims& out, const Reals& x,
                    const Reals& dy) {
  Reals g(in.size());
  const Reals z = pool_forward(pool, max, in, out, x);
  std::vector<bool> given(out.size());
  for_taps(pool, in, out, [&](std::size_t i, std::size_t o) {
    if (max && (given[o] || x[i] != z[o])) return;
    given[o] = true;
    g[i] += dy[o];
  });
  return g;
}

RealNorm norm_forward(bool whole, double eps, std::size_t channels, const Reals& x, const Reals& gamma,
                      const Reals& beta) {
  RealNorm result{Reals(channels), Reals(channels), Reals(x.size())};
  Reals sums(channels), squares(channels);
  for (std::size_t i = 0; i < x.size(); ++i) sums[whole ? 0 : i % channels] += x[i];
  const double count = static_cast<double>(whole ? x.size() : x.size() / channels);
  for (std::size_t c = 0; c < channels; ++c) result.mean[c] = sums[whole ? 0 : c] / count;
  for (std::size_t i = 0; i < x.size(); ++i) {
    const double centred = x[i] - result.mean[i % channels];
    squares[whole ? 0 : i % channels] += centred * centred;
  }
  for (std::size_t c = 0; c < channels; ++c) result.variance[c] = squares[whole ? 0 : c] / count;
  for (std::size_t i = 0; i < x.size(); ++i) {
    const std::size_t c = i % channels;
    result.y[i] = gamma[c] * (x[i] - result.mean[c]) / std::sqrt(result.variance[c] + eps) + beta[c];
  }
  return result;
}

RealNormGradient norm_gradient(bool whole, double eps, std::size_t channels, const Reals& x, const Reals& gamma,
                               const Reals& dy) {
  const RealNorm forward = norm_forward(whole, eps, channels, x, gamma, Reals(channels));
  RealNormGradient result{Reals(x.size()), Reals(channels), Reals(channels)};
  Reals plain(channels), weighted(channels);  // means of gamma·dy and of gamma·dy·xhat over what shares a variance
  const double count = static_cast<double>(whole ? x.size() : x.size() / channels);
  const auto xhat = [&](std::size_t i) {
    const std::size_t c = i % channels;
    return (x[i] - forward.mean[c]) / std::sqrt(forward.variance[c] + eps);
  };
  for (std::size_t i = 0; i < x.size(); ++i) {
    const std::size_t c = i % channels;
    result.dgamma[c] += dy[i] * xhat(i);
    result.dbeta[c] += dy[i];
    plain[whole ? 0 : c] += gamma[c] * dy[i] / count;
    weighted[whole ? 0 : c] += gamma[c] * dy[i] * xhat(i) / count;
  }
  for (std::size_t i = 0; i < x.size(); ++i) {
    const std::size_t c = i % channels;
    const std::size_t s = whole ? 0 : c;
    result.dx[i] = (gamma[c] * dy[i] - plain[s] - xhat(i) * weighted[s]) / std::sqrt(forward.variance[c] + eps);
  }
  return result;
}

}  // namespace bitloom::testing
