#pragma once
#include <cstddef>
#include <cstdint>
#include <vector>

#include "model/kernels.hpp"
#include "model/random.hpp"

namespace bitloom {

/// Random bits of a row as bytes (r = 8) or 16-bit words (r = 16), drawn into memory that the object keeps.
class RandomRow {
 public:
  RandomRow(const Kernels& kernels, std::size_t count, int r)
      : kernels_(kernels), blocks_((count * static_cast<std::size_t>(r) + 63) / 64), words_(2 * blocks_) {}

  template <class Word>
  const Word* draw(const Stream& stream, std::size_t row) {
    kernels_.random_row(stream.key[0], stream.key[1], static_cast<std::uint32_t>(row), blocks_, words_.data());
    return reinterpret_cast<const Word*>(words_.data());
  }

 private:
  const Kernels& kernels_;
  std::size_t blocks_;
  std::vector<std::uint32_t> words_;
};

}  // namespace bitloom
