// GEMM.
#include <bit>
#include <cstring>
#include <stdexcept>

#include "model/numerics/log_code.hpp"
#include "sim/command_values.hpp"

namespace bitloom {
namespace {

/// Finds the integers that a lane's bytes stand for: one a byte, of MAC4 two.
void decode(const std::uint8_t* bytes, std::size_t count, Mode mode, Kind kind, std::vector<std::int16_t>& values) {
  const auto nibble = [kind](int code) -> std::int16_t {
    if (kind == Kind::LOG) return static_cast<std::int16_t>(log_value(static_cast<std::uint8_t>(code)));
    return static_cast<std::int16_t>(kind == Kind::UNSIGNED ? code : (code ^ 8) - 8);
  };
  for (std::size_t k = 0; k < count; ++k) {
    if (mode == Mode::MAC8) {
      values.push_back(kind == Kind::UNSIGNED ? bytes[k] : static_cast<std::int8_t>(bytes[k]));
    } else {
      values.push_back(nibble(bytes[k] & 15));
      values.push_back(nibble(bytes[k] >> 4));
    }
  }
}

std::int32_t products(const std::int16_t* a, const std::int16_t* b, std::size_t count) {
  std::int32_t sum = 0;
  for (std::size_t k = 0; k < count; ++k) sum += a[k] * b[k];
  return sum;
}

/// Returns the agreeing signs minus those that differ, in the valid bytes.
std::int32_t signs(const std::uint8_t* a, const std::uint8_t* valid, const std::uint8_t* b, std::size_t count) {
  int bits = 0, different = 0;
  for (std::size_t k = 0; k < count; k += 8) {
    const std::size_t size = std::min<std::size_t>(8, count - k);
    std::uint64_t x = 0, y = 0, v = 0;
    std::memcpy(&x, a + k, size);
    std::memcpy(&y, b + k, size);
    std::memcpy(&v, valid + k, size);
    bits += std::popcount(v);
    different += std::popcount((x ^ y) & v);
  }
  return bits - 2 * different;
}

/// The tile of accumulators that a GEMM adds to, and whether its sums begin anew.
struct SumTile {
  std::size_t number = 0;
  bool begins = true;
};

SumTile sum_tile(const Execution& e) {
  switch (static_cast<SumLoop>(e.command->SUM_LOOP)) {
    case SumLoop::NONE:
      return {e.parity_level0, true};
    case SumLoop::OUTER:
      return {std::size_t{e.index[1]} * e.counts[2] + e.index[2], e.index[0] == 0};
    case SumLoop::INNER:
      break;
  }
  return {e.parity_level1, e.index[2] == 0};
}

}  // namespace

/// Returns an accumulator of a tile. Throws std::out_of_range where there is no such tile.
std::int64_t& CommandValues::accumulator(std::size_t tile, std::size_t row, std::size_t col) {
  const auto rows = static_cast<std::size_t>(hw_.rows), cols = static_cast<std::size_t>(hw_.cols);
  return acc_.at((tile * rows + row) * cols + col);
}

void CommandValues::gemm(const Execution& e) {
  const Instruction& c = *e.command;
  const auto mode = static_cast<Mode>(c.MODE);
  const auto word = static_cast<std::size_t>(hw_.axi_bytes);
  const std::size_t bytes = e.cols;
  const std::size_t a_first = spad_buffer(LoadTarget::SPAD_A, e.parity0) + std::size_t{e.index[2]} * c.A_STEP * word;
  const std::size_t b_first =
      spad_buffer(LoadTarget::SPAD_B, e.parity1) + std::size_t{e.index[c.B_LOOP != 0 ? 1 : 2]} * c.B_STEP * word;
  const std::vector<Lane>& a = spads_[0];
  const std::vector<Lane>& b = spads_[1];
  if (a_first + bytes > a[0].bytes.size() || b_first + bytes > b[0].bytes.size()) throw std::out_of_range("scratchpad");
  const std::size_t width = mode == Mode::MAC8 ? bytes : 2 * bytes;
  std::vector<std::int16_t> a_values, b_values;
  if (mode != Mode::XNOR) {
    a_values.reserve(width);
    b_values.reserve(width * b.size());
    for (const Lane& lane : b) decode(&lane.bytes[b_first], bytes, mode, static_cast<Kind>(c.B_KIND), b_values);
  }
  const SumTile tile = sum_tile(e);
  for (std::size_t row = 0; row < a.size(); ++row) {
    a_values.clear();
    if (mode != Mode::XNOR) decode(&a[row].bytes[a_first], bytes, mode, static_cast<Kind>(c.A_KIND), a_values);
    for (std::size_t col = 0; col < b.size(); ++col) {
      const std::int32_t sum =
          mode == Mode::XNOR ? signs(&a[row].bytes[a_first], &a[row].valid[a_first], &b[col].bytes[b_first], bytes)
                             : products(a_values.data(), &b_values[col * width], width);
      std::int64_t& cell = accumulator(tile.number, row, col);
      cell = tile.begins ? sum : cell + sum;
    }
  }
}

}  // namespace bitloom
