// The part of the judge that looks at normalization.
#include "testbench/model/golden/graph_judge.hpp"

namespace bitloom::testing {

/// Judges the running values by the batch's share, the kept part (its constant, RMUL) and the sum (N16.2).
void GraphJudge::running_values(int n, const RealNorm& forward, const NormBounds& bounds,
                                const NormState& state) const {
  const auto& facts = std::get<NormAttributes>(of(n).attributes);
  const double share = facts.momentum, k = kRounding;
  const std::string name = of(n).name;
  const Reals mean = real_words(name + ".run_mean"), var = real_words(name + ".run_var");
  const std::size_t values = element_count(of(source(n)).shape) * static_cast<std::size_t>(samples_);
  const double count =
      static_cast<double>(mean.size() == 1 ? values : values / static_cast<std::size_t>(facts.channels));
  const auto check = [&](double got, double old, double batch, double bound, const char* what) {
    const double want = old * (1.0 - share) + batch * share;
    const double tolerance =
        share * (bound + 2.0 * k * std::fabs(batch)) + 2.0 * k * std::fabs(old) * (1.0 - share) + k * std::fabs(want);
    ASSERT_NEAR(got, want, tolerance) << recipe_.name << " " << name << " " << what;
  };
  for (std::size_t i = 0; i < mean.size(); ++i) {
    check(mean[i], value(state.run_mean[i]), forward.mean[i], bounds.mean[i], "mean");
    check(var[i], value(state.run_var[i]), forward.variance[i] * count / (count - 1.0), bounds.variance[i], "variance");
  }
}

void GraphJudge::norm(int n) {
  const std::string name = of(n).name;
  const auto& facts = std::get<NormAttributes>(of(n).attributes);
  const auto channels = static_cast<std::size_t>(facts.channels);
  const bool whole = recipe_.normalization == Normalization::kLayerBatch;
  std::size_t number = 0;
  for (int i = 0; i < n; ++i) number += of(i).op == Op::kBatchNorm ? 1 : 0;
  const NormState& state = before_.norms[number];
  Reals gamma, beta;
  for (std::size_t c = 0; c < channels; ++c) {
    gamma.push_back(std::ldexp(state.gamma[c], -24));
    beta.push_back(std::ldexp(state.beta[c], -24));
  }
  const Reals x = output(source(n));
  Reals by = gamma;
  const RealNorm plain = norm_forward(whole, facts.eps, channels, x, gamma, beta);
  for (std::size_t c = 0; c < channels; ++c) {
    const double gain = std::fabs(gamma[c]) / std::sqrt(plain.variance[c] + facts.eps) * unit(source(n));
    const double most = 65535.0 * unit(n);  // N16.1: N12's largest factor
    if (gain <= most) continue;
    ASSERT_FALSE(whole) << name << ": the judge knows no limited layer-batch normalization";
    by[c] *= most / gain;
  }
  RealNorm forward = norm_forward(whole, facts.eps, channels, x, by, beta);
  if (has(name + ".mask")) {
    for (double& v : forward.y) v = std::fmax(v, 0.0);
  }
  const int source_of_x = source(n);
  const double half = half_place(ints(of(source_of_x).name + ".z_raw"), unit(source_of_x));
  const double half_of_dy = half_place(ints(name + ".d_raw"), scale(name + ".dunit"));
  // delivered() adds the places of z's gradient.
  const NormBounds bounds =
      norm_bounds({whole, facts.eps, channels, half, half_of_dy, 0.0, unit(n)}, x, by, beta, gradient(n));
  ASSERT_EQ(unit(n), has_16_bits(name + ".z_raw") ? 1.0 / 2048.0 : 1.0 / 65536.0) << name;
  near(name + ".z_raw", output(n), forward.y, bounds.y);
  const RealNormGradient back = norm_gradient(whole, facts.eps, channels, x, gamma, gradient(n));
  near(name + ".dgamma", tensor(name + ".dgamma", std::ldexp(1.0, -24)), back.dgamma, bounds.dgamma);
  near(name + ".dbeta", tensor(name + ".dbeta", std::ldexp(1.0, -24)), back.dbeta, bounds.dbeta);
  deliver(source_of_x, norm_gradient(whole, facts.eps, channels, x, by, gradient(n)).dx, bounds.dx);
  running_values(n, forward, bounds, state);
}

}  // namespace bitloom::testing
