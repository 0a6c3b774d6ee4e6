#include "model/golden/state_schema.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "model/golden/quantizer.hpp"
#include "model/golden/state_list.hpp"
#include "model/golden/store.hpp"
#include "model/io/error.hpp"
#include "model/network/training_graph.hpp"
#include "model/numerics/gradient_buffer.hpp"

namespace bitloom {
namespace {

using Ints = state_words::Ints;

constexpr StateLimits within(std::int64_t limit) { return {-limit, limit}; }

/// Returns the narrowest of the widths whose integers hold the limits.
int narrowest(const StateTensor& tensor, std::initializer_list<int> widths, bool may_be_unsigned) {
  if (tensor.coding != StateCoding::kInteger) return 32;
  for (const int bits : widths) {
    const bool is_unsigned = may_be_unsigned && tensor.is_unsigned();
    const std::int64_t low = is_unsigned ? 0 : -(std::int64_t{1} << (bits - 1));
    if (tensor.limits.low >= low && tensor.limits.high < low + (std::int64_t{1} << bits)) return bits;
  }
  return 32;
}

/// Which members of a layer's or a norm's state belong to one of its vectors.
template <class State>
struct VectorFields {
  Ints State::*value;
  Ints State::*momentum;
  AdamState State::*adam;
  Ints State::*sum;
};

/// Lists the state of one network and recipe.
class Lister {
 public:
  Lister(const Network& network, const Recipe& recipe) : network_(network), recipe_(recipe), update_(recipe.update) {}

  void add_layer(const Node& node, const TrainingNode& facts);
  void add_norm(const Node& node, const TrainingNode& facts);
  void add_shared();
  StateSchema take() { return std::move(schema_); }

 private:
  template <class Owner, class State>
  void add_vector(StateList& to, Parameter of, int cols, int frac_bits, std::vector<float> NodeParameters::*parameter,
                  const Owner& owner, const VectorFields<State>& fields);
  void add_buffer(StateList& to, const WeightPlace& place);
  void add_layer_scalars(StateList& to, const TrainingNode& facts, const LayerAt& layer);

  const Network& network_;
  const Recipe& recipe_;
  const UpdateRule& update_;
  const GoldenOptimizer& optimizer_ = golden_optimizer(update_.optimizer);
  StateSchema schema_;
};

/// Adds a bias, gamma or beta with what its optimizer keeps and the sum of its gradients over micro-batches (N9, N25,
/// N26.4).
template <class Owner, class State>
void Lister::add_vector(StateList& to, Parameter of, int cols, int frac_bits,
                        std::vector<float> NodeParameters::*parameter, const Owner& owner,
                        const VectorFields<State>& fields) {
  StateTensor& fixed = to.tensor(value_of(of), 1, cols, member(owner, fields.value));
  fixed.stored += "_fixed";
  fixed.limits = within((std::int64_t{1} << (update_.bias_bits - 1)) - 1);
  fixed.parameter = parameter;
  fixed.frac_bits = frac_bits;
  optimizer_.list(
      to,
      {of, 1, cols, StatePart<Ints>(member(owner, fields.momentum)), StatePart<AdamState>(member(owner, fields.adam))},
      update_);
  if (update_.micro_batches == 0) return;
  StateTensor& gradients = to.tensor({StepTensor::kSum, of}, 1, cols, member(owner, fields.sum));
  gradients.stored.clear();
  gradients.limits = within(kRawLimit);
}

/// Adds the buffer of the weights' gradients over micro-batches (N26.1).
void Lister::add_buffer(StateList& to, const WeightPlace& place) {
  StateTensor& buffer =
      to.tensor(StepTensor::kBuffer, place.depth, place.out, member(place.layer, &LayerState::buffer));
  buffer.stored.clear();
  buffer.limits = within(qmax(kBufferBits));
  StateTensor& steps = to.tensor(StepTensor::kBufferStep, 1, place.out, member(place.layer, &LayerState::buffer_step));
  steps.stored.clear();
  steps.coding = StateCoding::kMagnitude;
}

/// Adds scalars of all layers, and those that only codes in the state or a kept mean have; a checkpoint has
/// room for all of them or for none.
void Lister::add_layer_scalars(StateList& to, const TrainingNode& facts, const LayerAt& layer) {
  const RecipeLayer& rule = facts.rule;
  const StoreScalars uses = golden_store(rule.store).scalars(update_);
  const bool reads_input = facts.inputs.front() == kNetworkInput;
  const Kept of_x = reads_input ? Kept::kNothing : golden_quantizer(rule.activation.quantizer).keeps(rule.activation);
  const Kept of_d = golden_quantizer(rule.gradient.quantizer).keeps(rule.gradient);
  const auto add = [&](StepScalar what, ScalarCoding coding, auto LayerState::*field, const char* stored,
                       std::size_t place, bool used) -> StateScalar& {
    StateScalar& scalar = to.scalar(what, coding, member(layer, field));
    scalar.stored = to.stored(stored);
    scalar.place = place;
    scalar.used = used;
    return scalar;
  };
  const auto calibrated = [](StateScalar& scalar) { scalar.calibrated = scalar.used; };
  to.scalar(StepScalar::kWMax, ScalarCoding::kCount, member(layer, &LayerState::wmax));
  constexpr ScalarCoding kScale = ScalarCoding::kScale, kLevel = ScalarCoding::kLevel;
  calibrated(add(StepScalar::kSxNext, kScale, &LayerState::sx_next, "scales", 0, of_x == Kept::kScale));
  calibrated(add(StepScalar::kSdNext, kScale, &LayerState::sd_next, "scales", 1, of_d == Kept::kScale));
  if (!uses.scale && of_d != Kept::kMean) return;
  constexpr const char* kOthers = "recipe_state";
  add(StepScalar::kSw, kScale, &LayerState::sw, kOthers, 0, uses.scale);
  add(StepScalar::kSv, kScale, &LayerState::sv, kOthers, 1, uses.moment_scales);
  calibrated(add(StepScalar::kSvNext, kScale, &LayerState::sv_next, kOthers, 2, uses.moment_scales));
  add(StepScalar::kLevelRead, kLevel, &LayerState::level_read, kOthers, 3, uses.levels);
  add(StepScalar::kLevelWrite, kLevel, &LayerState::level_write, kOthers, 4, uses.levels);
  calibrated(add(StepScalar::kMhat, ScalarCoding::kMagnitude, &LayerState::mhat, kOthers, 5, of_d == Kept::kMean));
}

void Lister::add_layer(const Node& node, const TrainingNode& facts) {
  StateList to(schema_, network_, facts.node);
  const int out = node.shape[0];
  const WeightPlace weights{facts.rule, fan_in(node), out, LayerAt{schema_.layers++}};
  golden_store(facts.rule.store).list(to, weights, update_);
  if (update_.micro_batches != 0) add_buffer(to, weights);
  if (has_bias(node)) {
    add_vector<LayerAt, LayerState>(
        to, Parameter::kBias, out, update_.bias_frac_bits, &NodeParameters::bias, weights.layer,
        {&LayerState::bias, &LayerState::bias_momentum, &LayerState::bias_adam, &LayerState::bias_sum});
  }
  add_layer_scalars(to, facts, weights.layer);
}

void Lister::add_norm(const Node& node, const TrainingNode& facts) {
  StateList to(schema_, network_, facts.node);
  const NormAt norm{schema_.norms++};
  const int channels = node.shape[0];
  add_vector<NormAt, NormState>(
      to, Parameter::kGamma, channels, kNormFracBits, &NodeParameters::gamma, norm,
      {&NormState::gamma, &NormState::gamma_momentum, &NormState::gamma_adam, &NormState::gamma_sum});
  add_vector<NormAt, NormState>(
      to, Parameter::kBeta, channels, kNormFracBits, &NodeParameters::beta, norm,
      {&NormState::beta, &NormState::beta_momentum, &NormState::beta_adam, &NormState::beta_sum});
  const int running = recipe_.normalization == Normalization::kLayerBatch ? 1 : channels;
  StateTensor& mean = to.tensor(StepTensor::kRunMean, 1, running, member(norm, &NormState::run_mean));
  mean.coding = StateCoding::kReal;
  mean.parameter = &NodeParameters::running_mean;
  StateTensor& variance = to.tensor(StepTensor::kRunVar, 1, running, member(norm, &NormState::run_var));
  variance.coding = StateCoding::kMagnitude;
  variance.parameter = &NodeParameters::running_variance;
  variance.start = 1;
}

void Lister::add_shared() {
  StateList to(schema_, network_, kWholeStep);
  optimizer_.list_shared(to);
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
  lister.add_shared();
  return lister.take();
}

}  // namespace bitloom
