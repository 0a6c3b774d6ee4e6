#include "kernels/image.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <string>

#include "model/error.hpp"

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

const TensorPlacement& place_of(const Program& program, const std::string& name, Packing packing) {
  const TensorPlacement* tensor = find_tensor(program, name, packing);
  if (tensor == nullptr) throw Error(fmt::format("memory image: the program has no tensor {}", name));
  return *tensor;
}

void put_words(Bytes memory, const TensorPlacement& tensor, const std::vector<std::int32_t>& values) {
  const auto rows = static_cast<std::size_t>(tensor.rows);
  const auto cols = static_cast<std::size_t>(tensor.cols);
  if (values.size() != rows * cols) {
    throw Error(fmt::format("memory image: tensor {}: expected {} × {} values, got {}", tensor.name, rows, cols,
                            values.size()));
  }
  for (std::size_t r = 0; r < rows; ++r) {
    for (std::size_t c = 0; c < cols; ++c) {
      put_word(memory, tensor.address + r * tensor.pitch + 4 * c, static_cast<std::uint32_t>(values[r * cols + c]));
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

/// One memory row of packed codes; `code_at(i)` gives code number i of `count`. Padding nibbles are 0 (N1.2).
template <class CodeAt>
void put_codes(Bytes memory, std::size_t address, int bits, int count, CodeAt code_at) {
  for (int i = 0; i < count; ++i) {
    const auto code = static_cast<int>(code_at(i));
    if (bits == 8) {
      memory[address + static_cast<std::size_t>(i)] = static_cast<std::uint8_t>(code);
    } else if (i % 2 == 0) {
      const int odd = i + 1 < count ? static_cast<int>(code_at(i + 1)) : 0;
      memory[address + static_cast<std::size_t>(i / 2)] = pack_nibbles(code, odd);
    }
  }
}

void put_ones(Bytes memory, const TensorPlacement& tensor) {
  if (!tensor.ones_row) return;
  const std::size_t row = tensor.address + static_cast<std::size_t>(tensor.cols) * tensor.pitch;
  put_codes(memory, row, tensor.bits, tensor.rows, [](int) { return 1; });
}

/// Both packings of the network's input. X is [M][in].
void put_input(Bytes block, const Program& program, const std::vector<std::int8_t>& codes) {
  const std::string name = program.chain.front().name + ".x";
  const TensorPlacement& by_rows = place_of(program, name, Packing::kRows);
  const TensorPlacement& by_columns = place_of(program, name, Packing::kColumns);
  const auto cols = static_cast<std::size_t>(by_rows.cols);
  for (int r = 0; r < by_rows.rows; ++r) {
    const std::size_t row = static_cast<std::size_t>(r) * cols;
    put_codes(block, by_rows.address + static_cast<std::size_t>(r) * by_rows.pitch, by_rows.bits, by_rows.cols,
              [&](int i) { return codes[row + static_cast<std::size_t>(i)]; });
  }
  for (std::size_t c = 0; c < cols; ++c) {
    put_codes(block, by_columns.address + c * by_columns.pitch, by_columns.bits, by_columns.rows,
              [&](int i) { return codes[static_cast<std::size_t>(i) * cols + c]; });
  }
  put_ones(block, by_columns);
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
  put_entry(memory, program, program.chain.front().name + ".sx", scale_word(input_scale, "the input's scale"));
  for (std::size_t l = 0; l < program.chain.size(); ++l) {
    const std::string name = program.chain[l].name;
    put_entry(memory, program, name + ".wmax", state.layers[l].wmax);
    for (const auto& [what, scale] :
         {std::pair{".sx_next", state.layers[l].sx_next}, std::pair{".sd_next", state.layers[l].sd_next}}) {
      if (program.table.contains(name + what)) put_entry(memory, program, name + what, scale_word(scale, name + what));
    }
  }
}

void put_state(Bytes memory, const Program& program, const TrainState& state) {
  for (std::size_t l = 0; l < program.chain.size(); ++l) {
    const std::string name = program.chain[l].name;
    const LayerState& layer = state.layers[l];
    const auto put = [&](const char* what, const std::vector<std::int32_t>& values) {
      put_words(memory, place_of(program, name + what, Packing::kInt32), values);
    };
    put(".master", layer.master);
    put(".momentum", layer.momentum);
    if (!program.chain[l].bias) continue;
    put(".bias", layer.bias);
    put(".bias_momentum", layer.bias_momentum);
  }
}

}  // namespace

MemoryImage initial_image(const Program& program, const TrainState& state, const Recipe& recipe, Scale input_scale,
                          std::uint8_t poison) {
  if (recipe.name != program.recipe) {
    throw Error(fmt::format("memory image: the program is of recipe {}, not {}", program.recipe, recipe.name));
  }
  if (state.layers.size() != program.chain.size()) {
    throw Error(fmt::format("memory image: the state has {} layers, the program {}", state.layers.size(),
                            program.chain.size()));
  }
  MemoryImage image;
  image.bytes.assign(static_cast<std::size_t>(program.total_bytes), poison);
  const Bytes memory(image.bytes);
  put_table(memory, program, state, input_scale);
  put_state(memory, program, state);
  for (const TensorPlacement& tensor : program.tensors) {
    if (!tensor.in_batch) put_ones(memory, tensor);
  }
  for (std::size_t i = 0; i < program.commands.size(); ++i) {
    const auto bytes = encode(program.commands[i]);
    std::copy(bytes.begin(), bytes.end(),
              image.bytes.begin() + static_cast<std::ptrdiff_t>(program.program_address + i * kCommandBytes));
  }
  return image;
}

std::vector<std::uint8_t> batch_block(const Program& program, const Batch& batch) {
  const auto samples = static_cast<std::size_t>(program.batch);
  const auto features = static_cast<std::size_t>(program.chain.front().in);
  if (batch.M != program.batch || batch.labels.size() != samples || batch.X.size() != samples * features) {
    throw Error(fmt::format("batch: expected {} samples of {} codes, got {} labels and {} codes", samples, features,
                            batch.labels.size(), batch.X.size()));
  }
  const int limit = qmax(program.layer_bits.front());
  for (const std::int8_t code : batch.X) {
    if (code < -limit || code > limit) throw Error(fmt::format("batch: code {} exceeds ±{}", int{code}, limit));
  }
  std::vector<std::uint8_t> block(program.batch_bytes, 0);
  put_input(block, program, batch.X);
  put_words(block, place_of(program, "labels", Packing::kInt32), {batch.labels.begin(), batch.labels.end()});
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
  for (const LinearLayer& facts : program.chain) {
    const auto get = [&](const char* what) {
      return get_words(memory, place_of(program, facts.name + what, Packing::kInt32));
    };
    LayerState layer;
    layer.master = get(".master");
    layer.momentum = get(".momentum");
    if (facts.bias) {
      layer.bias = get(".bias");
      layer.bias_momentum = get(".bias_momentum");
    }
    layer.wmax = entry(facts.name + ".wmax");
    layer.sx_next = from_word(entry(facts.name + ".sx_next"));
    layer.sd_next = from_word(entry(facts.name + ".sd_next"));
    state.layers.push_back(std::move(layer));
  }
  return state;
}

}  // namespace bitloom
