#include "sim/cosim/layout_decoder.hpp"

#include <fmt/format.h>

#include "model/io/error.hpp"

namespace bitloom::cosim {
namespace {

/// Bits [first, first + width) of a byte string, bit 0 of byte 0 first.
std::int64_t bits_at(const std::uint8_t* bytes, std::uint64_t first, int width) {
  std::int64_t value = 0;
  for (int b = 0; b < width; ++b) {
    const std::uint64_t bit = first + static_cast<std::uint64_t>(b);
    if ((bytes[bit / 8] >> (bit % 8)) & 1) value |= std::int64_t{1} << b;
  }
  return value;
}

std::int32_t value_of(std::int64_t bits, int width, Coding coding) {
  if (coding == Coding::kSign) return bits == 0 ? -1 : 1;
  if (coding == Coding::kSigned && ((bits >> (width - 1)) & 1) != 0) bits -= std::int64_t{1} << width;
  return static_cast<std::int32_t>(bits);
}

}  // namespace

std::vector<std::int32_t> decode_tensor(const TensorPlacement& tensor, std::span<const std::uint8_t> memory) {
  if (std::uint64_t{tensor.address} + tensor.bytes > memory.size()) {
    throw Error(fmt::format("co-simulation: tensor {} ends at byte {} of a memory of {}", tensor.name,
                            std::uint64_t{tensor.address} + tensor.bytes, memory.size()));
  }
  const std::uint8_t* bytes = memory.data() + tensor.address;
  const auto width = static_cast<std::uint64_t>(tensor.bits);
  std::vector<std::int32_t> values;
  values.reserve(static_cast<std::size_t>(tensor.rows) * static_cast<std::size_t>(tensor.cols));
  for (int r = 0; r < tensor.rows; ++r) {
    for (int c = 0; c < tensor.cols; ++c) {
      const std::uint64_t bit =
          static_cast<std::uint64_t>(r) * tensor.pitch * 8 + static_cast<std::uint64_t>(c) * width;
      if ((bit + width + 7) / 8 > tensor.bytes) {
        throw Error(fmt::format("co-simulation: element ({}, {}) of {} lies outside its {} bytes", r, c, tensor.name,
                                tensor.bytes));
      }
      values.push_back(value_of(bits_at(bytes, bit, tensor.bits), tensor.bits, tensor.coding));
    }
  }
  return values;
}

}  // namespace bitloom::cosim
