// Adam (N25): the columns' reals lie in DRAM as rows of vectors; the table computes them, chunk by chunk of columns,
// before and after the vector engine's pass over the moments.
#include <algorithm>
#include <cmath>

#include "kernels/norm_parts.hpp"

namespace bitloom {

namespace {

constexpr int kMLimit = 127;  ///< Qm
constexpr int kRLimit = 255;  ///< Qr

/// Returns b1 or b2 of N25.
int fraction16(double beta) { return std::clamp(static_cast<int>(std::floor(65536.0 * beta + 0.5)), 1, 65535); }

/// Returns s of reals above 0 with s in 0 … 127, as integers: their words are s · 2^16 + m, m · 2^-16 in [1/2, 1).
Src shift_of_real(Lowering& low, Src a) { return low.to_int(low.from_int(low.isub(a, low.word_of(0xC000)), 16), 0); }

}  // namespace

/// Moves the powers of beta1 and beta2 on by a step and makes RATE of them (N25.7).
void Step::adam_rate() {
  const Src one = low.real(1);
  const auto next = [&](StepScalar what, double beta) {
    const Entry power = low.table.named(ScalarHandle{kWholeStep, what});
    low.rmul(power, low.real(fraction16(beta) / 65536.0), power);
    return low.rsub(one, power);
  };
  const Lowering::Scope scope(low);
  const Src first = next(StepScalar::kAdamPow1, recipe.update.beta1);
  const Src second = next(StepScalar::kAdamPow2, recipe.update.beta2);
  const Src root = low.rmul(second, low.rsqrt(second));
  low.rmul(kTableLearningRate, low.rdiv(root, first), low.table.named(Own("adam_rate")));
}

/// Makes the constants of all columns (N25.2).
void Step::adam_constants(const AdamParts& of, const AdamJob& job) {
  const int cols = low.tensor(of.blocks).cols;
  const Src m_limit = low.real(kMLimit), r_limit = low.real(kRLimit), top = low.real(std::ldexp(1.0, 30));
  for (const ColumnChunk& chunk : column_chunks(low, cols)) {
    const Lowering::Scope scope(low);
    const auto row = [&](Src rows, int i) { return Src(rows.entry + i * chunk.count, chunk.count); };
    const Src state = low.load_vectors(of.blocks, chunk.first, chunk.count, 3);
    const Src m_step = row(state, 0), r_lo = row(state, 1), r_step = row(state, 2);
    const Src largest = row(low.load_vectors(of.gradient_ranges, chunk.first, chunk.count, 3), 2);
    const Src by_state = low.rmax(low.rmul(m_step, m_limit), low.radd(r_lo, low.rmul(r_step, r_limit)));
    const Src by_gradient =
        low.rmax(low.rmul(low.from_int(largest, 0), job.gradient.unit), low.real(std::ldexp(1.0, -64)));
    const Src bound = low.rmin(low.rmax(by_state, by_gradient), low.real(65535));
    const Src up = low.exp2(14, shift_of_real(low, bound));
    const auto integer = [&](Src a) { return low.to_int(low.rmin(low.rmul(a, up), top), 0); };
    low.store_vectors({low.rmul(m_step, up), low.rmul(r_step, up), low.rmul(job.gradient.unit, up), integer(r_lo), up},
                      of.constants, chunk.first, chunk.count);
    low.store_vectors({low.imax(low.word_of(1), integer(low.real(recipe.update.eps)))}, of.coders, chunk.first,
                      chunk.count);
  }
}

/// Makes the new blocks of all columns, and what codes their moments (N25.6).
void Step::adam_coders(const AdamParts& of) {
  const int cols = low.tensor(of.blocks).cols;
  const Src m_limit = low.real(kMLimit), r_limit = low.real(kRLimit);
  for (const ColumnChunk& chunk : column_chunks(low, cols)) {
    const Lowering::Scope scope(low);
    const auto row = [&](Src rows, int i) { return Src(rows.entry + i * chunk.count, chunk.count); };
    const Src unit = low.rdiv(low.real(1), row(low.load_vectors(of.constants, chunk.first, chunk.count, 5), 4));
    const Src m = low.from_int(row(low.load_vectors(of.m_ranges, chunk.first, chunk.count, 3), 2), 0);
    const Src r = low.load_vectors(of.r_ranges, chunk.first, chunk.count, 3);
    const Src lowest = row(r, 0);
    const Src range = low.from_int(low.isub(row(r, 1), lowest), 0);
    low.store_vectors({low.rdiv(low.rmul(m, unit), m_limit), low.rmul(low.from_int(lowest, 0), unit),
                       low.rdiv(low.rmul(range, unit), r_limit)},
                      of.blocks, chunk.first, chunk.count);
    low.store_vectors({low.rdiv(m_limit, m), low.rdiv(r_limit, range), lowest}, of.coders, chunk.first, chunk.count, 1);
  }
}

/// Computes the moments of one tensor as raw integers, and what codes them (N25.2, N25.3).
AdamParts Step::adam_moments(int s, Parameter parameter, const AdamJob& job) {
  const std::string prefix = std::string(prefix_of(parameter)) + "adam_";
  const TensorPlacement place = low.tensor(job.value);
  const auto temporary = [&](const char* what, int rows) {
    return add_own(s, prefix + what, rows, place.cols, MemoryKind::kOptimizerState);
  };
  AdamParts of{};
  of.m = state_tensor(s, {StepTensor::kAdamM, parameter});
  of.r = state_tensor(s, {StepTensor::kAdamR, parameter});
  of.blocks = state_tensor(s, {StepTensor::kAdamBlocks, parameter});
  of.constants = temporary("constants", 5);
  of.coders = temporary("coders", 4);
  of.gradient_ranges = column_ranges(low, own(s, prefix + "gradient_ranges"), job.gradient.tensor);
  adam_constants(of, job);
  of.m_raw = temporary("m_raw", place.rows);
  of.r_raw = temporary("r_raw", place.rows);
  Phase moments(low, low.vector_tiles(place.rows, place.cols, {.in = 3, .out = 2, .coefficients = 4}));
  moments.input({.tensor = job.gradient.tensor});
  moments.input({.tensor = of.m});
  moments.input({.tensor = of.r}, Expand::UNSIGNED);
  moments.coefficients({.tensor = of.constants}, 4);
  Command& command = moments.vector(Opcode::ADAM).set(Field::TENSOR, job.tensor);
  command.set(Field::MU16, fraction16(recipe.update.beta1)).set(Field::QMAX, fraction16(recipe.update.beta2));
  moments.output({.tensor = of.m_raw});
  moments.output({.tensor = of.r_raw});
  moments.run();
  of.m_ranges = column_ranges(low, own(s, prefix + "m_ranges"), of.m_raw);
  of.r_ranges = column_ranges(low, own(s, prefix + "r_ranges"), of.r_raw);
  adam_coders(of);
  return of;
}

/// Makes RATIO of N25.5 and N25.8.
Src Step::adam_ratio(Src value_unit) {
  return low.rmul(low.rdiv(low.table.named(Own("adam_rate")), value_unit), low.real(std::ldexp(1.0, -16)));
}

/// Updates one tensor of fixed point and its moments (N25).
void Step::adam_update(int s, Parameter parameter, const AdamJob& job) {
  const TensorPlacement place = low.tensor(job.value);
  const AdamParts of = adam_moments(s, parameter, job);
  const Src ratio = adam_ratio(job.value_unit);
  Phase step(low, low.vector_tiles(place.rows, place.cols, {.in = 3, .out = 3, .coefficients = 4}));
  for (const int each : {of.m_raw, of.r_raw, job.value}) step.input({.tensor = each});
  step.coefficients({.tensor = of.coders}, 4);
  Command& codes = step.vector(Opcode::ADAM).set(Field::TENSOR, job.tensor).set_flag(Flag::CODES_OUT);
  codes.set(Field::RATIO, ratio.entry).set(Field::STAT, job.statistics);
  if (job.wide) codes.set_flag(Flag::MASTER32);
  if (!recipe.update.stochastic) codes.set_flag(Flag::HALF_UP);
  for (const int each : {job.value, of.m, of.r}) step.output({.tensor = each});
  step.run();
}

/// Makes the steps q themselves, for LWQ's weights, and moves the moments (N25.2 to N25.4, N25.6, N25.8).
int Step::adam_steps(int s, const AdamJob& job) {
  const TensorPlacement place = low.tensor(job.value);
  const AdamParts of = adam_moments(s, Parameter::kWeight, job);
  const int steps = add_own(s, "adam_steps", place.rows, place.cols, MemoryKind::kOptimizerState);
  Phase step(low, low.vector_tiles(place.rows, place.cols, {.in = 2, .out = 3, .coefficients = 4}));
  for (const int each : {of.m_raw, of.r_raw}) step.input({.tensor = each});
  step.coefficients({.tensor = of.coders}, 4);
  step.vector(Opcode::ADAM).set_flag(Flag::CODES_OUT).set_flag(Flag::LWQ).set(Field::STAT, job.statistics);
  for (const int each : {steps, of.m, of.r}) step.output({.tensor = each});
  step.run();
  return steps;
}

}  // namespace bitloom
