// Additions of raw views (N14.6), and how the gradients that the readers of a result make come together.
#include <fmt/format.h>

#include "kernels/step.hpp"

namespace bitloom {

GradientPlace Step::gradient_place(int s, int bits) {
  const std::size_t number = at(s).parts.size();
  GradientPlace place;
  if (stage(s).readers.size() == 1) {
    place.tensor = add_raw(s, StepTensor::kDRaw, stage(s).out.rows(), stage(s).out.channels, bits);
    place.mask = at(s).mask;
    place.maximum = handle(s, StepScalar::kDMax);
    place.saturations = handle(s, StepScalar::kDRawSat);
    place.unit = entry(s, StepScalar::kDUnit);
    place.norm = norm_of_gradient(s);
  } else {
    place.tensor = add_own(s, fmt::format("d_part{}", number), stage(s).out.rows(), stage(s).out.channels,
                           MemoryKind::kGradients, bits);
    place.maximum = own(s, fmt::format("dmax_part{}", number));
    place.saturations = own(s, fmt::format("d_rawsat_part{}", number));
    place.unit = low.table.named(own(s, fmt::format("dunit_part{}", number)));
  }
  return place;
}

void Step::deliver(int s, const Raw& part) {
  StageState& state = at(s);
  state.parts.push_back(part);
  const std::size_t readers = stage(s).readers.size();
  if (state.parts.size() < readers) return;
  state.gradient = state.parts.front();
  for (std::size_t i = 1; i < readers; ++i) {
    const bool last = i + 1 == readers;
    phase(s, "add", "sum of its readers' gradients");
    const std::string suffix = last ? "" : fmt::format("_sum{}", i);
    const auto named = [&](StepScalar what) {
      return last ? handle(s, what) : own(s, std::string(word_of(what)) + suffix);
    };
    const int sum = low.layout.add(last ? handle(s, StepTensor::kDRaw) : own(s, "d" + suffix, MemoryKind::kGradients),
                                   recipe.raw_bits, stage(s).out.rows(), stage(s).out.channels);
    const GradientPlace place{sum,
                              last ? state.mask : -1,
                              named(StepScalar::kDMax),
                              named(StepScalar::kDRawSat),
                              low.table.named(named(StepScalar::kDUnit)),
                              last ? norm_of_gradient(s) : -1};
    state.gradient = add(s, state.gradient, state.parts[i], place, nullptr, sums_of_gradient(place));
  }
}

void Step::deliver_copy(int s, const Raw& part) {
  if (stage(s).readers.size() > 1) return deliver(s, part);
  if (at(s).mask < 0) {
    low.layout.alias(part.tensor, handle(s, StepTensor::kDRaw));
    low.copy(part.max, entry(s, StepScalar::kDMax));
    low.copy(part.unit, entry(s, StepScalar::kDUnit));
    low.copy(Src(), entry(s, StepScalar::kDRawSat));
    return deliver(s, part);
  }
  const GradientPlace place = gradient_place(s, low.tensor(part.tensor).bits);
  phase(s, "add", "gradient behind its ReLU");
  low.copy(part.unit, place.unit.entry);
  mask_gradient(part.tensor, place);
  deliver(s, {place.tensor, place.unit, low.table.named(place.maximum)});
}

/// Copies `from`, 0 behind place.mask, into `place`.
void Step::mask_gradient(int from, const GradientPlace& place) {
  std::optional<RawSums> sums = sums_of_gradient(place);
  const TensorPlacement to = low.tensor(place.tensor);
  Phase masked(low, low.vector_tiles(to.rows, to.cols, {.in = sums ? 3 : 2, .out = 1, .columns = 8}));
  masked.input({.tensor = from, .pitch = to.pitch});
  masked.mask_input({.tensor = place.mask});
  if (sums) masked.input({.tensor = sums->partner});
  Command& tile = masked.vector(Opcode::TILE).set_flag(Flag::FROM_VIN).set_flag(Flag::MASK_IN);
  Statistics statistics(low, {place.maximum, kUnread, place.saturations}, 1);
  tile.set(Field::STAT, statistics.next());
  if (sums) sums->sum_up(tile);
  masked.output(Flag::RAW_OUT, {.tensor = place.tensor});
  masked.run();
  if (sums) sums->write(low, 0, to.cols);
}

Raw Step::add(int s, const Raw& u, const Raw& v, const GradientPlace& place, const int* mask_out,
              std::optional<RawSums> sums) {
  const Lowering::Scope scope(low);
  const auto fit = [&](const Raw& raw) {
    return low.scalar(ScalarOp::RKEEP, raw.max, low.max_to_scale(raw.max, raw.unit, 32767));
  };
  const Src qu = fit(u);
  const Src qv = fit(v);
  low.to_unit(low.rmul(low.rmax(qu, qv), low.real(2)), place.unit.entry);
  const Src a = low.rdiv(u.unit, place.unit);
  const Src b = low.rdiv(v.unit, place.unit);
  const bool partner = sums && sums->partner >= 0;
  const int inputs = 2 + (place.mask < 0 ? 0 : 1) + (partner ? 1 : 0);
  const Sections sections{.in = inputs, .out = mask_out == nullptr ? 1 : 2, .columns = 8};
  Phase sum(low, low.vector_tiles(stage(s).out.rows(), stage(s).out.channels, sections));
  sum.input({.tensor = u.tensor});
  sum.input({.tensor = v.tensor});
  if (place.mask >= 0) sum.mask_input({.tensor = place.mask});
  if (partner) sum.input({.tensor = sums->partner});
  Command& affine = sum.vector(Opcode::AFFINE).set_flag(Flag::V_IN);
  affine.set(Field::RATIO, a.entry).set(Field::LIMIT, b.entry);
  Statistics statistics(low, {place.maximum, kUnread, place.saturations}, 1);
  affine.set(Field::STAT, statistics.next());
  if (place.mask >= 0) affine.set_flag(Flag::MASK_IN);
  if (mask_out != nullptr) affine.set_flag(Flag::RELU);
  if (sums) sums->sum_up(affine);
  sum.output(Flag::RAW_OUT, {.tensor = place.tensor});
  if (mask_out != nullptr) sum.output(Flag::MASK_OUT, {.tensor = *mask_out});
  sum.run();
  if (sums) sums->write(low, 0, stage(s).out.channels);
  return {place.tensor, place.unit, low.table.named(place.maximum)};
}

void Step::add_forward(int s) {
  phase(s, "add", "sum");
  const ImageShape& out = stage(s).out;
  const int sum = add_raw(s, StepTensor::kZRaw, out.rows(), out.channels, stage(s).raw_bits);
  if (stage(s).relu)
    at(s).mask = add_mask(s, StepTensor::kMask, out.rows(), out.channels, out.channels % 8 == 0 ? 1 : 8);
  const Raw& u = at(stage(s).inputs[0]).raw;
  const Raw& v = at(stage(s).inputs[1]).raw;
  at(s).raw =
      add(s, u, v, {sum, -1, handle(s, StepScalar::kZMax), handle(s, StepScalar::kZSat), entry(s, StepScalar::kUnit)},
          stage(s).relu ? &at(s).mask : nullptr, sums_of_result(s));
}

void Step::add_backward(int s) {
  for (const int input : stage(s).inputs) deliver_copy(input, at(s).gradient);
}

}  // namespace bitloom
