#include "kernels/padding.hpp"

#include <algorithm>

namespace bitloom {

bool reads_outside(const TapAxis& axis) {
  const std::int64_t along = (axis.taps - 1) * axis.tap;
  const std::int64_t last = (axis.extent - 1) * axis.scale + axis.offset;
  return std::min(axis.offset, axis.offset + along) < 0 || std::max(last, last + along) >= axis.limit;
}

bool reads_padding(const Command& shape) {
  const auto axis = [&](Field extent, Field scale, Field offset, Field tap, Field taps, Field limit) -> TapAxis {
    return {shape.get(extent),     shape.get(scale), shape.get_signed(offset),
            shape.get_signed(tap), shape.get(taps),  shape.get(limit)};
  };
  return reads_outside(
             axis(Field::EXTENT_X, Field::SCALE_X, Field::OFFSET_X, Field::TAP_X, Field::TAPS_X, Field::LIMIT_X)) ||
         reads_outside(
             axis(Field::EXTENT_Y, Field::SCALE_Y, Field::OFFSET_Y, Field::TAP_Y, Field::TAPS_Y, Field::LIMIT_Y));
}

}  // namespace bitloom
