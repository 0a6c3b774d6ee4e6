#pragma once
#include <algorithm>
#include <cstddef>

#include "model/network/recipe.hpp"

namespace bitloom {

/// NITI's gb in an epoch (from 0): the list's last width stays when the list is over (N24.3). Golden and lowering both
/// ask this, so that they cannot mean different widths.
inline int gradient_bits_at(const UpdateRule& update, int epoch) {
  const std::size_t last = update.gradient_bits.size() - 1;
  return update.gradient_bits[std::min(static_cast<std::size_t>(epoch), last)];
}

}  // namespace bitloom
