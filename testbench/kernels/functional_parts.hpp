// What the parts of the functional machine share.
#pragma once
#include <cstdint>
#include <vector>

#include "testbench/kernels/functional_machine.hpp"

namespace bitloom::functional {

inline std::size_t at(std::int64_t i) { return static_cast<std::size_t>(i); }
inline std::uint32_t magnitude(std::int64_t x) { return static_cast<std::uint32_t>(x < 0 ? -x : x); }
inline int memory_bits(const Command& c) { return bits_of(static_cast<Width>(c.get(Field::MEMORY_BITS))); }

/// One execution of a vector command: tile, sections.
struct FunctionalMachine::TileAt {
  std::int64_t rows, cols, row0, col0, groups, stride, base, lanes, parity, inputs = 0, outputs = 0, coefficients = 0;
  std::vector<std::int32_t>& vin;
  std::vector<std::int32_t>& vout;

  std::int64_t input_word(std::int64_t k, std::int64_t i, std::int64_t j) const {
    return base + (2 * k + parity) * stride + i * groups + j / lanes;
  }
  std::int32_t in(std::int64_t k, std::int64_t i, std::int64_t j) const {
    return vin.at(at(input_word(k, i, j) * lanes + j % lanes));
  }
  std::int32_t row_value(std::int64_t k, std::int64_t i) const {
    return vin.at(at((base + (2 * k + parity) * stride + i) * lanes));
  }
  std::int32_t coefficient(std::int64_t k, std::int64_t j, bool scalar) const {
    const std::int64_t word = base + 2 * inputs * stride + (2 * k + parity) * groups + (scalar ? 0 : j / lanes);
    return vin.at(at(word * lanes + (scalar ? 0 : j % lanes)));
  }
  void out(std::int64_t k, std::int64_t i, std::int64_t j, std::int32_t value) {
    vout.at(at(((2 * k + parity) * stride + i * groups + j / lanes) * lanes + j % lanes)) = value;
  }
};

}  // namespace bitloom::functional
