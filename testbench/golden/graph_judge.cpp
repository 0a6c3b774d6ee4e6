// The part of the judge that derives the sums and the operations on real numbers.
#include "testbench/golden/graph_judge.hpp"

namespace bitloom::testing {

void GraphJudge::layer(int n) {
  const std::string name = of(n).name;
  const Conv2dAttributes conv = conv_of(of(n));
  const RecipeLayer with = rule(n);
  if (source(n) != kNetworkInput) {
    exact_input(n, with);
    codes_of_input(n, with);
  } else {
    same_scale(name + ".sx", {batch_scale_.m, batch_scale_.s, false});
  }
  exact_weights(n, with);
  codes_of_weights(n, with);
  same_scale(name + ".s_acc", spec::nearest(spec::product(scale_word(name + ".sx"), scale_word(name + ".sw"))));
  const Dims in = of(n).op == Op::kLinear ? Dims{samples_, 1, 1, conv.in} : dims(source(n));
  Reals z = conv_forward(conv, in, dims(n), tensor(name + ".x"), tensor(name + ".w"));
  if (conv.bias) {
    const Reals b = tensor(name + ".b_acc");
    const LayerState& state = before_.layers[static_cast<std::size_t>(layer_number(n))];
    for (std::size_t o = 0; o < b.size(); ++o) {
      const double bias = std::ldexp(state.bias[o], -recipe_.update.bias_frac_bits);
      ASSERT_NEAR(b[o] * unit(n), bias, unit(n) * 0.51 + std::fabs(bias) * kScaleError) << name;
    }
    for (std::size_t i = 0; i < z.size(); ++i) z[i] += b[i % b.size()];
  }
  if (has(name + ".mask")) {
    for (double& v : z) v = std::fmax(v, 0.0);
  }
  near(name + ".z_raw", tensor(name + ".z_raw"), z, 0.0);
}

void GraphJudge::weight_gradient(int n, const RecipeLayer& with, const Reals& dw) const {
  const std::string name = of(n).name;
  const double unit_of_dw = scale(name + ".unit_dw");
  const Reals got = tensor(name + ".dw", unit_of_dw);
  if (with.weight.quantizer != Quantizer::kStandardizedRoundClip) {
    // Of groups, codes times steps and offsets times sums of x are larger than what they add up to.
    const double terms = with.gradient.quantizer == Quantizer::kGroup ? 16.0 : 4.0;
    near(name + ".dw", got, dw, kScaleError * largest(dw) * terms + unit_of_dw);
    return;
  }
  const auto out = static_cast<std::size_t>(conv_of(of(n)).out);
  Reals master;
  const LayerState& state = before_.layers[static_cast<std::size_t>(layer_number(n))];
  for (const std::int32_t m : state.master) master.push_back(std::ldexp(m, -recipe_.update.master_frac_bits));
  const Reals want = norm_gradient(false, 1e-5, out, master, Reals(out, 1.0), dw).dx;
  near(name + ".dw", got, want, 3.0 * kNormError * largest(want) + unit_of_dw);
}

void GraphJudge::backward_layer(int n) {
  const std::string name = of(n).name;
  const Conv2dAttributes conv = conv_of(of(n));
  const RecipeLayer with = rule(n);
  exact_gradient(n, with);
  codes_of_gradient(n, with);
  const Dims in = of(n).op == Op::kLinear ? Dims{samples_, 1, 1, conv.in} : dims(source(n));
  const Reals x = tensor(name + ".x", scale(name + ".sx"));
  const Reals w = tensor(name + ".w", scale(name + ".sw"));
  const Reals for_weights = gradient_view(n, with, true);
  Reals dw = conv_weight_gradient(conv, in, dims(n), x, for_weights);
  if (has(name + ".w_mask")) {
    const Reals mask = tensor(name + ".w_mask");
    for (std::size_t i = 0; i < dw.size(); ++i) dw[i] *= mask[i];
  }
  weight_gradient(n, with, dw);
  if (conv.bias) {
    Reals db(static_cast<std::size_t>(conv.out));
    for (std::size_t i = 0; i < for_weights.size(); ++i) db[i % db.size()] += for_weights[i];
    const double unit_of_db = scale(name + ".unit_db");
    near(name + ".db", tensor(name + ".db", unit_of_db), db,
         8.0 * kScaleError * largest(for_weights) * static_cast<double>(samples_) + unit_of_db);
  }
  if (source(n) == kNetworkInput) return;
  Reals g = conv_input_gradient(conv, in, dims(n), gradient_view(n, with, false), w);
  if (has(name + ".x_mask")) {
    const Reals mask = tensor(name + ".x_mask");
    for (std::size_t i = 0; i < g.size(); ++i) g[i] *= mask[i];
  }
  deliver(source(n), g);
}

void GraphJudge::pool(int n) {
  const auto& facts = std::get<PoolAttributes>(of(n).attributes);
  const bool max = of(n).op == Op::kMaxPool;
  const int from = source(n);
  const Reals x = tensor(of(from).name + ".z_raw");
  near(of(n).name + ".z_raw", tensor(of(n).name + ".z_raw"), pool_forward(facts, max, dims(from), dims(n), x), 0.0);
  const double divisor = max ? 1.0 : facts.kernel.rows * facts.kernel.cols;
  if (recipe_.update.optimizer != Optimizer::kNiti) {
    ASSERT_NEAR(unit(n), unit(from) / divisor, unit(n) * kScaleError) << of(n).name;
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
  RealNorm forward = norm_forward(whole, facts.eps, channels, x, gamma, beta);
  Reals limited(channels, 1.0);  // N16.1: a step of x becomes at most 1.0
  for (std::size_t c = 0; c < channels; ++c) {
    const double gain = std::fabs(gamma[c]) / std::sqrt(forward.variance[c] + facts.eps) * unit(source(n));
    if (gain <= 65535.0 / 65536.0) continue;
    limited[c] = 65535.0 / 65536.0 / gain;
    if (whole) return;
  }
  for (std::size_t i = 0; i < x.size(); ++i) {
    const std::size_t c = i % channels;
    forward.y[i] = (forward.y[i] - beta[c]) * limited[c] + beta[c];
  }
  double size = 1.0;  // of the terms that are subtracted from each other
  for (std::size_t c = 0; c < channels; ++c) {
    size = std::fmax(size, (std::fabs(forward.mean[c]) + largest(x)) / std::sqrt(forward.variance[c] + facts.eps));
  }
  if (has(name + ".mask")) {
    for (double& v : forward.y) v = std::fmax(v, 0.0);
  }
  near(name + ".z_raw", output(n), forward.y, kNormError * 0.5 * size);

  RealNormGradient back = norm_gradient(whole, facts.eps, channels, x, gamma, gradient(n));
  for (std::size_t i = 0; i < x.size(); ++i) back.dx[i] *= limited[i % channels];
  const double rows = static_cast<double>(x.size() / channels);
  const double of_sums = kNormError * largest(gradient(n)) * size * rows;
  const double place = std::ldexp(1.0, -24);
  near(name + ".dgamma", tensor(name + ".dgamma", place), back.dgamma, of_sums + place);
  near(name + ".dbeta", tensor(name + ".dbeta", place), back.dbeta, of_sums + place);
  deliver(source(n), back.dx);

  const double count = whole ? static_cast<double>(x.size()) : rows;
  const Reals mean = real_words(name + ".run_mean"), var = real_words(name + ".run_var");
  for (std::size_t i = 0; i < mean.size(); ++i) {
    const double unbiased = forward.variance[i] * count / (count - 1.0);
    ASSERT_NEAR(mean[i], value(state.run_mean[i]) * (1.0 - facts.momentum) + forward.mean[i] * facts.momentum,
                kNormError * largest(x))
        << name;
    ASSERT_NEAR(var[i], value(state.run_var[i]) * (1.0 - facts.momentum) + unbiased * facts.momentum,
                kNormError * (1.0 + largest(x) * largest(x)))
        << name;
  }
}

void GraphJudge::add(int n) {
  Reals want = output(source(n, 0));
  const Reals other = output(source(n, 1));
  const double size = largest(want) + largest(other);
  for (std::size_t i = 0; i < want.size(); ++i) want[i] += other[i];
  if (has(of(n).name + ".mask")) {
    for (double& v : want) v = std::fmax(v, 0.0);
  }
  near(of(n).name + ".z_raw", output(n), want, kScaleError * size + unit(n));
  deliver(source(n, 0), gradient(n));
  deliver(source(n, 1), gradient(n));
}

void GraphJudge::step(int number) {
  std::mt19937_64 random(static_cast<std::uint64_t>(number) + 17);
  const InputFormat input = input_format(network_, recipe_, {73, 0.353});
  Batch batch;
  batch.M = samples_;
  batch.scale = input.scale;
  const int q = input.largest_code;
  const Dims in = dims_of(network_.input, samples_);
  for (std::size_t i = 0; i < in.size(); ++i) {
    batch.X.push_back(static_cast<std::int8_t>(static_cast<int>(random() % static_cast<unsigned>(2 * q + 1)) - q));
  }
  const auto classes = static_cast<std::uint64_t>(network_.nodes.back().shape[0]);
  for (int m = 0; m < samples_; ++m) batch.labels.push_back(static_cast<std::uint8_t>(random() % classes));
  batch_scale_ = batch.scale;
  context_ = {99, state_.step, nearest_scale(0.05), 58982};
  if (number == 0) engine_.calibrate(state_, batch, context_);
  before_ = state_;
  engine_.step(state_, batch, context_, &record_);
  gradients_.clear();
  const int loss = static_cast<int>(network_.nodes.size()) - 1;
  for (int n = 0; n < loss; ++n) {
    if (of(n).op == Op::kLinear || of(n).op == Op::kConv2d) layer(n);
    same_mask(n);
    if (::testing::Test::HasFatalFailure()) return;
  }
  exact_loss(batch);
  for (int n = loss - 1; n >= 0; --n) {
    const Op op = of(n).op;
    if (op == Op::kRelu || op == Op::kFlatten) continue;
    if (n != source(loss)) {
      Reals want = gradients_.at(n);
      behind_relu(n, want);
      const bool from_norm = recipe_.normalization == Normalization::kLayerBatch || !before_.norms.empty();
      near(of(n).name + ".d_raw", gradient(n), want,
           (from_norm ? 4.0 * kNormError : 4.0 * kScaleError) * largest(want) + scale(of(n).name + ".dunit"));
    }
    if (::testing::Test::HasFatalFailure()) return;
    if (op == Op::kLinear || op == Op::kConv2d) backward_layer(n);
    if (op == Op::kMaxPool || op == Op::kAveragePool) {
      pool(n);
      const auto& facts = std::get<PoolAttributes>(of(n).attributes);
      const bool max = op == Op::kMaxPool;
      Reals g = pool_gradient(facts, max, dims(source(n)), dims(n), tensor(of(source(n)).name + ".z_raw"), gradient(n));
      for (double& v : g) v /= max ? 1.0 : facts.kernel.rows * facts.kernel.cols;
      deliver(source(n), g);
    }
    if (op == Op::kBatchNorm) norm(n);
    if (op == Op::kAdd) add(n);
    if (::testing::Test::HasFatalFailure()) return;
  }
}

}  // namespace bitloom::testing
