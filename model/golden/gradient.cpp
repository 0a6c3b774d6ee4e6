// The backward half of a layer: codes of the gradient, both gradient GEMMs and the update.
#include <algorithm>

#include "model/golden/buffer.hpp"
#include "model/golden/layer.hpp"
#include "model/golden/update.hpp"
#include "model/network/step_config.hpp"
#include "model/numerics/linear.hpp"
#include "model/numerics/log_code.hpp"
#include "model/numerics/niti.hpp"
#include "model/numerics/polyline.hpp"

namespace bitloom {
namespace {

std::size_t size_of(int extent) { return static_cast<std::size_t>(extent); }

}  // namespace

void GoldenLayer::quantize_gradient(const RawTensor& g, const LayerState& state, GoldenTools& tools) {
  d_unit = g.unit;
  d_max = g.magnitude();
  std::uint64_t& counted = tools.totals.scale_saturated;
  const ViewRule& view = rule.gradient;
  d.resize(view.quantizer == Quantizer::kLog ? size_of(view.samples) : 1);
  for (std::vector<std::int8_t>& codes : d) codes.resize(g.data.size());
  switch (view.quantizer) {
    case Quantizer::kLog:
      log_gradient(g, state, tools);
      return;
    case Quantizer::kGroup:
      group_gradient(g, tools);
      return;
    case Quantizer::kNiti: {
      const int shift = niti_shift(d_max, rule.bits);
      sd = normalized(g.unit.m, g.unit.s - shift, counted);
      counts.d = tools.ops.niti(g.data.data(), g.data.size(), shift, rule.bits, d[0].data());
      return;
    }
    case Quantizer::kMax: {
      const int q = qmax(rule.width(view));
      const bool hindsight = tools.hindsight(view);
      sd_next = max_to_scale(d_max, g.unit, q, hindsight ? std::optional<Scale>(state.sd_next) : std::nullopt, counted);
      sd = hindsight ? state.sd_next : sd_next;
      const Scale ratio = div(g.unit, sd, counted);
      counts.d = tools.tensors.quantize(g.data.data(), g.rows, g.cols, ratio, view.rounding,
                                        gradient_stream(tools, RandomUse::kQuantize), q, d[0].data());
      return;
    }
    case Quantizer::kSawb:
    case Quantizer::kSign:
    case Quantizer::kRoundClip:
    case Quantizer::kStandardizedRoundClip:
    case Quantizer::kLwq:
      return;  // No recipe gives these to gradients.
  }
}

/// Makes logarithmic codes of the gradient of the layer's output, one set a sample of SMP (N19).
void GoldenLayer::log_gradient(const RawTensor& g, const LayerState& state, GoldenTools& tools) {
  const ViewRule& view = rule.gradient;
  std::uint64_t& counted = tools.totals.scale_saturated;
  const std::uint32_t max = tools.hindsight(view) ? log_hindsight_max(state.mhat, g.unit, counted) : d_max;
  log_max = log_top(max, view.power_of_two);
  sd = log_unit(g.unit, log_max, view.binades, counted);
  for (std::size_t sample = 0; sample < d.size(); ++sample) {
    counts.d += tools.ops.log(g.data.data(), g.rows, g.cols, log_max, view.binades, view.rounding,
                              gradient_stream(tools, RandomUse::kQuantize, static_cast<std::uint32_t>(sample)),
                              d[sample].data());
  }
}

/// Makes group codes of the gradient of the layer's output, one set for each of its two views (N21).
void GoldenLayer::group_gradient(const RawTensor& g, GoldenTools& tools) {
  sd = kOne;
  if (!reads_input()) {
    d_view = grouped(g, rule.gradient.dgrad, RandomUse::kQuantize, RandomUse::kPruneDgrad, tools);
  }
  w_view = grouped(g, rule.gradient.wgrad, RandomUse::kQuantizeWgrad, RandomUse::kPruneWgrad, tools);
}

GroupedView GoldenLayer::grouped(const RawTensor& g, const GroupView& of, RandomUse quantize, RandomUse prune,
                                 GoldenTools& tools) const {
  GroupedView view;
  if (of.groups == Groups::kTensor) view.rows_of_group = g.rows;
  if (of.groups == Groups::kSample) view.rows_of_group = node.pixels;
  view.extremes = tools.ops.extremes(g.data.data(), g.rows, g.cols, view.rows_of_group);
  const std::vector<Real> keep = kept(view, of, prune, tools);
  std::vector<Extremes> from = view.extremes;
  std::vector<Real> ratios;
  for (std::size_t i = 0; i < keep.size(); ++i) {
    const bool snapped = of.groups == Groups::kTensor && of.bits > 1;
    const GroupGrid grid =
        snapped ? snapped_grid(from[i].lo, from[i].hi, of.bits) : group_grid(from[i].lo, from[i].hi, of.bits);
    from[i].lo = grid.lo;
    ratios.push_back(grid.ratio);
    view.step.push_back(rmul(keep[i], grid.step));
    view.offset.push_back(rmul(keep[i], from_int(grid.lo)));
  }
  const bool second = quantize == RandomUse::kQuantizeWgrad;
  const std::size_t terms =
      second ? g.rows : size_of(node.conv.kernel.rows * node.conv.kernel.cols * (node.conv.out / node.conv.groups));
  const Quantizer other = second ? rule.activation.quantizer : rule.weight.quantizer;
  view.common = group_common(view.step, view.offset, group_growth(terms, other == Quantizer::kSign));
  for (std::size_t i = 0; i < keep.size(); ++i) {
    view.by_code.push_back(rdiv(view.step[i], view.common));
    view.by_one.push_back(rdiv(view.offset[i], view.common));
  }
  view.codes.resize(g.data.size());
  tools.ops.group(g.data.data(), g.rows, g.cols, view.rows_of_group, from, ratios, of.bits,
                  gradient_stream(tools, quantize), view.codes.data());
  return view;
}

/// Returns the factor of each group of a view: 0 where pruning drops it (N21.4).
std::vector<Real> GoldenLayer::kept(const GroupedView& view, const GroupView&, RandomUse prune,
                                    GoldenTools& tools) const {
  const std::size_t groups = view.extremes.size();
  std::vector<Real> keep(groups, exp2_real(0));
  const int b = rule.gradient.factor;
  if (rule.gradient.pruning == Pruning::kTop) {
    std::vector<std::uint32_t> scores;
    for (const Extremes& of : view.extremes) scores.push_back(group_score(of.lo, of.hi));
    const std::vector<std::uint8_t> top = select_top(scores, b);
    for (std::size_t i = 0; i < groups; ++i) keep[i] = top[i] != 0 ? exp2_real(0) : Real{};
  } else if (rule.gradient.pruning == Pruning::kBernoulli) {
    std::vector<Real> ranges;
    for (const Extremes& of : view.extremes) ranges.push_back(from_int(group_range(of.lo, of.hi)));
    const Real sum = rsum(ranges);
    if (sum.is_zero()) return keep;
    const Stream stream = gradient_stream(tools, prune);
    for (std::size_t i = 0; i < groups; ++i) {
      const std::int64_t range = group_range(view.extremes[i].lo, view.extremes[i].hi);
      const std::uint32_t chance = bernoulli_chance(range, groups, b, sum, tools.totals.scale_saturated);
      keep[i] = bernoulli_keep(chance, stream.draw(0, static_cast<std::uint32_t>(i), 16));
    }
  }
  return keep;
}

void GoldenLayer::activation_gradient(GoldenTools& tools, RawTensor& to) {
  const std::size_t channels = size_of(node.conv.in);
  to.resize(tools.samples * node.conv.in_pixels(), channels);
  if (rule.gradient.quantizer == Quantizer::kGroup) {
    group_activation_gradient(tools, to);
  } else {
    gemm_activation(tools, d[0].data(), tools.samples, to.data.data());
    to.unit = mul(sd, sw, tools.totals.scale_saturated);
  }
  to.max = x_mask.empty() ? tools.ops.max_of(to.data.data(), to.data.size())
                          : tools.ops.apply_mask(to.data.data(), x_mask.data(), to.data.size());
}

/// N21.3, DGRAD view.
void GoldenLayer::group_activation_gradient(GoldenTools& tools, RawTensor& to) {
  const std::size_t pixels = node.conv.in_pixels();
  std::uint64_t& counted = tools.totals.scale_saturated;
  tools.acc.resize(std::max(tools.acc.size(), to.data.size()));
  gemm_activation(tools, d_view.codes.data(), tools.samples, tools.acc.data());
  weight_sum.resize(pixels * to.cols);
  const std::vector<std::int8_t> ones(node.pixels * out(), 1);
  gemm_activation(tools, ones.data(), 1, weight_sum.data());
  GroupedView view = d_view;
  view.rows_of_group = view.by_code.size() == 1 ? to.rows : pixels;  // rows of the input's view
  const RowStatistics statistics =
      tools.ops.affine(tools.acc.data(), view.axis(view.by_code), {weight_sum.data(), pixels, to.cols, 1},
                       view.axis(view.by_one), {}, to.rows, to.cols, false, to.data.data());
  counts.d_raw = statistics.saturated;
  to.unit = to_scale(rmul(rmul(from_scale(d_unit), from_scale(sw)), d_view.common), counted);
}

void GoldenLayer::weight_gradient(const LayerState& state, GoldenTools& tools) {
  if (rule.gradient.quantizer == Quantizer::kGroup) {
    group_weight_gradient(tools);
  } else {
    summed_weight_gradient(tools);
  }
  if (!w_mask.empty()) tools.ops.apply_mask(dw.data(), w_mask.data(), dw.size());
  if (rule.weight.quantizer != Quantizer::kStandardizedRoundClip) return;
  RawTensor of_what, of_master;
  of_what.resize(depth(), out());
  of_what.data = dw;
  of_what.unit = dw_unit;
  of_what.max = tools.ops.max_of(dw.data(), dw.size());
  standardizer.backward(state.master.data(), of_what, of_master, tools);
  dwhat = std::move(of_what.data);
  dw = std::move(of_master.data);
  dw_unit = of_master.unit;
  counts.dw += standardizer.dz_saturated;
}

/// N5.4; N19.4 with several samples.
void GoldenLayer::summed_weight_gradient(GoldenTools& tools) {
  std::uint64_t& counted = tools.totals.scale_saturated;
  counts.dw = gemm_weight(tools, d, node.conv.out, dw);
  dw_unit = mul(sd, sx, counted);
  if (node.bias) {
    std::vector<std::int64_t> total(out());
    for (const std::vector<std::int8_t>& codes : d) {
      tools.tensors.column_sums(codes.data(), rows(tools), out(), db.data());
      for (std::size_t o = 0; o < out(); ++o) total[o] += db[o];
    }
    for (std::size_t o = 0; o < out(); ++o) db[o] = raw_view(total[o], counts.db);
  }
  db_unit = sd;
  if (d.size() < 2) return;
  const Real samples = from_int(static_cast<std::int64_t>(d.size()));
  dw_unit = to_scale(rdiv(from_scale(dw_unit), samples), counted);
  db_unit = to_scale(rdiv(from_scale(db_unit), samples), counted);
}

/// N21.3, WGRAD view.
void GoldenLayer::group_weight_gradient(GoldenTools& tools) {
  std::uint64_t& counted = tools.totals.scale_saturated;
  const auto groups = size_of(node.conv.groups);
  std::vector<std::int32_t> acc;
  gemm_weight(tools, {&w_view.codes, 1}, node.conv.out, acc);
  const std::vector<std::int8_t> ones(rows(tools) * groups, 1);
  gemm_weight(tools, {&ones, 1}, node.conv.groups, input_sum);
  const PerAxis::Axis axis = w_view.rows_of_group == 0 ? PerAxis::Axis::kColumn : PerAxis::Axis::kTensor;
  const PerAxis by_code{w_view.by_code, axis, 1};
  const PerAxis by_one{w_view.by_one, axis, 1};
  counts.dw = tools.ops
                  .affine(acc.data(), by_code, {input_sum.data(), 0, groups, out() / groups}, by_one, {}, depth(),
                          out(), false, dw.data())
                  .saturated;
  dw_unit = to_scale(rmul(rmul(from_scale(d_unit), from_scale(sx)), w_view.common), counted);
  if (!node.bias) return;
  std::vector<std::int32_t> columns(out());
  tools.tensors.column_sums(w_view.codes.data(), rows(tools), out(), columns.data());
  const auto count = static_cast<std::int32_t>(rows(tools));
  counts.db = tools.ops.affine(columns.data(), by_code, {&count, 0, 1, out()}, by_one, {}, 1, out(), false, db.data())
                  .saturated;
  db_unit = to_scale(rmul(from_scale(d_unit), w_view.common), counted);
}

void GoldenLayer::update(LayerState& state, GoldenTools& tools) {
  if (!tools.accumulates()) {
    update_weights(state, dw, dw_unit, tools);
    if (node.bias) update_bias(state, db, db_unit, tools);
  } else {
    counts.buffer = accumulate_weights(state, dw.data(), depth(), out(), dw_unit, node.layer, tools);
    if (node.bias) counts.buffer += accumulate_vector(state.bias_sum, db, db_unit, tools);
    lwq = {};
    if (tools.micro_batch.last) {
      dw_mean = mean_of_weights(state, depth(), out(), tools);
      update_weights(state, dw_mean.data, dw_mean.unit, tools);
      if (node.bias) update_bias(state, state.bias_sum, unit_of_vector(tools), tools);
    }
  }
  if (hindsight_x()) state.sx_next = sx_next;
  if (hindsight_d()) state.sd_next = sd_next;
  if (hindsight_log()) state.mhat = log_hindsight_next(state.mhat, d_max, d_unit);
}

void GoldenLayer::update_weights(LayerState& state, const std::vector<std::int32_t>& gradient, Scale unit,
                                 GoldenTools& tools) {
  if (keeps_latent(rule.optimizer)) {
    lwq = update_lwq(state, gradient.data(), depth(), out(), unit, qmax(rule.width(rule.weight)), node.layer, tools);
    counts.master = lwq.saturated;
    counts.momentum = lwq.momentum_saturated;
  } else if (rule.optimizer == Optimizer::kNiti) {
    const auto max = static_cast<std::uint32_t>(tools.ops.max_of(gradient.data(), gradient.size()));
    const int bits = gradient_bits_at(tools.recipe.update, tools.context.epoch);
    counts.master =
        tools.ops.niti_update(state.q.data(), gradient.data(), gradient.size(), niti_shift(max, bits), bits);
  } else {
    const FixedTensor weights{state.master, state.momentum, state.adam,         tools.recipe.update.master_frac_bits,
                              kMasterLimit, node.layer,     TensorKind::kWeight};
    const RowStatistics statistics = update_fixed(weights, gradient.data(), depth(), out(), unit, tools);
    state.wmax = static_cast<std::uint32_t>(statistics.max);
    counts.master = statistics.saturated;
    counts.momentum = statistics.momentum_saturated;
  }
}

void GoldenLayer::update_bias(LayerState& state, const std::vector<std::int32_t>& gradient, Scale unit,
                              GoldenTools& tools) {
  const FixedTensor bias{state.bias, state.bias_momentum, state.bias_adam,  tools.recipe.update.bias_frac_bits,
                         kBiasLimit, node.layer,          TensorKind::kBias};
  const RowStatistics statistics = update_fixed(bias, gradient.data(), 1, out(), unit, tools);
  counts.bias = statistics.saturated;
  counts.bias_momentum = statistics.momentum_saturated;
}

void GoldenLayer::calibrate(LayerState& state, GoldenTools& tools) const {
  if (hindsight_x()) state.sx_next = sx;
  if (hindsight_d()) state.sd_next = sd;
  if (hindsight_log()) state.mhat = rmul(from_int(std::max(1U, d_max)), from_scale(d_unit));
  if (rule.optimizer != Optimizer::kLwq) return;
  const auto max = static_cast<std::uint32_t>(tools.ops.max_of(dw.data(), dw.size()));
  state.sv_next = state.sv = lwq_momentum_scale(max, dw_unit, tools.totals.scale_saturated);
}

}  // namespace bitloom
