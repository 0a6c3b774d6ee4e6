#include "model/golden/norm.hpp"

#include "model/golden/buffer.hpp"
#include "model/golden/optimizer.hpp"
#include "model/numerics/raw_view.hpp"
#include "model/numerics/statistics.hpp"

namespace bitloom {
namespace {

constexpr PerAxis::Axis kColumn = PerAxis::Axis::kColumn;
constexpr PerAxis::Axis kTensor = PerAxis::Axis::kTensor;

PerAxis per_axis(const std::vector<Real>& values) { return {values, values.size() == 1 ? kTensor : kColumn, 1}; }

std::vector<Real> reals(const std::vector<std::int32_t>& fixed) {
  std::vector<Real> result;
  for (const std::int32_t v : fixed) result.push_back(from_int(v, kNormFracBits));
  return result;
}

/// Makes one value for the tensor from one a column.
void add_up(std::vector<std::int64_t>& sums) {
  std::int64_t total = 0;
  for (const std::int64_t sum : sums) total += sum;
  sums = {total};
}

template <class T>
const T& of(const std::vector<T>& values, std::size_t col) {
  return values.size() == 1 ? values[0] : values[col];
}

}  // namespace

void Normalizer::prepare(const std::int32_t* z, std::size_t rows, std::size_t cols, Scale unit, std::uint32_t max,
                         const std::vector<Real>& the_gamma, const std::vector<Real>& beta, GoldenTools& tools) {
  dz_saturated = 0;
  gamma = the_gamma;
  shift = statistics_shift(max);
  const std::int64_t count = static_cast<std::int64_t>(whole ? rows * cols : rows);
  n = from_int(count);
  u = rmul(from_scale(unit), exp2_real(shift));
  TensorSums sums = tools.ops.sums(z, shift, rows, cols);
  if (whole) {
    add_up(sums.first);
    add_up(sums.second);
  }
  s1 = sums.first;
  const Real e = rdiv(rmul(eps, rmul(n, n)), rmul(u, u));
  v.clear();
  r.clear();
  for (std::size_t i = 0; i < s1.size(); ++i) {
    v.push_back(centered(count, sums.second[i], s1[i], s1[i]));
    r.push_back(rmin(rsqrt(radd(v.back(), e)), v.back()));  // 0 where nothing varies, else the root, at most 1 <= V
  }
  gr.clear();
  a.clear();
  c.clear();
  const Real limit = rdiv(from_scale({65535, 0}), rmul(n, exp2_real(frac_bits - shift)));
  for (std::size_t col = 0; col < cols; ++col) {
    gr.push_back(rmax(rmin(rmul(gamma[col], of(r, col)), limit), rneg(limit)));
    a.push_back(rmul(gr[col], n, exp2_real(frac_bits - shift)));
    const Real constant = radd(beta[col], rneg(rmul(from_int(of(s1, col)), gr[col])));
    c.push_back(to_int(constant, frac_bits, tools.totals.scale_saturated));
  }
}

RowStatistics Normalizer::forward(const std::int32_t* z, std::size_t rows, std::size_t cols, bool relu,
                                  GoldenTools& tools, std::int32_t* y) const {
  return tools.ops.affine(z, {a, kColumn, 1}, {}, {}, c, rows, cols, relu, y);
}

void Normalizer::backward(const std::int32_t* z, const RawTensor& dy, RawTensor& dz, GoldenTools& tools) {
  const std::size_t cols = dy.cols;
  std::uint64_t& counted = tools.totals.scale_saturated;
  const int d_shift = statistics_shift(dy.magnitude());
  ud = rmul(from_scale(dy.unit), exp2_real(d_shift));
  const TensorSums sums = tools.ops.product_sums(dy.data.data(), d_shift, z, shift, dy.rows, cols);
  const std::int64_t count = static_cast<std::int64_t>(whole ? dy.rows * cols : dy.rows);
  x.clear();
  d1.clear();
  for (std::size_t col = 0; col < cols; ++col) {
    x.push_back(centered(count, sums.second[col], sums.first[col], of(s1, col)));
    d1.push_back(from_int(sums.first[col]));
  }
  const Scale fit = max_to_scale(dy.magnitude(), dy.unit, 32767, std::nullopt, counted);
  dz.unit = tools.unit(to_scale(rmul(from_scale(fit), rdiv(rmul(rmaxabs(gr), n), u), exp2_real(-finer)), counted));
  const Real kc = rdiv(rdiv(ud, u), from_scale(dz.unit));
  const Real ka = rmul(kc, n, exp2_real(-d_shift));
  const Real kb = rmul(kc, n, exp2_real(-shift));
  std::vector<Real> h, f;
  if (whole) {
    std::vector<Real> gx, gd;
    for (std::size_t col = 0; col < cols; ++col) {
      gx.push_back(rmul(gamma[col], x[col]));
      gd.push_back(rmul(gamma[col], d1[col]));
    }
    h.push_back(rmul(rmul(r[0], r[0]), rmul(rsum(gx), r[0])));
    f.push_back(rmul(r[0], rsum(gd)));
  } else {
    for (std::size_t col = 0; col < cols; ++col) {
      h.push_back(rmul(rmul(gr[col], r[col]), rmul(x[col], r[col])));
      f.push_back(rmul(gr[col], d1[col]));
    }
  }
  by_dy.clear();
  by_z.clear();
  by_one.clear();
  for (std::size_t col = 0; col < cols; ++col) by_dy.push_back(rmul(gr[col], ka));
  for (std::size_t i = 0; i < h.size(); ++i) {
    by_z.push_back(rneg(rmul(h[i], kb)));
    by_one.push_back(to_int(rmul(radd(rmul(h[i], from_int(s1[i])), rneg(f[i])), kc), 0, counted));
  }
  dz.resize(dy.rows, cols);
  const RowStatistics statistics = tools.ops.affine(dy.data.data(), {by_dy, kColumn, 1}, {z, 0, cols, 1},
                                                    per_axis(by_z), by_one, dy.rows, cols, false, dz.data.data());
  dz.max = statistics.max;
  if (finer > 0) dz_saturated = statistics.saturated;
}

void Normalizer::parameter_gradients(GoldenTools& tools) {
  dgamma.clear();
  dbeta.clear();
  for (std::size_t col = 0; col < x.size(); ++col) {
    dgamma.push_back(to_int(rmul(x[col], of(r, col), ud), kNormFracBits, tools.totals.scale_saturated));
    dbeta.push_back(to_int(rmul(d1[col], ud), kNormFracBits, tools.totals.scale_saturated));
  }
}

GoldenNorm::GoldenNorm(const GoldenNode& node, const Recipe& recipe) : node_(node) {
  at_work_.whole = recipe.normalization == Normalization::kLayerBatch;
  at_work_.eps = real_constant(node.norm_facts.eps);
  if (node.raw_bits == 16) at_work_.frac_bits = kNorm16FracBits;
  if (node.input_gradient_bits == 16) at_work_.finer = -1;
  share_ = real_constant(node.norm_facts.momentum);
  keep_ = real_constant(1.0 - node.norm_facts.momentum);
}

std::uint64_t GoldenNorm::forward(const RawTensor& z, const NormState& state, GoldenTools& tools, RawTensor& y) {
  y.resize(z.rows, z.cols);
  y.unit = power_of_two(at_work_.frac_bits);
  if (!tools.training) {
    return evaluate(z, state, tools, y);
  }
  at_work_.prepare(z.data.data(), z.rows, z.cols, z.unit, z.magnitude(), reals(state.gamma), reals(state.beta), tools);
  return keep(at_work_.forward(z.data.data(), z.rows, z.cols, node_.relu && node_.raw_bits == 32, tools, y.data.data()),
              tools, y);
}

/// Keeps the maximum of a result that N12 has made, or makes its view of 16 bits. Returns the saturations.
std::uint64_t GoldenNorm::keep(const RowStatistics& made, GoldenTools& tools, RawTensor& y) const {
  y.max = made.max;
  return node_.raw_bits == 32 ? made.saturated : tools.narrow(y, 0, node_.relu);
}

/// Normalizes with the running values (N16.2).
std::uint64_t GoldenNorm::evaluate(const RawTensor& z, const NormState& state, GoldenTools& tools, RawTensor& y) const {
  std::vector<Real> a;
  std::vector<std::int32_t> c;
  const Real limit = rdiv(from_scale({65535, 0}), rmul(from_scale(z.unit), exp2_real(at_work_.frac_bits)));
  for (std::size_t col = 0; col < z.cols; ++col) {
    const Real gain =
        rmul(from_int(state.gamma[col], kNormFracBits), rsqrt(radd(of(state.run_var, col), at_work_.eps)));
    const Real scale = rmax(rmin(gain, limit), rneg(limit));
    a.push_back(rmul(scale, from_scale(z.unit), exp2_real(at_work_.frac_bits)));
    const Real beta = from_int(state.beta[col], kNormFracBits);
    const Real constant = radd(beta, rneg(rmul(of(state.run_mean, col), scale)));
    c.push_back(to_int(constant, at_work_.frac_bits, tools.totals.scale_saturated));
  }
  const RowStatistics statistics = tools.ops.affine(z.data.data(), {a, kColumn, 1}, {}, {}, c, z.rows, z.cols,
                                                    node_.relu && node_.raw_bits == 32, y.data.data());
  return keep(statistics, tools, y);
}

void GoldenNorm::update_running(NormState& state, GoldenTools& tools) const {
  const Normalizer& w = at_work_;
  const auto count = static_cast<std::int64_t>(tools.samples * node_.pixels * (w.whole ? node_.cols : std::size_t{1}));
  const Real one_less = from_int(count - 1);
  const Real u2 = rmul(w.u, w.u);
  for (std::size_t i = 0; i < state.run_mean.size(); ++i) {
    const Real mean = rmul(rdiv(from_int(w.s1[i]), w.n), w.u);
    const Real var = rmul(rdiv(w.v[i], rmul(w.n, one_less)), u2);
    state.run_mean[i] = radd(rmul(state.run_mean[i], keep_), rmul(mean, share_));
    state.run_var[i] = radd(rmul(state.run_var[i], keep_), rmul(var, share_));
  }
}

void GoldenNorm::backward(const RawTensor& z, const RawTensor& dy, GoldenTools& tools, RawTensor& dz) {
  at_work_.backward(z.data.data(), dy, dz, tools);
  at_work_.parameter_gradients(tools);
}

void GoldenNorm::update(NormState& state, GoldenTools& tools) {
  const Scale unit = power_of_two(kNormFracBits);
  const int layer = kNormLayer + node_.norm;
  const FixedTensor gamma{state.gamma, state.gamma_momentum, state.gamma_adam, kNormFracBits, kBiasLimit,
                          layer,       TensorKind::kGamma};
  const FixedTensor beta{state.beta, state.beta_momentum, state.beta_adam, kNormFracBits, kBiasLimit,
                         layer,      TensorKind::kBeta};
  const bool buffered = tools.accumulates();
  updated_ = 0;
  if (buffered) {
    updated_ += accumulate_vector(state.gamma_sum, at_work_.dgamma, unit, tools);
    updated_ += accumulate_vector(state.beta_sum, at_work_.dbeta, unit, tools);
    if (!tools.micro_batch.last) return;
  }
  const Scale unit_of_step = buffered ? unit_of_vector(tools) : unit;
  const std::vector<std::int32_t>& dgamma = buffered ? state.gamma_sum : at_work_.dgamma;
  const std::vector<std::int32_t>& dbeta = buffered ? state.beta_sum : at_work_.dbeta;
  const RowStatistics g = tools.optimizer.update(gamma, {dgamma.data(), 1, node_.cols, unit_of_step}, tools);
  const RowStatistics b = tools.optimizer.update(beta, {dbeta.data(), 1, node_.cols, unit_of_step}, tools);
  updated_ += g.saturated + g.momentum_saturated + b.saturated + b.momentum_saturated;
}

void GoldenNorm::record(StepRecord& record) const {
  const auto ints = [&](StepTensor what, int bits, const std::vector<std::int32_t>& values) {
    record.tensors[{node_.source, what}] = {1, static_cast<int>(values.size()), bits, values};
  };
  const auto words = [&](StepTensor what, const std::vector<Real>& values) {
    std::vector<std::int32_t> of_values;
    for (const Real value : values) of_values.push_back(static_cast<std::int32_t>(value.word()));
    ints(what, 32, of_values);
  };
  ints(StepTensor::kDgamma, 32, at_work_.dgamma);
  ints(StepTensor::kDbeta, 32, at_work_.dbeta);
  words(StepTensor::kForwardA, at_work_.a);
  ints(StepTensor::kForwardC, 32, at_work_.c);
  words(StepTensor::kBackwardA, at_work_.by_dy);
  words(StepTensor::kBackwardB, at_work_.by_z);
  ints(StepTensor::kBackwardC, 32, at_work_.by_one);
}

}  // namespace bitloom
