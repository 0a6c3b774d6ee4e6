// Whole steps of convolutional networks, by every recipe, against float64: each tensor of a recorded step is derived
// again from the real numbers that the tensors before it stand for, with the operations of real_ops.hpp, which know
// neither codes nor scales and are themselves held against finite differences. Sums of codes are exact in float64.
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <map>
#include <random>

#include "model/golden_step.hpp"
#include "model/real.hpp"
#include "model/traces.hpp"
#include "testbench/golden/cases.hpp"
#include "testbench/golden/real_ops.hpp"

namespace bitloom::testing {
namespace {

/// Rounding of scales and of N12's factors (2^-16 each), a few of them in a row.
constexpr double kScaleError = 1e-4;
/// The same through N16: statistics of 15-bit values, a reciprocal root and six products.
constexpr double kNormError = 1e-3;

double largest(const Reals& values) {
  double max = 0.0;
  for (const double v : values) max = std::fmax(max, std::fabs(v));
  return max;
}

class GraphJudge {
 public:
  GraphJudge(const Network& network, const Recipe& recipe, int samples)
      : network_(network),
        recipe_(recipe),
        engine_(network, recipe, 2),
        state_(initial_state(network, recipe, initial_parameters(network, 5))),
        samples_(samples) {}

  void step(int number);

 private:
  Reals tensor(const std::string& name, double unit = 1.0) const {
    Reals result;
    const NamedTensor& of = record_.tensors.at(name);
    for (const std::int32_t value : of.values) result.push_back(value * unit);
    return result;
  }
  Reals real_words(const std::string& name) const {
    Reals result;
    for (const std::int32_t word : record_.tensors.at(name).values) {
      result.push_back(value(Real::from_word(static_cast<std::uint32_t>(word))));
    }
    return result;
  }
  bool has(const std::string& name) const { return record_.tensors.contains(name); }
  double scale(const std::string& name) const { return value(from_word(record_.scalars.at(name))); }

  /// The node whose raw output a node reads.
  int source(int node, std::size_t which = 0) const {
    int input = network_.nodes[static_cast<std::size_t>(node)].inputs[which];
    while (input != kNetworkInput && (of(input).op == Op::kRelu || of(input).op == Op::kFlatten)) {
      input = of(input).inputs[0];
    }
    return input;
  }
  const Node& of(int node) const { return network_.nodes[static_cast<std::size_t>(node)]; }
  double unit(int node) const {
    const bool layer = of(node).op == Op::kLinear || of(node).op == Op::kConv2d;
    return scale(of(node).name + (layer ? ".s_acc" : ".unit"));
  }
  Reals output(int node) const { return tensor(of(node).name + ".z_raw", unit(node)); }
  Reals gradient(int node) const { return tensor(of(node).name + ".d_raw", scale(of(node).name + ".dunit")); }
  Dims dims(int node) const { return dims_of(node == kNetworkInput ? network_.input : of(node).shape, samples_); }

  void near(const std::string& what, const Reals& got, const Reals& want, double tolerance) const;
  void behind_relu(int node, Reals& values) const;
  void deliver(int node, const Reals& contribution);

  void layer(int n);
  void codes_of_input(int n, const RecipeLayer& rule) const;
  void codes_of_weights(int n, const RecipeLayer& rule) const;
  void codes_of_gradient(int n, const RecipeLayer& rule) const;
  Reals gradient_view(int n, const RecipeLayer& rule, bool second) const;
  void backward_layer(int n);
  void weight_gradient(int n, const RecipeLayer& rule, const Reals& dw) const;
  void pool(int n);
  void norm(int n);
  void add(int n);
  int layer_number(int n) const;
  RecipeLayer rule(int n) const {
    const int layers = static_cast<int>(layer_names(network_).size());
    return layer_recipe(recipe_, layer_number(n), layers, of(n).name);
  }

  const Network& network_;
  const Recipe& recipe_;
  GoldenEngine engine_;
  TrainState state_, before_;
  int samples_;
  StepRecord record_;
  std::map<int, Reals> gradients_;  ///< by node: what its readers delivered
};

void GraphJudge::near(const std::string& what, const Reals& got, const Reals& want, double tolerance) const {
  ASSERT_EQ(got.size(), want.size()) << what;
  for (std::size_t i = 0; i < got.size(); ++i) {
    ASSERT_NEAR(got[i], want[i], tolerance)
        << recipe_.name << " " << network_.name << " " << what << "[" << i << "], largest " << largest(want);
  }
}

int GraphJudge::layer_number(int n) const {
  const std::vector<std::string> names = layer_names(network_);
  return static_cast<int>(std::find(names.begin(), names.end(), of(n).name) - names.begin());
}

void GraphJudge::behind_relu(int node, Reals& values) const {
  if (!has(of(node).name + ".mask")) return;
  const Reals mask = tensor(of(node).name + ".mask");
  for (std::size_t i = 0; i < values.size(); ++i) values[i] *= mask[i];
}

void GraphJudge::deliver(int node, const Reals& contribution) {
  Reals& sum = gradients_[node];
  sum.resize(contribution.size());
  for (std::size_t i = 0; i < sum.size(); ++i) sum[i] += contribution[i];
}

void GraphJudge::codes_of_input(int n, const RecipeLayer& rule) const {
  const std::string name = of(n).name;
  const Reals real = output(source(n));
  const Reals codes = tensor(name + ".x");
  const double step = scale(name + ".sx");
  const double unit_of_x = unit(source(n));
  double low = 0.0, high = 0.0;
  switch (rule.activation.quantizer) {
    case Quantizer::kSign: {
      for (std::size_t i = 0; i < real.size(); ++i) ASSERT_EQ(codes[i], real[i] > 0.0 ? 1.0 : -1.0) << name << ".x";
      const Reals mask = tensor(name + ".x_mask");
      for (std::size_t i = 0; i < real.size(); ++i) {
        const double distance = std::fabs(std::fabs(real[i]) - 1.0);
        if (distance <= 2.0 * unit_of_x) continue;
        ASSERT_EQ(mask[i], std::fabs(real[i]) < 1.0 ? 1.0 : 0.0) << name << ".x_mask";
      }
      return;
    }
    case Quantizer::kRoundClip:
      high = rule.activation.levels;
      ASSERT_NEAR(step, rule.activation.clip / rule.activation.levels, step * kScaleError) << name;
      break;
    case Quantizer::kSawb: {
      double absolute = 0.0, square = 0.0;
      for (const double r : real) {
        absolute += std::fabs(r) / static_cast<double>(real.size());
        square += r * r / static_cast<double>(real.size());
      }
      const bool positive = record_.tensors.at(name + ".x").kind == CodeKind::kUnsigned;
      double alpha = std::fmax(rule.activation.c1 * std::sqrt(square) - rule.activation.c2 * absolute, absolute);
      if (positive) alpha *= 2.0;
      alpha = std::fmin(alpha, largest(real));
      high = positive ? 15.0 : 7.0;
      low = positive ? 0.0 : -7.0;
      // alpha is a difference of terms 12 times as large, each right to about 2^-15.
      ASSERT_NEAR(step, alpha / high, 24.0 * std::sqrt(square) * std::ldexp(1.0, -14) / high + 1e-9) << name << ".sx";
      break;
    }
    default:
      high = rule.activation.quantizer == Quantizer::kNiti ? 127.0 : qmax(rule.width(rule.activation));
      low = -high;
      if (rule.activation.scale == ScaleRule::kExact && rule.activation.quantizer == Quantizer::kMax) {
        ASSERT_NEAR(step * high, largest(real), largest(real) * kScaleError + 1e-12) << name << ".sx";
      }
  }
  for (std::size_t i = 0; i < real.size(); ++i) {
    const double want = std::fmin(std::fmax(real[i] / step, low), high);
    ASSERT_NEAR(codes[i], want, 0.5 + 128.0 * kScaleError) << name << ".x[" << i << "]";
  }
}

void GraphJudge::codes_of_weights(int n, const RecipeLayer& rule) const {
  const std::string name = of(n).name;
  const Conv2dAttributes conv = conv_of(of(n));
  const LayerState& state = before_.layers[static_cast<std::size_t>(layer_number(n))];
  const Reals codes = tensor(name + ".w");
  const double step = scale(name + ".sw");
  if (!state.q.empty()) {
    for (std::size_t i = 0; i < codes.size(); ++i) ASSERT_EQ(codes[i], state.q[i]) << name << ".w";
    return;
  }
  Reals master;
  for (const std::int32_t m : state.master) master.push_back(std::ldexp(m, -recipe_.update.master_frac_bits));
  double high = qmax(rule.width(rule.weight));
  if (rule.weight.quantizer == Quantizer::kSign) {
    for (std::size_t i = 0; i < codes.size(); ++i) ASSERT_EQ(codes[i], master[i] > 0.0 ? 1.0 : -1.0) << name << ".w";
    return;
  }
  if (rule.weight.quantizer == Quantizer::kStandardizedRoundClip) {
    const auto out = static_cast<std::size_t>(conv.out);
    master = norm_forward(false, 1e-5, out, master, Reals(out, 1.0), Reals(out)).y;
    near(name + ".what_raw", tensor(name + ".what_raw", 1.0 / 65536.0), master, kNormError * largest(master));
    high = rule.weight.levels;
  }
  for (std::size_t i = 0; i < codes.size(); ++i) {
    const double want = std::fmin(std::fmax(master[i] / step, -high), high);
    ASSERT_NEAR(codes[i], want, 0.5 + high * kNormError) << name << ".w[" << i << "]";
  }
}

/// The real numbers that a view of the gradient stands for.
Reals GraphJudge::gradient_view(int n, const RecipeLayer& rule, bool second) const {
  const std::string name = of(n).name;
  if (rule.gradient.quantizer == Quantizer::kGroup) {
    const std::string suffix = second ? "2" : "";
    Reals d = tensor(name + ".d" + suffix);
    const Reals step = real_words(name + ".step" + suffix);
    const Reals offset = real_words(name + ".off" + suffix);
    const double unit_of_d = scale(name + ".dunit");
    const auto channels = static_cast<std::size_t>(conv_of(of(n)).out);
    const Groups groups = second ? rule.gradient.wgrad.groups : rule.gradient.dgrad.groups;
    for (std::size_t i = 0; i < d.size(); ++i) {
      const std::size_t group = groups == Groups::kTensor   ? 0
                                : groups == Groups::kColumn ? i % channels
                                                            : i / (d.size() / static_cast<std::size_t>(samples_));
      d[i] = (d[i] * step[group] + offset[group]) * unit_of_d;
    }
    return d;
  }
  const auto values = [&](const std::string& what) {
    Reals d = tensor(name + what);
    for (double& v : d) {
      if (rule.gradient.quantizer != Quantizer::kLog) continue;
      const int code = static_cast<int>(v);
      const double magnitude = (code & 7) == 0 ? 0.0 : std::ldexp(1.0, (code & 7) - 1);
      v = code >= 8 ? -magnitude : magnitude;
    }
    for (double& v : d) v *= scale(name + ".sd");
    return d;
  };
  Reals d = values(".d");
  for (int s = 1; second && s < rule.gradient.samples; ++s) {
    const Reals more = values(".d_s" + std::to_string(s));
    for (std::size_t i = 0; i < d.size(); ++i) d[i] += more[i];
  }
  if (second) {
    for (double& v : d) v /= rule.gradient.samples;
  }
  return d;
}

/// Codes lie next to the real number: no further than a step.
void GraphJudge::codes_of_gradient(int n, const RecipeLayer& rule) const {
  const Reals g = gradient(n);
  const double top = largest(g);
  for (const bool second : {false, true}) {
    if (!second && rule.gradient.quantizer == Quantizer::kGroup && source(n) == kNetworkInput) continue;
    if (rule.gradient.quantizer == Quantizer::kGroup && rule.gradient.pruning != Pruning::kNone) continue;
    const Reals d = gradient_view(n, rule, second);
    for (std::size_t i = 0; i < g.size(); ++i) {
      double step = scale(of(n).name + ".sd");
      if (rule.gradient.quantizer == Quantizer::kLog) step = std::fmax(step, std::fabs(g[i]));
      if (rule.gradient.quantizer == Quantizer::kGroup) {
        step = 2.0 * top / ((1 << (second ? rule.gradient.wgrad.bits : rule.gradient.dgrad.bits)) - 1);
      }
      if (rule.gradient.scale == ScaleRule::kHindsight) step = std::fmax(step, 2.0 * top);
      ASSERT_NEAR(d[i], g[i], step * (1.0 + kScaleError) + top * kScaleError) << of(n).name << ".d[" << i << "]";
    }
  }
}

void GraphJudge::layer(int n) {
  const std::string name = of(n).name;
  const Conv2dAttributes conv = conv_of(of(n));
  const RecipeLayer with = rule(n);
  if (source(n) != kNetworkInput) codes_of_input(n, with);
  codes_of_weights(n, with);
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
  const StepContext context{99, state_.step, nearest_scale(0.05), 58982};
  if (number == 0) engine_.calibrate(state_, batch, context);
  before_ = state_;
  engine_.step(state_, batch, context, &record_);
  gradients_.clear();
  const int loss = static_cast<int>(network_.nodes.size()) - 1;
  for (int n = 0; n < loss; ++n) {
    if (of(n).op == Op::kLinear || of(n).op == Op::kConv2d) layer(n);
    if (::testing::Test::HasFatalFailure()) return;
  }
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

std::vector<std::string> integer_recipes() {
  std::vector<std::string> names;
  const std::filesystem::path int8 = resolve_trace(TraceKind::kRecipe, "int8");
  for (const auto& entry : std::filesystem::directory_iterator(int8.parent_path())) {
    const std::string name = entry.path().stem().string();
    if (!read_recipe(entry.path().string()).fp32) names.push_back(name);
  }
  std::sort(names.begin(), names.end());
  return names;
}

class EveryRecipe : public ::testing::TestWithParam<std::string> {};

TEST_P(EveryRecipe, StepsOfConvSmall) {
  const Network network = read_network(resolve_trace(TraceKind::kNetwork, "conv_small"));
  const Recipe recipe = read_recipe(resolve_trace(TraceKind::kRecipe, GetParam()));
  GraphJudge judge(network, recipe, 7);
  for (int step = 0; step < 3 && !HasFatalFailure(); ++step) judge.step(step);
}

TEST_P(EveryRecipe, StepsOfConvOps) {
  const Network network = read_network(resolve_trace(TraceKind::kNetwork, "conv_ops"));
  const Recipe recipe = read_recipe(resolve_trace(TraceKind::kRecipe, GetParam()));
  GraphJudge judge(network, recipe, 6);
  for (int step = 0; step < 2 && !HasFatalFailure(); ++step) judge.step(step);
}

INSTANTIATE_TEST_SUITE_P(GraphJudge, EveryRecipe, ::testing::ValuesIn(integer_recipes()),
                         [](const auto& named) { return named.param; });

// The judge's own gradients against finite differences.
TEST(RealOps, GradientsAreDerivatives) {
  std::mt19937_64 random(3);
  std::normal_distribution<double> normal;
  const auto draw = [&](std::size_t count) {
    Reals values(count);
    for (double& v : values) v = normal(random);
    return values;
  };
  const auto dot = [](const Reals& a, const Reals& b) {
    double sum = 0.0;
    for (std::size_t i = 0; i < a.size(); ++i) sum += a[i] * b[i];
    return sum;
  };
  const auto check = [&](const char* what, Reals at, const Reals& gradient, const auto& of) {
    for (std::size_t i = 0; i < at.size(); ++i) {
      const double h = 1e-5, kept = at[i];
      at[i] = kept + h;
      const double above = of(at);
      at[i] = kept - h;
      const double below = of(at);
      at[i] = kept;
      ASSERT_NEAR(gradient[i], (above - below) / (2.0 * h), 1e-6) << what << "[" << i << "]";
    }
  };
  Conv2dAttributes conv;
  conv.in = 4;
  conv.out = 6;
  conv.kernel = {3, 2};
  conv.stride = {2, 1};
  conv.padding = {1, 1};
  conv.dilation = {1, 2};
  conv.groups = 2;
  const Dims in{2, 5, 4, 4}, out{2, 3, 4, 6};
  const Reals x = draw(in.size()), w = draw(3 * 2 * 2 * 6), d = draw(out.size());
  check("conv x", x, conv_input_gradient(conv, in, out, d, w),
        [&](const Reals& v) { return dot(d, conv_forward(conv, in, out, v, w)); });
  check("conv w", w, conv_weight_gradient(conv, in, out, x, d),
        [&](const Reals& v) { return dot(d, conv_forward(conv, in, out, x, v)); });
  const PoolAttributes pool{{3, 2}, {2, 1}, {1, 0}};
  const Dims pooled{2, 3, 3, 4};
  const Reals dp = draw(pooled.size());
  for (const bool max : {false, true}) {
    check("pool", x, pool_gradient(pool, max, in, pooled, x, dp),
          [&](const Reals& v) { return dot(dp, pool_forward(pool, max, in, pooled, v)); });
  }
  const Reals gamma = draw(4), beta = draw(4), dy = draw(in.size());
  for (const bool whole : {false, true}) {
    const RealNormGradient back = norm_gradient(whole, 1e-3, 4, x, gamma, dy);
    check("norm x", x, back.dx,
          [&](const Reals& v) { return dot(dy, norm_forward(whole, 1e-3, 4, v, gamma, beta).y); });
    check("norm gamma", gamma, back.dgamma,
          [&](const Reals& v) { return dot(dy, norm_forward(whole, 1e-3, 4, x, v, beta).y); });
    check("norm beta", beta, back.dbeta,
          [&](const Reals& v) { return dot(dy, norm_forward(whole, 1e-3, 4, x, gamma, v).y); });
  }
}

}  // namespace
}  // namespace bitloom::testing
