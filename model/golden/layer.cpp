// The forward half of a layer: codes of weights and input, and the GEMMs.
#include "model/golden/layer.hpp"

#include <algorithm>

#include "model/numerics/clip_code.hpp"
#include "model/numerics/linear.hpp"
#include "model/numerics/niti.hpp"
#include "model/numerics/sawb.hpp"
#include "model/numerics/statistics.hpp"

namespace bitloom {
namespace {

constexpr double kStandardizationEps = 1e-5;  // N16.4
constexpr int kUnsigned4 = 15;

std::size_t size_of(int extent) { return static_cast<std::size_t>(extent); }

/// Returns SAWB's scale of the tensor u, whose largest magnitude is max, in `unit` (N18).
Scale scale_of(const std::int32_t* u, std::size_t count, std::uint32_t max, Scale unit, const ViewRule& rule,
               bool is_unsigned, GoldenTools& tools) {
  const MagnitudeSums sums = tools.ops.magnitude_sums(u, statistics_shift(max), count);
  return sawb_scale({static_cast<std::int64_t>(count), max, sums.absolute, sums.square}, unit, real_constant(rule.c1),
                    real_constant(rule.c2), is_unsigned, tools.totals.scale_saturated);
}

}  // namespace

GoldenLayer::GoldenLayer(const GoldenNode& the_node, const RecipeLayer& the_rule) : node(the_node), rule(the_rule) {
  const std::size_t weights = depth() * out();
  w.resize(weights);
  dw.resize(weights);
  b_acc.resize(out());
  db.resize(out());
  standardizer.eps = real_constant(kStandardizationEps);
}

void GoldenLayer::begin(const LayerState& state, GoldenTools& tools) {
  counts = {};
  x.resize(reads_input() ? x.size() : tools.samples * node.conv.in_pixels() * size_of(node.conv.in));
  x_mask.clear();
  w_mask.clear();
  quantize_weights(state, tools);
}

void GoldenLayer::take_input(const std::vector<std::int8_t>& codes, Scale scale) {
  x = codes;
  sx = scale;
}

/// Makes the weights' codes of this step and their scale from what memory keeps of them, by the recipe's quantizer
/// (N6.4, N16.4, N18, N22, N23.7, N24.3).
void GoldenLayer::quantize_weights(const LayerState& state, GoldenTools& tools) {
  const Scale unit = power_of_two(tools.recipe.update.master_frac_bits);
  const int q = qmax(rule.width(rule.weight));
  const auto by_scale = [&] {
    const Scale ratio = div(unit, sw, tools.totals.scale_saturated);
    counts.w = tools.tensors.quantize(state.master.data(), depth(), out(), ratio, rule.weight.rounding,
                                      tools.stream(node.layer, TensorKind::kWeight, RandomUse::kQuantize), q, w.data());
  };
  switch (rule.weight.quantizer) {
    case Quantizer::kSawb:
      sw = scale_of(state.master.data(), state.master.size(), state.wmax, unit, rule.weight, false, tools);
      by_scale();
      return;
    case Quantizer::kSign:
      sw = kOne;
      w_mask.resize(w.size());
      tools.ops.sign(state.master.data(), w.size(), 1 << tools.recipe.update.master_frac_bits, w.data(), w_mask.data());
      return;
    case Quantizer::kStandardizedRoundClip:
      standardize(state, tools);
      return;
    case Quantizer::kLwq:
    case Quantizer::kNiti:
      sw = state.sw;
      w = state.q;
      return;
    case Quantizer::kMax:
      sw = max_to_scale(state.wmax, unit, q, std::nullopt, tools.totals.scale_saturated);
      by_scale();
      return;
    case Quantizer::kRoundClip:
    case Quantizer::kLog:
    case Quantizer::kGroup:
      return;  // No recipe gives these to weights.
  }
}

/// Standardizes the master weights by output channel, and makes round-clip codes of them (N16.4, N22.2).
void GoldenLayer::standardize(const LayerState& state, GoldenTools& tools) {
  const std::vector<Real> ones(out(), exp2_real(0));
  const std::vector<Real> zeros(out());
  what.resize(w.size());
  w_mask.resize(w.size());
  standardizer.prepare(state.master.data(), depth(), out(), power_of_two(tools.recipe.update.master_frac_bits),
                       state.wmax, ones, zeros, tools);
  counts.w = standardizer.forward(state.master.data(), depth(), out(), false, tools, what.data()).saturated;
  const Scale unit = power_of_two(16);
  const Real clip = real_constant(rule.weight.clip);
  sw = clip_scale(clip, rule.weight.levels, tools.totals.scale_saturated);
  tools.ops.clip(what.data(), what.size(), clip_ratio(unit, rule.weight.levels, clip), -rule.weight.levels,
                 rule.weight.levels, clip_window(clip, unit, tools.totals.scale_saturated), w.data(), w_mask.data());
}

/// Returns the random words of the operand x: the previous layer's activation in a multilayer perceptron (N4.5), else
/// those of the reading layer (N14.5).
Stream GoldenLayer::input_stream(const GoldenTools& tools) const {
  return tools.chain ? tools.stream(node.layer - 1, TensorKind::kActivation, RandomUse::kQuantize)
                     : tools.stream(node.layer, TensorKind::kInput, RandomUse::kQuantize);
}

void GoldenLayer::quantize_input(const RawTensor& from, bool non_negative, const GoldenLayer* producer,
                                 const LayerState& state, GoldenTools& tools) {
  const ViewRule& view = rule.activation;
  const std::size_t cols = size_of(node.conv.in);
  const std::size_t view_rows = x.size() / cols;
  std::uint64_t& counted = tools.totals.scale_saturated;
  const int q = qmax(rule.width(view));
  const auto by_scale = [&](int limit) {
    const Scale ratio = div(from.unit, sx, counted);
    if (producer != nullptr && hindsight_x() && !tools.exact_scales && producer->counts.z != 0) {
      codes_beyond_raw(*producer, ratio, tools);
      return;
    }
    counts.x = limit == kUnsigned4 ? tools.ops.quantize_unsigned(from.data.data(), view_rows, cols, ratio,
                                                                 view.rounding, input_stream(tools), limit, x.data())
                                   : tools.tensors.quantize(from.data.data(), view_rows, cols, ratio, view.rounding,
                                                            input_stream(tools), limit, x.data());
  };
  switch (view.quantizer) {
    case Quantizer::kSawb: {
      x_unsigned = view.is_unsigned && non_negative;
      const int limit = x_unsigned ? kUnsigned4 : q;
      sx = scale_of(from.data.data(), from.data.size(), from.magnitude(), from.unit, view, x_unsigned, tools);
      by_scale(limit);
      return;
    }
    case Quantizer::kSign:
      sx = kOne;
      x_mask.resize(x.size());
      tools.ops.sign(from.data.data(), x.size(), sign_window(from.unit, counted), x.data(), x_mask.data());
      return;
    case Quantizer::kRoundClip: {
      const Real clip = real_constant(view.clip);
      sx = clip_scale(clip, view.levels, counted);
      x_unsigned = true;
      x_mask.resize(x.size());
      tools.ops.clip(from.data.data(), x.size(), clip_ratio(from.unit, view.levels, clip), 0, view.levels,
                     clip_window(clip, from.unit, counted), x.data(), x_mask.data());
      return;
    }
    case Quantizer::kNiti: {
      const int shift = niti_shift(from.magnitude(), rule.bits);
      sx = normalized(from.unit.m, from.unit.s - shift, counted);
      counts.x = tools.ops.niti(from.data.data(), x.size(), shift, rule.bits, x.data());
      return;
    }
    case Quantizer::kMax: {
      const bool hindsight = tools.hindsight(view);
      sx_next = max_to_scale(from.magnitude(), from.unit, q,
                             hindsight ? std::optional<Scale>(state.sx_next) : std::nullopt, counted);
      sx = hindsight ? state.sx_next : sx_next;
      by_scale(q);
      return;
    }
    case Quantizer::kStandardizedRoundClip:
    case Quantizer::kLwq:
    case Quantizer::kLog:
    case Quantizer::kGroup:
      return;  // No recipe gives these to activations.
  }
}

/// N6.3 for a view with values that its 32-bit form does not hold: codes from the exact values.
void GoldenLayer::codes_beyond_raw(const GoldenLayer& producer, Scale ratio, GoldenTools& tools) {
  const Stream random = input_stream(tools);
  const std::size_t cols = size_of(node.conv.in);
  const int limit = qmax(rule.width(rule.activation));
  counts.x = 0;
  for (std::size_t m = 0; m < tools.samples; ++m) {
    for (std::size_t o = 0; o < cols; ++o) {
      const std::int64_t z = std::int64_t{tools.acc[m * cols + o]} + producer.b_acc[o];
      const std::uint32_t u = random.draw(static_cast<std::uint32_t>(m), static_cast<std::uint32_t>(o), 8);
      x[m * cols + o] = static_cast<std::int8_t>(
          requantize_to(activate(z, producer.node.relu).a, ratio, rule.activation.rounding, u, 8, limit, counts.x));
    }
  }
}

void GoldenLayer::forward(const LayerState& state, GoldenTools& tools, RawTensor& z) {
  s_acc = mul(sx, sw, tools.totals.scale_saturated);
  if (node.bias) {
    ratio_b = div(power_of_two(tools.recipe.update.bias_frac_bits), s_acc, tools.totals.scale_saturated);
    for (std::size_t o = 0; o < b_acc.size(); ++o) {
      b_acc[o] = static_cast<std::int32_t>(accumulator_bias(state.bias[o], ratio_b, counts.b_acc));
    }
  }
  z.resize(rows(tools), out());
  z.unit = s_acc;
  if (!node.bias && !node.relu && !tools.chain) {  // the sums, always within a raw view (Convolution), are the result
    gemm_forward(tools, z.data.data());
    z.max = tools.ops.max_of(z.data.data(), z.data.size());
    return;
  }
  tools.acc.resize(std::max(tools.acc.size(), z.data.size()));
  gemm_forward(tools, tools.acc.data());
  const RowStatistics statistics =
      tools.tensors.activate(tools.acc.data(), b_acc.data(), z.rows, z.cols, node.relu, z.data.data());
  z.max = statistics.max;
  counts.z = statistics.saturated;
}

void GoldenLayer::gemm_forward(GoldenTools& tools, std::int32_t* acc) const {
  if (node.op == Op::kLinear) {
    tools.gemm.forward(x.data(), w.data(), static_cast<int>(tools.samples), node.conv.in, node.conv.out, acc);
    return;
  }
  ConvShape shape = node.conv;
  shape.n = static_cast<int>(tools.samples);
  const bool one_bit = rule.weight.quantizer == Quantizer::kSign && rule.activation.quantizer == Quantizer::kSign &&
                       !reads_input();  // the network's input has codes of its own
  if (one_bit && XnorConvolution::worth_it(shape)) {
    tools.xnor.forward(shape, x.data(), w.data(), acc);
    return;
  }
  tools.conv.forward(shape, x.data(), w.data(), acc);
}

void GoldenLayer::gemm_activation(GoldenTools& tools, const std::int8_t* codes, std::size_t samples,
                                  std::int32_t* g) const {
  if (node.op == Op::kLinear) {
    tools.gemm.activation_gradient(codes, w.data(), static_cast<int>(samples), node.conv.in, node.conv.out, g);
    return;
  }
  ConvShape shape = node.conv;
  shape.n = static_cast<int>(samples);
  tools.conv.activation_gradient(shape, codes, w.data(), g);
}

std::uint64_t GoldenLayer::gemm_weight(GoldenTools& tools, std::span<const std::vector<std::int8_t>> codes, int outputs,
                                       std::vector<std::int32_t>& sums) const {
  const bool linear = node.op == Op::kLinear;
  sums.resize(depth() * size_of(outputs));
  const auto gemm = [&](const std::vector<std::int8_t>& of) {  // of at most 65,535 samples, so exact
    tools.gemm.weight_gradient(x.data(), of.data(), static_cast<int>(tools.samples), node.conv.in, outputs,
                               sums.data());
  };
  if (linear && codes.size() == 1) {
    gemm(codes[0]);
    return 0;
  }
  ConvShape shape = node.conv;
  shape.n = static_cast<int>(tools.samples);
  shape.out = outputs;
  std::vector<std::int64_t> total(sums.size()), part(linear ? 0 : sums.size());
  for (const std::vector<std::int8_t>& of : codes) {
    linear ? gemm(of) : tools.conv.weight_gradient(shape, x.data(), of.data(), part.data());
    for (std::size_t i = 0; i < total.size(); ++i) total[i] += linear ? sums[i] : part[i];
  }
  std::uint64_t saturated = 0;
  std::transform(total.begin(), total.end(), sums.begin(), [&](std::int64_t sum) { return raw_view(sum, saturated); });
  return saturated;
}

}  // namespace bitloom
