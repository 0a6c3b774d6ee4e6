#include "model/golden_step.hpp"

#include <algorithm>

#include "model/error.hpp"
#include "model/functions.hpp"
#include "model/gemm.hpp"
#include "model/golden_layer.hpp"
#include "model/golden_tensors.hpp"
#include "model/update.hpp"

namespace bitloom {
namespace {

constexpr int kLargestDimension = 65535;

std::size_t size_of(int extent) { return static_cast<std::size_t>(extent); }

}  // namespace

struct GoldenEngine::Impl {
  Impl(Chain chain, Recipe the_recipe, int threads);

  void require_state(const TrainState& state) const;
  void require_batch(const Batch& batch) const;
  bool has_scales(const TrainState& state) const;

  void begin(const TrainState& state, const Batch& batch, const StepContext& context, bool exact_scales);
  void forward(const TrainState& state);
  void loss();
  void backward(const TrainState& state, TrainState* updated);
  void update(std::size_t l, LayerState& state);
  StepResult result() const;

  void quantize_weights(std::size_t l, const TrainState& state);
  void forward_layer(std::size_t l, const TrainState& state);
  void quantize_activation(std::size_t l, Scale kept);
  void codes_beyond_raw(std::size_t l, Scale ratio);
  void activation_gradient(std::size_t l);
  void quantize_gradient(std::size_t l, Scale unit, Scale kept);
  void bias_update(std::size_t l, LayerState& state);
  UpdateRow update_row(Scale gradient_unit, Scale state_unit, std::int64_t limit);
  Stream stream(std::size_t l, TensorKind kind, RandomUse use) const;
  const std::int8_t* input(std::size_t l) const { return l == 0 ? batch->X.data() : layers[l].x.data(); }

  Recipe recipe;
  Gemm gemm;
  TensorOperations tensors;
  std::vector<GoldenLayer> layers;
  std::vector<std::int32_t> acc;

  // Of the step at work.
  const Batch* batch = nullptr;
  StepContext context;
  std::size_t samples = 0;
  bool hindsight_x = false;
  bool hindsight_d = false;
  GoldenTotals totals;
};

GoldenEngine::Impl::Impl(Chain chain, Recipe the_recipe, int threads)
    : recipe(std::move(the_recipe)), gemm(threads), tensors(threads) {
  if (chain.empty()) throw Error("the network has no linear layer");
  if (recipe.fp32) throw Error("recipe " + recipe.name + ": expected an integer recipe");
  require_fit(recipe, chain);
  const int count = static_cast<int>(chain.size());
  for (int l = 0; l < count; ++l) {
    const LinearLayer& facts = chain[size_of(l)];
    if (std::max(facts.in, facts.out) > kLargestDimension) {
      throw Error("layer " + facts.name + ": a dimension exceeds " + std::to_string(kLargestDimension));
    }
    layers.emplace_back(facts, layer_recipe(recipe, l, count, facts.name).bits);
  }
}

void GoldenEngine::Impl::require_state(const TrainState& state) const {
  bool fits = state.layers.size() == layers.size();
  for (std::size_t l = 0; fits && l < layers.size(); ++l) {
    const LinearLayer& facts = layers[l].facts;
    const std::size_t weights = size_of(facts.in) * size_of(facts.out);
    const std::size_t biases = facts.bias ? size_of(facts.out) : 0;
    const LayerState& of = state.layers[l];
    fits = of.master.size() == weights && of.momentum.size() == weights && of.bias.size() == biases &&
           of.bias_momentum.size() == biases;
  }
  if (!fits) throw Error("golden step: the state has another shape than the network");
}

void GoldenEngine::Impl::require_batch(const Batch& of) const {
  const bool fits = of.M >= 1 && of.M <= kLargestDimension && of.labels.size() == size_of(of.M) &&
                    of.X.size() == size_of(of.M) * size_of(layers.front().facts.in) && is_scale(of.scale);
  if (!fits) throw Error("golden step: the batch does not fit the network");
  const int classes = layers.back().facts.out;
  const auto beyond = [classes](std::uint8_t label) { return int{label} >= classes; };
  if (std::any_of(of.labels.begin(), of.labels.end(), beyond)) throw Error("golden step: a label is out of range");
}

/// Has every layer the scales that the recipe's hindsight rules read?
bool GoldenEngine::Impl::has_scales(const TrainState& state) const {
  const bool need_x = recipe.activation.scale == ScaleRule::kHindsight;
  const bool need_d = recipe.gradient.scale == ScaleRule::kHindsight;
  for (std::size_t l = 0; l < layers.size(); ++l) {
    if (need_x && l > 0 && !is_scale(state.layers[l].sx_next)) return false;
    if (need_d && !is_scale(state.layers[l].sd_next)) return false;
  }
  return true;
}

Stream GoldenEngine::Impl::stream(std::size_t l, TensorKind kind, RandomUse use) const {
  return make_stream(context.seed64, context.step, tensor_id(static_cast<int>(l), kind), use);
}

/// Steps (1) and (2) of N10.
void GoldenEngine::Impl::begin(const TrainState& state, const Batch& the_batch, const StepContext& the_context,
                               bool exact_scales) {
  batch = &the_batch;
  context = the_context;
  samples = size_of(the_batch.M);
  totals = {};
  hindsight_x = !exact_scales && recipe.activation.scale == ScaleRule::kHindsight;
  hindsight_d = !exact_scales && recipe.gradient.scale == ScaleRule::kHindsight;
  std::size_t widest = 0;
  for (std::size_t l = 0; l < layers.size(); ++l) {
    layers[l].begin(samples, l != 0);
    widest = std::max(widest, size_of(layers[l].facts.out));
    quantize_weights(l, state);
  }
  layers.front().sx = the_batch.scale;
  acc.resize(samples * widest);
}

/// N6.4.
void GoldenEngine::Impl::quantize_weights(std::size_t l, const TrainState& state) {
  GoldenLayer& layer = layers[l];
  const Scale unit = power_of_two(recipe.update.master_frac_bits);
  layer.sw = max_to_scale(state.layers[l].wmax, unit, layer.q, std::nullopt, totals.scale_saturated);
  const Scale ratio = div(unit, layer.sw, totals.scale_saturated);
  layer.counts.w = tensors.quantize(state.layers[l].master.data(), size_of(layer.facts.in), size_of(layer.facts.out),
                                    ratio, recipe.weight.rounding, stream(l, TensorKind::kWeight, RandomUse::kQuantize),
                                    layer.q, layer.w.data());
}

/// Step (3) of N10.
void GoldenEngine::Impl::forward(const TrainState& state) {
  for (std::size_t l = 0; l < layers.size(); ++l) {
    forward_layer(l, state);
    if (l + 1 < layers.size()) quantize_activation(l, state.layers[l + 1].sx_next);
  }
}

/// N5.1 and N5.2.
void GoldenEngine::Impl::forward_layer(std::size_t l, const TrainState& state) {
  GoldenLayer& layer = layers[l];
  layer.s_acc = mul(layer.sx, layer.sw, totals.scale_saturated);
  if (layer.facts.bias) {
    layer.ratio_b = div(power_of_two(recipe.update.bias_frac_bits), layer.s_acc, totals.scale_saturated);
    for (std::size_t o = 0; o < layer.b_acc.size(); ++o) {
      layer.b_acc[o] =
          static_cast<std::int32_t>(accumulator_bias(state.layers[l].bias[o], layer.ratio_b, layer.counts.b_acc));
    }
  }
  gemm.forward(input(l), layer.w.data(), batch->M, layer.facts.in, layer.facts.out, acc.data());
  const RowStatistics statistics = tensors.activate(acc.data(), layer.b_acc.data(), samples, size_of(layer.facts.out),
                                                    layer.facts.relu, layer.z.data());
  layer.zmax = statistics.max;
  layer.counts.z = statistics.saturated;
}

/// Scale and codes of layer l's output view, the next layer's x (N6.1–N6.3).
void GoldenEngine::Impl::quantize_activation(std::size_t l, Scale kept) {
  GoldenLayer& layer = layers[l];
  GoldenLayer& next = layers[l + 1];
  const auto max = static_cast<std::uint32_t>(layer.zmax);
  const auto keep = hindsight_x ? std::optional<Scale>(kept) : std::nullopt;
  next.sx_next = max_to_scale(max, layer.s_acc, next.q, keep, totals.scale_saturated);
  next.sx = hindsight_x ? kept : next.sx_next;
  const Scale ratio = div(layer.s_acc, next.sx, totals.scale_saturated);
  if (hindsight_x && layer.counts.z != 0) {
    codes_beyond_raw(l, ratio);
    return;
  }
  next.counts.x = tensors.quantize(layer.z.data(), samples, size_of(layer.facts.out), ratio, recipe.activation.rounding,
                                   stream(l, TensorKind::kActivation, RandomUse::kQuantize), next.q, next.x.data());
}

/// N6.3 for a view with values that its 32-bit form does not hold: codes from the exact values.
void GoldenEngine::Impl::codes_beyond_raw(std::size_t l, Scale ratio) {
  const GoldenLayer& layer = layers[l];
  GoldenLayer& next = layers[l + 1];
  const Stream random = stream(l, TensorKind::kActivation, RandomUse::kQuantize);
  const std::size_t cols = size_of(layer.facts.out);
  next.counts.x = 0;
  for (std::size_t m = 0; m < samples; ++m) {
    for (std::size_t o = 0; o < cols; ++o) {
      const std::int64_t z = std::int64_t{acc[m * cols + o]} + layer.b_acc[o];
      const std::uint32_t u = random.draw(static_cast<std::uint32_t>(m), static_cast<std::uint32_t>(o), 8);
      next.x[m * cols + o] = static_cast<std::int8_t>(requantize_to(
          activate(z, layer.facts.relu).a, ratio, recipe.activation.rounding, u, 8, next.q, next.counts.x));
    }
  }
}

/// N7: the loss and the raw view of the last gradient.
void GoldenEngine::Impl::loss() {
  GoldenLayer& last = layers.back();
  const std::size_t classes = size_of(last.facts.out);
  const Scale c = logit_exponent_scale(last.s_acc, totals.scale_saturated);
  for (std::size_t m = 0; m < samples; ++m) {
    const SampleLoss sample = softmax_cross_entropy({last.z.data() + m * classes, classes}, batch->labels[m], c,
                                                    {last.g.data() + m * classes, classes});
    totals.loss = add_loss(totals.loss, sample.loss);
    totals.correct += sample.correct ? 1 : 0;
  }
}

/// Scale and codes of layer l's gradient (N6.1–N6.3).
void GoldenEngine::Impl::quantize_gradient(std::size_t l, Scale unit, Scale kept) {
  GoldenLayer& layer = layers[l];
  const auto max = static_cast<std::uint32_t>(layer.gmax);
  const auto keep = hindsight_d ? std::optional<Scale>(kept) : std::nullopt;
  layer.sd_next = max_to_scale(max, unit, layer.q, keep, totals.scale_saturated);
  layer.sd = hindsight_d ? kept : layer.sd_next;
  const Scale ratio = div(unit, layer.sd, totals.scale_saturated);
  layer.counts.d = tensors.quantize(layer.g.data(), samples, size_of(layer.facts.out), ratio, recipe.gradient.rounding,
                                    stream(l, TensorKind::kGradient, RandomUse::kQuantize), layer.q, layer.d.data());
}

/// The codes of the last gradient, and step (5) of N10. Without `updated`, gradients of activations only.
void GoldenEngine::Impl::backward(const TrainState& state, TrainState* updated) {
  GoldenLayer& last = layers.back();
  last.gmax = tensors.mask_and_max(last.g.data(), nullptr, samples, size_of(last.facts.out));
  const Scale unit_of_loss = loss_gradient_unit(static_cast<std::uint32_t>(samples), totals.scale_saturated);
  quantize_gradient(layers.size() - 1, unit_of_loss, state.layers.back().sd_next);
  for (std::size_t l = layers.size(); l-- > 0;) {
    if (l > 0) {
      activation_gradient(l);
      const Scale unit = mul(layers[l].sd, layers[l].sw, totals.scale_saturated);
      quantize_gradient(l - 1, unit, state.layers[l - 1].sd_next);
    }
    if (updated != nullptr) update(l, updated->layers[l]);
  }
}

/// N5.3: from layer l into layer l - 1. The sums stay below 2^31, so the raw view never clamps.
void GoldenEngine::Impl::activation_gradient(std::size_t l) {
  const GoldenLayer& layer = layers[l];
  GoldenLayer& below = layers[l - 1];
  gemm.activation_gradient(layer.d.data(), layer.w.data(), batch->M, layer.facts.in, layer.facts.out, below.g.data());
  below.gmax = tensors.mask_and_max(below.g.data(), below.facts.relu ? below.z.data() : nullptr, samples,
                                    size_of(below.facts.out));
}

UpdateRow GoldenEngine::Impl::update_row(Scale unit, Scale state_unit, std::int64_t limit) {
  const Scale momentum_unit = power_of_two(recipe.update.momentum_frac_bits);
  const Scale ratio_g = div(unit, momentum_unit, totals.scale_saturated);
  const Scale step_unit = mul(context.lr, momentum_unit, totals.scale_saturated);
  const Scale ratio_w = div(step_unit, state_unit, totals.scale_saturated);
  return {context.mu16, ratio_g.m, ratio_g.s, ratio_w.m, ratio_w.s, static_cast<std::int32_t>(limit)};
}

/// N5.4 and N9 of layer l.
void GoldenEngine::Impl::update(std::size_t l, LayerState& state) {
  GoldenLayer& layer = layers[l];
  gemm.weight_gradient(input(l), layer.d.data(), batch->M, layer.facts.in, layer.facts.out, layer.dw.data());
  const Scale unit = mul(layer.sd, layer.sx, totals.scale_saturated);
  const UpdateRow rule = update_row(unit, power_of_two(recipe.update.master_frac_bits), kMasterLimit);
  const RowStatistics statistics = tensors.update(
      state.master.data(), state.momentum.data(), layer.dw.data(), size_of(layer.facts.in), size_of(layer.facts.out),
      rule, recipe.update.stochastic, stream(l, TensorKind::kWeight, RandomUse::kMomentum),
      stream(l, TensorKind::kWeight, RandomUse::kMaster));
  state.wmax = static_cast<std::uint32_t>(statistics.max);
  layer.counts.master = statistics.saturated;
  layer.counts.momentum = statistics.momentum_saturated;
  if (layer.facts.bias) bias_update(l, state);
  if (l > 0 && hindsight_x) state.sx_next = layer.sx_next;
  if (hindsight_d) state.sd_next = layer.sd_next;
}

void GoldenEngine::Impl::bias_update(std::size_t l, LayerState& state) {
  GoldenLayer& layer = layers[l];
  const std::size_t out = size_of(layer.facts.out);
  tensors.column_sums(layer.d.data(), samples, out, layer.db.data());
  const UpdateRow rule = update_row(layer.sd, power_of_two(recipe.update.bias_frac_bits), kBiasLimit);
  const RowStatistics statistics = tensors.update(
      state.bias.data(), state.bias_momentum.data(), layer.db.data(), 1, out, rule, recipe.update.stochastic,
      stream(l, TensorKind::kBias, RandomUse::kMomentum), stream(l, TensorKind::kBias, RandomUse::kMaster));
  layer.counts.bias = statistics.saturated;
  layer.counts.bias_momentum = statistics.momentum_saturated;
}

StepResult GoldenEngine::Impl::result() const {
  StepResult result{totals.loss, totals.correct, totals.scale_saturated};
  for (const GoldenLayer& layer : layers) result.saturated += layer.counts.total();
  return result;
}

GoldenEngine::GoldenEngine(Chain chain, Recipe recipe, int threads)
    : impl_(std::make_unique<Impl>(std::move(chain), std::move(recipe), threads)) {}
GoldenEngine::GoldenEngine(GoldenEngine&&) noexcept = default;
GoldenEngine::~GoldenEngine() = default;

StepResult GoldenEngine::step(TrainState& state, const Batch& batch, const StepContext& context, StepRecord* record) {
  impl_->require_state(state);
  impl_->require_batch(batch);
  if (!impl_->has_scales(state)) throw Error("golden step: a hindsight scale is missing; calibrate first");
  if (!is_scale(context.lr) || context.mu16 > 65536) throw Error("golden step: no learning rate, or momentum above 1");
  impl_->begin(state, batch, context, false);
  impl_->forward(state);
  impl_->loss();
  impl_->backward(state, &state);
  ++state.step;
  if (record != nullptr) record_step(impl_->layers, batch, state, impl_->recipe, impl_->totals, *record);
  return impl_->result();
}

void GoldenEngine::calibrate(TrainState& state, const Batch& batch, const StepContext& context) {
  const bool x = impl_->recipe.activation.scale == ScaleRule::kHindsight;
  const bool d = impl_->recipe.gradient.scale == ScaleRule::kHindsight;
  if (!x && !d) return;
  impl_->require_state(state);
  impl_->require_batch(batch);
  impl_->begin(state, batch, context, true);
  impl_->forward(state);
  impl_->loss();
  impl_->backward(state, nullptr);
  for (std::size_t l = 0; l < state.layers.size(); ++l) {
    if (x && l > 0) state.layers[l].sx_next = impl_->layers[l].sx;
    if (d) state.layers[l].sd_next = impl_->layers[l].sd;
  }
}

StepResult GoldenEngine::evaluate(const TrainState& state, const Batch& batch, const StepContext& context) {
  impl_->require_state(state);
  impl_->require_batch(batch);
  impl_->begin(state, batch, context, !impl_->has_scales(state));
  impl_->forward(state);
  impl_->loss();
  return impl_->result();
}

std::string GoldenEngine::kernels_name() const {
  return std::string(isa_name(active_isa())) + ", GEMM " + impl_->gemm.name();
}

StepResult golden_step(const Chain& chain, const Recipe& recipe, TrainState& state, const Batch& batch,
                       const StepContext& context, StepRecord* record, int threads) {
  return GoldenEngine(chain, recipe, threads).step(state, batch, context, record);
}

void calibrate(const Chain& chain, const Recipe& recipe, TrainState& state, const Batch& batch,
               const StepContext& context, int threads) {
  GoldenEngine(chain, recipe, threads).calibrate(state, batch, context);
}

}  // namespace bitloom
