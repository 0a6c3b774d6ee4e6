// Activation gradients: gathers over d, one phase of GEMMs for each residue of the stride (N5.3, N14.2).

#include "kernels/gemm_schedule.hpp"
#include "kernels/step.hpp"
#include "model/io/error.hpp"
#include "model/network/raw_views.hpp"
#include "model/numerics/raw_view.hpp"

namespace bitloom {

/// Describes the part of d's gradient that reaches the input positions of one stride phase: a gather over d; no
/// inserted zero is multiplied (N5.3, N14.2). Taps go forwards through d, and so backwards through the kernel:
/// neighbouring pixels of d then follow each other in memory, and LOAD brings a line of taps as one piece.
GemmJob Step::gradient_job(int s, const LayerShape& layer, int group, const StridePhase& y, const StridePhase& x,
                           const Codes& d) const {
  const Stage& of = stage(s);
  GemmJob job;
  job.terms = std::int64_t{y.taps} * x.taps * layer.group_out;
  job.a = {{.tensor = d.tensor}, false, d.expand, d.kind};
  const Codes& w = at(s).w;
  const std::int64_t w_pitch = low.tensor(w.tensor).pitch;
  job.b = {{.tensor = w.tensor, .col_base = 0}, false, w.expand, w.kind};
  if (layer.is_plain()) return job;
  Gather a;
  a.extent_x = x.count;
  a.extent_y = y.count;
  a.limit_x = of.out.width;
  a.limit_y = of.out.height;
  a.offset_x = x.offset + (x.taps - 1) * x.output_step;
  a.offset_y = y.offset + (y.taps - 1) * y.output_step;
  a.tap_x = -x.output_step;
  a.tap_y = -y.output_step;
  a.taps_x = x.taps;
  a.taps_y = y.taps;
  a.segment = layer.group_out;
  a.segment_base = group * layer.group_out;
  set_pitches(a, low.tensor(d.tensor).pitch, of.out);
  job.a.view.gather = a;
  Gather b;  // row: input channel; taps: those of the phase; elements: output channels of the group
  b.limit_x = layer.conv.kernel.cols;
  b.limit_y = layer.conv.kernel.rows;
  b.offset_x = x.tap0 + (x.taps - 1) * x.tap_step;
  b.offset_y = y.tap0 + (y.taps - 1) * y.tap_step;
  b.tap_x = -x.tap_step;
  b.tap_y = -y.tap_step;
  b.taps_x = x.taps;
  b.taps_y = y.taps;
  b.segment = layer.group_out;
  b.segment_base = group * layer.group_out;
  b.image_pitch = w_pitch;
  b.pixel_pitch = w_pitch * layer.group_in;
  b.line_pitch = b.pixel_pitch * layer.conv.kernel.cols;
  job.b.view.gather = b;
  return job;
}

/// Says how the positions of one stride phase lie in the tensor [m][channels] of an image: rows of a shaped transfer.
Gather Step::phase_rows(const ImageShape& image, const StridePhase& y, const StridePhase& x, std::int64_t pixel_pitch,
                        int stride_y, int stride_x) {
  Gather g;
  g.extent_x = x.count;
  g.extent_y = y.count;
  g.limit_x = image.width;
  g.limit_y = image.height;
  g.offset_x = x.first;
  g.offset_y = y.first;
  g.scale_x = stride_x;
  g.scale_y = stride_y;
  g.segment = image.channels;
  set_pitches(g, pixel_pitch, image);
  return g;
}

namespace {

/// What makes the gradient of one group's channels at the positions of one stride phase.
struct GradientPart {
  StridePhase y, x;
  int group = 0;
  std::vector<GemmPass> passes;  ///< none where no tap reaches
};

/// Returns the parts of layer s's activation gradient, whose phases have `inputs` full-tile inputs.
std::vector<GradientPart> gradient_parts(const Step& step, int s, int inputs) {
  const Stage& of = step.stage(s);
  const LayerShape layer = step.shape(s);
  const Conv2dAttributes& c = layer.conv;
  std::vector<GradientPart> parts;
  for (const StridePhase& y :
       stride_phases(of.in.height, c.kernel.rows, c.stride.rows, c.padding.rows, c.dilation.rows)) {
    for (const StridePhase& x :
         stride_phases(of.in.width, c.kernel.cols, c.stride.cols, c.padding.cols, c.dilation.cols)) {
      for (int group = 0; group < c.groups; ++group) {
        GradientPart& part = parts.emplace_back(GradientPart{y, x, group, {}});
        if (y.taps * x.taps == 0) continue;
        const int rows = of.in.samples * y.count * x.count;
        GemmJob job = step.gradient_job(s, layer, group, y, x, step.at(s).d);
        job.of_layer = true;
        const TileGrid grid = step.low.array_tiles(rows, layer.group_in, {.in = inputs, .out = 1});
        part.passes = gemm_passes(step.low, grid, rows, layer.group_in, job);
      }
    }
  }
  return parts;
}

/// Says whether the parts can sum up their columns: each pass its own, or all stride phases the same ones.
bool may_sum_up(const Step& step, int groups, const std::vector<GradientPart>& parts, const RawSums& sums) {
  const bool strided = static_cast<int>(parts.size()) > groups;
  for (const GradientPart& part : parts) {
    if (strided && (groups > 1 || part.passes.size() > 1)) return false;
    for (const GemmPass& pass : part.passes) {
      if (!sums.holds(step.low.hardware(), pass.cols)) return false;
    }
  }
  return true;
}

/// Lowers a part of layer s's activation gradient into its place.
void lower_part(Step& step, int s, const GradientPart& part, const GradientPlace& place, bool strided,
                Statistics& statistics, std::optional<RawSums>& sums) {
  Lowering& low = step.low;
  const ImageShape& in = step.stage(s).in;
  const LayerShape layer = step.shape(s);
  const auto viewed = [&](int tensor) {
    // Seen with the reader's rows: [n][features] of a flattened image is the same memory when a row is whole bytes.
    const std::int64_t pitch = bytes_of(low, tensor, in.channels);
    View view{.tensor = tensor, .col_base = part.group * layer.group_in, .pitch = pitch};
    const Pair& stride = layer.conv.stride;
    if (strided) view.gather = Step::phase_rows(in, part.y, part.x, pitch, stride.rows, stride.cols);
    return view;
  };
  if (part.passes.empty()) {
    const int rows = in.samples * part.y.count * part.x.count;
    return step.zero_phase(viewed(place.tensor), rows, layer.group_in, &statistics);
  }
  for (const GemmPass& pass : part.passes) {
    Phase gemm(low, pass.grid);
    gemm.gemm(pass);
    if (place.mask >= 0) gemm.mask_input(pass.part(viewed(place.mask)));
    if (sums) gemm.input(pass.part(viewed(sums->partner)));
    Command& tile = gemm.vector(Opcode::TILE).set(Field::RAW_SHIFT, step.stage(s).input_gradient_shift);
    statistics.go_on(tile);
    if (sums) sums->sum_up(tile);
    if (place.mask >= 0) tile.set_flag(Flag::MASK_IN);
    gemm.output(Flag::RAW_OUT, pass.part(viewed(place.tensor)));
    gemm.run();
    if (sums && !strided) sums->write(low, part.group * layer.group_in + pass.first_col, pass.cols);
  }
}

}  // namespace

/// Computes the activation gradient into the stage that layer s reads (N5.3).
void Step::activation_gradient(int s) {
  phase(s, "dgrad", "d · w");
  const LayerShape layer = shape(s);
  const int below = stage(s).inputs.front();
  if (stage(below).gradient_at_once) return gradient_at_once(s, below);
  const ImageShape& in = stage(s).in;
  const int raw_bits = stage(s).input_gradient_bits;
  GradientPlace place = gradient_place(below, raw_bits);
  if (in.channels != stage(below).out.channels) place.norm = -1;  // a flattened image: other columns
  GradientPlace final_place = place;
  const bool grouped = stage(s).rule.gradient.quantizer == Quantizer::kGroup;
  const bool two_masks = at(s).x_mask >= 0 && place.mask >= 0;
  if (at(s).x_mask >= 0) place.mask = at(s).x_mask;
  GradientPlace made = place;
  if (two_masks) {  // the window of x first, then the ReLU behind it
    made.tensor = add_own(s, "g_windowed", in.rows(), in.channels, MemoryKind::kGradients, raw_bits);
    made.maximum = kUnread;
    made.norm = -1;
    (raw_bits == 16 ? final_place : made).saturations = kUnread;  // views of 16 bits saturate where they are made
  }
  GradientPlace sums = made;
  if (grouped) {  // of codes; the gradient is made of them
    const std::int64_t terms = std::int64_t{layer.taps()} * layer.group_out;
    const std::int64_t largest = terms * largest_code(stage(s).rule, stage(s).rule.gradient, false) *
                                 largest_code(stage(s).rule, stage(s).rule.weight, false);
    const int bits = raw_bits == 16 && largest <= kRaw16Limit ? 16 : 32;
    sums.tensor = add_own(s, "g_acc", in.rows(), in.channels, MemoryKind::kGradients, bits);
    sums.mask = -1;
    sums.norm = -1;
    sums.maximum = kUnread;
    sums.saturations = own(s, "g_accsat");
  } else {
    low.mul(at(s).d.scale, at(s).w.scale, place.unit.entry);
    shift_unit(place.unit, stage(s).input_gradient_shift, place.unit.entry);
  }
  activation_sums(s, sums);
  if (grouped) group_activation_gradient(s, sums.tensor, made);
  if (two_masks) mask_gradient(made.tensor, final_place);
  deliver(below, {final_place.tensor, final_place.unit, low.table.named(final_place.maximum)});
}

/// Lowers all parts of layer s's activation gradient into a place.
void Step::activation_sums(int s, const GradientPlace& place) {
  const int groups = shape(s).conv.groups, masks = place.mask < 0 ? 0 : 1;
  std::vector<GradientPart> parts;
  std::optional<RawSums> cross;
  if (place.norm >= 0) {
    parts = gradient_parts(*this, s, masks + 1);
    if (may_sum_up(*this, groups, parts, {.kind = ReduceKind::CROSS})) cross = sums_of_gradient(place);
  }
  if (!cross) parts = gradient_parts(*this, s, masks);
  Statistics statistics(low, {place.maximum, kUnread, place.saturations});
  const bool strided = static_cast<int>(parts.size()) > groups;
  for (const GradientPart& part : parts) lower_part(*this, s, part, place, strided, statistics, cross);
  if (cross && strided) cross->write(low, 0, stage(s).in.channels);
}

/// Zeros where no tap reaches: 0 · whatever lies there. Its statistics are zeros too.
void Step::zero_phase(const View& to, int rows, int cols, Statistics* statistics) {
  Phase zero(low, low.vector_tiles(rows, cols, {.in = 1, .out = 1}));
  View from = to;
  zero.input(from);
  Command& affine = zero.vector(Opcode::AFFINE);
  if (statistics != nullptr) statistics->go_on(affine);
  zero.output(Flag::RAW_OUT, to);
  zero.run();
}

/// Lowers the activation gradient of layer s straight to the codes of the layer below (N6.3).
void Step::gradient_at_once(int s, int below) {
  const LayerShape layer = shape(s);
  const ViewRule& rule = stage(below).rule.gradient;
  const int bits = stage(below).rule.width(rule);
  const ImageShape& in = stage(s).in;
  const Src unit = low.mul(at(s).d.scale, at(s).w.scale, entry(below, StepScalar::kDUnit));
  const Src scale = entry(below, StepScalar::kSd);
  const CodeRule codes =
      uniform_rule(rule, bits, low.div(unit, scale), tensor_id(stage(below).layer, TensorKind::kGradient));
  at(below).d = {low.layout.add(handle(below, StepTensor::kD), bits, in.rows(), in.channels), scale};
  at(below).d_wgrad = {at(below).d};
  low.leave_out({stage(below).node, StepTensor::kDRaw});
  const int mask = at(below).mask;
  const Conv2dAttributes& c = layer.conv;
  const auto ys = stride_phases(in.height, c.kernel.rows, 1, c.padding.rows, c.dilation.rows);
  const auto xs = stride_phases(in.width, c.kernel.cols, 1, c.padding.cols, c.dilation.cols);
  GemmJob job = gradient_job(s, layer, 0, ys.front(), xs.front(), at(s).d);
  job.of_layer = true;
  const TileGrid grid = low.array_tiles(in.rows(), in.channels, {.in = mask < 0 ? 0 : 1, .out = 1});
  Statistics statistics(
      low, {handle(below, StepScalar::kDMax), handle(below, StepScalar::kDSat), handle(below, StepScalar::kDRawSat)});
  for (const GemmPass& pass : gemm_passes(low, grid, in.rows(), in.channels, job)) {
    Phase gemm(low, pass.grid);
    gemm.gemm(pass);
    if (mask >= 0) gemm.mask_input(pass.part({.tensor = mask}));
    Command& tile = gemm.vector(Opcode::TILE).set(Field::COL_BASE, pass.first_col);
    statistics.go_on(tile);
    if (mask >= 0) tile.set_flag(Flag::MASK_IN);
    set_codes(tile, codes);
    gemm.output(pass.part({.tensor = at(below).d.tensor}));
    gemm.run();
  }
  low.max_to_scale(entry(below, StepScalar::kDMax), unit, codes.limit, entry(below, StepScalar::kSdNext), scale);
}

}  // namespace bitloom
