#pragma once
#include <cstdint>
#include <vector>

#include "sim/engine.hpp"

namespace bitloom {

/// Where the elements of one execution of a vector command lie in VIN and VOUT: the sections of docs/commands.md.
class VectorTile {
 public:
  VectorTile(const Hardware& h, const Execution& e, std::vector<std::int32_t>& vin, std::vector<std::int32_t>& vout)
      : rows(e.rows),
        cols(e.cols),
        lanes(h.lanes),
        groups((std::int64_t{e.command->COLS} + lanes - 1) / lanes),
        operands(bitloom::operands(*e.command)),
        base_(e.command->VIN_BASE),
        stride_(e.command->VIN_STRIDE),
        parity_(e.parity0),
        out_parity_(e.parity0),
        packed_(e.command->MASK_PACKED != 0),
        vin_(vin),
        vout_(vout) {}

  const std::int64_t rows, cols, lanes, groups;
  const Operands operands;
  /// Returns the elements of a row, those beyond cols included.
  std::int64_t width() const { return groups * lanes; }
  /// Return the number of a section, which in(), coefficient() and out() take; −1: the command has no such one.
  int input(Part part) const { return operands.input(part); }
  int vector(Part part) const { return operands.coefficients.at(part); }
  int output(Part part) const { return operands.outputs.at(part); }
  /// Sets the parity of the outputs of a REDUCE or POOL.
  void set_output_parity(std::uint32_t parity) { out_parity_ = parity; }

  std::int32_t in(std::int64_t k, std::int64_t i, std::int64_t j) const {
    return vin_.at(at((section(k, parity_) + base_ + i * groups) * lanes + j));
  }
  /// Returns whether a mask lets element (i, j) pass; a packed one has a bit an element (MASK_PACKED).
  bool passes(std::int64_t k, std::int64_t i, std::int64_t j) const {
    if (!packed_) return in(k, i, j) != 0;
    const std::int64_t bit = i * width() + j;
    const auto word = static_cast<std::uint32_t>(vin_.at(at((section(k, parity_) + base_) * lanes + bit / 32)));
    return (word >> bit % 32 & 1u) != 0;
  }
  /// Returns the one value of row i of an input that has one value a row.
  std::int32_t row_value(std::int64_t k, std::int64_t i) const {
    return vin_.at(at((section(k, parity_) + base_ + i) * lanes));
  }
  /// Returns row i's value of an input that has V rows' to a word.
  std::int32_t packed_value(std::int64_t k, std::int64_t i) const {
    return vin_.at(at((section(k, parity_) + base_) * lanes + i));
  }
  std::int32_t coefficient(std::int64_t k, std::int64_t j, bool scalar) const {
    const std::int64_t word = base_ + 2 * operands.tiles() * stride_ + (2 * k + parity_) * groups;
    return vin_.at(at(word * lanes + (scalar ? 0 : j)));
  }
  void out(std::int64_t k, std::int64_t i, std::int64_t j, std::int64_t value) {
    vout_.at(at((section(k, out_parity_) + i * groups) * lanes + j)) = static_cast<std::int32_t>(value);
  }
  /// Writes lane 0 of word `word` of output 0.
  void out_word(std::int64_t word, std::int64_t value) {
    vout_.at(at((section(0, out_parity_) + word) * lanes)) = static_cast<std::int32_t>(value);
  }

 private:
  static std::size_t at(std::int64_t i) { return static_cast<std::size_t>(i); }
  std::int64_t section(std::int64_t k, std::int64_t parity) const { return (2 * k + parity) * stride_; }

  std::int64_t base_, stride_, parity_, out_parity_;
  bool packed_;
  std::vector<std::int32_t>& vin_;
  std::vector<std::int32_t>& vout_;
};

}  // namespace bitloom
