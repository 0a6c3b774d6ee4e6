// The part of the judge that looks at codes.
#include "testbench/model/golden/graph_judge.hpp"

namespace bitloom::testing {
namespace {

/// Returns the largest distance from a number to its code.
double distance(Rounding rounding) { return rounding == Rounding::kStochastic ? 1.0 : 0.5; }

}  // namespace

void GraphJudge::near(const std::string& what, const Reals& got, const Reals& want, const Reals& bound) const {
  ASSERT_EQ(got.size(), want.size()) << what;
  ASSERT_EQ(bound.size(), want.size()) << what;
  for (std::size_t i = 0; i < got.size(); ++i) {
    ASSERT_NEAR(got[i], want[i], bound[i])
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

/// A second contribution is added by N14.6, with a rounded factor for each part.
void GraphJudge::deliver(int node, const Reals& contribution, const Reals& bound) {
  Delivered& to = gradients_[node];
  const bool first = to.count == 0;
  to.sum.resize(contribution.size());
  to.bound.resize(contribution.size());
  for (std::size_t i = 0; i < contribution.size(); ++i) {
    to.bound[i] += bound[i] + (first ? 0.0 : kRounding * (std::fabs(to.sum[i]) + std::fabs(contribution[i])));
    to.sum[i] += contribution[i];
  }
  to.count += first ? 1 : 2;
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
      // The constant and RDIV are rounded.
      ASSERT_NEAR(step, rule.activation.clip / rule.activation.levels, 2.0 * step * kRounding) << name;
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
      // As in Sawb.AgreesWithTheFormula: roundings of each term of alpha, half a place of the statistics in both, then
      // five more roundings of the result.
      const double terms =
          kRounding * (5.6 * rule.activation.c1 * std::sqrt(square) + 5 * rule.activation.c2 * absolute);
      const double places =
          (rule.activation.c1 + rule.activation.c2) * half_place(ints(of(source(n)).name + ".z_raw"), unit_of_x);
      const double error = (terms + places) * (positive ? 2.0 : 1.0) + 5.0 * kRounding * alpha;
      ASSERT_NEAR(step, alpha / high, error / high) << name << ".sx";
      break;
    }
    default:
      high = rule.activation.quantizer == Quantizer::kNiti ? 127.0 : qmax(rule.width(rule.activation));
      low = -high;
      if (rule.activation.scale == ScaleRule::kExact && rule.activation.quantizer == Quantizer::kMax) {
        ASSERT_NEAR(step * high, largest(real), largest(real) * kRoundingUp) << name << ".sx";
      }
  }
  for (std::size_t i = 0; i < real.size(); ++i) {
    const double want = std::fmin(std::fmax(real[i] / step, low), high);
    // At most five roundings (N22.2: the constant, RMUL and RDIV in the ratio; the constant and RDIV in the step).
    ASSERT_NEAR(codes[i], want, distance(rule.activation.rounding) + 5.0 * high * kRounding)
        << name << ".x[" << i << "]";
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
  Reals bound(master.size());
  if (rule.weight.quantizer == Quantizer::kSign) {
    for (std::size_t i = 0; i < codes.size(); ++i) ASSERT_EQ(codes[i], master[i] > 0.0 ? 1.0 : -1.0) << name << ".w";
    return;
  }
  if (rule.weight.quantizer == Quantizer::kStandardizedRoundClip) {
    const auto out = static_cast<std::size_t>(conv.out);
    const Reals ones(out, 1.0);
    const double half = half_place(state.master, std::ldexp(1.0, -recipe_.update.master_frac_bits));
    bound = norm_bounds({false, kStandardizationEps, out, half, 0.0, 0.0}, master, ones, Reals(out), master).y;
    master = norm_forward(false, kStandardizationEps, out, master, ones, Reals(out)).y;
    near(name + ".what_raw", tensor(name + ".what_raw", 1.0 / 65536.0), master, bound);
    high = rule.weight.levels;
  }
  for (std::size_t i = 0; i < codes.size(); ++i) {
    const double want = std::fmin(std::fmax(master[i] / step, -high), high);
    // Five roundings as in codes_of_input().
    ASSERT_NEAR(codes[i], want, distance(rule.weight.rounding) + bound[i] / step + 5.0 * high * kRounding)
        << name << ".w[" << i << "]";
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

Reals GraphJudge::gradient_size(int n, const RecipeLayer& rule, bool second) const {
  if (rule.gradient.quantizer != Quantizer::kGroup) return magnitudes(gradient_view(n, rule, second));
  const std::string name = of(n).name, suffix = second ? "2" : "";
  Reals d = tensor(name + ".d" + suffix);
  const double steps = largest(real_words(name + ".step" + suffix)),
               offsets = largest(real_words(name + ".off" + suffix));
  for (double& v : d) v = (v * steps + offsets) * scale(name + ".dunit");
  return d;
}

/// Codes lie next to the real number: no further than a step. A code times its step is at most 2 · top (groups), an
/// offset at most top; RDIV, RMUL and the ratio's RDIV round the former, FROM_INT and RMUL the latter: eight roundings.
/// The tensor's snapped step is at most twice as large, so that its highest code times it stays within 4 · top; what is
/// cut below 0 is less than B / (B - 1) of it (N21.1).
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
      double roundings = 8.0;
      if (rule.gradient.quantizer == Quantizer::kGroup) {
        const GroupView& view = second ? rule.gradient.wgrad : rule.gradient.dgrad;
        const int codes = (1 << view.bits) - 1;
        step = 2.0 * top / codes;
        if (view.groups == Groups::kTensor && codes > 1) {
          step = real_words(of(n).name + ".step" + (second ? "2" : ""))[0] * scale(of(n).name + ".dunit");
          ASSERT_LE(step, 4.0 * top / codes * (1.0 + 8.0 * kRounding)) << of(n).name;
          step *= static_cast<double>(codes) / (codes - 1);
          roundings = 16.0;
        }
      }
      if (rule.gradient.scale == ScaleRule::kHindsight) step = std::fmax(step, 2.0 * top);
      ASSERT_NEAR(d[i], g[i], step * (1.0 + kRoundingUp) + roundings * top * kRounding)
          << of(n).name << ".d[" << i << "]";
    }
  }
}

}  // namespace bitloom::testing
