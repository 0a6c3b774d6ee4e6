#include "sim/mac_array.hpp"

#include <algorithm>

#include "model/numbers.hpp"
#include "sim/timing.hpp"

namespace bitloom {
namespace {

/// Exact for up to 65536 products of int8 codes.
std::int32_t dot(const std::int8_t* a, const std::int8_t* b, std::size_t length) {
  std::int32_t sum = 0;
  for (std::size_t k = 0; k < length; ++k) sum += std::int32_t{a[k]} * std::int32_t{b[k]};
  return sum;
}

void unpack(const std::uint8_t* packed, std::size_t bytes, bool bits4, std::int8_t* codes) {
  if (!bits4) {
    std::copy_n(packed, bytes, reinterpret_cast<std::uint8_t*>(codes));
    return;
  }
  for (std::size_t k = 0; k < bytes; ++k) {
    codes[2 * k] = static_cast<std::int8_t>(unpack_nibble(packed[k], 0));
    codes[2 * k + 1] = static_cast<std::int8_t>(unpack_nibble(packed[k], 1));
  }
}

}  // namespace

void MacArray::count(const Execution& e, ActionCounts& counts) const {
  const auto rows = static_cast<std::uint64_t>(machine_.hardware.rows);
  const auto cols = static_cast<std::uint64_t>(machine_.hardware.cols);
  const auto word = static_cast<std::uint64_t>(machine_.hardware.axi_bytes);
  const std::uint64_t outputs = rows * cols;
  using enum Action;
  if (e.command->BITS4 != 0) {
    counts[mac4] += 2 * outputs * e.cols;
  } else {
    counts[mac8] += outputs * e.cols;
  }
  const std::uint64_t words = ceil_div(e.cols, word) * word;  // of a lane
  counts[spad_a_read_bytes] += rows * words;
  counts[spad_b_read_bytes] += cols * words;
  counts[accumulator_add] += outputs;
  counts[acc_write_bytes] += 6 * outputs;
  counts[acc_read_bytes] += 6 * outputs;  // read, and not used, where a sum begins
}

std::uint64_t MacArray::plan(const Execution& e, std::uint64_t start) const {
  return start + timing::gemm(machine_.hardware, e);
}

void MacArray::compute(const Execution& e) {
  Memories& m = *machine_.memories;
  const bool bits4 = e.command->BITS4 != 0;
  const std::size_t length = bits4 ? 2 * std::size_t{e.cols} : e.cols;
  a_.resize(m.rows * length);
  b_.resize(m.cols * length);
  for (std::size_t i = 0; i < m.rows; ++i) {
    unpack(m.spad_a_lane(i, e.parity0, 0, e.cols), e.cols, bits4, a_.data() + i * length);
  }
  const std::size_t b_offset = std::size_t{e.index[2]} * e.command->B_STEP * m.word;
  for (std::size_t j = 0; j < m.cols; ++j) {
    unpack(m.spad_b_lane(j, e.parity1, b_offset, e.cols), e.cols, bits4, b_.data() + j * length);
  }
  for (std::size_t i = 0; i < m.rows; ++i) {
    std::int64_t* acc = m.acc_row(e.parity_level1, i);
    for (std::size_t j = 0; j < m.cols; ++j) {
      const std::int64_t sum = dot(a_.data() + i * length, b_.data() + j * length, length);
      acc[j] = e.index[2] == 0 ? sum : acc[j] + sum;
    }
  }
}

}  // namespace bitloom
