#include "model/golden/state_schema.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "model/golden/state_words.hpp"
#include "model/io/error.hpp"
#include "model/network/training_graph.hpp"
#include "model/numerics/adam.hpp"
#include "model/numerics/gradient_buffer.hpp"
#include "model/numerics/polyline.hpp"

namespace bitloom {
namespace {

using state_words::assign;
using state_words::count_of;
using state_words::Ints;
using state_words::kBlockReals;
using state_words::set;
using state_words::word_of;
using state_words::words_of;

constexpr StateLimits within(std::int64_t limit) { return {-limit, limit}; }
constexpr StateLimits of_bits(int bits) { return within((std::int64_t{1} << (bits - 1)) - 1); }

/// The narrowest of the widths whose integers hold the limits.
int narrowest(const StateTensor& tensor, std::initializer_list<int> widths, bool may_be_unsigned) {
  if (tensor.coding != StateCoding::kInteger) return 32;
  for (const int bits : widths) {
    const bool is_unsigned = may_be_unsigned && tensor.is_unsigned();
    const std::int64_t low = is_unsigned ? 0 : -(std::int64_t{1} << (bits - 1));
    if (tensor.limits.low >= low && tensor.limits.high < low + (std::int64_t{1} << bits)) return bits;
  }
  return 32;
}

/// Lists the state of one network and recipe.
class Lister {
 public:
  Lister(const Network& network, const Recipe& recipe) : network_(network), recipe_(recipe), update_(recipe.update) {}

  void add_layer(const Node& node, const TrainingNode& facts);
  void add_norm(const Node& node, const TrainingNode& facts);
  void add_powers();
  StateSchema take() { return std::move(schema_); }

 private:
  /// `get(state)` gives the vector, for a state that is constant or not.
  template <class Get>
  StateTensor& add(const What<StepTensor>& what, int rows, int cols, const Get& get) {
    StateTensor tensor({node_, what});
    tensor.name = tensor.stored = name_of(tensor.handle, network_);
    tensor.rows = rows;
    tensor.cols = cols;
    tensor.count = [get](const TrainState& state) { return count_of(get(state)); };
    tensor.read = [get](const TrainState& state) { return words_of(get(state)); };
    tensor.write = [get](TrainState& state, const Ints& words) { assign(get(state), words); };
    schema_.tensors.push_back(std::move(tensor));
    return schema_.tensors.back();
  }

  template <class Get>
  StateScalar& add_scalar(StepScalar what, ScalarCoding coding, const Get& get) {
    StateScalar scalar({node_, what});
    scalar.name = name_of(scalar.handle, network_);
    scalar.coding = coding;
    scalar.read = [get](const TrainState& state) { return word_of(get(state)); };
    scalar.write = [get](TrainState& state, std::uint32_t word) { set(get(state), word); };
    schema_.scalars.push_back(std::move(scalar));
    return schema_.scalars.back();
  }

  template <class Get, class Owner>
  void add_moments(Parameter of, int rows, int cols, const Get& owner, Ints Owner::*momentum, AdamState Owner::*adam);
  template <class Get, class Owner>
  void add_vector(Parameter of, int cols, int frac_bits, std::vector<float> NodeParameters::*parameter,
                  const Get& owner, Ints Owner::*value, Ints Owner::*momentum, AdamState Owner::*adam,
                  Ints Owner::*sum);
  template <class Get>
  void add_weights(const RecipeLayer& rule, int depth, int out, const Get& layer);
  template <class Get>
  void add_latent(const RecipeLayer& rule, int depth, int out, const Get& layer);
  template <class Get>
  void add_layer_scalars(const TrainingNode& facts, const Get& layer);

  const Network& network_;
  const Recipe& recipe_;
  const UpdateRule& update_;
  StateSchema schema_;
  std::string prefix_;
  int node_ = kWholeStep;  ///< that is listed
};

/// What the optimizer keeps beside a value of [rows][cols].
template <class Get, class Owner>
void Lister::add_moments(Parameter of, int rows, int cols, const Get& owner, Ints Owner::*momentum,
                         AdamState Owner::*adam) {
  const bool matrix = of == Parameter::kWeight;
  if (update_.optimizer == Optimizer::kSgd) {
    StateTensor& tensor = add(
        {StepTensor::kMomentum, of}, rows, cols, [=](auto& state) -> auto& { return owner(state).*momentum; });
    tensor.limits = of_bits(update_.momentum_bits);
    tensor.matrix = matrix;
    return;
  }
  const AdamRates rates;
  StateTensor& m = add(
      {StepTensor::kAdamM, of}, rows, cols, [=](auto& state) -> auto& { return (owner(state).*adam).m; });
  m.limits = within(rates.m_limit());
  m.matrix = matrix;
  StateTensor& r = add(
      {StepTensor::kAdamR, of}, rows, cols, [=](auto& state) -> auto& { return (owner(state).*adam).r; });
  r.limits = {0, rates.r_limit()};
  r.matrix = matrix;
  StateTensor& blocks = add(
      {StepTensor::kAdamBlocks, of}, static_cast<int>(kBlockReals),
      cols, [=](auto& state) -> auto& { return (owner(state).*adam).blocks; });
  blocks.coding = StateCoding::kMagnitude;
  for (const StepTensor row : {StepTensor::kAdamMStep, StepTensor::kAdamRLo, StepTensor::kAdamRStep}) {
    blocks.recorded_rows.push_back({node_, {row, of}});
  }
}

/// A bias, gamma or beta with what its optimizer keeps and the sum of its gradients over micro-batches (N9, N25,
/// N26.4).
template <class Get, class Owner>
void Lister::add_vector(Parameter of, int cols, int frac_bits, std::vector<float> NodeParameters::*parameter,
                        const Get& owner, Ints Owner::*value, Ints Owner::*momentum, AdamState Owner::*adam,
                        Ints Owner::*sum) {
  StateTensor& fixed = add(
      value_of(of), 1, cols, [=](auto& state) -> auto& { return owner(state).*value; });
  fixed.stored += "_fixed";
  fixed.limits = of_bits(update_.bias_bits);
  fixed.parameter = parameter;
  fixed.frac_bits = frac_bits;
  add_moments(of, 1, cols, owner, momentum, adam);
  if (update_.micro_batches == 0) return;
  StateTensor& gradients = add(
      {StepTensor::kSum, of}, 1, cols, [=](auto& state) -> auto& { return owner(state).*sum; });
  gradients.stored.clear();
  gradients.limits = within(kRawLimit);
}

/// The codes of LWQ: integer weights with residuals, or with the latent weights that they are compared with (N23.1).
template <class Get>
void Lister::add_latent(const RecipeLayer& rule, int depth, int out, const Get& layer) {
  const bool whole = update_.latent_bits == 24;
  const std::int64_t largest = qmax(rule.width(rule.weight));
  if (whole) {
    StateTensor& latent = add(
        StepTensor::kLatent, depth, out, [=](auto& state) -> auto& { return layer(state).latent; });
    latent.limits = within(largest * 65536 + 32767);
    latent.matrix = true;
  } else {
    StateTensor& residual = add(
        StepTensor::kResidual, depth, out, [=](auto& state) -> auto& { return layer(state).residual; });
    const std::int64_t codes = polyline_codes(update_.latent_bits);
    residual.limits = {-codes, codes - 1};
    residual.matrix = true;
  }
  if (update_.optimizer == Optimizer::kAdam)
    return add_moments(Parameter::kWeight, depth, out, layer, &LayerState::momentum, &LayerState::adam);
  StateTensor& momentum = add(
      StepTensor::kMomentum8, depth, out, [=](auto& state) -> auto& { return layer(state).momentum; });
  momentum.stored = prefix_ + "momentum";
  momentum.limits = of_bits(8);
  momentum.matrix = true;
}

template <class Get>
void Lister::add_weights(const RecipeLayer& rule, int depth, int out, const Get& layer) {
  const bool latent = rule.store == WeightStore::kLatent;
  if (rule.store != WeightStore::kMaster) {
    StateTensor& q = add(
        StepTensor::kQ, depth, out, [=](auto& state) -> auto& { return layer(state).q; });
    q.limits = of_bits(latent ? rule.width(rule.weight) : 8);
    q.matrix = true;
    if (latent) add_latent(rule, depth, out, layer);
  } else {
    StateTensor& master = add(
        StepTensor::kMaster, depth, out, [=](auto& state) -> auto& { return layer(state).master; });
    master.limits = of_bits(update_.master_bits);
    master.matrix = true;
    master.parameter = &NodeParameters::weight;
    master.frac_bits = update_.master_frac_bits;
    add_moments(Parameter::kWeight, depth, out, layer, &LayerState::momentum, &LayerState::adam);
  }
  if (update_.micro_batches == 0) return;
  StateTensor& buffer = add(
      StepTensor::kBuffer, depth, out, [=](auto& state) -> auto& { return layer(state).buffer; });
  buffer.stored.clear();
  buffer.limits = of_bits(kBufferBits);
  StateTensor& steps = add(
      StepTensor::kBufferStep, 1, out, [=](auto& state) -> auto& { return layer(state).buffer_step; });
  steps.stored.clear();
  steps.coding = StateCoding::kMagnitude;
}

template <class Get>
void Lister::add_layer_scalars(const TrainingNode& facts, const Get& layer) {
  const RecipeLayer& rule = facts.rule;
  const auto follows = [](const ViewRule& view, Quantizer quantizer) {
    return view.quantizer == quantizer && view.scale == ScaleRule::kHindsight;
  };
  const bool latent = rule.store == WeightStore::kLatent, codes = rule.store != WeightStore::kMaster;
  const bool has_sv = latent && update_.optimizer == Optimizer::kSgd;
  const bool hindsight_log = follows(rule.gradient, Quantizer::kLog);
  const auto scale = [&](StepScalar what, Scale LayerState::*field, bool used, bool calibrated) -> StateScalar& {
    StateScalar& scalar = add_scalar(
        what, ScalarCoding::kScale, [=](auto& state) -> auto& { return layer(state).*field; });
    scalar.used = used;
    scalar.calibrated = used && calibrated;
    return scalar;
  };
  const auto store = [&](StateScalar& scalar, const char* tensor, std::size_t place) {
    scalar.stored = prefix_ + tensor;
    scalar.place = place;
  };
  add_scalar(
      StepScalar::kWMax, ScalarCoding::kCount, [=](auto& state) -> auto& { return layer(state).wmax; });
  const bool reads_input = facts.inputs.front() == kNetworkInput;
  const bool hindsight_x = !reads_input && follows(rule.activation, Quantizer::kMax);
  store(scale(StepScalar::kSxNext, &LayerState::sx_next, hindsight_x, true), "scales", 0);
  store(scale(StepScalar::kSdNext, &LayerState::sd_next, follows(rule.gradient, Quantizer::kMax), true), "scales", 1);
  if (!codes && !hindsight_log) return;
  constexpr const char* kOthers = "recipe_state";
  store(scale(StepScalar::kSw, &LayerState::sw, codes, false), kOthers, 0);
  store(scale(StepScalar::kSv, &LayerState::sv, has_sv, false), kOthers, 1);
  store(scale(StepScalar::kSvNext, &LayerState::sv_next, has_sv, true), kOthers, 2);
  const auto level = [&](StepScalar what, int LayerState::*field, std::size_t place) {
    StateScalar& scalar = add_scalar(
        what, ScalarCoding::kLevel, [=](auto& state) -> auto& { return layer(state).*field; });
    scalar.used = latent;
    store(scalar, kOthers, place);
  };
  level(StepScalar::kLevelRead, &LayerState::level_read, 3);
  level(StepScalar::kLevelWrite, &LayerState::level_write, 4);
  StateScalar& mhat = add_scalar(
      StepScalar::kMhat, ScalarCoding::kMagnitude, [=](auto& state) -> auto& { return layer(state).mhat; });
  mhat.used = mhat.calibrated = hindsight_log;
  store(mhat, kOthers, 5);
}

void Lister::add_layer(const Node& node, const TrainingNode& facts) {
  node_ = facts.node;
  prefix_ = node.name + ".";
  const std::size_t l = schema_.layers++;
  const auto layer = [l](auto& state) -> auto& { return state.layers[l]; };
  const bool conv = node.op == Op::kConv2d;
  const bool bias =
      conv ? std::get<Conv2dAttributes>(node.attributes).bias : std::get<LinearAttributes>(node.attributes).bias;
  const int out = node.shape[0];
  add_weights(facts.rule, fan_in(node), out, layer);
  if (bias) {
    add_vector(Parameter::kBias, out, update_.bias_frac_bits, &NodeParameters::bias, layer, &LayerState::bias,
               &LayerState::bias_momentum, &LayerState::bias_adam, &LayerState::bias_sum);
  }
  add_layer_scalars(facts, layer);
}

void Lister::add_norm(const Node& node, const TrainingNode& facts) {
  node_ = facts.node;
  prefix_ = node.name + ".";
  const std::size_t i = schema_.norms++;
  const auto norm = [i](auto& state) -> auto& { return state.norms[i]; };
  const int channels = node.shape[0];
  add_vector(Parameter::kGamma, channels, kNormFracBits, &NodeParameters::gamma, norm, &NormState::gamma,
             &NormState::gamma_momentum, &NormState::gamma_adam, &NormState::gamma_sum);
  add_vector(Parameter::kBeta, channels, kNormFracBits, &NodeParameters::beta, norm, &NormState::beta,
             &NormState::beta_momentum, &NormState::beta_adam, &NormState::beta_sum);
  const int running = recipe_.normalization == Normalization::kLayerBatch ? 1 : channels;
  StateTensor& mean = add(
      StepTensor::kRunMean, 1, running, [=](auto& state) -> auto& { return norm(state).run_mean; });
  mean.coding = StateCoding::kReal;
  mean.parameter = &NodeParameters::running_mean;
  StateTensor& variance = add(
      StepTensor::kRunVar, 1, running, [=](auto& state) -> auto& { return norm(state).run_var; });
  variance.coding = StateCoding::kMagnitude;
  variance.parameter = &NodeParameters::running_variance;
  variance.start = 1;
}

/// Lists the powers of N25.7.
void Lister::add_powers() {
  if (update_.optimizer == Optimizer::kSgd) return;
  node_ = kWholeStep;
  const auto power = [&](StepScalar what, Real AdamPowers::*field, std::size_t place) {
    StateScalar& scalar = add_scalar(
        what, ScalarCoding::kMagnitude, [=](auto& state) -> auto& { return state.powers.*field; });
    scalar.stored = "adam_powers";
    scalar.place = place;
  };
  power(StepScalar::kAdamPow1, &AdamPowers::beta1, 0);
  power(StepScalar::kAdamPow2, &AdamPowers::beta2, 1);
}

}  // namespace

int StateTensor::memory_bits() const { return narrowest(*this, {4, 8}, true); }
int StateTensor::record_bits() const { return narrowest(*this, {4, 8, 16}, true); }
int StateTensor::stored_bits() const { return narrowest(*this, {8, 16}, false); }

bool StateScalar::is_set(const TrainState& state) const {
  const std::uint32_t word = read(state);
  return coding == ScalarCoding::kScale ? is_scale(from_word(word)) : word != 0;
}

TrainState StateSchema::zeros() const {
  TrainState state;
  state.layers.resize(layers);
  state.norms.resize(norms);
  for (const StateTensor& tensor : tensors) tensor.write(state, Ints(tensor.size()));
  return state;
}

std::string StateSchema::missing_scalar(const TrainState& state) const {
  const auto missing = [&](const StateScalar& scalar) { return scalar.calibrated && !scalar.is_set(state); };
  const auto found = std::find_if(scalars.begin(), scalars.end(), missing);
  return found == scalars.end() ? std::string() : found->name;
}

void StateSchema::require_fit(const TrainState& state) const {
  if (state.layers.size() != layers || state.norms.size() != norms) {
    throw Error(fmt::format("state: expected {} layers and {} norms, got {} and {}", layers, norms, state.layers.size(),
                            state.norms.size()));
  }
  for (const StateTensor& tensor : tensors) {
    const std::size_t count = tensor.count(state);
    if (count == tensor.size()) continue;
    throw Error(
        fmt::format("state: {}: expected {} × {} values, got {}", tensor.name, tensor.rows, tensor.cols, count));
  }
  for (const StateScalar& scalar : scalars) {
    const bool needed = scalar.coding == ScalarCoding::kScale && scalar.used && !scalar.calibrated;
    if (needed && !scalar.is_set(state)) throw Error(fmt::format("state: {}: expected a scale", scalar.name));
  }
}

StateSchema state_schema(const Network& network, const Recipe& recipe) {
  const TrainingGraph graph = training_graph(network, recipe);
  Lister lister(network, recipe);
  for (const TrainingNode& facts : graph.nodes) {
    const Node& node = network.nodes[static_cast<std::size_t>(facts.node)];
    if (facts.layer >= 0) lister.add_layer(node, facts);
    if (facts.norm >= 0) lister.add_norm(node, facts);
  }
  lister.add_powers();
  return lister.take();
}

}  // namespace bitloom
