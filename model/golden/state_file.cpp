#include "model/golden/state_file.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "model/golden/state_schema.hpp"
#include "model/golden/state_words.hpp"
#include "model/io/error.hpp"

namespace bitloom {
namespace {

using Tensors = std::map<std::string, NpyArray>;

using state_words::signed_word;
using state_words::unsigned_word;

std::vector<std::int64_t> stored_shape(const StateTensor& tensor) {
  if (tensor.matrix) return {tensor.rows, tensor.cols};
  return {static_cast<std::int64_t>(tensor.size())};
}

/// Turns the order of memory into that of checkpoints, which keep a tensor of named rows column by column; and back.
std::vector<std::int32_t> turned(const std::vector<std::int32_t>& from, std::size_t rows, std::size_t cols) {
  std::vector<std::int32_t> to(from.size());
  for (std::size_t r = 0; r < rows; ++r) {
    for (std::size_t c = 0; c < cols; ++c) to[c * rows + r] = from[r * cols + c];
  }
  return to;
}

template <class T>
NpyArray narrowed(const std::vector<std::int32_t>& words, const std::vector<std::int64_t>& shape) {
  const std::vector<T> narrow(words.begin(), words.end());
  return npy_from<T>(shape, std::span<const T>(narrow));
}

NpyArray to_npy(const StateTensor& tensor, const TrainState& state) {
  std::vector<std::int32_t> words = tensor.read(state);
  if (!tensor.recorded_rows.empty()) {
    words = turned(words, static_cast<std::size_t>(tensor.rows), static_cast<std::size_t>(tensor.cols));
  }
  if (tensor.stored_bits() == 8) return narrowed<std::int8_t>(words, stored_shape(tensor));
  if (tensor.stored_bits() == 16) return narrowed<std::int16_t>(words, stored_shape(tensor));
  return narrowed<std::int32_t>(words, stored_shape(tensor));
}

/// Reads the state out of a checkpoint, and refuses what no run could have left.
class Reader {
 public:
  Reader(const Checkpoint& from, const std::string& file) : from_(from), file_(file) {}

  std::vector<std::int32_t> tensor(const StateTensor& of) const;
  std::uint32_t scalar(const StateScalar& of, std::size_t places) const;

 private:
  [[noreturn]] void fail(const std::string& name, const std::string& message) const {
    throw Error(fmt::format("{}: tensor {}: {}", file_, name, message));
  }
  template <class T>
  std::vector<std::int32_t> words(const std::string& name, const std::vector<std::int64_t>& shape) const {
    const std::vector<T> read = npy_values<T>(checkpoint_tensor(from_, file_, name, NpyTypeOf<T>::value, shape), name);
    return {read.begin(), read.end()};
  }
  void require_integers(const StateTensor& of, const std::vector<std::int32_t>& read) const;
  void require_reals(const StateTensor& of, const std::vector<std::int32_t>& read) const;

  const Checkpoint& from_;
  const std::string& file_;
};

void Reader::require_integers(const StateTensor& of, const std::vector<std::int32_t>& read) const {
  const StateLimits& may = of.limits;
  const auto outside = [&](std::int32_t value) { return value < may.low || value > may.high; };
  const auto bad = std::find_if(read.begin(), read.end(), outside);
  if (bad == read.end()) return;
  fail(of.stored, fmt::format("element {}: expected {} to {}, got {}", bad - read.begin(), may.low, may.high, *bad));
}

void Reader::require_reals(const StateTensor& of, const std::vector<std::int32_t>& read) const {
  for (std::size_t i = 0; i < read.size(); ++i) {
    const Real real = Real::from_word(unsigned_word(read[i]));
    if (!is_real(real)) fail(of.stored, fmt::format("element {}: the word {:#010x} is no real", i, real.word()));
    if (of.coding == StateCoding::kMagnitude && real.negative()) {
      fail(of.stored, fmt::format("element {}: expected at least 0, got {}", i, value(real)));
    }
  }
}

std::vector<std::int32_t> Reader::tensor(const StateTensor& of) const {
  const std::vector<std::int64_t> shape = stored_shape(of);
  std::vector<std::int32_t> read = of.stored_bits() == 8    ? words<std::int8_t>(of.stored, shape)
                                   : of.stored_bits() == 16 ? words<std::int16_t>(of.stored, shape)
                                                            : words<std::int32_t>(of.stored, shape);
  of.coding == StateCoding::kInteger ? require_integers(of, read) : require_reals(of, read);
  if (of.recorded_rows.empty()) return read;
  return turned(read, static_cast<std::size_t>(of.cols), static_cast<std::size_t>(of.rows));
}

/// Returns the word of a scalar, whose checkpoint tensor holds `places` words.
std::uint32_t Reader::scalar(const StateScalar& of, std::size_t places) const {
  const std::vector<std::int32_t> all = words<std::int32_t>(of.stored, {static_cast<std::int64_t>(places)});
  const std::uint32_t read = unsigned_word(all[of.place]);
  switch (of.coding) {
    case ScalarCoding::kScale:  // or the word for none
      if (read == kNoScale || (is_scale(from_word(read)) && word(from_word(read)) == read)) break;
      fail(of.stored, fmt::format("element {}: the word {:#010x} is no scale", of.place, read));
    case ScalarCoding::kMagnitude:
      if (is_real(Real::from_word(read)) && !Real::from_word(read).negative()) break;
      fail(of.stored, fmt::format("element {}: the word {:#010x} is no real of at least 0", of.place, read));
    case ScalarCoding::kLevel:
      if (read <= 3) break;
      fail(of.stored, fmt::format("element {}: expected 0 to 3, got {}", of.place, signed_word(read)));
    case ScalarCoding::kCount:
      break;
  }
  return read;
}

/// Counts the words that each checkpoint tensor of scalars holds.
std::map<std::string, std::size_t> places_of(const StateSchema& schema) {
  std::map<std::string, std::size_t> places;
  for (const StateScalar& scalar : schema.scalars) {
    if (!scalar.stored.empty()) ++places[scalar.stored];
  }
  return places;
}

/// Returns what the bits of the state mean; a checkpoint of other formats is refused.
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
  const StateSchema schema = state_schema(network, recipe);
  for (const StateTensor& tensor : schema.tensors) {
    if (!tensor.stored.empty()) all[tensor.stored] = to_npy(tensor, state);
  }
  for (const auto& [name, places] : places_of(schema)) {
    std::vector<std::int32_t> words(places);
    for (const StateScalar& scalar : schema.scalars) {
      if (scalar.stored == name) words[scalar.place] = signed_word(scalar.read(state));
    }
    all[name] = npy_from<std::int32_t>({static_cast<std::int64_t>(places)}, words);
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
  const StateSchema schema = state_schema(network, recipe);
  const Reader reader(from, file);
  for (const StateTensor& tensor : schema.tensors) {
    if (!tensor.stored.empty()) tensor.write(state, reader.tensor(tensor));
  }
  const std::map<std::string, std::size_t> places = places_of(schema);
  for (const StateScalar& scalar : schema.scalars) {
    if (!scalar.stored.empty()) scalar.write(state, reader.scalar(scalar, places.at(scalar.stored)));
  }
  for (LayerState& layer : state.layers) layer.wmax = largest_magnitude(layer.master);
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
      if (has_bias(node)) real.bias = read(".bias", channels);
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
