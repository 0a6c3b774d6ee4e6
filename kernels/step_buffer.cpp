// The 8-bit buffer that adds up the weight gradients of a step's micro-batches (N26).
#include <cmath>

#include "kernels/norm_parts.hpp"
#include "kernels/step.hpp"
#include "model/numerics/gradient_buffer.hpp"

namespace bitloom {

namespace {

/// Computes the rows × cols values of `from`, each column times its coefficient, plus `add` (an 8-bit or raw tensor;
/// −1: none) times `by_add`.
void scaled_columns(Lowering& low, int from, int coefficients, int add, Src by_add, int to, Entry statistics) {
  const TensorPlacement& place = low.tensor(to);
  Phase pass(low, low.vector_tiles(place.rows, place.cols, {.in = 2, .out = 1, .coefficients = 1, .columns = 8}));
  pass.input({.tensor = from});
  if (add >= 0) pass.input({.tensor = add});
  pass.coefficients({.tensor = coefficients}, 1);
  Command& affine = pass.vector(Opcode::AFFINE).set_flag(Flag::A_VECTOR).set(Field::STAT, statistics);
  if (add >= 0) affine.set_flag(Flag::V_IN).set(Field::LIMIT, by_add.entry);
  pass.output(Flag::RAW_OUT, {.tensor = to});
  pass.run();
}

}  // namespace

/// Sets the value of a code in each column, from the first micro-batch (N26.1).
void Step::buffer_steps(int s, int steps) {
  const Lowering::Scope scope(low);
  const Raw& dw = at(s).dw;
  const int cols = low.tensor(dw.tensor).cols;
  const int ranges = column_ranges(low, own(s, "buffer_ranges"), dw.tensor);
  const Src lo = low.load_vectors(ranges, 0, cols, 2);
  const Src largest = low.rmax(low.from_int({lo.entry + cols, cols}, 0), low.rneg(low.from_int(lo, 0)));
  const Src least = low.rmax(low.rmul(low.rmaxabs(largest), low.real(0.25)), low.real(1));
  const Src codes = low.rdiv(low.real(recipe.update.buffer_headroom), low.real(qmax(kBufferBits)));
  low.store_vectors({low.rmul(low.rmul(low.rmax(largest, least), dw.unit), codes)}, steps, 0, cols);
}

/// Adds dw of this micro-batch to the codes, and returns the saturations of sums and of codes (N26.2).
std::array<Src, 2> Step::add_to_buffer(int s, int steps, int codes) {
  const Lowering::Scope scope(low);
  const Raw& dw = at(s).dw;
  const int rows = low.tensor(codes).rows, cols = low.tensor(codes).cols;
  const Src one = low.real(256);
  const int ratios = add_own(s, "buffer_ratio", 1, cols);
  low.store_vectors({low.rmul(low.rdiv(dw.unit, low.load_vectors(steps, 0, cols)), one)}, ratios, 0, cols);
  const int sums = add_own(s, "buffer_sum", rows, cols, MemoryKind::kGradients);
  scaled_columns(low, dw.tensor, ratios, options.part.first ? -1 : codes, one, sums,
                 Statistics(low, {kUnread, kUnread, own(s, "bufsat_sum")}, 1).next());
  CodeRule rule;
  rule.ratio = low.word_of(word(kBufferRatio));
  rule.rounding = RoundingMode::STOCHASTIC;
  rule.tensor = tensor_id(stage(s).layer, TensorKind::kWeight);
  rule.use = static_cast<int>(RandomUse::kAccumulate);
  quantize({.tensor = sums}, rows, cols, rule, codes,
           Statistics(low, {kUnread, own(s, "bufsat_codes"), kUnread}, 1).next());
  return {own_entry(s, "bufsat_sum"), own_entry(s, "bufsat_codes")};
}

/// Makes a raw view of the buffer for the optimizer (N26.3).
Raw Step::buffer_mean(int s, int steps, int codes) {
  const Lowering::Silence silence(low, !options.part.last);
  const Lowering::Scope scope(low);
  const int cols = low.tensor(codes).cols;
  const Src values = low.load_vectors(steps, 0, cols);
  const Src common = low.rmul(low.rmaxabs(values), low.real(1.0 / 256));
  const int by_code = add_own(s, "buffer_by_code", 1, cols);
  low.store_vectors({low.rdiv(values, common)}, by_code, 0, cols);
  const bool recorded = options.part.last;  // else golden has no mean
  const int mean = low.layout.add(recorded ? handle(s, StepTensor::kDwMean) : own(s, "dw_mean", MemoryKind::kGradients),
                                  32, low.tensor(codes).rows, cols);
  scaled_columns(low, codes, by_code, -1, {}, mean,
                 Statistics(low, {own(s, "dw_meanmax"), kUnread, kUnread}, 1).next());
  const Entry unit = recorded ? entry(s, StepScalar::kUnitDwMean) : own_entry(s, "unit_dw_mean");
  low.to_scale(low.rdiv(common, low.real(recipe.update.micro_batches)), unit);
  return {mean, unit, own_entry(s, "dw_meanmax")};
}

Raw Step::buffered_weights(int s) {
  phase(s, "accumulate", "weight gradients of micro-batches");
  const int steps = state_tensor(s, StepTensor::kBufferStep), codes = state_tensor(s, StepTensor::kBuffer);
  {
    const Lowering::Silence silence(low, !options.part.first);
    buffer_steps(s, steps);
  }
  const auto [sums, rounded] = add_to_buffer(s, steps, codes);
  low.iadd(sums, rounded, entry(s, StepScalar::kBufSat));
  return buffer_mean(s, steps, codes);
}

/// Clears what an update counts, where there is none.
void Step::clear_update_counts(int s) {
  std::vector<EntryName> counts{handle(s, StepScalar::kMSat), handle(s, StepScalar::kVSat)};
  if (shape(s).conv.bias) counts.insert(counts.end(), {handle(s, StepScalar::kBSat), handle(s, StepScalar::kBVSat)});
  if (stage(s).rule.store == WeightStore::kLatent) {
    if (recipe.update.optimizer == Optimizer::kSgd) counts.push_back(handle(s, StepScalar::kVMax));
    counts.insert(counts.end(), {handle(s, StepScalar::kMoved), own(s, "moved_hi")});
  }
  for (const EntryName& each : counts) low.copy(Src(), low.table.named(each));
}

/// Adds a vector's raw gradient to its sum over micro-batches, and returns the sum (N26.4).
Raw Step::buffered_vector(int s, Parameter of, const Raw& gradient) {
  const std::string what(word_of(value_of(of)));
  phase(s, "accumulate", "gradients of " + what);
  const Lowering::Scope scope(low);
  const int sum = state_tensor(s, {StepTensor::kSum, of});
  const Src ratio = low.rmul(gradient.unit, low.real(std::ldexp(1.0, kVectorSumBits)));
  const Src one = low.real(1);
  Phase pass(low, low.vector_tiles(1, low.tensor(sum).cols, {.in = 2, .out = 1}));
  pass.input({.tensor = gradient.tensor});
  if (!options.part.first) pass.input({.tensor = sum});
  Command& affine = pass.vector(Opcode::AFFINE).set(Field::RATIO, ratio.entry);
  if (!options.part.first) affine.set_flag(Flag::V_IN).set(Field::LIMIT, one.entry);
  affine.set(Field::STAT, Statistics(low, {kUnread, kUnread, own(s, what + "_sumsat")}, 1).next());
  pass.output(Flag::RAW_OUT, {.tensor = sum});
  pass.run();
  const Src unit = low.rdiv(low.real(std::ldexp(1.0, -kVectorSumBits)), low.real(recipe.update.micro_batches));
  return {sum, low.to_scale(unit, own_entry(s, what + "_sumunit")), Src()};
}

}  // namespace bitloom
