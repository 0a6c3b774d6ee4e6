#include "testbench/cosim/layout_decoder.hpp"

#include <fmt/format.h>

#include "model/error.hpp"

namespace bitloom::cosim {
namespace {

/// Bits [first, first + width) of a byte string, bit 0 of byte 0 first, as a two's-complement number.
std::int32_t signed_bits(const std::uint8_t* bytes, std::uint64_t first, int width) {
  std::int64_t value = 0;
  for (int b = 0; b < width; ++b) {
    const std::uint64_t bit = first + static_cast<std::uint64_t>(b);
    if ((bytes[bit / 8] >> (bit % 8)) & 1) value |= std::int64_t{1} << b;
  }
  if ((value >> (width - 1)) & 1) value -= std::int64_t{1} << width;
  return static_cast<std::int32_t>(value);
}

/// Position of a mask's element in bits: tiles column by column of tiles, in a tile one byte for each V columns of a
/// row.
std::uint64_t mask_position(const TensorPlacement& tensor, const Hardware& hardware, int r, int c) {
  const int tile_rows_count = (tensor.rows + tensor.tile_rows - 1) / tensor.tile_rows;
  const int tile = (c / tensor.tile_cols) * tile_rows_count + r / tensor.tile_rows;
  const int groups = (tensor.tile_cols + hardware.lanes() - 1) / hardware.lanes();
  const int in_row = c % tensor.tile_cols;
  const int byte = (r % tensor.tile_rows) * groups + in_row / hardware.lanes();
  return (static_cast<std::uint64_t>(tile) * tensor.pitch + static_cast<std::uint64_t>(byte)) * 8 +
         static_cast<std::uint64_t>(in_row % hardware.lanes());
}

std::uint64_t bit_position(const TensorPlacement& tensor, const Hardware& hardware, int r, int c) {
  const auto row_bits = std::uint64_t{tensor.pitch} * 8;
  const auto width = static_cast<std::uint64_t>(tensor.bits);
  switch (tensor.packing) {
    case Packing::kRows:
    case Packing::kInt32:
    case Packing::kTable:
      return static_cast<std::uint64_t>(r) * row_bits + static_cast<std::uint64_t>(c) * width;
    case Packing::kColumns:
      return static_cast<std::uint64_t>(c) * row_bits + static_cast<std::uint64_t>(r) * width;
    case Packing::kMask:
      return mask_position(tensor, hardware, r, c);
  }
  return 0;
}

}  // namespace

std::vector<std::int32_t> decode_tensor(const TensorPlacement& tensor, std::span<const std::uint8_t> memory,
                                        const Hardware& hardware) {
  if (std::uint64_t{tensor.address} + tensor.bytes > memory.size()) {
    throw Error(fmt::format("co-simulation: tensor {} ends at byte {} of a memory of {}", tensor.name,
                            std::uint64_t{tensor.address} + tensor.bytes, memory.size()));
  }
  const std::uint8_t* bytes = memory.data() + tensor.address;
  std::vector<std::int32_t> values;
  values.reserve(static_cast<std::size_t>(tensor.rows) * static_cast<std::size_t>(tensor.cols));
  for (int r = 0; r < tensor.rows; ++r) {
    for (int c = 0; c < tensor.cols; ++c) {
      const std::uint64_t bit = bit_position(tensor, hardware, r, c);
      if ((bit + static_cast<std::uint64_t>(tensor.bits) + 7) / 8 > tensor.bytes) {
        throw Error(fmt::format("co-simulation: element ({}, {}) of {} lies outside its {} bytes", r, c, tensor.name,
                                tensor.bytes));
      }
      values.push_back(tensor.packing == Packing::kMask ? (bytes[bit / 8] >> (bit % 8)) & 1
                                                        : signed_bits(bytes, bit, tensor.bits));
    }
  }
  return values;
}

}  // namespace bitloom::cosim
