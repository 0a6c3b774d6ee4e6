// Codes of gradients by groups, in two views (N21).
#include <algorithm>

#include "model/golden/quantizer.hpp"
#include "model/network/raw_views.hpp"

namespace bitloom {
namespace {

/// Returns the factor of each group of a view: 0 where pruning drops it (N21.4).
std::vector<Real> kept(const GoldenLayer& layer, const GroupedView& view, RandomUse prune, GoldenTools& tools) {
  const std::size_t groups = view.extremes.size();
  std::vector<Real> keep(groups, exp2_real(0));
  const int b = layer.rule.gradient.factor;
  if (layer.rule.gradient.pruning == Pruning::kTop) {
    std::vector<std::uint32_t> scores;
    for (const Extremes& of : view.extremes) scores.push_back(group_score(of.lo, of.hi));
    const std::vector<std::uint8_t> top = select_top(scores, b);
    for (std::size_t i = 0; i < groups; ++i) keep[i] = top[i] != 0 ? exp2_real(0) : Real{};
  } else if (layer.rule.gradient.pruning == Pruning::kBernoulli) {
    std::vector<Real> ranges;
    for (const Extremes& of : view.extremes) ranges.push_back(from_int(group_range(of.lo, of.hi)));
    const Real sum = rsum(ranges);
    if (sum.is_zero()) return keep;
    const Stream stream = layer.gradient_stream(tools, prune);
    for (std::size_t i = 0; i < groups; ++i) {
      const std::int64_t range = group_range(view.extremes[i].lo, view.extremes[i].hi);
      const std::uint32_t chance = bernoulli_chance(range, groups, b, sum, tools.totals.scale_saturated);
      keep[i] = bernoulli_keep(chance, stream.draw(0, static_cast<std::uint32_t>(i), 16));
    }
  }
  return keep;
}

/// Makes one of the two views of a gradient (N21.1, N21.2).
GroupedView grouped(const GoldenLayer& layer, const RawTensor& g, const GroupView& of, RandomUse quantize,
                    RandomUse prune, GoldenTools& tools) {
  GroupedView view;
  if (of.groups == Groups::kTensor) view.rows_of_group = g.rows;
  if (of.groups == Groups::kSample) view.rows_of_group = layer.node.pixels;
  view.extremes = tools.ops.extremes(g.data.data(), g.rows, g.cols, view.rows_of_group);
  const std::vector<Real> keep = kept(layer, view, prune, tools);
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
  const std::size_t terms = second ? g.rows
                                   : size_of(layer.node.conv.kernel.rows * layer.node.conv.kernel.cols *
                                             (layer.node.conv.out / layer.node.conv.groups));
  const CodeForm& other = second ? layer.x_form : layer.w_form;
  if (!second && layer.node.input_gradient_bits == 16) {
    view.common = group_common16(view.step, view.offset, of.bits,
                                 group_growth16(terms, largest_code(layer.rule, layer.rule.weight, false)));
  } else {
    view.common = group_common(view.step, view.offset, group_growth(terms, other.kind == CodeKind::kSign));
  }
  for (std::size_t i = 0; i < keep.size(); ++i) {
    view.by_code.push_back(rdiv(view.step[i], view.common));
    view.by_one.push_back(rdiv(view.offset[i], view.common));
  }
  view.codes.resize(g.data.size());
  tools.ops.group(g.data.data(), g.rows, g.cols, view.rows_of_group, from, ratios, of.bits,
                  layer.gradient_stream(tools, quantize), view.codes.data());
  return view;
}

void record_view(const GroupedView& view, std::size_t rows, int bits, int part, LayerRecord& record) {
  if (view.codes.empty()) return;
  record.put({StepTensor::kD, part}, rows, bits, view.codes, CodeKind::kUnsigned);
  std::vector<std::int32_t> lo, hi;
  for (const Extremes& of : view.extremes) {
    lo.push_back(of.lo);
    hi.push_back(of.hi);
  }
  record.put({StepTensor::kLo, part}, 1, 32, lo);
  record.put({StepTensor::kHi, part}, 1, 32, hi);
  record.words({StepTensor::kStep, part}, view.step);
  record.words({StepTensor::kOff, part}, view.offset);
  record.scalar({StepScalar::kGroupZ, part}, view.common.word());
}

class GroupQuantizer final : public GoldenQuantizer {
 public:
  void gradient(GoldenLayer& layer, const RawTensor& g, const LayerState& /*state*/,
                GoldenTools& tools) const override {
    layer.sd = kOne;
    if (!layer.reads_input()) {
      layer.d_view = grouped(layer, g, layer.rule.gradient.dgrad, RandomUse::kQuantize, RandomUse::kPruneDgrad, tools);
    }
    layer.w_view =
        grouped(layer, g, layer.rule.gradient.wgrad, RandomUse::kQuantizeWgrad, RandomUse::kPruneWgrad, tools);
  }

  /// Multiplies the codes of the first view, and adds what offsets contribute behind the GEMM (N21.3, DGRAD).
  void activation_gradient(GoldenLayer& layer, GoldenTools& tools, RawTensor& to) const override {
    const std::size_t pixels = layer.node.conv.in_pixels();
    std::uint64_t& counted = tools.totals.scale_saturated;
    tools.acc.resize(std::max(tools.acc.size(), to.data.size()));
    layer.gemm_activation(tools, layer.d_view.codes.data(), tools.samples, tools.acc.data());
    layer.weight_sum.resize(pixels * to.cols);
    const std::vector<std::int8_t> ones(layer.node.pixels * layer.out(), 1);
    layer.gemm_activation(tools, ones.data(), 1, layer.weight_sum.data());
    GroupedView view = layer.d_view;
    view.rows_of_group = view.by_code.size() == 1 ? to.rows : pixels;  // rows of the input's view
    const RowStatistics statistics =
        tools.ops.affine(tools.acc.data(), view.axis(view.by_code), {layer.weight_sum.data(), pixels, to.cols, 1},
                         view.axis(view.by_one), {}, to.rows, to.cols, false, to.data.data());
    layer.counts.d_raw = statistics.saturated;
    if (layer.node.input_gradient_bits == 16) layer.counts.d_raw = tools.narrow(to, 0);
    to.unit = to_scale(rmul(rmul(from_scale(layer.d_unit), from_scale(layer.sw)), layer.d_view.common), counted);
  }

  /// Does the same with the second view (N21.3, WGRAD).
  void weight_gradient(GoldenLayer& layer, GoldenTools& tools) const override {
    std::uint64_t& counted = tools.totals.scale_saturated;
    const auto groups = size_of(layer.node.conv.groups);
    std::vector<std::int32_t> acc;
    layer.gemm_weight(tools, {&layer.w_view.codes, 1}, layer.node.conv.out, acc);
    const std::vector<std::int8_t> ones(layer.rows(tools) * groups, 1);
    layer.gemm_weight(tools, {&ones, 1}, layer.node.conv.groups, layer.input_sum);
    const PerAxis::Axis axis = layer.w_view.rows_of_group == 0 ? PerAxis::Axis::kColumn : PerAxis::Axis::kTensor;
    const PerAxis by_code{layer.w_view.by_code, axis, 1};
    const PerAxis by_one{layer.w_view.by_one, axis, 1};
    layer.counts.dw = tools.ops
                          .affine(acc.data(), by_code, {layer.input_sum.data(), 0, groups, layer.out() / groups},
                                  by_one, {}, layer.depth(), layer.out(), false, layer.dw.data())
                          .saturated;
    layer.dw_unit = to_scale(rmul(rmul(from_scale(layer.d_unit), from_scale(layer.sx)), layer.w_view.common), counted);
    if (!layer.node.bias) return;
    std::vector<std::int32_t> columns(layer.out());
    tools.tensors.column_sums(layer.w_view.codes.data(), layer.rows(tools), layer.out(), columns.data());
    const auto count = static_cast<std::int32_t>(layer.rows(tools));
    layer.counts.db = tools.ops
                          .affine(columns.data(), by_code, {&count, 0, 1, layer.out()}, by_one, {}, 1, layer.out(),
                                  false, layer.db.data())
                          .saturated;
    layer.db_unit = to_scale(rmul(from_scale(layer.d_unit), layer.w_view.common), counted);
  }

  void record_gradient(const GoldenLayer& layer, const GoldenTools& tools, LayerRecord& record) const override {
    const ViewRule& view = layer.rule.gradient;
    record_view(layer.d_view, layer.rows(tools), view.dgrad.bits, 0, record);
    record_view(layer.w_view, layer.rows(tools), view.wgrad.bits, 1, record);
    record.put(StepTensor::kWSum, layer.node.conv.in_pixels(), 32, layer.weight_sum);
    record.put(StepTensor::kXSum, layer.depth(), 32, layer.input_sum);
  }
};

}  // namespace

namespace quantizers {

const GoldenQuantizer& group() { return object_of<GroupQuantizer>(); }

}  // namespace quantizers
}  // namespace bitloom
