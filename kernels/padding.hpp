#pragma once
#include <cstdint>

#include "kernels/command.hpp"

namespace bitloom {

/// One axis of a gather: places 0 … extent − 1, each with its taps, over a line of `limit` elements.
struct TapAxis {
  std::int64_t extent, scale, offset, tap, taps, limit;
};

/// Says whether a tap of some place lies outside the line.
bool reads_outside(const TapAxis& axis);

/// Says whether rows by this LOAD_SHAPE have padding.
bool reads_padding(const Command& shape);

}  // namespace bitloom
