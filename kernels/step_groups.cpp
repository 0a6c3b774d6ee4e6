// The group quantizer and its corrections (N21): PTQ, PSQ, 1-bit FQT with activation gradient pruning.
#include <algorithm>
#include <cmath>

#include "kernels/gemm_schedule.hpp"
#include "kernels/norm_parts.hpp"
#include "model/network/raw_views.hpp"
#include "model/numerics/group_code.hpp"
#include "model/numerics/numbers.hpp"

namespace bitloom {

namespace {

/// Rows of the tensor with the reals of a view's groups.
enum GroupRow { kRatio, kLow, kByCode, kByOne, kStep, kOffset, kGroupRows };

int codes_bits(const GroupView& view) { return view.bits == 1 ? 1 : 4; }

/// Where the codes of groups begin (integers), codes by value and values by code (reals).
struct GroupGridAt {
  Src lo, ratio, step;
};

/// Makes snapped_grid() (N21.1) of the tensor's lo and hi.
GroupGridAt snapped(Lowering& low, Src lo, Src hi, Src codes) {
  const Src below = low.imax(low.isub({}, lo), {});
  const Src above = low.imax(hi, {});
  const Src sum = low.table.temporary(2);  // unsigned: a high word of 0 behind the low one
  low.iadd(above, below, sum.entry);
  low.copy(Src(), sum.entry + 1);
  const Src place = low.rdiv(low.rmul(low.from_int(below, 0), codes), low.from_sum(sum, 1));
  const Src z = low.from_int(low.to_int(low.rsub(place, low.real(0.5)), 0), 0);
  const Src one = low.real(1);
  const Src some = low.scalar(ScalarOp::RKEEP, z, one);  // 1 or 0: is z above 0?
  const Src none = low.rsub(one, some);
  const Src count = low.radd(z, low.rmul(none, codes));
  const Src span = low.radd(low.rmul(some, low.from_int(below, 0)), low.rmul(none, low.from_int(above, 0)));
  return {low.isub({}, low.scalar(ScalarOp::RKEEP, z, below)), low.rdiv(count, span), low.rdiv(span, count)};
}

/// Returns what stands behind the names of a view's own tensors.
std::string suffix_of(int part) { return part == 0 ? "" : "2"; }

}  // namespace

/// Makes min, max and score of each group: [3][groups].
int Step::group_ranges(int s, const GroupView& view, int part) {
  const ImageShape& out = stage(s).out;
  const Raw& raw = at(s).gradient;
  const Own ranges_name = own(s, "ranges" + suffix_of(part));
  if (view.groups == Groups::kTensor) {
    return reduce_all(low, ranges_name, ReduceKind::RANGE, raw.tensor, out.rows(), out.channels, {});
  }
  const bool samples = view.groups == Groups::kSample;
  const int pixels = out.height * out.width;
  const int ranges = low.layout.add(ranges_name, 32, 3, samples ? out.samples : out.channels);
  const TileGrid grid = samples ? flat_tiles(low, pixels, out.channels, {.in = 1, .out = 1, .least_words = 4})
                                : low.vector_tiles(out.rows(), out.channels, reduce_sections(low, 1, out.channels));
  const int sample_rows = pixels * (out.channels / (samples ? grid.cols.last : out.channels));
  Phase reduce = samples ? Phase::over_samples(low, grid, out.samples, sample_rows) : Phase(low, grid);
  reduce.input({.tensor = raw.tensor, .pitch = samples ? bytes_of(low, raw.tensor, grid.cols.last) : -1});
  Command& command = reduce.vector(Opcode::REDUCE).set(Field::AXIS_ALL, samples ? 1 : 0);
  command.set(Field::REDUCE_KIND, static_cast<int>(ReduceKind::RANGE));
  reduce.output({.tensor = ranges});
  reduce.run();
  return ranges;
}

/// Returns what groups are kept by, one a group or a constant one; `range` is R of the groups as reals (N21.4).
Src Step::group_keep(int s, Src range, Src score, int prune_use) {
  const ViewRule& rule = stage(s).rule.gradient;
  const Src one = low.real(1);
  if (rule.pruning == Pruning::kNone) return one;
  if (rule.pruning == Pruning::kTop) {
    return low.scalar(ScalarOp::SELECT_TOP, score, {}, {}, {.immediate = std::max(1, range.count / rule.factor)});
  }
  const Src sum = low.rsum(range);
  const Src share = low.rdiv(low.rmul(range, low.real(range.count)), low.rmul(low.real(rule.factor), sum));
  const Src limited = low.imax(low.isub({}, low.to_int(share, 16)), low.word_of(static_cast<std::uint32_t>(-65536)));
  const Src chance = low.isub({}, limited);
  const Src kept =
      low.scalar(ScalarOp::SELECT_RANDOM, chance, {},
                 Src(static_cast<int>(tensor_id(stage(s).layer, TensorKind::kGradient))), {.immediate = prune_use});
  const Src keep = low.rmul(kept, low.rdiv(low.real(65536), low.from_int(chance, 0)));
  const Src empty = low.rsub(one, low.scalar(ScalarOp::RKEEP, sum, one));
  return low.radd(keep, empty);
}

/// Makes the codes of a view (N21.1).
void Step::group_codes(int s, const GroupView& view, const GroupCodes& of, const CodeRule& rule) {
  const ImageShape& out = stage(s).out;
  const bool samples = view.groups == Groups::kSample;
  const int pixels = out.height * out.width;
  const int rows = samples ? pixels : out.rows();
  const Sections sections{.in = 1, .out = 1, .coefficients = 2, .columns = 8};
  const TileGrid whole = low.vector_tiles(rows, out.channels, sections);
  const int width = samples ? whole.cols.size : out.channels;
  for (int first = 0; first < out.channels; first += width) {
    const TileGrid grid = low.vector_tiles(rows, std::min(width, out.channels - first), sections);
    Phase pass = samples ? Phase::over_samples(low, grid, out.samples, pixels) : Phase(low, whole);
    pass.input({.tensor = at(s).gradient.tensor, .col_base = first});
    pass.coefficients({.tensor = of.reals}, 2);
    Command& tile = pass.vector(Opcode::TILE).set_flag(Flag::FROM_VIN).set(Field::COL_BASE, first);
    set_codes(tile, rule);
    pass.output({.tensor = of.codes.tensor, .col_base = first});
    pass.run();
  }
}

/// Makes one view: its groups, which of them are kept, and its codes (N21.1, N21.2, N21.4).
GroupCodes Step::group_view(int s, const GroupView& view, int part, int use, int prune_use) {
  const Lowering::Scope scope(low);
  const ImageShape& out = stage(s).out;
  GroupCodes of;
  const int ranges = group_ranges(s, view, part);
  const int groups = low.tensor(ranges).cols;
  low.layout.alias_row(ranges, 0, handle(s, {StepTensor::kLo, part}));
  low.layout.alias_row(ranges, 1, handle(s, {StepTensor::kHi, part}));
  const Src lo = low.load_vectors(ranges, 0, groups, 3);
  const Src hi(lo.entry + groups, groups);
  const Src score(lo.entry + 2 * groups, groups);
  // A vector takes the entries of one that is read no more: they are as long as a view has groups.
  const Src distance(low.table.temporary(2 * groups), groups);  // unsigned: high words of 0 behind the low ones
  low.isub(hi, lo, distance.entry);
  low.scalar(ScalarOp::COPY, Src(), {}, {}, {.dst = distance.entry + groups, .count = groups});
  const Src range = low.from_sum(distance, groups, distance.entry);
  const Src levels = low.real((1 << view.bits) - 1);
  const Src keep = group_keep(s, range, score, prune_use);
  const GroupGridAt grid =
      view.groups == Groups::kTensor && view.bits > 1
          ? snapped(low, lo, hi, levels)
          : GroupGridAt{lo, low.rdiv(levels, range, distance.entry + groups), low.rdiv(range, levels, range.entry)};
  const Src step = low.rmul(keep, grid.step, grid.step.entry);
  const Src offset = low.rmul(keep, low.from_int(grid.lo, 0, hi.entry), hi.entry);
  const bool second = use == static_cast<int>(RandomUse::kQuantizeWgrad);
  const Quantizer other = second ? stage(s).rule.activation.quantizer : stage(s).rule.weight.quantizer;
  const int terms = second ? out.rows() : shape(s).taps() * shape(s).group_out;
  Src larger;
  int exponent = 0;
  if (!second && stage(s).input_gradient_bits == 16) {
    larger = low.rmax(low.rmul(low.rmaxabs(step), levels), low.rmaxabs(offset));
    exponent =
        group_growth16(static_cast<std::size_t>(terms), largest_code(stage(s).rule, stage(s).rule.weight, false));
  } else {
    larger = low.rmax(low.rmaxabs(step), low.rmul(low.rmaxabs(offset), low.real(1.0 / 16)));
    exponent = group_growth(static_cast<std::size_t>(terms), other == Quantizer::kSign) - 8;
  }
  const Src z = low.rmul(larger, low.real(std::ldexp(1.0, exponent)));
  const Src one = low.real(1);
  of.z = low.radd(z, low.rsub(one, low.scalar(ScalarOp::RKEEP, z, one)), entry(s, {StepScalar::kGroupZ, part}));
  of.reals = add_own(s, "groups" + suffix_of(part), kGroupRows, groups);
  low.store_vectors({grid.ratio, grid.lo, low.rdiv(step, of.z, score.entry), low.rdiv(offset, of.z), step, offset},
                    of.reals, 0, groups);
  low.layout.alias_row(of.reals, kStep, handle(s, {StepTensor::kStep, part}));
  low.layout.alias_row(of.reals, kOffset, handle(s, {StepTensor::kOff, part}));
  const int to =
      low.layout.add(handle(s, {StepTensor::kD, part}), codes_bits(view), out.rows(), out.channels, Coding::kUnsigned);
  of.codes = {to, low.word_of(word(kOne)), Kind::UNSIGNED, Expand::UNSIGNED};
  CodeRule rule;
  rule.quantizer = QuantizerKind::GROUP;
  rule.limit = (1 << view.bits) - 1;
  rule.rounding = RoundingMode::STOCHASTIC;
  rule.tensor = tensor_id(stage(s).layer, TensorKind::kGradient);
  rule.use = use;
  group_codes(s, view, of, rule);
  return of;
}

void Step::group_gradient(int s) {
  const ViewRule& rule = stage(s).rule.gradient;
  low.copy(low.word_of(word(kOne)), entry(s, StepScalar::kSd));
  low.copy(Src(), entry(s, StepScalar::kDSat));
  if (stage(s).inputs.front() != kFromNetwork) {
    at(s).d_groups =
        group_view(s, rule.dgrad, 0, static_cast<int>(RandomUse::kQuantize), static_cast<int>(RandomUse::kPruneDgrad));
    at(s).d = at(s).d_groups.codes;
  }
  at(s).w_groups = group_view(s, rule.wgrad, 1, static_cast<int>(RandomUse::kQuantizeWgrad),
                              static_cast<int>(RandomUse::kPruneWgrad));
  at(s).d = at(s).d.tensor < 0 ? at(s).w_groups.codes : at(s).d;
  at(s).d_wgrad = {at(s).w_groups.codes};
}

/// Makes T of N21.3: the activation gradient of a sample whose codes are all 1, [pixels][in].
int Step::weight_sums(int s) {
  const LayerShape layer = shape(s);
  const ImageShape& in = stage(s).in;
  const Conv2dAttributes& c = layer.conv;
  const ImageShape image{1, in.height, in.width, in.channels};
  const int sums = add_raw(s, StepTensor::kWSum, image.rows(), in.channels);
  const auto ys = stride_phases(in.height, c.kernel.rows, c.stride.rows, c.padding.rows, c.dilation.rows);
  const auto xs = stride_phases(in.width, c.kernel.cols, c.stride.cols, c.padding.cols, c.dilation.cols);
  const Codes all{ones(), {}, Kind::UNSIGNED, Expand::UNSIGNED};
  for (const StridePhase& y : ys) {
    for (const StridePhase& x : xs) {
      for (int g = 0; g < c.groups; ++g) {
        View to{.tensor = sums, .col_base = g * layer.group_in};
        if (y.count * x.count != image.rows()) {
          to.gather = phase_rows(image, y, x, low.tensor(sums).pitch, c.stride.rows, c.stride.cols);
        }
        const int rows = y.count * x.count;
        if (y.taps * x.taps == 0) {
          zero_phase(to, rows, layer.group_in, nullptr);
          continue;
        }
        GemmJob job = gradient_job(s, layer, g, y, x, all);
        if (job.a.view.gather) {  // every pixel is the same ones
          Gather& a = *job.a.view.gather;
          a.pixel_pitch = a.line_pitch = a.image_pitch = 0;
          a.segment_base = 0;
        } else {
          job.a.view.pitch = 0;
        }
        Phase gemm(low, low.array_tiles(rows, layer.group_in, {.out = 1}));
        gemm.gemm(job);
        gemm.vector(Opcode::TILE);
        gemm.output(Flag::RAW_OUT, to);
        gemm.run();
      }
    }
  }
  return sums;
}

/// Makes the activation gradient from Σ q·w of the DGRAD view (N21.3).
void Step::group_activation_gradient(int s, int acc, const GradientPlace& place) {
  const Lowering::Scope scope(low);
  const ImageShape& in = stage(s).in;
  const GroupCodes& groups = at(s).d_groups;
  const bool samples = stage(s).rule.gradient.dgrad.groups == Groups::kSample;
  const int t = weight_sums(s);
  low.to_scale(low.rmul(low.rmul(at(s).gradient.unit, at(s).w.scale), groups.z), place.unit.entry);
  const int pixels = in.height * in.width;
  const bool masked = place.mask >= 0;
  const Sections sections{.in = masked ? 3 : 2, .out = 1, .coefficients = 2, .columns = 8};
  const int width = low.vector_tiles(pixels, in.channels, sections).cols.size;
  const int pieces = static_cast<int>(divide_up(in.channels, width));
  Statistics statistics(low, {place.maximum, kUnread, place.saturations});
  const Src reals = samples ? Src() : low.load_vectors(groups.reals, 0, 1, kGroupRows)[0];
  for (int piece = 0; piece < pieces; ++piece) {
    const int first = piece * width;
    const TileGrid grid = low.vector_tiles(pixels, std::min(width, in.channels - first), sections);
    Phase pass = Phase::over_samples(low, grid, in.samples, pixels);
    pass.input({.tensor = acc, .col_base = first, .pitch = bytes_of(low, acc, in.channels)});
    pass.input({.tensor = t, .col_base = first, .same_for_samples = true});
    if (masked) {
      const std::int64_t mask_pitch = divide_up(std::int64_t{in.channels} * low.tensor(place.mask).bits, 8);
      pass.input({.tensor = place.mask, .col_base = first, .pitch = mask_pitch}, Expand::UNSIGNED);
    }
    const std::int64_t skip = std::int64_t{kByCode} * low.tensor(groups.reals).pitch;
    if (samples) pass.coefficients({.tensor = groups.reals, .offset = skip}, 2);
    Command& affine = pass.vector(Opcode::AFFINE).set_flag(Flag::V_IN);
    statistics.go_on(affine);
    if (samples) {
      affine.set_flag(Flag::A_VECTOR).set_flag(Flag::B_VECTOR);
    } else {
      affine.set(Field::RATIO, reals.entry + kByCode).set(Field::LIMIT, reals.entry + kByOne);
    }
    if (masked) affine.set_flag(Flag::MASK_IN);
    const std::int64_t pitch = bytes_of(low, place.tensor, in.channels);
    pass.output(Flag::RAW_OUT, {.tensor = place.tensor, .col_base = first, .pitch = pitch});
    pass.run();
  }
}

/// Computes acc · by_code + rows' value · by_one over columns [first, first + cols), into `to` (N21.3, WGRAD view).
void Step::group_affine(int s, int acc, int row_values, int row_value_col, int rows, int first, int cols, int to,
                        int mask, Src reals, Entry statistics) {
  const bool by_column = stage(s).rule.gradient.wgrad.groups == Groups::kColumn;
  const GroupCodes& groups = at(s).w_groups;
  const Sections sections{.in = mask < 0 ? 2 : 3, .out = 1, .coefficients = 2, .columns = 8};
  Phase pass(low, low.vector_tiles(rows, cols, sections));
  pass.input({.tensor = acc, .col_base = first});
  pass.row_input({.tensor = row_values, .col_base = row_value_col});
  if (mask >= 0) pass.input({.tensor = mask, .col_base = first}, Expand::UNSIGNED);
  const std::int64_t skip = std::int64_t{kByCode} * low.tensor(groups.reals).pitch;
  if (by_column) pass.coefficients({.tensor = groups.reals, .offset = skip, .col_base = first}, 2);
  Command& affine = pass.vector(Opcode::AFFINE).set_flag(Flag::V_IN).set_flag(Flag::V_ROW);
  affine.set(Field::STAT, statistics);
  if (by_column) {
    affine.set_flag(Flag::A_VECTOR).set_flag(Flag::B_VECTOR);
  } else {
    affine.set(Field::RATIO, reals.entry + kByCode).set(Field::LIMIT, reals.entry + kByOne);
  }
  if (mask >= 0) affine.set_flag(Flag::MASK_IN);
  pass.output(Flag::RAW_OUT, {.tensor = to, .col_base = first});
  pass.run();
}

/// Computes dw and db from the WGRAD view (N21.3).
void Step::group_weight_gradient(int s, StepTensor dw) {
  const LayerShape layer = shape(s);
  const GroupCodes& groups = at(s).w_groups;
  const Codes& d = groups.codes;
  const int out = layer.conv.out;
  const bool by_column = stage(s).rule.gradient.wgrad.groups == Groups::kColumn;
  const int acc = add_own(s, "dw_acc", layer.depth(), out, MemoryKind::kGradients);
  weight_gradient_phases(s, d, acc, -1, {kUnread, kUnread, own(s, "dw_accsat")});
  const int x_sum = add_raw(s, StepTensor::kXSum, layer.depth(), layer.conv.groups);
  const TileGrid column = low.array_tiles(layer.depth(), 1, {.out = 1});
  for (int g = 0; g < layer.conv.groups; ++g) {  // X1: x against a constant one
    GemmJob job = weight_gradient_job(s, layer, g, d);
    job.b = {{.tensor = ones(), .pitch = 0}, true, Expand::UNSIGNED, Kind::UNSIGNED};
    job.of_layer = false;
    for (const GemmPass& pass : gemm_passes(low, column, layer.depth(), 1, job)) {
      Phase gemm(low, pass.grid);
      gemm.gemm(pass);
      gemm.vector(Opcode::TILE);
      gemm.output(Flag::RAW_OUT, pass.part({.tensor = x_sum, .col_base = g}, low.tensor(x_sum).pitch));
      gemm.run();
    }
  }
  const Src reals = by_column ? Src() : low.load_vectors(groups.reals, 0, 1, kGroupRows)[0];
  const Src unit = low.rmul(at(s).gradient.unit, at(s).x.scale);
  low.to_scale(low.rmul(unit, groups.z), entry(s, StepScalar::kUnitDw));
  const int to = add_raw(s, dw, layer.depth(), out);
  Statistics statistics(low, {own(s, "dwmax"), kUnread, handle(s, StepScalar::kDwSat)}, layer.conv.groups);
  for (int g = 0; g < layer.conv.groups; ++g) {
    group_affine(s, acc, x_sum, g, layer.depth(), g * layer.group_out, layer.group_out, to, at(s).w_mask, reals,
                 statistics.next());
    statistics.fold();
  }
  at(s).dw = {to, entry(s, StepScalar::kUnitDw), own_entry(s, "dwmax")};
  if (!layer.conv.bias) return;
  const int db_acc = add_own(s, "db_acc", 1, out, MemoryKind::kGradients);
  bias_gradient_phase(s, d, db_acc, 0);
  const int rows = add_own(s, "rows", 1, 1);
  low.store_vectors({low.word_of(static_cast<std::uint32_t>(stage(s).out.rows()))}, rows, 0, 1);
  low.to_scale(low.rmul(at(s).gradient.unit, groups.z), entry(s, StepScalar::kUnitDb));
  const int db = add_raw(s, StepTensor::kDb, 1, out);
  group_affine(s, db_acc, rows, 0, 1, 0, out, db, -1, reals,
               Statistics(low, {kUnread, kUnread, handle(s, StepScalar::kDbSat)}, 1).next());
  at(s).db = {db, entry(s, StepScalar::kUnitDb), Src()};
}

}  // namespace bitloom
