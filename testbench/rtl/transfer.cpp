#include "testbench/rtl/transfer.hpp"

namespace bitloom {

std::vector<Iteration> iterations(const TransferCase& t) {
  std::vector<Iteration> all;
  const int* n = t.counts;
  for (int i0 = 0; i0 < n[0]; ++i0) {
    for (int i1 = 0; i1 < n[1]; ++i1) {
      for (int i2 = 0; i2 < n[2]; ++i2) {
        const int index[3] = {i0, i1, i2};
        const auto last = [&](int dim) { return dim < 3 && index[dim] == n[dim] - 1; };
        Iteration at{};
        at.rows = last(t.rows_dim) ? t.rows_last : t.rows;
        at.cols = last(t.cols_dim) ? t.cols_last : t.cols;
        at.row0 = t.rows_dim < 3 ? index[t.rows_dim] * t.rows : 0;
        at.col0 = t.col_base + (t.cols_dim < 3 ? index[t.cols_dim] * t.cols : 0);
        at.address = t.address;
        for (int d = 0; d < 3; ++d) {
          at.address += static_cast<std::uint32_t>(index[d] * t.strides[d]);
          at.index[d] = index[d];
        }
        all.push_back(at);
      }
    }
  }
  return all;
}

void set_transfer(Command& command, const TransferCase& t) {
  command.set(Field::ADDR, t.address).set(Field::PITCH, t.pitch).set(Field::COL_BASE, t.col_base);
  command.set(Field::N0, t.counts[0]).set(Field::N1, t.counts[1]).set(Field::N2, t.counts[2]);
  command.set(Field::STRIDE0, t.strides[0]).set(Field::STRIDE1, t.strides[1]).set(Field::STRIDE2, t.strides[2]);
  command.set(Field::ROWS, t.rows).set(Field::ROWS_LAST, t.rows_last).set(Field::ROWS_DIM, t.rows_dim);
  command.set(Field::COLS, t.cols).set(Field::COLS_LAST, t.cols_last).set(Field::COLS_DIM, t.cols_dim);
  command.set(Field::MEMORY_BITS, static_cast<int>(width_of(t.bits))).set(Field::SHAPED, t.shape.has_value());
  if (t.tap_loop) command.set(Field::TAP_LOOP, 1);
  if (t.lines) command.set(Field::LINES, 1);
}

void set_shape(Command& command, const ShapeCase& s, int slot) {
  command.set(Field::SLOT, slot);
  command.set(Field::EXTENT_X, s.extent_x).set(Field::EXTENT_Y, s.extent_y);
  command.set(Field::LIMIT_X, s.limit_x).set(Field::LIMIT_Y, s.limit_y);
  command.set(Field::OFFSET_X, s.offset_x).set(Field::OFFSET_Y, s.offset_y);
  command.set(Field::SCALE_X, s.scale_x).set(Field::SCALE_Y, s.scale_y);
  command.set(Field::TAP_X, s.tap_x)
      .set(Field::TAP_Y, s.tap_y)
      .set(Field::TAPS_X, s.taps_x)
      .set(Field::TAPS_Y, s.taps_y);
  command.set(Field::SEGMENT, s.segment).set(Field::SEGMENT_BASE, s.segment_base);
  command.set(Field::PIXEL_PITCH, s.pixel_pitch);
  command.set(Field::LINE_PITCH, s.line_pitch).set(Field::IMAGE_PITCH, s.image_pitch);
}

std::vector<std::optional<std::uint32_t>> load_row(std::span<const std::uint8_t> memory, const TransferCase& t,
                                                   const Iteration& at, int row) {
  std::vector<std::optional<std::uint32_t>> elements;
  if (!t.shape) {
    const std::int64_t start = std::int64_t{8} * (static_cast<std::int64_t>(at.address) + std::int64_t{row} * t.pitch);
    for (int j = 0; j < at.cols; ++j) {
      elements.emplace_back(bits_at(memory, start + std::int64_t{at.col0 + j} * t.bits, t.bits));
    }
    return elements;
  }
  const ShapeCase& s = *t.shape;
  const int r = at.row0 + row;
  const int x = r % s.extent_x, y = r / s.extent_x % s.extent_y, n = r / (s.extent_x * s.extent_y);
  // The whole stream of the row, then the part of it.
  std::vector<std::optional<std::uint32_t>> stream;
  for (int ty = 0; ty < s.taps_y; ++ty) {
    for (int tx = 0; tx < s.taps_x; ++tx) {
      if (t.tap_loop && (ty != at.index[1] || tx != at.index[2])) continue;
      const int sy = y * s.scale_y + ty * s.tap_y + s.offset_y, sx = x * s.scale_x + tx * s.tap_x + s.offset_x;
      const bool in_image = sy >= 0 && sy < s.limit_y && sx >= 0 && sx < s.limit_x;
      const std::int64_t pixel = static_cast<std::int64_t>(at.address) + std::int64_t{n} * s.image_pitch +
                                 std::int64_t{sy} * s.line_pitch + std::int64_t{sx} * s.pixel_pitch;
      for (int e = 0; e < s.segment; ++e) {
        if (in_image) {
          stream.emplace_back(bits_at(memory, 8 * pixel + std::int64_t{s.segment_base + e} * t.bits, t.bits));
        } else {
          stream.emplace_back();
        }
      }
    }
  }
  for (int j = 0; j < at.cols; ++j) elements.push_back(stream.at(static_cast<std::size_t>(at.col0 + j)));
  return elements;
}

std::int64_t store_bit(const TransferCase& t, const Iteration& at, int row) {
  std::int64_t byte = at.address;
  if (t.shape) {
    const ShapeCase& s = *t.shape;
    const int r = at.row0 + row;
    const int x = r % s.extent_x, y = r / s.extent_x % s.extent_y, n = r / (s.extent_x * s.extent_y);
    byte += std::int64_t{n} * s.image_pitch + std::int64_t{y * s.scale_y + s.offset_y} * s.line_pitch +
            std::int64_t{x * s.scale_x + s.offset_x} * s.pixel_pitch;
  } else {
    byte += std::int64_t{row} * t.pitch;
  }
  return 8 * byte + std::int64_t{at.col0} * t.bits;
}

std::uint32_t bits_at(std::span<const std::uint8_t> memory, std::int64_t bit, int bits) {
  std::uint32_t value = 0;
  for (int i = 0; i < bits; ++i, ++bit) {
    const std::uint8_t byte = memory[static_cast<std::size_t>(bit / 8)];
    value |= static_cast<std::uint32_t>(byte >> (bit % 8) & 1) << i;
  }
  return value;
}

void align(TransferCase& transfer) {
  if (transfer.bits != 16) return;
  const auto even = [](int& bytes) { bytes -= bytes % 2; };
  transfer.address -= transfer.address % 2;
  even(transfer.pitch);
  for (int& stride : transfer.strides) even(stride);
  if (!transfer.shape) return;
  for (int* pitch : {&transfer.shape->pixel_pitch, &transfer.shape->line_pitch, &transfer.shape->image_pitch}) {
    even(*pitch);
  }
}

std::uint32_t expanded(std::uint32_t element, int from, int to, Expand expand) {
  const std::uint32_t mask = to == 32 ? 0xFFFFFFFFu : (1u << to) - 1;
  if (from == to || expand == Expand::UNSIGNED) return element;
  if (expand == Expand::PLUS_MINUS) return (element == 1 ? 1u : 0xFFFFFFFFu) & mask;
  const bool negative = (element >> (from - 1) & 1) != 0;
  return (negative ? element - (1u << from) : element) & mask;
}

ShapeCase random_shape(MachineCase& machine, int bits, int most_taps, int most_segment, int unit) {
  ShapeCase s;
  s.extent_x = machine.uniform(1, 5);
  s.extent_y = machine.uniform(1, 4);
  s.taps_x = machine.uniform(1, most_taps);
  s.taps_y = machine.uniform(1, most_taps);
  s.scale_x = machine.uniform(1, 3);
  s.scale_y = machine.uniform(1, 3);
  s.tap_x = machine.uniform(-2, 2);
  s.tap_y = machine.uniform(-2, 2);
  if (machine.uniform(0, 1) == 0) s.tap_x = s.scale_x = 1;  // neighbours in memory
  s.offset_x = machine.uniform(-3, 3);
  s.offset_y = machine.uniform(-3, 3);
  s.limit_x = machine.uniform(1, 8);
  s.limit_y = machine.uniform(1, 6);
  s.segment = machine.uniform(1, (most_segment + unit - 1) / unit) * unit;
  s.segment_base = machine.uniform(0, 1) == 0 ? 0 : machine.uniform(1, 9);
  const int tight = (s.segment * bits + 7) / 8;
  s.pixel_pitch = s.segment_base == 0 && machine.uniform(0, 2) > 0 ? tight : tight + machine.uniform(0, 50);
  s.line_pitch = s.limit_x * s.pixel_pitch + (machine.uniform(0, 1) == 0 ? 0 : machine.uniform(0, 600));
  s.image_pitch = s.limit_y * s.line_pitch + (machine.uniform(0, 1) == 0 ? 0 : machine.uniform(-40, 4000));
  return s;
}

}  // namespace bitloom
