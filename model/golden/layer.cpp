// The forward half of a layer: what quantizers share, and the GEMMs.
#include "model/golden/layer.hpp"

#include <algorithm>

#include "model/golden/quantizer.hpp"
#include "model/numerics/linear.hpp"

namespace bitloom {
namespace {

constexpr double kStandardizationEps = 1e-5;  // N16.4

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
  golden_quantizer(rule.weight.quantizer).weights(*this, state, tools);
}

void GoldenLayer::take_input(const std::vector<std::int8_t>& codes, Scale scale) {
  x = codes;
  sx = scale;
  x_form = {rule.width(rule.activation), CodeKind::kSigned};
}

void GoldenLayer::stored_weights(const LayerState& state) {
  sw = state.sw;
  w = state.q;
  w_form = {rule.width(rule.weight), CodeKind::kSigned};
}

void GoldenLayer::even_weights(const LayerState& state, int limit, GoldenTools& tools) {
  const Scale unit = power_of_two(tools.recipe.update.master_frac_bits);
  const Scale ratio = div(unit, sw, tools.totals.scale_saturated);
  counts.w =
      tools.tensors.quantize(state.master.data(), depth(), out(), ratio, rule.weight.rounding,
                             tools.stream(node.layer, TensorKind::kWeight, RandomUse::kQuantize), limit, w.data());
}

/// Returns the random words of the operand x (N14.5).
Stream GoldenLayer::input_stream(const GoldenTools& tools) const {
  return tools.stream(node.layer, TensorKind::kInput, RandomUse::kQuantize);
}

void GoldenLayer::even_input(const LayerInput& from, int limit, GoldenTools& tools) {
  const std::int32_t* raw = from.raw.data.data();
  const std::size_t cols = size_of(node.conv.in);
  const Scale ratio = div(from.raw.unit, sx, tools.totals.scale_saturated);
  const Rounding rounding = rule.activation.rounding;
  if (!from.raw.exact.empty() && !tools.exact_scales) {
    codes_beyond_raw(from.raw, ratio, tools);
  } else if (x_form.kind == CodeKind::kUnsigned) {
    counts.x =
        tools.ops.quantize_unsigned(raw, x.size() / cols, cols, ratio, rounding, input_stream(tools), limit, x.data());
  } else {
    counts.x =
        tools.tensors.quantize(raw, x.size() / cols, cols, ratio, rounding, input_stream(tools), limit, x.data());
  }
}

/// Makes the codes x of values that a raw view does not hold (N6.3).
void GoldenLayer::codes_beyond_raw(const RawTensor& from, Scale ratio, GoldenTools& tools) {
  const Stream random = input_stream(tools);
  const std::size_t cols = size_of(node.conv.in);
  const int limit = qmax(rule.width(rule.activation));
  for (std::size_t m = 0; m < from.rows; ++m) {
    for (std::size_t o = 0; o < cols; ++o) {
      const std::uint32_t u = random.draw(static_cast<std::uint32_t>(m), static_cast<std::uint32_t>(o), 8);
      x[m * cols + o] = static_cast<std::int8_t>(
          requantize_to(from.exact[m * cols + o], ratio, rule.activation.rounding, u, 8, limit, counts.x));
    }
  }
}

void GoldenLayer::quantize_input(const LayerInput& from, const LayerState& state, GoldenTools& tools) {
  golden_quantizer(rule.activation.quantizer).input(*this, from, state, tools);
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
  z.exact.clear();
  if (!node.bias && !node.relu) {  // the sums, always within a raw view (Convolution), are the result
    gemm_forward(tools, z.data.data());
    if (node.raw_bits == 32) z.max = tools.ops.max_of(z.data.data(), z.data.size());
  } else {
    forward_activated(tools, z);
  }
  if (node.raw_bits == 16) counts.z = tools.narrow(z, node.result_shift);
}

/// Computes the result with bias and ReLU (N5.1, N5.2).
void GoldenLayer::forward_activated(GoldenTools& tools, RawTensor& z) {
  tools.acc.resize(std::max(tools.acc.size(), z.data.size()));
  gemm_forward(tools, tools.acc.data());
  const RowStatistics statistics =
      tools.tensors.activate(tools.acc.data(), b_acc.data(), z.rows, z.cols, node.relu, z.data.data());
  z.max = statistics.max;
  counts.z = statistics.saturated;
  if (!node.at_once || counts.z == 0) return;
  for (std::size_t i = 0; i < z.data.size(); ++i) {
    z.exact.push_back(activate(std::int64_t{tools.acc[i]} + b_acc[i % z.cols], node.relu).a);
  }
}

void GoldenLayer::gemm_forward(GoldenTools& tools, std::int32_t* acc) const {
  if (node.op == Op::kLinear) {
    tools.gemm.forward(x.data(), w.data(), static_cast<int>(tools.samples), node.conv.in, node.conv.out, acc);
    return;
  }
  ConvShape shape = node.conv;
  shape.n = static_cast<int>(tools.samples);
  const bool one_bit = w_form.kind == CodeKind::kSign && x_form.kind == CodeKind::kSign;
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
