// Codes of the methods: SAWB (N18), logarithmic gradients (N19), signs and round-clip (N22), NITI (N24). Groups (N21):
// kernels/step_groups.cpp.

#include "kernels/norm_parts.hpp"
#include "model/io/error.hpp"
#include "model/numerics/numbers.hpp"

namespace bitloom {

namespace {

constexpr double kStandardizationEps = 1e-5;  // N16.4

}  // namespace

/// Returns a grid with one column tile over the same memory of rows × cols elements, seen with rows that are
/// shorter where a row does not fit VIN.
TileGrid flat_tiles(const Lowering& low, std::int64_t rows, int cols, const Sections& sections) {
  for (int parts = 1; parts <= cols; ++parts) {
    if (cols % parts != 0) continue;
    const TileGrid grid = low.vector_tiles(static_cast<int>(rows * parts), cols / parts, sections);
    if (grid.cols.count == 1) return grid;
  }
  throw Error(low.context().what + ": no row of a tensor fits VIN");
}

/// Makes two sums or a range of a whole tensor of rows × cols elements: [4 or 3][1].
int reduce_all(Lowering& low, const Own& name, ReduceKind kind, int tensor, std::int64_t rows, int cols, Src shift) {
  const int results = low.layout.add(name, 32, kind == ReduceKind::RANGE ? 3 : 4, 1);
  const TileGrid grid = flat_tiles(low, rows, cols, {.in = 1, .out = 1, .least_words = 4});
  Phase reduce(low, grid);
  reduce.input({.tensor = tensor, .pitch = bytes_of(low, tensor, grid.cols.last)});
  Command& command = reduce.vector(Opcode::REDUCE).set(Field::AXIS_ALL, 1).set(Field::RATIO, shift.entry);
  command.set(Field::REDUCE_KIND, static_cast<int>(kind));
  reduce.output({.tensor = results});
  reduce.run();
  return results;
}

/// Makes the sums from which SAWB takes a scale: Σ|t| and Σt² of a whole view.
int Step::magnitudes(const Own& name, const Raw& of, std::int64_t rows, int cols) {
  return reduce_all(low, name, ReduceKind::ABSOLUTE, of.tensor, rows, cols, low.shift_of(of.max));
}

/// Computes SAWB's scale into `to` from the sums of a view of `count` elements, for 7 or 15 levels (N18).
void Step::sawb_scale(int sums, const Raw& of, std::int64_t count, const ViewRule& rule, int levels, Entry to) {
  const Src shift = low.shift_of(of.max);
  const Src sum = low.load_vectors(sums, 0, 1, 4)[0];
  const Src n = low.real(static_cast<double>(count));
  const Src top = low.rmul(low.from_int(of.max, 0), low.exp2(0, shift, true));
  const Src mean = low.rdiv(low.from_sum(sum, 1), n);
  const Src square = low.rdiv(low.from_sum(sum[2], 1), n);
  const Src rms = low.rmul(square, low.rsqrt(square));
  Src alpha = low.rsub(low.rmul(low.real(rule.c1), rms), low.rmul(low.real(rule.c2), mean));
  alpha = low.rmax(alpha, mean);
  if (levels == 15) alpha = low.rmul(alpha, low.real(2));
  alpha = low.rmin(alpha, top);
  const Src unit = low.rmul(of.unit, low.exp2(0, shift));
  low.to_scale(low.rdiv(low.rmul(alpha, unit), low.real(levels)), to);
}

/// Makes ratio, scale and window of N22.2.
CodeRule Step::clip_rule(const ViewRule& rule, Src unit, Entry scale, bool is_unsigned) {
  const Src clip = low.real(rule.clip);
  const Src levels = low.real(rule.levels);
  low.to_scale(low.rdiv(clip, levels), scale);
  CodeRule codes;
  codes.bits = 4;
  codes.ratio = low.rdiv(low.rmul(unit, levels), clip);
  codes.limit = rule.levels;
  codes.is_unsigned = is_unsigned;
  codes.mask_rule = is_unsigned ? MaskRule::POSITIVE_INSIDE : MaskRule::INSIDE;
  codes.window = low.to_int(low.rdiv(clip, unit), 0);
  return codes;
}

CodeRule Step::sign_rule(Src window, Entry scale) {
  low.copy(low.word_of(word(kOne)), scale);
  CodeRule codes;
  codes.bits = 1;
  codes.quantizer = QuantizerKind::SIGN;
  codes.mask_rule = MaskRule::BELOW;
  codes.window = window;
  return codes;
}

/// Returns how NITI codes a view of this unit and maximum (N24.1).
CodeRule Step::niti_rule(const Raw& raw, int bits, Entry scale) {
  const Src shift = low.scalar(ScalarOp::MAX_TO_POWER, raw.max, {}, {}, {.immediate = bits});
  low.to_scale(low.rmul(raw.unit, low.exp2(0, shift)), scale);
  CodeRule codes;
  codes.bits = bits;
  codes.ratio = low.exp2(0, shift, true);
  codes.limit = qmax(bits);
  codes.rounding = RoundingMode::HALF_AWAY;
  return codes;
}

void Step::method_input(int s) {
  const ViewRule& rule = stage(s).rule.activation;
  const int below = stage(s).inputs.front();
  const Raw& raw = at(below).raw;
  const ImageShape& in = stage(s).in;
  CodeRule codes;
  Codes x;
  x.scale = entry(s, StepScalar::kSx);
  bool windowed = true;
  bool counted = false;
  switch (rule.quantizer) {
    case Quantizer::kSawb: {
      const bool positive = rule.is_unsigned && stage(below).non_negative;
      const int bits = stage(s).rule.width(rule);
      const int levels = positive ? 15 : qmax(bits);
      int& sums = at(below).magnitudes;  // other readers may have made them
      if (sums < 0) sums = magnitudes(own(below, "magnitudes"), raw, in.rows(), in.channels);
      sawb_scale(sums, raw, std::int64_t{in.rows()} * in.channels, rule, levels, x.scale.entry);
      codes = uniform_rule(rule, bits, low.div(raw.unit, x.scale), x_id(s));
      codes.limit = levels;
      codes.is_unsigned = positive;
      windowed = false;
      counted = true;
      break;
    }
    case Quantizer::kSign:
      codes = sign_rule(low.imax(low.word_of(1), low.to_int(low.rdiv(low.real(1), raw.unit), 0)), x.scale.entry);
      x.expand = Expand::PLUS_MINUS;
      break;
    case Quantizer::kRoundClip:
      codes = clip_rule(rule, raw.unit, x.scale.entry, true);
      break;
    case Quantizer::kNiti:
      codes = niti_rule(raw, stage(s).rule.bits, x.scale.entry);
      windowed = false;
      counted = true;
      break;
    case Quantizer::kMax:
    case Quantizer::kStandardizedRoundClip:
    case Quantizer::kLwq:
    case Quantizer::kLog:
    case Quantizer::kGroup:
      throw Error(stage(s).name + ".x: this activation quantizer is not lowered");
  }
  if (codes.is_unsigned) {
    x.kind = Kind::UNSIGNED;
    x.expand = Expand::UNSIGNED;
  }
  const Coding coding = codes.bits == 1 ? Coding::kSign : codes.is_unsigned ? Coding::kUnsigned : Coding::kSigned;
  x.tensor = low.layout.add(handle(s, StepTensor::kX), codes.bits, in.rows(), in.channels, coding);
  at(s).x = x;
  if (windowed) at(s).x_mask = add_mask(s, StepTensor::kXMask, in.rows(), in.channels, 1);
  Statistics statistics(low, {kUnread, handle(s, StepScalar::kXSat), kUnread}, 1);
  quantize({.tensor = raw.tensor, .pitch = bytes_of(low, raw.tensor, in.channels)}, in.rows(), in.channels, codes,
           x.tensor, counted ? statistics.next() : 0, at(s).x_mask);
  if (!counted) low.copy(Src(), entry(s, StepScalar::kXSat));
}

/// Returns what the weights' codes are made of: the master, or its standardized form.
Raw Step::master_of(int s) {
  return {state_tensor(s, StepTensor::kMaster), low.word_of(word(power_of_two(recipe.update.master_frac_bits))),
          entry(s, StepScalar::kWMax)};
}

void Step::method_weights(int s) {
  const ViewRule& rule = stage(s).rule.weight;
  const LayerShape layer = shape(s);
  Codes w;
  w.scale = entry(s, StepScalar::kSw);
  if (rule.quantizer == Quantizer::kLwq || rule.quantizer == Quantizer::kNiti) {
    w.tensor = state_tensor(s, StepTensor::kQ);
    at(s).w = w;
    low.leave_out({stage(s).node, StepTensor::kW});  // the update overwrites q
    low.copy(Src(), entry(s, StepScalar::kWSat));
    return;
  }
  Raw master = master_of(s);
  CodeRule codes;
  bool counted = false;
  bool windowed = true;
  switch (rule.quantizer) {
    case Quantizer::kSawb: {
      const int bits = stage(s).rule.width(rule);
      const int sums = magnitudes(own(s, "w_sums"), master, layer.depth(), layer.conv.out);
      sawb_scale(sums, master, std::int64_t{layer.depth()} * layer.conv.out, rule, qmax(bits), w.scale.entry);
      codes = uniform_rule(rule, bits, low.div(master.unit, w.scale), tensor_id(stage(s).layer, TensorKind::kWeight));
      counted = true;
      windowed = false;
      break;
    }
    case Quantizer::kSign:
      codes = sign_rule(low.word_of(std::uint32_t{1} << recipe.update.master_frac_bits), w.scale.entry);
      w.expand = Expand::PLUS_MINUS;
      break;
    case Quantizer::kStandardizedRoundClip:
      master = standardized(s, master);
      codes = clip_rule(rule, master.unit, w.scale.entry, false);
      break;
    case Quantizer::kMax:
    case Quantizer::kRoundClip:
    case Quantizer::kLwq:
    case Quantizer::kNiti:
    case Quantizer::kLog:
    case Quantizer::kGroup:
      throw Error(stage(s).name + ".w: this weight quantizer is not lowered");
  }
  w.tensor = low.layout.add(handle(s, StepTensor::kW), codes.bits, layer.depth(), layer.conv.out,
                            codes.bits == 1 ? Coding::kSign : Coding::kSigned);
  at(s).w = w;
  if (windowed) at(s).w_mask = add_mask(s, StepTensor::kWMask, layer.depth(), layer.conv.out, 1);
  Entry stat = 0;
  if (counted) stat = Statistics(low, {kUnread, handle(s, StepScalar::kWSat), kUnread}, 1).next();
  quantize({.tensor = master.tensor}, layer.depth(), layer.conv.out, codes, w.tensor, stat, at(s).w_mask);
  if (rule.quantizer == Quantizer::kSign) low.copy(Src(), entry(s, StepScalar::kWSat));
}

/// Standardizes the master weights into what_raw (N16.4, forward).
Raw Step::standardized(int s, const Raw& master) {
  const LayerShape layer = shape(s);
  const int cols = layer.conv.out;
  const NormInput in = norm_input(low, master, layer.depth(), cols, false);
  at(s).sums = moments(low, own(s, "w_sums"), in);
  const int forward = add_own(s, "w_forward", 2, cols);
  at(s).gains = add_own(s, "w_gains", 2, cols);
  const Entry largest = low.table.named(own(s, "w_gain"));
  low.copy(Src(), largest);
  for (const ColumnChunk& chunk : column_chunks(low, cols)) {
    const Lowering::Scope scope(low);
    const ChannelStatistics of = channel_statistics(low, at(s).sums, in, chunk, kStandardizationEps);
    const Src gr = limited_gain(low, in, of.r);
    const Src a = low.rmul(gr, in.n, low.exp2(16, in.shift, true));
    const Src c = low.to_int(low.rneg(low.rmul(low.from_sum(of.s1, of.pitch), gr)), 16);
    low.scalar(ScalarOp::RMAX, largest, low.rmaxabs(gr), {}, {.dst = largest});
    low.store_vectors({a, c}, forward, chunk.first, chunk.count);
    low.store_vectors({gr, of.r}, at(s).gains, chunk.first, chunk.count);
  }
  const int what = add_raw(s, StepTensor::kWhatRaw, layer.depth(), cols);
  Phase pass(low, low.vector_tiles(layer.depth(), cols, {.in = 1, .out = 1, .coefficients = 2}));
  pass.input({.tensor = master.tensor});
  pass.coefficients({.tensor = forward}, 2);
  Command& affine = pass.vector(Opcode::AFFINE).set_flag(Flag::A_VECTOR).set_flag(Flag::C_VECTOR);
  affine.set(Field::STAT, Statistics(low, {own(s, "what_max"), kUnread, handle(s, StepScalar::kWSat)}, 1).next());
  pass.output(Flag::RAW_OUT, {.tensor = what});
  pass.run();
  return {what, low.word_of(word(power_of_two(16))), own_entry(s, "what_max")};
}

/// Turns the gradient of the standardized weights (dwhat_raw) into that of the master (N16.4, backward).
void Step::standardized_gradient(int s) {
  phase(s, "norm", "gradient of the master weights");
  const LayerShape layer = shape(s);
  const int cols = layer.conv.out;
  const Raw dy = at(s).dw;
  const NormInput in = norm_input(low, master_of(s), layer.depth(), cols, false);
  const Src d_shift = low.shift_of(dy.max);
  const int cross = cross_sums(low, own(s, "w_cross"), dy, d_shift, in);
  const Entry unit = entry(s, StepScalar::kUnitDw);
  const Entry scale = low.table.temporary(1);
  const NormBackward back = norm_scales(low, in, dy, d_shift, own_entry(s, "w_gain"), scale);
  low.copy(scale, unit);
  const int coefficients = add_own(s, "w_backward", 3, cols);
  for (const ColumnChunk& chunk : column_chunks(low, cols)) {
    const Lowering::Scope scope(low);
    const ChannelGradient of = channel_gradient(low, in, at(s).sums, cross, chunk);
    const Src gains = low.load_vectors(at(s).gains, chunk.first, chunk.count, 2);
    low.store_vectors(column_coefficients(low, back, of, gains, {gains.entry + chunk.count, chunk.count}), coefficients,
                      chunk.first, chunk.count);
  }
  const GradientPlace place{add_raw(s, StepTensor::kDw, layer.depth(), cols), -1, own(s, "dwmax"),
                            handle(s, StepScalar::kDwSat), unit};
  affine_gradient(dy.tensor, in.z.tensor, layer.depth(), cols, coefficients, 3, {}, {}, place);
  at(s).dw = {place.tensor, unit, low.table.named(place.maximum)};
}

void Step::method_gradient(int s) {
  const ViewRule& rule = stage(s).rule.gradient;
  const ImageShape& out = stage(s).out;
  const Raw raw = at(s).gradient;
  if (rule.quantizer == Quantizer::kGroup) return group_gradient(s);
  Statistics statistics(low, {kUnread, handle(s, StepScalar::kDSat), kUnread},
                        rule.quantizer == Quantizer::kLog ? rule.samples : 1);
  if (rule.quantizer == Quantizer::kNiti) {
    const CodeRule codes = niti_rule(raw, stage(s).rule.bits, entry(s, StepScalar::kSd));
    at(s).d = {low.layout.add(handle(s, StepTensor::kD), codes.bits, out.rows(), out.channels),
               entry(s, StepScalar::kSd)};
    at(s).d_wgrad = {at(s).d};
    return quantize({.tensor = raw.tensor}, out.rows(), out.channels, codes, at(s).d.tensor, statistics.next());
  }
  if (rule.quantizer != Quantizer::kLog) throw Error(stage(s).name + ".d: this gradient quantizer is not lowered");
  Src max = raw.max;
  if (rule.scale == ScaleRule::kHindsight) {
    max = low.imax(low.word_of(1), low.to_int(low.rdiv(entry(s, StepScalar::kMhat), raw.unit), 0));
  }
  const Src top =
      low.scalar(ScalarOp::TOP, max, {}, {}, {.dst = entry(s, StepScalar::kLogMax), .keep = rule.power_of_two});
  low.to_scale(low.rmul(raw.unit, low.from_int(top, rule.binades)), entry(s, StepScalar::kSd));
  CodeRule codes;
  codes.bits = 4;
  codes.quantizer = QuantizerKind::LOG;
  codes.ratio = top;
  codes.limit = rule.binades;
  codes.rounding = static_cast<RoundingMode>(rule.rounding);
  codes.tensor = tensor_id(stage(s).layer, TensorKind::kGradient);
  for (int sample = 0; sample < rule.samples; ++sample) {
    codes.sample = sample;
    const int to = low.layout.add(handle(s, codes_of_sample(sample)), 4, out.rows(), out.channels, Coding::kUnsigned);
    at(s).d_wgrad.push_back({to, entry(s, StepScalar::kSd), Kind::LOG});
    quantize({.tensor = raw.tensor}, out.rows(), out.channels, codes, to, statistics.next());
    statistics.fold();
  }
  at(s).d = at(s).d_wgrad.front();
  if (rule.scale != ScaleRule::kHindsight) return;
  const Src half = low.real(0.5);
  low.radd(low.rmul(entry(s, StepScalar::kMhat), half), low.rmul(low.rmul(low.from_int(raw.max, 0), raw.unit), half),
           entry(s, StepScalar::kMhat));
}

}  // namespace bitloom
