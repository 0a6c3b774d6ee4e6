// Batch and layer-batch normalization (N16): sums over columns on the vector engine, the reals of each channel in the
// table, chunk by chunk of channels, then one affine pass.
#include <algorithm>

#include "kernels/norm_parts.hpp"
#include "model/numerics/raw_view.hpp"

namespace bitloom {

namespace {

constexpr int kVectorsOfAChunk = 48;  ///< table entries a channel that the scalar programs below need at once

}  // namespace

std::vector<ColumnChunk> column_chunks(const Lowering& low, int columns) {
  const int widest = std::max(1, (low.table.free_entries() - 64) / kVectorsOfAChunk);
  std::vector<ColumnChunk> chunks;
  for (int first = 0; first < columns; first += widest) chunks.push_back({first, std::min(widest, columns - first)});
  return chunks;
}

NormInput norm_input(Lowering& low, const Raw& z, int rows, int cols, bool whole) {
  NormInput in;
  in.z = z;
  in.rows = rows;
  in.cols = cols;
  in.whole = whole;
  in.shift = low.shift_of(z.max);
  in.u = low.rmul(z.unit, low.exp2(0, in.shift));
  const std::int64_t count = whole ? std::int64_t{rows} * cols : rows;
  in.count = low.word_of(static_cast<std::uint32_t>(count));
  in.n = low.real(static_cast<double>(count));
  in.n1 = low.real(static_cast<double>(count - 1));
  return in;
}

Sections reduce_sections(const Lowering& low, int inputs, int cols) {
  const Hardware& hw = low.hardware();
  const int fitting = std::max(1, std::min({kReduceWords, hw.vin_words / (8 * inputs), hw.vout_words / 8}));
  const auto groups = static_cast<int>(std::min<std::int64_t>(fitting, divide_up(cols, hw.lanes)));
  return {.in = inputs, .out = 1, .most_groups = groups, .least_words = 4 * groups};
}

int column_ranges(Lowering& low, const Own& name, int tensor) {
  const TensorPlacement& of = low.tensor(tensor);
  const int rows = of.rows, cols = of.cols;
  const int ranges = low.layout.add(name, 32, 3, cols);
  Phase reduce(low, low.vector_tiles(rows, cols, reduce_sections(low, 1, cols)));
  reduce.input({.tensor = tensor});
  reduce.vector(Opcode::REDUCE).set(Field::REDUCE_KIND, static_cast<int>(ReduceKind::RANGE));
  reduce.output({.tensor = ranges});
  reduce.run();
  return ranges;
}

int moments(Lowering& low, const Own& name, const NormInput& in) {
  if (in.whole) return reduce_all(low, name, ReduceKind::MOMENTS, in.z.tensor, in.rows, in.cols, in.shift);
  const int sums = low.layout.add(name, 32, 4, in.cols);
  Phase reduce(low, low.vector_tiles(in.rows, in.cols, reduce_sections(low, 1, in.cols)));
  reduce.input({.tensor = in.z.tensor});
  Command& command = reduce.vector(Opcode::REDUCE).set(Field::RATIO, in.shift.entry);
  command.set(Field::REDUCE_KIND, static_cast<int>(ReduceKind::MOMENTS));
  reduce.output({.tensor = sums});
  reduce.run();
  return sums;
}

Src sum_pair(Lowering& low, int sums, const NormInput& in, const ColumnChunk& chunk) {
  if (!in.whole) return low.load_vectors(sums, chunk.first, chunk.count, 2);
  const Src pair = low.load_vectors(sums, 0, 1, 2);
  const Entry spread = low.table.temporary(chunk.count + 1);  // so that its high word lies as far away as a vector's
  low.copy(pair.entry, spread);
  low.copy(pair.entry + 1, spread + chunk.count);
  return {spread};
}

ChannelStatistics channel_statistics(Lowering& low, int sums, const NormInput& in, const ColumnChunk& chunk,
                                     double eps) {
  ChannelStatistics of;
  Src second;
  if (in.whole) {
    const Src all = low.load_vectors(sums, 0, 1, 4);
    of.s1 = {all.entry};
    of.pitch = 1;
    second = {all.entry + 2};
  } else {
    of.s1 = low.load_vectors(sums, chunk.first, chunk.count, 4);
    of.pitch = chunk.count;
    second = {of.s1.entry + 2 * chunk.count, chunk.count};
  }
  of.v = low.scalar(ScalarOp::CENTERED, second, of.s1, of.s1, {.n = in.count.entry, .pitch = of.pitch});
  const Src e = low.rdiv(low.rmul(low.real(eps), low.rmul(in.n, in.n)), low.rmul(in.u, in.u));
  of.r = low.rmin(low.rsqrt(low.radd(of.v, e)), of.v);
  return of;
}

Src limited_gain(Lowering& low, const NormInput& in, Src gain, int frac_bits) {
  const Src limit = low.rdiv(low.word_of(65535), low.rmul(in.n, low.exp2(frac_bits, in.shift, true)));
  return low.rmax(low.rmin(gain, limit), low.rneg(limit));
}

namespace {

const NormAttributes& norm_of(const Lowering& low, const Stage& stage) {
  return std::get<NormAttributes>(low.program.network.nodes[static_cast<std::size_t>(stage.node)].attributes);
}

/// Moves the running values of a chunk's channels, or the one pair of LBN (N16.2).
void running_values(Step& step, int s, const NormInput& in, const ChannelStatistics& of, const ColumnChunk& chunk) {
  Lowering& low = step.low;
  const double momentum = norm_of(low, step.stage(s)).momentum;
  const Src share = low.real(momentum);
  const Src keep = low.real(1.0 - momentum);
  const int first = in.whole ? 0 : chunk.first;
  const int count = in.whole ? 1 : chunk.count;
  const auto blend = [&](StepTensor what, Src fresh) {
    const int tensor = step.state_tensor(s, what);
    const Src old = low.load_vectors(tensor, first, count);
    low.store_vectors({low.radd(low.rmul(old, keep), low.rmul(fresh, share))}, tensor, first, count);
  };
  blend(StepTensor::kRunMean, low.rmul(low.rdiv(low.from_sum(of.s1, of.pitch), in.n), in.u));
  blend(StepTensor::kRunVar, low.rmul(low.rdiv(of.v, low.rmul(in.n, in.n1)), low.rmul(in.u, in.u)));
}

Src fixed_point(Lowering& low, int tensor, const ColumnChunk& chunk) {
  return low.from_int(low.load_vectors(tensor, chunk.first, chunk.count), 24);
}

}  // namespace

/// Lowers a norm's statistics, coefficients, running values and affine combination (N16.1, N16.2).
void Step::norm_forward(int s) {
  phase(s, "norm", "statistics and coefficients");
  const ImageShape& out = stage(s).out;
  const int cols = out.channels;
  const NormInput in = norm_input(low, at(stage(s).inputs.front()).raw, out.rows(), cols,
                                  recipe.normalization == Normalization::kLayerBatch);
  if (at(s).sums < 0) at(s).sums = moments(low, own(s, "sums"), in);
  const int forward = add_own(s, "forward", 2, cols);
  low.layout.alias_row(forward, 0, handle(s, StepTensor::kForwardA));
  low.layout.alias_row(forward, 1, handle(s, StepTensor::kForwardC));
  at(s).gains = add_own(s, "gains", 2, cols);  // gr and r
  const Entry largest = low.table.named(own(s, "gr_max"));
  low.copy(Src(), largest);
  const int frac_bits = stage(s).raw_bits == 16 ? kNorm16FracBits : 16;
  bool first = true;
  for (const ColumnChunk& chunk : column_chunks(low, cols)) {
    const Lowering::Scope scope(low);
    const ChannelStatistics of = channel_statistics(low, at(s).sums, in, chunk, norm_of(low, stage(s)).eps);
    const Src gamma = fixed_point(low, state_tensor(s, StepTensor::kGamma), chunk);
    const Src beta = fixed_point(low, state_tensor(s, StepTensor::kBeta), chunk);
    const Src gr = limited_gain(low, in, low.rmul(gamma, of.r), frac_bits);
    const Src a = low.rmul(gr, in.n, low.exp2(frac_bits, in.shift, true));
    const Src c = low.to_int(low.rsub(beta, low.rmul(low.from_sum(of.s1, of.pitch), gr)), frac_bits);
    low.scalar(ScalarOp::RMAX, largest, low.rmaxabs(gr), {}, {.dst = largest});
    low.store_vectors({a, c}, forward, chunk.first, chunk.count);
    const Src r = of.r.count > 0 ? of.r : low.scalar(ScalarOp::COPY, of.r, {}, {}, {.count = chunk.count});
    low.store_vectors({gr, r}, at(s).gains, chunk.first, chunk.count);
    if (first || !in.whole) running_values(*this, s, in, of, chunk);
    first = false;
  }
  phase(s, "norm", "normalized");
  const int to = add_raw(s, StepTensor::kZRaw, out.rows(), cols, stage(s).raw_bits);
  const bool relu = stage(s).relu;
  if (relu) at(s).mask = add_mask(s, StepTensor::kMask, out.rows(), cols, cols % 8 == 0 ? 1 : 8);
  low.copy(low.word_of(word(power_of_two(frac_bits))), entry(s, StepScalar::kUnit));
  Phase pass(low, low.vector_tiles(out.rows(), cols, {.in = 1, .out = relu ? 2 : 1, .coefficients = 2, .columns = 8}));
  pass.input({.tensor = in.z.tensor});
  pass.coefficients({.tensor = forward}, 2);
  Command& affine = pass.vector(Opcode::AFFINE).set_flag(Flag::A_VECTOR).set_flag(Flag::C_VECTOR);
  Statistics statistics(low, {handle(s, StepScalar::kZMax), kUnread, handle(s, StepScalar::kZSat)}, 1);
  affine.set(Field::STAT, statistics.next());
  if (relu) affine.set_flag(Flag::RELU);
  std::optional<RawSums> sums = sums_of_result(s);
  if (sums) sums->sum_up(affine);
  pass.output(Flag::RAW_OUT, {.tensor = to});
  if (relu) pass.output(Flag::MASK_OUT, {.tensor = at(s).mask});
  pass.run();
  if (sums) sums->write(low, 0, cols);
  at(s).raw = {to, entry(s, StepScalar::kUnit), entry(s, StepScalar::kZMax)};
}

int cross_sums(Lowering& low, const Own& name, const Raw& dy, Src d_shift, const NormInput& in) {
  const int sums = low.layout.add(name, 32, 4, in.cols);
  Phase reduce(low, low.vector_tiles(in.rows, in.cols, reduce_sections(low, 2, in.cols)));
  reduce.input({.tensor = dy.tensor});
  reduce.input({.tensor = in.z.tensor});
  Command& command = reduce.vector(Opcode::REDUCE).set_flag(Flag::V_IN);
  command.set(Field::RATIO, d_shift.entry).set(Field::LIMIT, in.shift.entry);
  command.set(Field::REDUCE_KIND, static_cast<int>(ReduceKind::CROSS));
  reduce.output({.tensor = sums});
  reduce.run();
  return sums;
}

NormBackward norm_scales(Lowering& low, const NormInput& in, const Raw& dy, Src d_shift, Src largest_gain, Entry unit,
                         int bits) {
  NormBackward back;
  back.ud = low.rmul(dy.unit, low.exp2(0, d_shift));
  const Src fit = low.max_to_scale(dy.max, dy.unit, 32767);
  const Src largest = low.rmul(fit, low.rdiv(low.rmul(largest_gain, in.n), in.u));
  low.to_unit(low.rmul(largest, low.real(bits == 16 ? 2 : 0.5)), unit);
  back.kc = low.rdiv(low.rdiv(back.ud, in.u), unit);
  back.ka = low.rmul(back.kc, in.n, low.exp2(0, d_shift, true));
  back.kb = low.rmul(back.kc, in.n, low.exp2(0, in.shift, true));
  return back;
}

ChannelGradient channel_gradient(Lowering& low, const NormInput& in, int sums, int cross, const ColumnChunk& chunk) {
  ChannelGradient of;
  const Src d = low.load_vectors(cross, chunk.first, chunk.count, 4);
  const Src s1 = sum_pair(low, sums, in, chunk);
  const Src second(d.entry + 2 * chunk.count, chunk.count);
  of.x = low.scalar(ScalarOp::CENTERED, second, d, s1, {.n = in.count.entry, .pitch = chunk.count});
  of.d1 = low.from_sum(d, chunk.count);
  of.s1 = low.from_sum(s1, chunk.count);
  return of;
}

std::vector<Src> column_coefficients(Lowering& low, const NormBackward& back, const ChannelGradient& of, Src gr,
                                     Src r) {
  const Src h = low.rmul(low.rmul(gr, r), low.rmul(of.x, r));
  const Src f = low.rmul(gr, of.d1);
  return {low.rmul(gr, back.ka), low.rneg(low.rmul(h, back.kb)),
          low.to_int(low.rmul(low.rsub(low.rmul(h, of.s1), f), back.kc), 0)};
}

namespace {

/// Adds by RADD the vector's elements behind `sum`, from the first to the last, into `sum`.
void add_up(Lowering& low, Entry sum, Src values) {
  const Entry joined = low.table.temporary(values.count + 1);
  low.copy(sum, joined);
  low.copy(values, joined + 1);
  low.scalar(ScalarOp::RSUM, Src(joined, values.count + 1), {}, {}, {.dst = sum, .one_result = true});
}

}  // namespace

/// Lowers the gradients of a norm's input, gamma and beta (N16.3).
void Step::norm_backward(int s) {
  phase(s, "norm", "gradient's statistics and coefficients");
  const ImageShape& out = stage(s).out;
  const int cols = out.channels;
  const int below = stage(s).inputs.front();
  const NormInput in =
      norm_input(low, at(below).raw, out.rows(), cols, recipe.normalization == Normalization::kLayerBatch);
  const Raw& dy = at(s).gradient;
  const Src d_shift = low.shift_of(dy.max);
  const int cross = at(s).cross >= 0 ? at(s).cross : cross_sums(low, own(s, "cross"), dy, d_shift, in);
  const int raw_bits = stage(s).input_gradient_bits;
  const GradientPlace place = gradient_place(below, raw_bits);
  const NormBackward back = norm_scales(low, in, dy, d_shift, own_entry(s, "gr_max"), place.unit.entry, raw_bits);
  const int dgamma = add_raw(s, StepTensor::kDgamma, 1, cols);
  const int dbeta = add_raw(s, StepTensor::kDbeta, 1, cols);
  const int backward = add_own(s, "backward", in.whole ? 1 : 3, cols);
  low.layout.alias_row(backward, 0, handle(s, StepTensor::kBackwardA));
  if (!in.whole) {
    low.layout.alias_row(backward, 1, handle(s, StepTensor::kBackwardB));
    low.layout.alias_row(backward, 2, handle(s, StepTensor::kBackwardC));
  }
  const Entry gx = low.table.temporary(2);  // LBN: sums over the channels
  low.copy(Src(), gx);
  low.copy(Src(), gx + 1);
  for (const ColumnChunk& chunk : column_chunks(low, cols)) {
    const Lowering::Scope scope(low);
    const ChannelGradient of = channel_gradient(low, in, at(s).sums, cross, chunk);
    const Src gains = low.load_vectors(at(s).gains, chunk.first, chunk.count, 2);
    const Src r(gains.entry + chunk.count, chunk.count);
    low.store_vectors({low.to_int(low.rmul(of.x, r, back.ud), 24)}, dgamma, chunk.first, chunk.count);
    low.store_vectors({low.to_int(low.rmul(of.d1, back.ud), 24)}, dbeta, chunk.first, chunk.count);
    if (in.whole) {
      const Src gamma = fixed_point(low, state_tensor(s, StepTensor::kGamma), chunk);
      add_up(low, gx, low.rmul(gamma, of.x));
      add_up(low, gx + 1, low.rmul(gamma, of.d1));
      low.store_vectors({low.rmul(gains, back.ka)}, backward, chunk.first, chunk.count);
    } else {
      low.store_vectors(column_coefficients(low, back, of, gains, r), backward, chunk.first, chunk.count);
    }
  }
  Src by_z, by_one;
  if (in.whole) {
    const Src r = low.load_vectors(at(s).gains, 0, 1, 2)[1];
    const Src h = low.rmul(low.rmul(r, r), low.rmul(gx, r));
    const Src f = low.rmul(r, gx + 1);
    const Src s1 = low.from_sum(low.load_vectors(at(s).sums, 0, 1, 2)[0], 1);
    by_z = low.rneg(low.rmul(h, back.kb));
    by_one = low.to_int(low.rmul(low.rsub(low.rmul(h, s1), f), back.kc), 0);
    low.store_vectors({by_z}, add_raw(s, StepTensor::kBackwardB, 1, 1), 0, 1);
    low.store_vectors({by_one}, add_raw(s, StepTensor::kBackwardC, 1, 1), 0, 1);
  }
  phase(s, "norm", "gradient");
  affine_gradient(dy.tensor, in.z.tensor, out.rows(), cols, backward, in.whole ? 1 : 3, by_z, by_one, place);
  deliver(below, {place.tensor, place.unit, low.table.named(place.maximum)});
  const Src unit = low.word_of(word(power_of_two(24)));
  const auto id = [&](int kind) { return tensor_id(512 + stage(s).norm, static_cast<TensorKind>(kind)); };
  Raw of_gamma{dgamma, unit, Src()}, of_beta{dbeta, unit, Src()};
  const bool buffered = recipe.update.micro_batches > 0;
  if (buffered) {
    of_gamma = buffered_vector(s, Parameter::kGamma, of_gamma);
    of_beta = buffered_vector(s, Parameter::kBeta, of_beta);
  }
  phase(s, "update", "update of gamma and beta");
  const Lowering::Silence silence(low, buffered && !options.part.last);
  update_tensor(s, Parameter::kGamma, of_gamma, unit, true, id(5), 0);
  update_tensor(s, Parameter::kBeta, of_beta, unit, true, id(6), 0);
}

void Step::affine_gradient(int dy, int z, int rows, int cols, int coefficients, int count, Src by_z, Src by_one,
                           const GradientPlace& place) {
  const bool masked = place.mask >= 0;
  const Sections sections{.in = masked ? 3 : 2, .out = 1, .coefficients = count, .columns = 8};
  Phase pass(low, low.vector_tiles(rows, cols, sections));
  pass.input({.tensor = dy});
  pass.input({.tensor = z});
  if (masked) pass.mask_input({.tensor = place.mask});
  pass.coefficients({.tensor = coefficients}, count);
  Command& affine = pass.vector(Opcode::AFFINE).set_flag(Flag::V_IN).set_flag(Flag::A_VECTOR);
  if (count == 3) affine.set_flag(Flag::B_VECTOR).set_flag(Flag::C_VECTOR);
  if (masked) affine.set_flag(Flag::MASK_IN);
  affine.set(Field::LIMIT, by_z.entry).set(Field::ADDEND, by_one.entry);
  Statistics statistics(low, {place.maximum, kUnread, place.saturations}, 1);
  affine.set(Field::STAT, statistics.next());
  pass.output(Flag::RAW_OUT, {.tensor = place.tensor});
  pass.run();
}

}  // namespace bitloom
