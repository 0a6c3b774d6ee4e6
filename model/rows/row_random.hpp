#pragma once
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <vector>

#include "model/numerics/random.hpp"
#include "model/rows/kernels.hpp"

namespace bitloom {

/// Returns how many rows of a tensor pass through the kernels together, so that narrow tensors are long runs: at least
/// one.
constexpr std::size_t rows_at_once(std::size_t cols) { return std::max<std::size_t>(1, 1024 / cols); }

/// Random bits of rows as bytes (r = 8) or 16-bit words (r = 16), drawn into memory that the object keeps.
class RandomRows {
 public:
  RandomRows(const Kernels& kernels, std::size_t cols, int r)
      : kernels_(kernels), bytes_(cols * static_cast<std::size_t>(r) / 8), blocks_((bytes_ + 7) / 8) {}

  /// Draws the words [rows][cols] of rows row … row + rows - 1, without gaps.
  template <class Word>
  const Word* draw(const Stream& stream, std::size_t row, std::size_t rows) {
    words_.resize(std::max(words_.size(), 2 * rows * blocks_));
    kernels_.random_rows(stream.key[0], stream.key[1], static_cast<std::uint32_t>(row), rows, blocks_, words_.data());
    if (bytes_ % 8 != 0) {
      auto* bytes = reinterpret_cast<unsigned char*>(words_.data());
      for (std::size_t i = 1; i < rows; ++i) std::memmove(bytes + i * bytes_, bytes + i * 8 * blocks_, bytes_);
    }
    return reinterpret_cast<const Word*>(words_.data());
  }

 private:
  const Kernels& kernels_;
  std::size_t bytes_;   ///< of a row
  std::size_t blocks_;  ///< of 64 bits
  std::vector<std::uint32_t> words_;
};

}  // namespace bitloom
