#include "sim/load_plan.hpp"

#include <algorithm>

#include "kernels/command.hpp"

namespace bitloom {
namespace {

std::int64_t signed16(std::uint32_t field) { return static_cast<std::int16_t>(field); }
std::int64_t signed8(std::uint32_t field) { return static_cast<std::int8_t>(field); }

/// Where row r of a shape is, in its own image coordinates.
struct Place {
  Place(const Instruction& s, std::int64_t r)
      : x(r % s.EXTENT_X), y(r / s.EXTENT_X % s.EXTENT_Y), n(r / (std::int64_t{s.EXTENT_X} * s.EXTENT_Y)) {}
  std::int64_t x, y, n;
};

/// Adds a tap to the row's last piece where it goes on, else as a new one.
void add_tap(std::vector<LoadPiece>& pieces, bool first_of_row, const LoadPiece& tap) {
  LoadPiece* last = first_of_row ? nullptr : &pieces.back();
  const bool goes_on =
      last != nullptr && last->padding == tap.padding && (tap.padding || last->bit + last->bits == tap.bit);
  if (!goes_on) return pieces.push_back(tap);
  last->bits += tap.bits;
  ++last->taps;
}

void add_shaped_row(const Execution& e, const Instruction& s, std::uint32_t row, std::vector<LoadPiece>& pieces) {
  const Instruction& c = *e.command;
  const std::uint32_t bits = width_bits(c.MEMORY_BITS);
  const Place at(s, std::int64_t{e.row0} + row);
  const bool one_tap = c.TAP_LOOP != 0;
  bool first = true;
  std::uint32_t element = 0;
  for (std::uint32_t ty = one_tap ? e.index[1] : 0; ty < (one_tap ? e.index[1] + 1 : s.TAPS_Y); ++ty) {
    for (std::uint32_t tx = one_tap ? e.index[2] : 0; tx < (one_tap ? e.index[2] + 1 : s.TAPS_X);
         ++tx, element += s.SEGMENT) {
      const std::uint32_t from = std::max(e.col0, element), to = std::min(e.col0 + e.cols, element + s.SEGMENT);
      if (from >= to) continue;
      const std::int64_t sy = at.y * s.SCALE_Y + ty * signed8(s.TAP_Y) + signed16(s.OFFSET_Y);
      const std::int64_t sx = at.x * s.SCALE_X + tx * signed8(s.TAP_X) + signed16(s.OFFSET_X);
      const bool inside = sy >= 0 && sx >= 0 && sy < s.LIMIT_Y && sx < s.LIMIT_X;
      LoadPiece tap{0, (to - from) * bits, 1, !inside, false};
      if (inside) {
        const std::int64_t pixel =
            std::int64_t{e.address} + at.n * s.IMAGE_PITCH + sy * s.LINE_PITCH + sx * s.PIXEL_PITCH;
        tap.bit = static_cast<std::uint64_t>(pixel) * 8 + std::uint64_t{s.SEGMENT_BASE + from - element} * bits;
      }
      add_tap(pieces, first, tap);
      first = false;
    }
  }
}

}  // namespace

std::uint32_t width_bits(std::uint32_t width) { return static_cast<std::uint32_t>(bits_of(static_cast<Width>(width))); }

LoadPlan load_plan(const Execution& e, const Instruction* shape, std::uint64_t start) {
  const Instruction& c = *e.command;
  LoadPlan plan;
  plan.start = start;
  const std::uint32_t memory_bits = width_bits(c.MEMORY_BITS);
  const bool vin = c.TARGET == static_cast<std::uint32_t>(LoadTarget::VIN);
  plan.growth = (vin ? 32 : width_bits(c.LOCAL_BITS)) / memory_bits;
  for (std::uint32_t row = 0; row < e.rows; ++row) {
    if (shape != nullptr) {
      add_shaped_row(e, *shape, row, plan.pieces);
    } else {
      const std::uint64_t byte = e.address + std::uint64_t{row} * c.PITCH;
      plan.pieces.push_back({byte * 8 + std::uint64_t{e.col0} * memory_bits, e.cols * memory_bits, 1, false, false});
    }
    plan.pieces.back().ends_row = true;
  }
  return plan;
}

std::uint64_t store_row(const Execution& e, const Instruction* shape, std::uint32_t row) {
  const Instruction& c = *e.command;
  const std::uint64_t offset = std::uint64_t{e.col0} * width_bits(c.MEMORY_BITS) / 8;
  if (shape == nullptr) return e.address + std::uint64_t{row} * c.PITCH + offset;
  const Instruction& s = *shape;
  const Place at(s, std::int64_t{e.row0} + row);
  const std::int64_t sy = at.y * s.SCALE_Y + signed16(s.OFFSET_Y), sx = at.x * s.SCALE_X + signed16(s.OFFSET_X);
  return static_cast<std::uint64_t>(std::int64_t{e.address} + at.n * s.IMAGE_PITCH + sy * s.LINE_PITCH +
                                    sx * s.PIXEL_PITCH) +
         offset;
}

}  // namespace bitloom
