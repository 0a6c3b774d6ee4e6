#include "kernels/image.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <string>

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

/// Returns the placement of an own tensor.
const TensorPlacement& own_place(const Program& program, const std::string& name) {
  const TensorPlacement* tensor = find_tensor(program, name);
  if (tensor == nullptr) throw Error(fmt::format("memory image: the program has no tensor {}", name));
  return *tensor;
}

/// Returns the placement of tensor `i` of the state.
const TensorPlacement& state_place(const Program& program, std::size_t i) {
  return program.tensors[static_cast<std::size_t>(program.state_places[i])];
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

/// Address of a table entry.
std::size_t entry_address(const Program& program, const EntryName& name) {
  const auto found = program.table.find(name);
  if (found == program.table.end()) {
    throw Error(fmt::format("memory image: the table has no entry {}", text_of(name, program.network)));
  }
  return program.table_address + 4 * static_cast<std::size_t>(found->second);
}

/// Fills the table page: zeros, constants, and what lives across steps.
void put_table(Bytes memory, const Program& program, const TrainState& state, Scale input_scale) {
  for (int i = 0; i < program.table_entries; ++i) {
    put_word(memory, program.table_address + 4 * static_cast<std::size_t>(i), 0);
  }
  for (const auto& [index, constant] : program.table_constants) {
    put_word(memory, program.table_address + 4 * static_cast<std::size_t>(index), constant);
  }
  if (!is_scale(input_scale)) throw Error("memory image: the input's scale is missing");
  put_word(memory, entry_address(program, Own("input.sx")), word(input_scale));
  for (const StateScalar& scalar : program.state.scalars) {
    if (scalar.used) put_word(memory, entry_address(program, scalar.handle), scalar.read(state));
  }
}

/// Elements of any width as values.
std::vector<std::int32_t> get_elements(ConstBytes memory, const TensorPlacement& tensor) {
  std::vector<std::int32_t> values;
  const auto bits = static_cast<std::size_t>(tensor.bits);
  for (std::size_t r = 0; r < static_cast<std::size_t>(tensor.rows); ++r) {
    for (std::size_t c = 0; c < static_cast<std::size_t>(tensor.cols); ++c) {
      if (bits == 32) {
        values.push_back(static_cast<std::int32_t>(get_word(memory, tensor.address + r * tensor.pitch + 4 * c)));
        continue;
      }
      const std::size_t bit = c * bits;
      const std::size_t byte = tensor.address + r * tensor.pitch + bit / 8;
      std::uint32_t value = std::uint32_t{memory[byte]} >> (bit % 8);
      if (bits == 16) value |= std::uint32_t{memory[byte + 1]} << 8;
      const std::uint32_t top = value << (32 - bits);
      const bool is_unsigned = tensor.coding == Coding::kUnsigned;
      values.push_back(is_unsigned ? static_cast<std::int32_t>(top >> (32 - bits))
                                   : static_cast<std::int32_t>(top) >> (32 - bits));
    }
  }
  return values;
}

void put_state(Bytes memory, const Program& program, const TrainState& state) {
  for (std::size_t i = 0; i < program.state.tensors.size(); ++i) {
    put_elements(memory, state_place(program, i), program.state.tensors[i].read(state));
  }
  const TensorPlacement& ones = own_place(program, "ones");
  put_elements(memory, ones, std::vector<int>(static_cast<std::size_t>(ones.cols), 1));
}

}  // namespace

MemoryImage initial_image(const Program& program, const TrainState& state, const Recipe& recipe, Scale input_scale,
                          std::uint8_t poison) {
  if (recipe.name != program.recipe) {
    throw Error(fmt::format("memory image: the program is of recipe {}, not {}", program.recipe, recipe.name));
  }
  program.state.require_fit(state);
  const std::string missing = program.state.missing_scalar(state);
  if (!missing.empty()) throw Error(fmt::format("memory image: {} is missing; calibrate first", missing));
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
  const auto is_input = [](const TensorPlacement& tensor) { return tensor.in_batch && tensor.golden.has_value(); };
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
  put_elements(Bytes(block), own_place(program, "labels"), batch.labels);
  return block;
}

std::uint64_t batch_offset(const Program& program, int slot) {
  if (slot < 0 || slot >= program.batch_slots) {
    throw Error(fmt::format("batch: expected a slot from 0 to {}, got {}", program.batch_slots - 1, slot));
  }
  return program.batch_address + static_cast<std::uint64_t>(slot) * program.batch_bytes;
}

void write_batch(const Program& program, std::span<std::uint8_t> memory, int slot, const Batch& batch) {
  const std::vector<std::uint8_t> block = batch_block(program, batch);
  const std::size_t start = batch_offset(program, slot);
  if (memory.size() < start + block.size()) throw Error("batch: the memory is smaller than the program's layout");
  std::copy(block.begin(), block.end(), memory.begin() + static_cast<std::ptrdiff_t>(start));
}

TrainState read_state(const Program& program, std::span<const std::uint8_t> memory, std::uint32_t step) {
  TrainState state = program.state.zeros();
  state.step = step;
  for (std::size_t i = 0; i < program.state.tensors.size(); ++i) {
    program.state.tensors[i].write(state, get_elements(memory, state_place(program, i)));
  }
  for (const StateScalar& scalar : program.state.scalars) {
    if (scalar.used) scalar.write(state, get_word(memory, entry_address(program, scalar.handle)));
  }
  return state;
}

}  // namespace bitloom
