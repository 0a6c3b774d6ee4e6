#include "kernels/layout.hpp"

#include <fmt/format.h>

#include "kernels/tiling.hpp"
#include "model/io/error.hpp"

namespace bitloom {

namespace {

/// Every placement starts at a multiple of this: of each W and of a command.
constexpr std::int64_t kAlignment = 64;

}  // namespace

/// Returns a placement of that name, and nowhere yet.
TensorPlacement Layout::named(const TensorName& name) const {
  TensorPlacement tensor;
  tensor.name = text_of(name, program_.network);
  tensor.kind = kind_of(name);
  if (const auto* golden = std::get_if<TensorHandle>(&name)) tensor.golden = *golden;
  return tensor;
}

int Layout::place(TensorPlacement tensor, std::int64_t rows, std::int64_t cols, std::int64_t& next) {
  const std::int64_t pitch = divide_up(cols * tensor.bits, 8);
  if (rows > INT32_MAX || cols > INT32_MAX || rows * pitch > UINT32_MAX) {  // a transfer's pitches have 32 bits
    throw Error(fmt::format("network {}: tensor {} takes {} bytes; one tensor has at most {}; take a smaller batch",
                            program_.network.name, tensor.name, rows * pitch, UINT32_MAX));
  }
  tensor.rows = static_cast<int>(rows);
  tensor.cols = static_cast<int>(cols);
  tensor.pitch = static_cast<std::uint32_t>(pitch);
  tensor.bytes = static_cast<std::uint32_t>(rows * pitch);
  tensor.address = static_cast<std::uint64_t>(next);
  next = round_up(next + rows * pitch, kAlignment);
  program_.tensors.push_back(std::move(tensor));
  return static_cast<int>(program_.tensors.size()) - 1;
}

int Layout::add(const TensorName& name, int bits, std::int64_t rows, std::int64_t cols, Coding coding) {
  TensorPlacement tensor = named(name);
  tensor.bits = bits;
  tensor.coding = coding;
  tensor.state = in_state_;
  return place(std::move(tensor), rows, cols, next_);
}

int Layout::add_to_batch(const TensorName& name, int bits, std::int64_t rows, std::int64_t cols) {
  TensorPlacement tensor = named(name);
  tensor.bits = bits;
  tensor.in_batch = true;
  const int index = place(std::move(tensor), rows, cols, batch_next_);
  program_.batch_bytes = static_cast<std::uint64_t>(batch_next_);
  return index;
}

int Layout::share_in_batch(const TensorName& name, int bits, std::int64_t rows, std::int64_t cols) {
  const auto packed = [&](std::int64_t of_cols) { return of_cols * bits % 8 == 0; };
  for (std::size_t i = 0; i < program_.tensors.size(); ++i) {
    const TensorPlacement& other = program_.tensors[i];
    if (!other.in_batch || other.bits != bits || rows * cols != std::int64_t{other.rows} * other.cols) continue;
    if (other.cols != cols && !(packed(cols) && packed(other.cols))) continue;
    const int index = alias(static_cast<int>(i), name);
    TensorPlacement& view = program_.tensors.back();
    view.rows = static_cast<int>(rows);
    view.cols = static_cast<int>(cols);
    view.pitch = static_cast<std::uint32_t>(divide_up(cols * bits, 8));
    return index;
  }
  return add_to_batch(name, bits, rows, cols);
}

int Layout::alias(int tensor, const TensorName& name) {
  TensorPlacement same = program_.tensors[static_cast<std::size_t>(tensor)];
  const TensorPlacement other = named(name);
  same.name = other.name;
  same.golden = other.golden;
  program_.tensors.push_back(std::move(same));
  return static_cast<int>(program_.tensors.size()) - 1;
}

int Layout::alias_row(int tensor, int row, const TensorName& name) {
  const int index = alias(tensor, name);
  TensorPlacement& part = program_.tensors.back();
  part.address += static_cast<std::uint64_t>(row) * part.pitch;
  part.bytes = part.pitch;
  part.rows = 1;
  return index;
}

void Layout::close_state() {
  in_state_ = false;
  program_.state_begin = 0;
  program_.state_end = static_cast<std::uint64_t>(next_);
}

void Layout::place_program(int batch_slots) {
  const auto batch_address = static_cast<std::uint64_t>(next_);
  const std::uint64_t start =
      batch_address + std::uint64_t{program_.batch_bytes} * static_cast<std::uint64_t>(batch_slots);
  program_.batch_address = batch_address;
  program_.batch_slots = batch_slots;
  program_.program_address = start;
  program_.total_bytes = start + program_.commands.size() * kCommandBytes;
  if (program_.total_bytes > program_.hardware.dram_bytes) {
    throw Error(fmt::format("hardware {}: network {}: DRAM is too small: needs {} bytes, has {}",
                            program_.hardware.name, program_.network.name, program_.total_bytes,
                            program_.hardware.dram_bytes));
  }
}

}  // namespace bitloom
