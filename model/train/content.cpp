// Each function takes its struct apart by a structured binding: a field that is added to the struct does not compile
// until it is taken here too.
#include "model/train/content.hpp"

#include <tuple>

#include "model/io/content_hash.hpp"
#include "model/numerics/numerics_version.hpp"

namespace bitloom {
namespace {

template <class Enum>
void add_enum(ContentHash& hash, Enum value) {
  hash.add(static_cast<std::int64_t>(value));
}

void add(ContentHash& hash, const Pair& pair) {
  const auto& [rows, cols] = pair;
  hash.add(rows).add(cols);
}

void add(ContentHash& hash, const Shape& shape) {
  hash.add(static_cast<std::int64_t>(shape.size()));
  for (const int extent : shape) hash.add(extent);
}

void add(ContentHash& /*hash*/, const std::monostate& /*nothing*/) {}

void add(ContentHash& hash, bool value) { hash.add(value); }
void add(ContentHash& hash, int value) { hash.add(value); }
void add(ContentHash& hash, double value) { hash.add_real(value); }

template <class Attributes>
void add(ContentHash& hash, const Attributes& attributes) {
  std::apply([&hash](const auto&... field) { (add(hash, field), ...); }, attributes.all());
}

bool has_tensors(Op op) { return op == Op::kLinear || op == Op::kConv2d || op == Op::kBatchNorm; }

void add(ContentHash& hash, const Node& node) {
  const auto& [name, op, inputs, shape, attributes] = node;
  add_enum(hash, op);
  hash.add_text(has_tensors(op) ? name : "");
  hash.add(static_cast<std::int64_t>(inputs.size()));
  for (const int input : inputs) hash.add(input);
  add(hash, shape);
  std::visit([&hash](const auto& of) { add(hash, of); }, attributes);
}

void add(ContentHash& hash, const GroupView& view) {
  const auto& [bits, groups] = view;
  hash.add(bits);
  add_enum(hash, groups);
}

void add(ContentHash& hash, const ViewRule& rule) {
  const auto& [rounding, scale, quantizer, bits, is_unsigned, c1, c2, levels, clip, binades, power_of_two, samples,
               dgrad, wgrad, pruning, factor] = rule;
  add_enum(hash, rounding);
  add_enum(hash, scale);
  add_enum(hash, quantizer);
  hash.add(bits).add(is_unsigned).add_real(c1).add_real(c2).add(levels).add_real(clip).add(binades);
  hash.add(power_of_two).add(samples);
  add(hash, dgrad);
  add(hash, wgrad);
  add_enum(hash, pruning);
  hash.add(factor);
}

/// Returns the number by which checkpoints have always known how weights are stored and how they move: two axes in one
/// number, which has room for three stores.
int number_of(Optimizer optimizer, WeightStore store) {
  return static_cast<int>(store) + 3 * static_cast<int>(optimizer);
}

void add(ContentHash& hash, const UpdateRule& rule) {
  const auto& [stochastic, master_bits, master_frac_bits, momentum_bits, momentum_frac_bits, bias_bits, bias_frac_bits,
               optimizer, store, latent_bits, min_level, max_level, headroom, gradient_bits, beta1, beta2, eps,
               micro_batches, buffer_headroom] = rule;
  hash.add(stochastic).add(master_bits).add(master_frac_bits).add(momentum_bits).add(momentum_frac_bits);
  hash.add(bias_bits).add(bias_frac_bits);
  hash.add(number_of(optimizer, store)).add(latent_bits).add(min_level).add(max_level).add_real(headroom);
  hash.add(static_cast<std::int64_t>(gradient_bits.size()));
  for (const int bits : gradient_bits) hash.add(bits);
  hash.add_real(beta1).add_real(beta2).add_real(eps).add(micro_batches).add_real(buffer_headroom);
}

void add(ContentHash& hash, const Override& section) {
  const auto& [bits, activation, weight, gradient] = section;
  hash.add(bits);
  for (const std::optional<ViewRule>& rule : {activation, weight, gradient}) {
    hash.add(rule.has_value());
    if (rule) add(hash, *rule);
  }
}

}  // namespace

std::string content_hash(const Network& network) {
  const auto& [name, batch, input, nodes] = network;
  ContentHash hash;
  hash.add_text("network");
  add(hash, input);
  for (const Node& node : nodes) add(hash, node);
  return hash.hex();
}

std::string content_hash(const Recipe& recipe) {
  const auto& [name, fp32, normalization, bits, first_bits, last_bits, raw_bits, named_bits, activation, weight,
               gradient, update, overrides] = recipe;
  ContentHash hash;
  hash.add_text("recipe").add(fp32);
  add_enum(hash, normalization);
  if (fp32) return hash.hex();
  hash.add(bits).add(first_bits).add(last_bits).add(static_cast<std::int64_t>(named_bits.size()));
  for (const auto& [layer, width] : named_bits) hash.add_text(layer).add(width);
  for (const ViewRule& rule : {activation, weight, gradient}) add(hash, rule);
  add(hash, update);
  if (raw_bits != 32) hash.add_text("raw_bits").add(raw_bits);  // 32 is what the results before this field had
  for (const auto& [layers, section] : overrides) {
    hash.add_text(layers);
    add(hash, section);
  }
  return hash.hex();
}

std::string content_hash(const Hyper& hyper) {
  const auto& [batch, epochs, momentum, learning_rate, input] = hyper;
  const auto& [schedule, base, every, factor, low] = learning_rate;
  const auto& [offset, standard_deviation] = input;
  ContentHash hash;
  hash.add_text("hyper").add_real(momentum);
  add_enum(hash, schedule);
  hash.add_real(base).add(every).add_real(factor).add_real(low).add(offset).add_real(standard_deviation);
  return hash.hex();
}

std::string content_hash(const Dataset& data) {
  ContentHash hash;
  hash.add_text("data").add(data.rows).add(data.cols).add(data.channels).add(data.classes);
  hash.add_bytes(std::as_bytes(std::span(data.images)));
  hash.add_bytes(std::as_bytes(std::span(data.labels)));
  return hash.hex();
}

std::string config_hash(const RunConfiguration& run) {
  const auto& [network, recipe, hyper, hardware, train_data, test_data, init, seed, batch, epochs] = run;
  ContentHash hash;
  hash.add_text("run");
  for (const std::string& part : {network, recipe, hyper, hardware, train_data, test_data, init}) hash.add_text(part);
  hash.add(static_cast<std::int64_t>(seed)).add(batch).add(epochs).add(kNumericsVersion);
  return hash.hex();
}

bool depends_on_epochs(const LearningRate& rate) {
  switch (rate.schedule) {
    case LearningRateSchedule::kConstant:
    case LearningRateSchedule::kStep:
      return false;
    case LearningRateSchedule::kCosine:
    case LearningRateSchedule::kTriangle:
      return true;
  }
  return true;
}

}  // namespace bitloom
