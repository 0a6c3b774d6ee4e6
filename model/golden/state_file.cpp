#include "model/golden/state_file.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "model/io/error.hpp"

namespace bitloom {
namespace {

using Tensors = std::map<std::string, NpyArray>;

/// What a stored integer may be.
struct Range {
  std::int64_t low = 0;
  std::int64_t high = 0;
};
constexpr Range within(std::int64_t limit) { return {-limit, limit}; }
constexpr Range of_bits(int bits) { return within((std::int64_t{1} << (bits - 1)) - 1); }

/// Ranges of a layer's integers, from its recipe.
struct LayerRanges {
  Range master, momentum, bias, q, latent;
};

LayerRanges ranges_of(const RecipeLayer& rule, const UpdateRule& update) {
  const bool latent = keeps_latent(rule.optimizer);
  const std::int64_t largest = latent ? qmax(rule.width(rule.weight)) : qmax(8);
  return {of_bits(update.master_bits), latent ? of_bits(8) : of_bits(update.momentum_bits), of_bits(update.bias_bits),
          within(largest), within(largest * 65536 + 32767)};
}

constexpr Range kResiduals{-8, 7};   ///< N23.1
constexpr Range kRootCodes{0, 255};  ///< of √v (N25.6)
constexpr Range kMomenta = within(kMomentumLimit);
constexpr Range kParameters = within(kBiasLimit);

/// Calls `visit` for every field of a state that lives in a checkpoint, the same way for reading and writing:
/// ints(name, values, container bits, range), reals(name, vector of Real), magnitudes likewise for what is never
/// negative, scales and extras for the words of a layer.
template <class State, class Visit>
void visit_adam(const std::string& name, State& adam, Visit& visit) {
  if (adam.blocks.empty()) return;
  visit.ints(name + "m", adam.m, 8, of_bits(8));
  visit.ints(name + "r", adam.r, 16, kRootCodes);
  visit.blocks(name + "blocks", adam.blocks);
}

template <class State, class Visit>
void visit_layer(const std::string& name, State& layer, const LayerRanges& ranges, Visit& visit) {
  const bool lwq = !layer.residual.empty() || !layer.latent.empty();
  visit.ints(name + "master", layer.master, 32, ranges.master);
  visit.ints(name + "momentum", layer.momentum, lwq ? 8 : 16, ranges.momentum);
  visit.scales(name + "scales", layer);
  visit.ints(name + "bias_fixed", layer.bias, 32, ranges.bias);
  visit.ints(name + "bias_momentum", layer.bias_momentum, 16, kMomenta);
  visit.ints(name + "q", layer.q, 8, ranges.q);
  visit.ints(name + "residual", layer.residual, 8, kResiduals);
  visit.ints(name + "latent", layer.latent, 32, ranges.latent);
  if (!layer.q.empty() || !layer.mhat.is_zero()) visit.extras(name + "recipe_state", layer);
  visit_adam(name + "adam_", layer.adam, visit);
  visit_adam(name + "bias_adam_", layer.bias_adam, visit);
}

template <class State, class Visit>
void visit_norm(const std::string& name, State& norm, Visit& visit) {
  visit.ints(name + "gamma_fixed", norm.gamma, 32, kParameters);
  visit.ints(name + "beta_fixed", norm.beta, 32, kParameters);
  visit.ints(name + "gamma_momentum", norm.gamma_momentum, 16, kMomenta);
  visit.ints(name + "beta_momentum", norm.beta_momentum, 16, kMomenta);
  visit.reals(name + "run_mean", norm.run_mean);
  visit.magnitudes(name + "run_var", norm.run_var);
  visit_adam(name + "gamma_adam_", norm.gamma_adam, visit);
  visit_adam(name + "beta_adam_", norm.beta_adam, visit);
}

bool has_weights(const Node& node) { return node.op == Op::kLinear || node.op == Op::kConv2d; }

template <class State, class Visit>
void visit_state(const Network& network, const Recipe& recipe, State& state, Visit& visit) {
  const auto layers = static_cast<int>(state.layers.size());
  std::size_t layer = 0, norm = 0;
  for (const Node& node : network.nodes) {
    if (has_weights(node)) {
      visit.shape = {fan_in(node), node.shape[0]};
      const RecipeLayer rule = layer_recipe(recipe, static_cast<int>(layer), layers, node.name);
      visit_layer(node.name + ".", state.layers[layer++], ranges_of(rule, recipe.update), visit);
    } else if (node.op == Op::kBatchNorm) {
      visit.shape.clear();
      visit_norm(node.name + ".", state.norms[norm++], visit);
    }
  }
}

std::int32_t signed_word(std::uint32_t word) { return static_cast<std::int32_t>(word); }
std::uint32_t unsigned_word(std::int32_t word) { return static_cast<std::uint32_t>(word); }

struct Writer {
  Tensors& all;
  std::vector<std::int64_t> shape;  ///< of the layer's weights

  std::vector<std::int64_t> shape_for(std::size_t count) const {
    const bool weights = shape.size() == 2 && static_cast<std::size_t>(shape[0] * shape[1]) == count;
    return weights ? shape : std::vector<std::int64_t>{static_cast<std::int64_t>(count)};
  }
  template <class T, class V>
  void put(const std::string& name, const std::vector<V>& values) {
    const std::vector<T> narrow(values.begin(), values.end());
    all[name] = npy_from<T>(name.ends_with("bias_fixed") || name.ends_with("bias_momentum")
                                ? std::vector<std::int64_t>{static_cast<std::int64_t>(values.size())}
                                : shape_for(values.size()),
                            std::span<const T>(narrow));
  }
  template <class V>
  void ints(const std::string& name, const std::vector<V>& values, int bits, const Range& /*range*/) {
    if (values.empty()) return;
    if (bits == 8) return put<std::int8_t>(name, values);
    if (bits == 16) return put<std::int16_t>(name, values);
    put<std::int32_t>(name, values);
  }
  void reals(const std::string& name, const std::vector<Real>& values) {
    std::vector<std::int32_t> words;
    for (const Real value : values) words.push_back(signed_word(value.word()));
    put<std::int32_t>(name, words);
  }
  void magnitudes(const std::string& name, const std::vector<Real>& values) { reals(name, values); }
  void blocks(const std::string& name, const std::vector<AdamBlock>& values) {
    std::vector<Real> of;
    for (const AdamBlock& block : values) of.insert(of.end(), {block.m_step, block.r_lo, block.r_step});
    reals(name, of);
  }
  void scales(const std::string& name, const LayerState& layer) {
    const std::vector<std::int32_t> words{signed_word(word(layer.sx_next)), signed_word(word(layer.sd_next))};
    all[name] = npy_from<std::int32_t>({2}, words);
  }
  void extras(const std::string& name, const LayerState& layer) {
    const std::vector<std::int32_t> words{
        signed_word(word(layer.sw)), signed_word(word(layer.sv)),   signed_word(word(layer.sv_next)), layer.level_read,
        layer.level_write,           signed_word(layer.mhat.word())};
    all[name] = npy_from<std::int32_t>({6}, words);
  }
};

struct Reader {
  const Checkpoint& from;
  const std::string& file;
  std::vector<std::int64_t> shape;

  template <class T>
  std::vector<T> values(const std::string& name, std::size_t count) const {
    const bool weights = shape.size() == 2 && static_cast<std::size_t>(shape[0] * shape[1]) == count &&
                         !name.ends_with("bias_fixed") && !name.ends_with("bias_momentum");
    const std::vector<std::int64_t> wanted =
        weights ? shape : std::vector<std::int64_t>{static_cast<std::int64_t>(count)};
    return npy_values<T>(checkpoint_tensor(from, file, name, NpyTypeOf<T>::value, wanted), name);
  }
  [[noreturn]] void fail(const std::string& name, const std::string& message) const {
    throw Error(fmt::format("{}: tensor {}: {}", file, name, message));
  }
  template <class T, class V>
  void get(const std::string& name, std::vector<V>& to, const Range& range) const {
    const std::vector<T> read = values<T>(name, to.size());
    const auto outside = [&](T value) { return value < range.low || value > range.high; };
    const auto bad = std::find_if(read.begin(), read.end(), outside);
    if (bad != read.end()) {
      fail(name, fmt::format("element {}: expected {} to {}, got {}", bad - read.begin(), range.low, range.high,
                             std::int64_t{*bad}));
    }
    to.assign(read.begin(), read.end());
  }
  template <class V>
  void ints(const std::string& name, std::vector<V>& to, int bits, const Range& range) const {
    if (to.empty()) return;
    if (bits == 8) return get<std::int8_t>(name, to, range);
    if (bits == 16) return get<std::int16_t>(name, to, range);
    get<std::int32_t>(name, to, range);
  }
  void reals(const std::string& name, std::vector<Real>& to) const {
    const std::vector<std::int32_t> words = values<std::int32_t>(name, to.size());
    for (std::size_t i = 0; i < to.size(); ++i) {
      to[i] = Real::from_word(unsigned_word(words[i]));
      if (!is_real(to[i])) fail(name, fmt::format("element {}: the word {:#010x} is no real", i, to[i].word()));
    }
  }
  void magnitudes(const std::string& name, std::vector<Real>& to) const {
    reals(name, to);
    for (std::size_t i = 0; i < to.size(); ++i) {
      if (to[i].negative()) fail(name, fmt::format("element {}: expected at least 0, got {}", i, value(to[i])));
    }
  }
  /// A scale, or the word for none.
  Scale scale(const std::string& name, std::int32_t stored) const {
    const std::uint32_t bits = unsigned_word(stored);
    const Scale read = from_word(bits);
    if (bits != kNoScale && (!is_scale(read) || word(read) != bits)) {
      fail(name, fmt::format("the word {:#010x} is no scale", bits));
    }
    return read;
  }
  void blocks(const std::string& name, std::vector<AdamBlock>& to) const {
    std::vector<Real> of(3 * to.size());
    magnitudes(name, of);
    for (std::size_t i = 0; i < to.size(); ++i) to[i] = {of[3 * i], of[3 * i + 1], of[3 * i + 2]};
  }
  void scales(const std::string& name, LayerState& layer) const {
    const auto words = npy_values<std::int32_t>(checkpoint_tensor(from, file, name, NpyType::kInt32, {2}), name);
    layer.sx_next = scale(name, words[0]);
    layer.sd_next = scale(name, words[1]);
  }
  void extras(const std::string& name, LayerState& layer) const {
    const auto words = npy_values<std::int32_t>(checkpoint_tensor(from, file, name, NpyType::kInt32, {6}), name);
    layer.sw = scale(name, words[0]);
    layer.sv = scale(name, words[1]);
    layer.sv_next = scale(name, words[2]);
    layer.level_read = words[3];
    layer.level_write = words[4];
    layer.mhat = Real::from_word(unsigned_word(words[5]));
    const auto level = [](int of) { return of >= 0 && of <= 3; };
    if (!level(layer.level_read) || !level(layer.level_write)) {
      fail(name, fmt::format("expected levels from 0 to 3, got {} and {}", layer.level_read, layer.level_write));
    }
    if (!is_real(layer.mhat) || layer.mhat.negative()) {
      fail(name, fmt::format("the word {:#010x} is no maximum", layer.mhat.word()));
    }
  }
};

/// What the bits of the state mean; a checkpoint of other formats is refused.
std::vector<std::int32_t> formats(const Recipe& recipe) {
  const UpdateRule& update = recipe.update;
  return {update.master_bits,        update.master_frac_bits, update.momentum_bits,
          update.momentum_frac_bits, update.bias_bits,        update.bias_frac_bits};
}

std::vector<std::int64_t> real_shape(const Node& node) {
  if (node.op == Op::kLinear) return {node.shape[0], fan_in(node)};
  const auto& conv = std::get<Conv2dAttributes>(node.attributes);
  return {conv.out, conv.kernel.rows, conv.kernel.cols, conv.in / conv.groups};
}

void put_reals(const std::string& name, const std::vector<std::int64_t>& shape, const std::vector<float>& values,
               Tensors& all) {
  if (!values.empty()) all[name] = npy_from<float>(shape, values);
}

}  // namespace

std::map<std::string, NpyArray> state_tensors(const Network& network, const Recipe& recipe, const TrainState& state) {
  Tensors all;
  const std::vector<std::int32_t> formats_now = formats(recipe);
  all["formats"] = npy_from<std::int32_t>({6}, formats_now);
  Writer writer{all, {}};
  visit_state(network, recipe, state, writer);
  if (uses_adam(recipe.update.optimizer)) {
    writer.shape.clear();
    writer.reals("adam_powers", {state.powers.beta1, state.powers.beta2});
  }
  const std::vector<NodeParameters> real = real_parameters(network, recipe, state);
  for (std::size_t n = 0; n < real.size(); ++n) {
    const Node& node = network.nodes[n];
    const std::vector<std::int64_t> channels{node.shape.empty() ? 0 : node.shape[0]};
    const std::string name = node.name + ".";
    if (has_weights(node)) put_reals(name + "weight", real_shape(node), real[n].weight, all);
    put_reals(name + "bias", channels, real[n].bias, all);
    put_reals(name + "gamma", channels, real[n].gamma, all);
    put_reals(name + "beta", channels, real[n].beta, all);
    const auto running = static_cast<std::int64_t>(real[n].running_mean.size());
    put_reals(name + "running_mean", {running}, real[n].running_mean, all);
    put_reals(name + "running_variance", {running}, real[n].running_variance, all);
  }
  return all;
}

void read_state_tensors(const Checkpoint& from, const std::string& file, const Network& network, const Recipe& recipe,
                        TrainState& state) {
  if (npy_values<std::int32_t>(checkpoint_tensor(from, file, "formats", NpyType::kInt32, {6}), "formats") !=
      formats(recipe)) {
    throw Error(fmt::format("{}: formats: not those of recipe {}", file, recipe.name));
  }
  Reader reader{from, file, {}};
  for (LayerState& layer : state.layers) {
    // A logarithmic hindsight maximum is there once a step was done.
    if (layer.q.empty()) layer.mhat = {};
  }
  std::size_t l = 0;
  for (const Node& node : network.nodes) {
    if (!has_weights(node)) continue;
    if (from.tensors.contains(node.name + ".recipe_state")) state.layers[l].mhat = exp2_real(0);
    ++l;
  }
  visit_state(network, recipe, state, reader);
  for (LayerState& layer : state.layers) layer.wmax = largest_magnitude(layer.master);
  if (uses_adam(recipe.update.optimizer)) {
    reader.shape.clear();
    std::vector<Real> powers(2);
    reader.magnitudes("adam_powers", powers);
    state.powers = {powers[0], powers[1]};
  }
}

std::vector<NodeParameters> read_parameters(const Checkpoint& from, const std::string& file, const Network& network) {
  std::vector<NodeParameters> parameters;
  for (const Node& node : network.nodes) {
    NodeParameters& real = parameters.emplace_back();
    const auto read = [&](const char* what, const std::vector<std::int64_t>& shape) {
      return checkpoint_reals(from, file, node.name + what, shape);
    };
    const std::vector<std::int64_t> channels{node.shape.empty() ? 0 : node.shape[0]};
    if (has_weights(node)) {
      real.weight = read(".weight", real_shape(node));
      const bool bias = node.op == Op::kLinear ? std::get<LinearAttributes>(node.attributes).bias
                                               : std::get<Conv2dAttributes>(node.attributes).bias;
      if (bias) real.bias = read(".bias", channels);
    } else if (node.op == Op::kBatchNorm) {
      real.gamma = read(".gamma", channels);
      real.beta = read(".beta", channels);
      const auto running = [&](const char* what) {
        const auto found = from.tensors.find(node.name + what);
        return found == from.tensors.end() ? std::vector<float>{} : read(what, found->second.shape);
      };
      real.running_mean = running(".running_mean");
      real.running_variance = running(".running_variance");
      require_variance(real.running_variance, file, node.name + ".running_variance");
    }
  }
  return parameters;
}

}  // namespace bitloom
