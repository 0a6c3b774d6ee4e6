// Updates of weights, biases and norm parameters (N9, N23, N24.3). Adam's (N25): kernels/step_adam.cpp.

#include "kernels/step.hpp"
#include "model/network/step_config.hpp"
#include "model/numerics/numbers.hpp"

namespace bitloom {

/// Updates a parameter by SGD (N9) or by Adam (N25).
void Step::update_tensor(int s, Parameter of, const Raw& gradient, Src value_unit, bool wide, std::uint32_t tensor,
                         Entry statistics) {
  const int value = state_tensor(s, value_of(of));
  if (recipe.update.optimizer == Optimizer::kAdam) {
    return adam_update(s, of, {gradient, value, value_unit, wide, tensor, statistics});
  }
  const int momentum = state_tensor(s, {StepTensor::kMomentum, of});
  const TensorPlacement& place = low.tensor(value);
  const Src momentum_unit = low.word_of(word(power_of_two(recipe.update.momentum_frac_bits)));
  const Src ratio = low.div(gradient.unit, momentum_unit);
  const Src ratio_w = low.div(low.mul(kTableLearningRate, momentum_unit), value_unit);
  Phase update(low, low.vector_tiles(place.rows, place.cols, {.in = 3, .out = 2}));
  update.input({.tensor = gradient.tensor});
  update.input({.tensor = value});
  update.input({.tensor = momentum});
  Command& command = update.vector(Opcode::UPDATE).set(Field::STAT, statistics);
  command.set(Field::RATIO, ratio.entry).set(Field::RATIO_W, ratio_w.entry).set(Field::MU16, options.mu16);
  command.set(Field::TENSOR, tensor);
  if (wide) command.set_flag(Flag::MASTER32);
  if (!recipe.update.stochastic) command.set_flag(Flag::HALF_UP);
  update.output({.tensor = value});
  update.output({.tensor = momentum});
  update.run();
}

void Step::sgd_update(int s) {
  Statistics statistics(low, {handle(s, StepScalar::kWMax), handle(s, StepScalar::kMSat), handle(s, StepScalar::kVSat)},
                        1);
  update_tensor(s, Parameter::kWeight, at(s).dw, low.word_of(word(power_of_two(recipe.update.master_frac_bits))), false,
                tensor_id(stage(s).layer, TensorKind::kWeight), statistics.next());
}

void Step::update(int s) {
  const bool buffered = recipe.update.micro_batches > 0;
  if (buffered) at(s).dw = buffered_weights(s);
  if (buffered && shape(s).conv.bias) {
    at(s).db = buffered_vector(s, Parameter::kBias, at(s).db);
    low.iadd(entry(s, StepScalar::kBufSat), own_entry(s, "bias_sumsat"), entry(s, StepScalar::kBufSat));
  }
  {
    const Lowering::Silence silence(low, buffered && !options.part.last);
    apply_update(s);
  }
  if (buffered && !options.part.last) clear_update_counts(s);
}

void Step::apply_update(int s) {
  phase(s, "update", "update of the weights");
  method_update(s);
  if (!shape(s).conv.bias) return;
  phase(s, "update", "update of the bias");
  Statistics statistics(low, {kUnread, handle(s, StepScalar::kBSat), handle(s, StepScalar::kBVSat)}, 1);
  update_tensor(s, Parameter::kBias, at(s).db, low.word_of(word(power_of_two(recipe.update.bias_frac_bits))), true,
                tensor_id(stage(s).layer, TensorKind::kBias), statistics.next());
}

/// Updates NITI's weights: q ← q − G, limited to ±127, where gb is fixed in the program (N24.3).
void Step::niti_update(int s) {
  const LayerShape layer = shape(s);
  const int q = state_tensor(s, StepTensor::kQ);
  const int rows = layer.depth(), cols = layer.conv.out;
  const Raw& dw = at(s).dw;
  const int gb = gradient_bits_at(recipe.update, options.epoch);
  const Src shift = low.scalar(ScalarOp::MAX_TO_POWER, dw.max, {}, {}, {.immediate = gb});
  CodeRule step;
  step.ratio = low.exp2(0, shift, true);
  step.limit = qmax(gb);
  step.rounding = RoundingMode::PSEUDO;
  const int g = low.layout.add(own(s, "g", MemoryKind::kGradients), 8, rows, cols);
  Statistics statistics(low, {kUnread, handle(s, StepScalar::kMSat), kUnread}, 2);
  quantize({.tensor = dw.tensor}, rows, cols, step, g, statistics.next());
  statistics.fold();
  const int moved = add_own(s, "q_raw", rows, cols, MemoryKind::kWeights);
  Phase difference(low, low.vector_tiles(rows, cols, {.in = 2, .out = 1}));
  difference.input({.tensor = q});
  difference.input({.tensor = g});
  Command& affine = difference.vector(Opcode::AFFINE).set_flag(Flag::V_IN);
  affine.set(Field::RATIO, low.real(1).entry).set(Field::LIMIT, low.real(-1).entry);
  difference.output(Flag::RAW_OUT, {.tensor = moved});
  difference.run();
  CodeRule limited;
  limited.ratio = low.word_of(word(kOne));
  quantize({.tensor = moved}, rows, cols, limited, q, statistics.next());
  statistics.fold();
  low.copy(Src(), entry(s, StepScalar::kVSat));
}

/// Puts the levels of N23.5 side by side.
Entry Step::lwq_levels(int s) {
  return low.table.statistics({handle(s, StepScalar::kLevelRead), handle(s, StepScalar::kLevelWrite)});
}

/// Sets what every update of LWQ's codes has (N23.2).
void Step::lwq_latent(int s, Command& command, Entry level) {
  command.set_flag(Flag::LWQ).set(Field::TENSOR, tensor_id(stage(s).layer, TensorKind::kWeight));
  command.set(Field::ADDEND, level).set(Field::QMAX, qmax(stage(s).rule.width(stage(s).rule.weight)));
  if (!recipe.update.stochastic) command.set_flag(Flag::HALF_UP);
  if (recipe.update.latent_bits == 24) command.set_flag(Flag::MASTER32);
}

/// Chooses the next level by the pair A (N23.6).
void Step::lwq_next_level(int s, Entry moved, Entry level) {
  low.copy(level + 1, level);
  const LayerShape layer = shape(s);
  const Src n = low.word_of(static_cast<std::uint32_t>(layer.depth() * layer.conv.out));
  low.scalar(ScalarOp::LEVEL, moved, level + 1, n,
             {.dst = level + 1, .immediate = recipe.update.min_level | recipe.update.max_level << 4, .pitch = 1});
}

/// Updates q, residual and momentum codes; with latent_bits 24 the latent weight, its q, and momentum codes (N23).
void Step::lwq_update(int s) {
  const bool whole = recipe.update.latent_bits == 24;
  const LayerShape layer = shape(s);
  const int rows = layer.depth(), cols = layer.conv.out;
  const Raw& dw = at(s).dw;
  const Entry level = lwq_levels(s);
  const Entry stat =
      low.table.statistics({handle(s, StepScalar::kVMax), handle(s, StepScalar::kMSat), handle(s, StepScalar::kVSat),
                            handle(s, StepScalar::kMoved), own(s, "moved_hi")});
  const Src now = entry(s, StepScalar::kSvNext);
  const Src ratio = low.rdiv(dw.unit, now);
  const Src ratio_w = low.rmul(kTableLearningRate, low.rdiv(now, at(s).w.scale));
  const Src decay = low.rmul(low.real(options.mu16 / 65536.0), low.rdiv(entry(s, StepScalar::kSv), now));
  const int q = state_tensor(s, StepTensor::kQ), momentum = state_tensor(s, StepTensor::kMomentum8);
  const int latent = state_tensor(s, whole ? StepTensor::kLatent : StepTensor::kResidual);
  Phase update(low, low.vector_tiles(rows, cols, {.in = whole ? 3 : 4, .out = 3, .columns = 8}));
  update.input({.tensor = dw.tensor});
  if (!whole) update.input({.tensor = q});
  update.input({.tensor = latent});
  update.input({.tensor = momentum});
  Command& command = update.vector(Opcode::UPDATE).set(Field::STAT, stat);
  command.set(Field::RATIO, ratio.entry).set(Field::RATIO_W, ratio_w.entry).set(Field::LIMIT, decay.entry);
  lwq_latent(s, command, level);
  for (const int each : {whole ? latent : q, whole ? q : latent, momentum}) update.output({.tensor = each});
  update.run();
  low.copy(now, entry(s, StepScalar::kSv));
  const Src smaller =
      low.isub({}, low.imax(low.isub({}, stat), low.word_of(static_cast<std::uint32_t>(-(1 << 30) + 1))));
  low.max_to_scale(low.iadd(smaller, smaller), entry(s, StepScalar::kSv), qmax(8), entry(s, StepScalar::kSvNext),
                   Src(entry(s, StepScalar::kSv)));
  lwq_next_level(s, stat + 3, level);
}

/// Updates q and residual by the steps of Adam; with latent_bits 24 the latent weight and its q (N25.8).
void Step::lwq_adam_update(int s) {
  const bool whole = recipe.update.latent_bits == 24;
  const int q = state_tensor(s, StepTensor::kQ),
            latent = state_tensor(s, whole ? StepTensor::kLatent : StepTensor::kResidual);
  Statistics limited(low, {kUnread, kUnread, handle(s, StepScalar::kVSat)}, 1);
  const int steps = adam_steps(s, {at(s).dw, q, at(s).w.scale, false, 0, limited.next()});
  const Entry level = lwq_levels(s);
  const Entry stat = low.table.statistics(
      {kUnread, handle(s, StepScalar::kMSat), kUnread, handle(s, StepScalar::kMoved), own(s, "moved_hi")});
  const Src ratio = adam_ratio(at(s).w.scale);
  const TensorPlacement place = low.tensor(q);
  Phase update(low, low.vector_tiles(place.rows, place.cols, {.in = whole ? 2 : 3, .out = 2, .columns = 8}));
  update.input({.tensor = steps});
  if (!whole) update.input({.tensor = q});
  update.input({.tensor = latent});
  Command& command = update.vector(Opcode::UPDATE).set_flag(Flag::FROM_VIN).set(Field::STAT, stat);
  command.set(Field::RATIO, ratio.entry);
  lwq_latent(s, command, level);
  for (const int each : {whole ? latent : q, whole ? q : latent}) update.output({.tensor = each});
  update.run();
  lwq_next_level(s, stat + 3, level);
}

void Step::method_update(int s) {
  switch (stage(s).rule.store) {
    case WeightStore::kInteger:
      return niti_update(s);
    case WeightStore::kLatent:
      return recipe.update.optimizer == Optimizer::kAdam ? lwq_adam_update(s) : lwq_update(s);
    case WeightStore::kMaster:
      return sgd_update(s);
  }
}

}  // namespace bitloom
