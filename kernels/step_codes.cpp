// Raw views to codes (N6), once for each reader of a raw view. Codes of the four methods: kernels/step_methods.cpp.

#include "kernels/step.hpp"
#include "model/numerics/numbers.hpp"

namespace bitloom {

/// Names the entry of max |master|; where an update makes it, together with its other statistics.
void Step::name_largest_weight(int s) {
  if (stage(s).rule.store != WeightStore::kMaster) {
    entry(s, StepScalar::kWMax);
  } else {
    Statistics(low, {handle(s, StepScalar::kWMax), handle(s, StepScalar::kMSat), handle(s, StepScalar::kVSat)}, 1);
  }
}

bool Step::needs_gradient_maximum(int s) const { return !follows_hindsight(stage(s).rule.gradient); }

/// Does step (1) of N10.
void Step::start_scales() {
  for (int s = 0; s < static_cast<int>(graph.stages.size()); ++s) {
    if (!stage(s).is_gemm()) continue;
    if (follows_hindsight(stage(s).rule.activation) && stage(s).inputs.front() != kFromNetwork) {
      low.copy(entry(s, StepScalar::kSxNext), entry(s, StepScalar::kSx));
    }
    if (follows_hindsight(stage(s).rule.gradient)) low.copy(entry(s, StepScalar::kSdNext), entry(s, StepScalar::kSd));
  }
}

std::uint32_t Step::x_id(int s) const { return tensor_id(stage(s).layer, TensorKind::kInput); }

CodeRule Step::uniform_rule(const ViewRule& rule, int bits, Src ratio, std::uint32_t id) const {
  CodeRule codes;
  codes.bits = bits;
  codes.ratio = ratio;
  codes.limit = qmax(bits);
  codes.rounding = static_cast<RoundingMode>(rule.rounding);
  codes.tensor = id;
  return codes;
}

void Step::set_codes(Command& tile, const CodeRule& codes) {
  tile.set_flag(Flag::CODES_OUT).set(Field::QUANTIZER, static_cast<int>(codes.quantizer));
  tile.set(Field::RATIO, codes.ratio.entry).set(Field::QMAX, codes.limit).set(Field::UNSIGNED, codes.is_unsigned);
  tile.set(Field::ROUNDING, static_cast<int>(codes.rounding)).set(Field::TENSOR, codes.tensor);
  tile.set(Field::USE, codes.use).set(Field::SAMPLE, codes.sample);
}

void Step::quantize(const View& raw, int rows, int cols, const CodeRule& codes, int to, Entry statistics,
                    int mask_out) {
  Phase pass(low, low.vector_tiles(rows, cols, {.in = 1, .out = mask_out < 0 ? 1 : 2, .columns = 8}));
  pass.input(raw);
  Command& tile = pass.vector(Opcode::TILE).set_flag(Flag::FROM_VIN).set(Field::STAT, statistics);
  set_codes(tile, codes);
  pass.output({.tensor = to});
  if (mask_out >= 0) {
    tile.set(Field::MASK_RULE, static_cast<int>(codes.mask_rule)).set(Field::LIMIT, codes.window.entry);
    pass.output(Flag::MASK_OUT, {.tensor = mask_out});
  }
  pass.run();
}

/// Makes the codes of layer s's weights, by max of the master or as another quantizer does (N6.4).
void Step::weight_codes(int s) {
  phase(s, "weights", "master to w");
  const ViewRule& rule = stage(s).rule.weight;
  if (rule.quantizer != Quantizer::kMax) return method_weights(s);
  const LayerShape layer = shape(s);
  const int bits = stage(s).rule.width(rule);
  const Src unit = low.word_of(word(power_of_two(recipe.update.master_frac_bits)));
  const Src scale = low.max_to_scale(entry(s, StepScalar::kWMax), unit, qmax(bits), entry(s, StepScalar::kSw));
  at(s).w = {low.layout.add(handle(s, StepTensor::kW), bits, layer.depth(), layer.conv.out), scale};
  const CodeRule codes = uniform_rule(rule, bits, low.div(unit, scale), tensor_id(stage(s).layer, TensorKind::kWeight));
  Statistics statistics(low, {kUnread, handle(s, StepScalar::kWSat), kUnread}, 1);
  quantize({.tensor = state_tensor(s, StepTensor::kMaster)}, layer.depth(), layer.conv.out, codes, at(s).w.tensor,
           statistics.next());
}

/// Lowers the codes of stage s's operand x from the raw result that it reads (N6.1–N6.3).
void Step::input_codes(int s) {
  phase(s, "quantize", "x");
  const ViewRule& rule = stage(s).rule.activation;
  if (rule.quantizer != Quantizer::kMax) return method_input(s);
  const Raw& raw = at(stage(s).inputs.front()).raw;
  const int bits = stage(s).rule.width(rule);
  const Src scale = entry(s, StepScalar::kSx);
  const bool exact = rule.scale == ScaleRule::kExact;
  if (exact) low.max_to_scale(raw.max, raw.unit, qmax(bits), scale.entry);
  const ImageShape& in = stage(s).in;
  at(s).x = {low.layout.add(handle(s, StepTensor::kX), bits, in.rows(), in.channels), scale};
  Statistics statistics(low, {kUnread, handle(s, StepScalar::kXSat), kUnread}, 1);
  quantize({.tensor = raw.tensor, .pitch = bytes_of(low, raw.tensor, in.channels)}, in.rows(), in.channels,
           uniform_rule(rule, bits, low.div(raw.unit, scale), x_id(s)), at(s).x.tensor, statistics.next());
  if (!exact) low.max_to_scale(raw.max, raw.unit, qmax(bits), entry(s, StepScalar::kSxNext), scale);
}

/// Does the same of a gradient.
void Step::gradient_codes(int s) {
  phase(s, "quantize", "d");
  const ViewRule& rule = stage(s).rule.gradient;
  if (rule.quantizer != Quantizer::kMax) return method_gradient(s);
  Raw& raw = at(s).gradient;
  const ImageShape& out = stage(s).out;
  const int bits = stage(s).rule.width(rule);
  const Src scale = entry(s, StepScalar::kSd);
  const bool exact = rule.scale == ScaleRule::kExact;
  if (exact) low.max_to_scale(raw.max, raw.unit, qmax(bits), scale.entry);
  at(s).d = {low.layout.add(handle(s, StepTensor::kD), bits, out.rows(), out.channels), scale};
  at(s).d_wgrad = {at(s).d};
  const bool of_loss = !exact && s + 1 == static_cast<int>(graph.stages.size());  // nobody made statistics of it
  Statistics statistics(low,
                        of_loss ? std::vector<EntryName>{handle(s, StepScalar::kDMax), handle(s, StepScalar::kDSat),
                                                         handle(s, StepScalar::kDRawSat)}
                                : std::vector<EntryName>{kUnread, handle(s, StepScalar::kDSat), kUnread},
                        1);
  quantize({.tensor = raw.tensor}, out.rows(), out.channels,
           uniform_rule(rule, bits, low.div(raw.unit, scale), tensor_id(stage(s).layer, TensorKind::kGradient)),
           at(s).d.tensor, statistics.next());
  if (of_loss) raw.max = entry(s, StepScalar::kDMax);
  if (!exact) low.max_to_scale(raw.max, raw.unit, qmax(bits), entry(s, StepScalar::kSdNext), scale);
}

}  // namespace bitloom
