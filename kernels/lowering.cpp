#include "kernels/lowering.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "model/io/error.hpp"

namespace bitloom {

namespace {

/// Returns the word of the real nearest to `value` (N11.12).
std::uint32_t real_word(double value) {
  if (value == 0) return 0;
  int exponent = 0;
  const double fraction = std::frexp(std::fabs(value), &exponent);  // [0.5, 1)
  auto mantissa = static_cast<std::uint32_t>(std::floor(std::ldexp(fraction, 16) + 0.5));
  int shift = 16 - exponent;
  if (mantissa == 65536) {
    mantissa = 32768;
    --shift;
  }
  if (shift < -128 || shift > 127) throw Error(fmt::format("lowering: no real holds {}", value));
  return mantissa | (static_cast<std::uint32_t>(shift) & 0xFFu) << 16 | (value < 0 ? 0x80000000u : 0u);
}

}  // namespace

TilingContext Lowering::context() const {
  const std::string node =
      info_.node < 0 ? "" : ", " + program.network.nodes[static_cast<std::size_t>(info_.node)].name;
  return {hardware(), fmt::format("network {}{}, {}", program.network.name, node, info_.phase)};
}

TileGrid Lowering::vector_tiles(int rows, int cols, const Sections& sections) const {
  return vector_grid(context(), rows, cols, sections);
}

TileGrid Lowering::array_tiles(int rows, int cols, const Sections& sections) const {
  return array_grid(context(), rows, cols, sections);
}

TileGrid Lowering::bias_tiles(int cols) const { return bias_grid(context(), cols); }

Src Lowering::scalar(ScalarOp op, Src a, Src b, Src c, const ScalarMore& more) {
  const int longest = std::max({a.count, b.count, c.count, more.count});
  const int results = more.one_result ? 0 : longest;
  const Entry dst = more.dst >= 0 ? more.dst : table.temporary(std::max(results, 1));
  Command command(Opcode::SCALAR);
  command.set(Field::SCALAR_OP, static_cast<int>(op)).set(Field::COLS, std::max(longest, 1)).set(Field::DST, dst);
  command.set(Field::SRC_A, a.entry).set(Field::SRC_B, b.entry).set(Field::SRC_C, c.entry).set(Field::SRC_N, more.n);
  command.set(Field::VECTOR_A, a.count > 0).set(Field::VECTOR_B, b.count > 0).set(Field::VECTOR_C, c.count > 0);
  command.set(Field::IMMEDIATE, more.immediate).set(Field::TABLE_PITCH, more.pitch);
  command.set(Field::SCALAR_KEEP, more.keep ? 1 : 0);
  CommandInfo info = info_;
  if (!silent_) builder_.scalar(command, std::move(info));
  return {dst, results};
}

Src Lowering::max_to_scale(Src max, Src unit, int q, Entry dst, std::optional<Src> keep) {
  ScalarMore more{.dst = dst, .pitch = q, .keep = keep.has_value()};
  return scalar(ScalarOp::MAX_TO_SCALE, max, unit, keep.value_or(Src{}), more);
}

Src Lowering::real(double value) { return {table.constant(real_word(value))}; }

Src Lowering::load_vectors(int tensor_index, int col, int count, int rows) {
  const Src result(table.temporary(rows * count), count);
  const TileGrid grid = vector_tiles(rows, count, {.in = 1});
  const int pieces = grid.rows.count > 1 ? rows : 1;  // T counts the rows of one tile
  for (int piece = 0; piece < pieces; ++piece) {
    const std::int64_t first = std::int64_t{piece} * tensor(tensor_index).pitch;
    Phase phase(*this, pieces > 1 ? vector_tiles(1, count, {.in = 1}) : grid);
    phase.input({.tensor = tensor_index, .offset = first, .col_base = col});
    phase.vector(Opcode::TABLE_LOAD).set(Field::DST, result.entry + piece * count).set(Field::TABLE_PITCH, count);
    phase.run();
  }
  return result;
}

void Lowering::store_vectors(const std::vector<Src>& vectors, int tensor_index, int col, int count, int first_row) {
  for (std::size_t i = 0; i < vectors.size(); ++i) {
    const std::int64_t row = first_row + static_cast<std::int64_t>(i);
    Phase phase(*this, vector_tiles(1, count, {.out = 1}));
    phase.vector(Opcode::TABLE_STORE).set(Field::DST, vectors[i].entry).set(Field::TABLE_PITCH, count);
    phase.output({.tensor = tensor_index, .offset = row * tensor(tensor_index).pitch, .col_base = col});
    phase.run();
  }
}

}  // namespace bitloom
