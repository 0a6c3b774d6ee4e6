#pragma once
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include "testbench/model/golden/real_ops.hpp"

// Running error analysis (Wilkinson's): the textbook operations on numbers that carry a bound on how far a float32
// computation of them may be off. The bound of an operation's result is thereby its tolerance, element by element: from
// what its operands were known to, and from a rounding of at most 2^-24 of the result wherever f32() stands, which is
// wherever model/fp32/*.cpp stores a float. A sum of n terms in float32, in any order, adds n - 1 roundings of at most
// 2^-24 of the sum of magnitudes. What is below the smallest normal float may be flushed to 0. A sum in double (Norm's)
// adds nothing that counts: its own roundings are 2^-53, and its variance as a difference of squares is right to n ·
// 2^-53 · (mean² / variance + 1).

namespace bitloom::test {

inline constexpr double kFloatUnit = 1.0 / (1 << 24);

struct Near {
  double value = 0.0;
  double error = 0.0;
};
using Nears = std::vector<Near>;

/// Returns [o][k] as N14.1's [k][o], or back.
inline Nears transposed(const Nears& from, std::size_t rows) {
  Nears to(from.size());
  const std::size_t cols = from.size() / rows;
  for (std::size_t i = 0; i < from.size(); ++i) to[i % cols * rows + i / cols] = from[i];
  return to;
}

inline constexpr double kSmallestFloat = 0x1p-126;
inline Near f32(Near a) {
  const double size = std::fabs(a.value) + a.error;
  return {a.value, a.error + (size < kSmallestFloat ? size : kFloatUnit * size)};
}
/// Makes a number of the oracle that is given to the program as a float.
inline Near input(double x) { return f32({x, 0.0}); }
inline Nears inputs(const std::vector<double>& values) {
  Nears result;
  for (const double x : values) result.push_back(input(x));
  return result;
}

inline Near operator+(Near a, Near b) { return {a.value + b.value, a.error + b.error}; }
inline Near operator-(Near a, Near b) { return {a.value - b.value, a.error + b.error}; }
inline Near operator*(Near a, Near b) {
  return {a.value * b.value, std::fabs(a.value) * b.error + std::fabs(b.value) * a.error + a.error * b.error};
}
/// |b| must be known to be above 0.
inline Near operator/(Near a, Near b) {
  const double quotient = a.value / b.value;
  return {quotient, (a.error + std::fabs(quotient) * b.error) / (std::fabs(b.value) - b.error)};
}
inline Near exactly(double x) { return {x, 0.0}; }
inline Near root(Near a) {
  const double below = std::sqrt(std::fmax(0.0, a.value - a.error));
  return {std::sqrt(a.value), a.error / (std::sqrt(a.value) + below)};
}
/// The library's exp and log are within a unit of the last place of the result, two roundings.
inline Near exponential(Near a) {
  const double value = std::exp(a.value);
  return {value, value * std::expm1(a.error) + 2.0 * kFloatUnit * value * std::exp(a.error)};
}
inline Near logarithm(Near a) {
  const double error = -std::log1p(-a.error / a.value), value = std::log(a.value);
  return {value, error + 2.0 * kFloatUnit * (std::fabs(value) + error)};
}
inline Near relu(Near a) { return {std::fmax(a.value, 0.0), a.error}; }
/// `gradient` where `a` is above 0; where that is not certain, off by all of it.
inline Near behind_relu(Near a, Near gradient) {
  if (a.value > a.error) return gradient;
  if (a.value <= -a.error) return {};
  return {a.value > 0.0 ? gradient.value : 0.0, std::fabs(gradient.value) + gradient.error};
}

/// A sum in any order.
class Sum {
 public:
  void add(Near a) {
    value_ += a.value;
    error_ += a.error;
    size_ += std::fabs(a.value) + a.error;
    ++count_;
  }
  Near in_float() const {
    const double roundings = std::max(0, count_ - 1) * kFloatUnit;
    return {value_, error_ + roundings / (1.0 - roundings) * size_};
  }
  Near in_double() const { return {value_, error_}; }

 private:
  double value_ = 0.0, error_ = 0.0, size_ = 0.0;
  int count_ = 0;
};
inline Nears in_float(const std::vector<Sum>& sums) {
  Nears result;
  for (const Sum& sum : sums) result.push_back(sum.in_float());
  return result;
}

/// A convolution [n][y][x][c] with weights [k][o]; a linear layer as one place. Each product is rounded, then the sum.
struct NearConv {
  Conv2dAttributes facts;
  testing::Dims in, out;

  Nears forward(const Nears& x, const Nears& w, const Nears& b) const {
    std::vector<Sum> z(out.size());
    testing::for_products(facts, in, out, [&](auto i, auto o, auto k) { z[o].add(f32(x[i] * w[k])); });
    for (std::size_t o = 0; !b.empty() && o < z.size(); ++o) z[o].add(b[o % b.size()]);
    return in_float(z);
  }
  Nears by_x(const Nears& d, const Nears& w) const {
    std::vector<Sum> g(in.size());
    testing::for_products(facts, in, out, [&](auto i, auto o, auto k) { g[i].add(f32(d[o] * w[k])); });
    return in_float(g);
  }
  Nears by_w(const Nears& x, const Nears& d, std::size_t weights) const {
    std::vector<Sum> g(weights);
    testing::for_products(facts, in, out, [&](auto i, auto o, auto k) { g[k].add(f32(x[i] * d[o])); });
    return in_float(g);
  }
  Nears by_b(const Nears& d) const {
    std::vector<Sum> g(static_cast<std::size_t>(out.channels));
    for (std::size_t o = 0; o < d.size(); ++o) g[o % g.size()].add(d[o]);
    return in_float(g);
  }
};

/// Normalization over columns, or (`whole`) over all of x: N16's formulas as fp32_norm.cpp rounds them.
struct NearNorm {
  Nears mean, variance;  ///< [channels]; biased
  Nears y, dx, dgamma, dbeta;

  NearNorm(bool whole, double eps, const Nears& x, const Nears& dy, const Nears& gamma, const Nears& beta) {
    const std::size_t channels = gamma.size();
    const Near count = exactly(static_cast<double>(whole ? x.size() : x.size() / channels));
    const auto shared = [&](std::size_t i) { return whole ? 0 : i % channels; };
    std::vector<Sum> first(channels), second(channels), plain(channels), product(channels);
    for (std::size_t i = 0; i < x.size(); ++i) first[shared(i)].add(x[i]);
    for (std::size_t c = 0; c < channels; ++c) mean.push_back(first[shared(c)].in_double() / count);
    for (std::size_t i = 0; i < x.size(); ++i) {
      const Near centred = x[i] - mean[i % channels];
      second[shared(i)].add(centred * centred);
    }
    for (std::size_t c = 0; c < channels; ++c) variance.push_back(second[shared(c)].in_double() / count);
    set_running(eps);
    normalize(x, gamma, beta);
    Nears products;
    for (std::size_t i = 0; i < x.size(); ++i) {
      plain[i % channels].add(dy[i]);
      product[i % channels].add(dy[i] * f32(x[i] - f32(mean[i % channels])));
    }
    std::vector<Sum> offsets(channels), slopes(channels);
    for (std::size_t c = 0; c < channels; ++c) {
      dbeta.push_back(f32(plain[c].in_double()));
      dgamma.push_back(f32(product[c].in_double() * inverse_[c]));
      offsets[shared(c)].add(gamma[c] * plain[c].in_double());
      slopes[shared(c)].add(gamma[c] * product[c].in_double() * inverse_[c]);
    }
    for (std::size_t i = 0; i < x.size(); ++i) {
      const std::size_t c = i % channels;
      const Near r = inverse_[c];
      const Near by_dy = f32(gamma[c] * r), by_x = f32(r * r * slopes[shared(c)].in_double() / count);
      const Near offset = f32(r * offsets[shared(c)].in_double() / count);
      dx.push_back(f32(f32(f32(dy[i] * by_dy) - f32(f32(x[i] - f32(mean[c])) * by_x)) - offset));
    }
  }
  /// Evaluates by running values.
  NearNorm(double eps, const Nears& x, const Nears& gamma, const Nears& beta, Nears the_mean, Nears the_variance)
      : mean(std::move(the_mean)), variance(std::move(the_variance)) {
    set_running(eps);
    normalize(x, gamma, beta);
  }
  /// Returns a running value after a batch.
  static Near running(Near old, Near batch, double share) {
    return f32(exactly(1.0 - share) * old + exactly(share) * batch);
  }

 private:
  void set_running(double eps) {
    for (const Near& v : variance) inverse_.push_back(exactly(1.0) / root(v + exactly(eps)));
  }
  void normalize(const Nears& x, const Nears& gamma, const Nears& beta) {
    for (std::size_t i = 0; i < x.size(); ++i) {
      const std::size_t c = i % gamma.size();
      y.push_back(f32(f32(f32(x[i] - f32(mean[c])) * f32(gamma[c] * inverse_[c])) + beta[c]));
    }
  }
  Nears inverse_;
};

/// Mean cross entropy of rows of logits, and its gradient.
struct NearLoss {
  Near loss;
  Nears gradient;

  NearLoss(const Nears& z, const std::vector<std::uint8_t>& labels) {
    const std::size_t classes = z.size() / labels.size();
    const double rows = static_cast<double>(labels.size());
    Sum losses;
    for (std::size_t m = 0; m < labels.size(); ++m) {
      const auto row = z.begin() + static_cast<std::ptrdiff_t>(m * classes);
      const Near best = *std::max_element(row, row + static_cast<std::ptrdiff_t>(classes),
                                          [](Near a, Near b) { return a.value < b.value; });
      Nears powers;
      Sum total;
      for (std::size_t j = 0; j < classes; ++j) {
        powers.push_back(exponential(f32(row[static_cast<std::ptrdiff_t>(j)] - best)));
        total.add(powers.back());
      }
      const Near label = row[static_cast<std::ptrdiff_t>(labels[m])];
      losses.add(f32(logarithm(total.in_float()) - f32(label - best)));
      const Near factor = f32(exactly(1.0) / total.in_float());
      for (std::size_t j = 0; j < classes; ++j) {
        const Near p = f32(powers[j] * factor);
        gradient.push_back(f32(f32(p - exactly(j == labels[m] ? 1.0 : 0.0)) / exactly(rows)));
      }
    }
    loss = losses.in_double() / exactly(rows);
  }
};

}  // namespace bitloom::test
