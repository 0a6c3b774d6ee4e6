#include "kernels/image.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <type_traits>

#include "model/io/error.hpp"

namespace bitloom {

namespace {

using Bytes = std::span<std::uint8_t>;
using ConstBytes = std::span<const std::uint8_t>;

void put_word(Bytes memory, std::size_t address, std::uint32_t word) {
  for (std::size_t i = 0; i < 4; ++i) memory[address + i] = static_cast<std::uint8_t>(word >> (8 * i) & 0xFFu);
}

std::uint32_t get_word(ConstBytes memory, std::size_t address) {
  std::uint32_t word = 0;
  for (std::size_t i = 0; i < 4; ++i) word |= std::uint32_t{memory[address + i]} << (8 * i);
  return word;
}

const TensorPlacement& place_of(const Program& program, const std::string& name) {
  const TensorPlacement* tensor = find_tensor(program, name);
  if (tensor == nullptr) throw Error(fmt::format("memory image: the program has no tensor {}", name));
  return *tensor;
}

/// Names of the linear and conv2d nodes, in the order of nodes.
std::vector<std::string> layer_names_of(const Network& network) {
  std::vector<std::string> names;
  for (const Node& node : network.nodes) {
    if (node.op == Op::kLinear || node.op == Op::kConv2d) names.push_back(node.name);
  }
  return names;
}

void require_values(const TensorPlacement& tensor, std::size_t count) {
  if (count == static_cast<std::size_t>(tensor.rows) * static_cast<std::size_t>(tensor.cols)) return;
  throw Error(fmt::format("memory image: tensor {}: expected {} × {} values, got {}", tensor.name, tensor.rows,
                          tensor.cols, count));
}

/// Elements of any width, row by row; padding bits are 0.
template <class Value>
void put_elements(Bytes memory, const TensorPlacement& tensor, const std::vector<Value>& values) {
  require_values(tensor, values.size());
  const auto cols = static_cast<std::size_t>(tensor.cols);
  const auto bits = static_cast<std::size_t>(tensor.bits);
  for (std::size_t r = 0; r < static_cast<std::size_t>(tensor.rows); ++r) {
    const std::size_t row = tensor.address + r * tensor.pitch;
    for (std::size_t byte = 0; byte < tensor.pitch; ++byte) memory[row + byte] = 0;
    for (std::size_t c = 0; c < cols; ++c) {
      auto value = static_cast<std::uint32_t>(values[r * cols + c]);
      if (tensor.coding == Coding::kSign) value = value == 1 ? 1 : 0;
      for (std::size_t bit = 0; bit < bits; ++bit) {
        const std::size_t at = c * bits + bit;
        memory[row + at / 8] |= static_cast<std::uint8_t>((value >> bit & 1u) << (at % 8));
      }
    }
  }
}

std::vector<std::int32_t> get_words(ConstBytes memory, const TensorPlacement& tensor) {
  const auto rows = static_cast<std::size_t>(tensor.rows);
  const auto cols = static_cast<std::size_t>(tensor.cols);
  std::vector<std::int32_t> values(rows * cols);
  for (std::size_t r = 0; r < rows; ++r) {
    for (std::size_t c = 0; c < cols; ++c) {
      values[r * cols + c] = static_cast<std::int32_t>(get_word(memory, tensor.address + r * tensor.pitch + 4 * c));
    }
  }
  return values;
}

void put_entry(Bytes memory, const Program& program, const std::string& name, std::uint32_t word) {
  const auto index = static_cast<std::size_t>(program.table.at(name));
  put_word(memory, program.table_address + 4 * index, word);
}

std::uint32_t scale_word(Scale scale, const std::string& what) {
  if (!is_scale(scale)) throw Error(fmt::format("memory image: {} is missing; calibrate first", what));
  return word(scale);
}

/// The table page: zeros, constants, and what lives across steps.
void put_table(Bytes memory, const Program& program, const TrainState& state, Scale input_scale) {
  for (int i = 0; i < program.table_entries; ++i) {
    put_word(memory, program.table_address + 4 * static_cast<std::size_t>(i), 0);
  }
  for (const auto& [index, constant] : program.table_constants) {
    put_word(memory, program.table_address + 4 * static_cast<std::size_t>(index), constant);
  }
  put_entry(memory, program, "input.sx", scale_word(input_scale, "the input's scale"));
  if (program.table.contains("adam_pow1")) {
    put_entry(memory, program, "adam_pow1", state.powers.beta1.word());
    put_entry(memory, program, "adam_pow2", state.powers.beta2.word());
  }
  const std::vector<std::string> names = layer_names_of(program.network);
  for (std::size_t l = 0; l < names.size(); ++l) {
    if (program.table.contains(names[l] + ".wmax"))
      put_entry(memory, program, names[l] + ".wmax", state.layers[l].wmax);
    const LayerState& layer = state.layers[l];
    for (const auto& [what, scale] : {std::pair{".sx_next", layer.sx_next}, std::pair{".sd_next", layer.sd_next},
                                      std::pair{".sv_next", layer.sv_next}}) {
      const std::string name = names[l] + what;
      if (program.table.contains(name)) put_entry(memory, program, name, scale_word(scale, name));
    }
    const auto put = [&](const char* what, std::uint32_t value) {
      if (program.table.contains(names[l] + what)) put_entry(memory, program, names[l] + what, value);
    };
    put(".mhat", layer.mhat.word());
    put(".sv", word(layer.sv));
    put(".lvl_rd", static_cast<std::uint32_t>(layer.level_read));
    put(".lvl_wr", static_cast<std::uint32_t>(layer.level_write));
    if (is_scale(layer.sw)) put(".sw", word(layer.sw));
  }
}

/// Calls visit(tensor name, vector of the state) for each tensor that lives across steps.
template <class State, class Visit>
void over_state(const Program& program, State& state, const Visit& visit) {
  const std::vector<std::string> names = layer_names_of(program.network);
  for (std::size_t l = 0; l < names.size(); ++l) {
    visit(names[l] + ".master", state.layers[l].master);
    visit(names[l] + ".bias", state.layers[l].bias);
    visit(names[l] + ".bias_momentum", state.layers[l].bias_momentum);
    const bool codes = find_tensor(program, names[l] + ".momentum8") != nullptr;
    visit(names[l] + (codes ? ".momentum8" : ".momentum"), state.layers[l].momentum);
    visit(names[l] + ".q", state.layers[l].q);
    visit(names[l] + ".residual", state.layers[l].residual);
    visit(names[l] + ".latent", state.layers[l].latent);
    visit(names[l] + ".buffer", state.layers[l].buffer);
    visit(names[l] + ".buffer_step", state.layers[l].buffer_step);
    visit(names[l] + ".bias_sum", state.layers[l].bias_sum);
  }
  std::size_t norm = 0;
  for (const Node& node : program.network.nodes) {
    if (node.op != Op::kBatchNorm) continue;
    auto& of = state.norms.at(norm++);
    visit(node.name + ".gamma", of.gamma);
    visit(node.name + ".gamma_momentum", of.gamma_momentum);
    visit(node.name + ".beta", of.beta);
    visit(node.name + ".beta_momentum", of.beta_momentum);
    visit(node.name + ".gamma_sum", of.gamma_sum);
    visit(node.name + ".beta_sum", of.beta_sum);
    visit(node.name + ".run_mean", of.run_mean);
    visit(node.name + ".run_var", of.run_var);
  }
}

/// Calls visit(prefix of its tensors' names, state) for each of Adam's states.
template <class State, class Visit>
void over_adam(const Program& program, State& state, const Visit& visit) {
  const std::vector<std::string> names = layer_names_of(program.network);
  for (std::size_t l = 0; l < names.size(); ++l) {
    visit(names[l] + ".adam_", state.layers[l].adam);
    visit(names[l] + ".bias_adam_", state.layers[l].bias_adam);
  }
  std::size_t norm = 0;
  for (const Node& node : program.network.nodes) {
    if (node.op != Op::kBatchNorm) continue;
    auto& of = state.norms.at(norm++);
    visit(node.name + ".gamma_adam_", of.gamma_adam);
    visit(node.name + ".beta_adam_", of.beta_adam);
  }
}

std::int32_t as_word(std::int32_t value) { return value; }
std::int32_t as_word(Real value) { return static_cast<std::int32_t>(value.word()); }

/// Elements of any width as values.
std::vector<std::int32_t> get_elements(ConstBytes memory, const TensorPlacement& tensor) {
  if (tensor.bits == 32) return get_words(memory, tensor);
  std::vector<std::int32_t> values;
  const auto bits = static_cast<std::size_t>(tensor.bits);
  for (std::size_t r = 0; r < static_cast<std::size_t>(tensor.rows); ++r) {
    for (std::size_t c = 0; c < static_cast<std::size_t>(tensor.cols); ++c) {
      const std::size_t bit = c * bits;
      const auto value = static_cast<std::int32_t>(memory[tensor.address + r * tensor.pitch + bit / 8] >> (bit % 8));
      const std::uint32_t top = static_cast<std::uint32_t>(value) << (32 - bits);
      const bool is_unsigned = tensor.coding == Coding::kUnsigned;
      values.push_back(is_unsigned ? static_cast<std::int32_t>(top >> (32 - bits))
                                   : static_cast<std::int32_t>(top) >> (32 - bits));
    }
  }
  return values;
}

void put_state(Bytes memory, const Program& program, const TrainState& state) {
  over_state(program, state, [&](const std::string& name, const auto& values) {
    const TensorPlacement* tensor = find_tensor(program, name);
    if (tensor == nullptr) return;
    std::vector<std::int32_t> words;
    for (const auto& value : values) words.push_back(as_word(value));
    put_elements(memory, *tensor, words);
  });
  over_adam(program, state, [&](const std::string& prefix, const AdamState& adam) {
    const TensorPlacement* blocks = find_tensor(program, prefix + "blocks");
    if (blocks == nullptr) return;
    put_elements(memory, place_of(program, prefix + "m"), adam.m);
    put_elements(memory, place_of(program, prefix + "r"), adam.r);
    std::vector<std::int32_t> words;
    for (const AdamBlock& block : adam.blocks) words.push_back(as_word(block.m_step));
    for (const AdamBlock& block : adam.blocks) words.push_back(as_word(block.r_lo));
    for (const AdamBlock& block : adam.blocks) words.push_back(as_word(block.r_step));
    put_elements(memory, *blocks, words);
  });
  const TensorPlacement& ones = place_of(program, "ones");
  put_elements(memory, ones, std::vector<int>(static_cast<std::size_t>(ones.cols), 1));
}

}  // namespace

MemoryImage initial_image(const Program& program, const TrainState& state, const Recipe& recipe, Scale input_scale,
                          std::uint8_t poison) {
  if (recipe.name != program.recipe) {
    throw Error(fmt::format("memory image: the program is of recipe {}, not {}", program.recipe, recipe.name));
  }
  const std::size_t layers = layer_names_of(program.network).size();
  if (state.layers.size() != layers) {
    throw Error(fmt::format("memory image: the state has {} layers, the program {}", state.layers.size(), layers));
  }
  MemoryImage image;
  image.bytes.assign(static_cast<std::size_t>(program.total_bytes), poison);
  const Bytes memory(image.bytes);
  put_table(memory, program, state, input_scale);
  put_state(memory, program, state);
  for (std::size_t i = 0; i < program.commands.size(); ++i) {
    const auto bytes = encode(program.commands[i]);
    std::copy(bytes.begin(), bytes.end(),
              image.bytes.begin() + static_cast<std::ptrdiff_t>(program.program_address + i * kCommandBytes));
  }
  return image;
}

std::vector<std::uint8_t> batch_block(const Program& program, const Batch& batch) {
  const auto samples = static_cast<std::size_t>(program.batch);
  const auto is_input = [](const TensorPlacement& tensor) { return tensor.in_batch && tensor.name != "labels"; };
  const auto input = std::find_if(program.tensors.begin(), program.tensors.end(), is_input);
  if (input == program.tensors.end()) throw Error("batch: the program reads no input");
  const std::size_t codes = static_cast<std::size_t>(input->rows) * static_cast<std::size_t>(input->cols);
  if (batch.M != program.batch || batch.labels.size() != samples || batch.X.size() != codes) {
    throw Error(fmt::format("batch: expected {} samples of {} codes, got {} labels and {} codes", samples,
                            codes / samples, batch.labels.size(), batch.X.size()));
  }
  std::vector<std::uint8_t> block(program.batch_bytes, 0);
  for (const TensorPlacement& view : program.tensors) {  // one for each layer that reads the input
    if (!is_input(view)) continue;
    const int limit = qmax(view.bits);
    for (const std::int8_t code : batch.X) {
      if (code < -limit || code > limit) throw Error(fmt::format("batch: code {} exceeds ±{}", int{code}, limit));
    }
    put_elements(Bytes(block), view, batch.X);
  }
  put_elements(Bytes(block), place_of(program, "labels"), batch.labels);
  return block;
}

std::uint32_t batch_offset(const Program& program, int slot) {
  if (slot < 0 || slot >= program.batch_slots) {
    throw Error(fmt::format("batch: expected a slot from 0 to {}, got {}", program.batch_slots - 1, slot));
  }
  return program.batch_address + static_cast<std::uint32_t>(slot) * program.batch_bytes;
}

void write_batch(const Program& program, std::span<std::uint8_t> memory, int slot, const Batch& batch) {
  const std::vector<std::uint8_t> block = batch_block(program, batch);
  const std::size_t start = batch_offset(program, slot);
  if (memory.size() < start + block.size()) throw Error("batch: the memory is smaller than the program's layout");
  std::copy(block.begin(), block.end(), memory.begin() + static_cast<std::ptrdiff_t>(start));
}

TrainState read_state(const Program& program, std::span<const std::uint8_t> memory, std::uint32_t step) {
  TrainState state;
  state.step = step;
  const auto entry = [&](const std::string& name) {
    const auto found = program.table.find(name);
    const auto index = static_cast<std::size_t>(found == program.table.end() ? 0 : found->second);
    return found == program.table.end() ? kNoScale : get_word(memory, program.table_address + 4 * index);
  };
  const std::vector<std::string> names = layer_names_of(program.network);
  state.layers.resize(names.size());
  for (const Node& node : program.network.nodes)
    state.norms.resize(state.norms.size() + (node.op == Op::kBatchNorm ? 1 : 0));
  over_state(program, state, [&](const std::string& name, auto& values) {
    const TensorPlacement* tensor = find_tensor(program, name);
    if (tensor == nullptr) return;
    using Value = typename std::remove_reference_t<decltype(values)>::value_type;
    values.clear();
    for (const std::int32_t word : get_elements(memory, *tensor)) {
      if constexpr (std::is_same_v<Value, Real>) {
        values.push_back(Real::from_word(static_cast<std::uint32_t>(word)));
      } else {
        values.push_back(static_cast<Value>(word));
      }
    }
  });
  over_adam(program, state, [&](const std::string& prefix, AdamState& adam) {
    const TensorPlacement* blocks = find_tensor(program, prefix + "blocks");
    if (blocks == nullptr) return;
    adam.m = get_elements(memory, place_of(program, prefix + "m"));
    adam.r = get_elements(memory, place_of(program, prefix + "r"));
    const std::vector<std::int32_t> words = get_words(memory, *blocks);
    const std::size_t cols = words.size() / 3;
    const auto real = [&](std::size_t i) { return Real::from_word(static_cast<std::uint32_t>(words[i])); };
    for (std::size_t c = 0; c < cols; ++c) adam.blocks.push_back({real(c), real(cols + c), real(2 * cols + c)});
  });
  if (program.table.contains("adam_pow1")) {
    state.powers = {Real::from_word(entry("adam_pow1")), Real::from_word(entry("adam_pow2"))};
  }
  for (std::size_t l = 0; l < names.size(); ++l) {
    state.layers[l].wmax = entry(names[l] + ".wmax");
    state.layers[l].sx_next = from_word(entry(names[l] + ".sx_next"));
    state.layers[l].sd_next = from_word(entry(names[l] + ".sd_next"));
    state.layers[l].mhat = Real::from_word(entry(names[l] + ".mhat"));
    state.layers[l].sv = from_word(entry(names[l] + ".sv"));
    state.layers[l].sv_next = from_word(entry(names[l] + ".sv_next"));
    state.layers[l].level_read = static_cast<int>(entry(names[l] + ".lvl_rd"));
    state.layers[l].level_write = static_cast<int>(entry(names[l] + ".lvl_wr"));
    if (!state.layers[l].q.empty()) state.layers[l].sw = from_word(entry(names[l] + ".sw"));
  }
  return state;
}

}  // namespace bitloom
