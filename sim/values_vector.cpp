// AFFINE, REDUCE, POOL.
#include <algorithm>
#include <cstdlib>

#include "model/numerics/affine.hpp"
#include "model/numerics/numbers.hpp"
#include "model/numerics/raw_view.hpp"
#include "model/numerics/statistics.hpp"
#include "sim/command_values.hpp"
#include "sim/vector_tile.hpp"

namespace bitloom {
namespace {

bool starts(const Execution& e) { return e.index[1] == 0 && e.index[2] == 0; }

}  // namespace

void CommandValues::affine(const Execution& e) {
  const Instruction& c = *e.command;
  VectorTile t = vector_tile(e);
  const bool v_in = has_flag(c, Flag::V_IN), scalar = c.COEF_SCALAR != 0;
  const int u_in = t.input(Part::u), mask_in = t.input(Part::mask), row_in = t.input(Part::row_value);
  const int v_section = t.input(Part::v);
  const int raw_out = t.output(Part::raw), mask_out = t.output(Part::mask);
  Statistics& s = statistics(e);
  begin_sums(e, t);
  for (std::int64_t i = 0; i < t.rows; ++i) {
    for (std::int64_t j = 0; j < t.width(); ++j) {
      std::int32_t y = 0, z = 0;
      if (j < t.cols) {
        const auto coefficient = [&](Part part, std::uint32_t index) {
          const int k = t.vector(part);
          return k >= 0 ? static_cast<std::uint32_t>(t.coefficient(k, j, scalar)) : entry(index);
        };
        const Real a = Real::from_word(coefficient(Part::a, c.RATIO));
        const Real b = v_in ? Real::from_word(coefficient(Part::b, c.LIMIT)) : Real{};
        const auto addend = static_cast<std::int32_t>(coefficient(Part::c, c.ADDEND));
        const std::int32_t v = !v_in ? 0 : row_in >= 0 ? t.row_value(row_in, i) : t.in(v_section, i, j);
        z = bitloom::affine(t.in(u_in, i, j), a, v, b, addend, s[2], raw_limit(c.RAW16 != 0 ? 16 : 32));
        if (mask_in >= 0 && !t.passes(mask_in, i, j)) z = 0;
        y = has_flag(c, Flag::RELU) && z < 0 ? 0 : z;
        s[0] = std::max<std::uint64_t>(s[0], static_cast<std::uint64_t>(std::abs(std::int64_t{y})));
      }
      if (j < t.cols) add_to_sums(e, t, i, j, y);
      if (raw_out >= 0) t.out(raw_out, i, j, y);
      if (mask_out >= 0) t.out(mask_out, i, j, z > 0 ? 1 : 0);
    }
  }
  save_statistics(e, t.operands.statistics);
}

void CommandValues::reduce(const Execution& e) {
  const Instruction& c = *e.command;
  VectorTile t = vector_tile(e);
  const auto kind = static_cast<ReduceKind>(c.REDUCE_KIND);
  const bool all = c.AXIS_ALL != 0;
  const bool made = c.SUMS != 0;  // by the commands before
  const int u_in = t.input(Part::u), v_in = t.input(Part::v);
  const int su = static_cast<int>(entry(c.RATIO)), sv = static_cast<int>(entry(c.LIMIT));
  if (starts(e) && !made) {
    for (std::size_t k = 0; k < sums_.size(); ++k) {
      sums_[k] = kind != ReduceKind::RANGE ? 0 : k % 2 == 0 ? INT32_MAX : INT32_MIN;
    }
  }
  for (std::int64_t i = 0; !made && i < t.rows; ++i) {
    for (std::int64_t j = 0; j < t.cols; ++j) {
      std::int64_t& first = sums_.at(static_cast<std::size_t>(all ? 0 : 2 * j));
      std::int64_t& second = sums_.at(static_cast<std::size_t>(all ? 1 : 2 * j + 1));
      const std::int32_t u = t.in(u_in, i, j);
      if (kind == ReduceKind::RANGE) {
        first = std::min<std::int64_t>(first, u);
        second = std::max<std::int64_t>(second, u);
        continue;
      }
      const std::int64_t value = shifted(u, su);
      first += kind == ReduceKind::ABSOLUTE ? std::abs(value) : value;
      second += value * (kind == ReduceKind::CROSS ? shifted(t.in(v_in, i, j), sv) : value);
    }
  }
  if (ends(e)) write_sums(e, t);
}

/// Begins the sums of a command with SUMS: those of a tile's columns with its first row, or those of everything.
void CommandValues::begin_sums(const Execution& e, const VectorTile& t) {
  const Instruction& c = *e.command;
  if (c.SUMS == 0 || c.SUMS_KEEP != 0) return;
  if (c.AXIS_ALL != 0) {
    if (e.first) sums_[0] = sums_[1] = 0;
  } else if (e.index[1] == 0) {
    const auto first = sums_.begin() + 2 * static_cast<std::ptrdiff_t>(e.col0 - c.COL_BASE);
    std::fill(first, first + 2 * static_cast<std::ptrdiff_t>(t.width()), 0);
  }
}

/// Adds a raw view to the sums of a command with SUMS (docs/commands.md, Sums).
void CommandValues::add_to_sums(const Execution& e, const VectorTile& t, std::int64_t i, std::int64_t j,
                                std::int64_t raw) {
  const Instruction& c = *e.command;
  if (c.SUMS == 0) return;
  const auto kind = static_cast<ReduceKind>(c.REDUCE_KIND);
  const auto at = static_cast<std::size_t>(c.AXIS_ALL != 0 ? 0 : 2 * (e.col0 - c.COL_BASE + j));
  sums_.at(at) += kind == ReduceKind::ABSOLUTE ? std::abs(raw) : raw;
  sums_.at(at + 1) += raw * (kind == ReduceKind::CROSS ? t.in(t.input(Part::partner), i, j) : raw);
}

void CommandValues::write_sums(const Execution& e, VectorTile& t) {
  const bool range = static_cast<ReduceKind>(e.command->REDUCE_KIND) == ReduceKind::RANGE;
  const bool all = e.command->AXIS_ALL != 0;
  t.set_output_parity(e.index[0] & 1u);
  for (std::int64_t j = 0; j < (all ? 1 : t.cols); ++j) {
    const std::int64_t first = sums_[static_cast<std::size_t>(2 * j)],
                       second = sums_[static_cast<std::size_t>(2 * j + 1)];
    const std::int64_t rows[4] = {first, range ? second : first >> 32,
                                  range ? std::max(std::abs(first), std::abs(second)) : second, second >> 32};
    for (std::int64_t k = 0; k < (range ? 3 : 4); ++k) {
      all ? t.out_word(k, rows[k]) : t.out(0, k, j, rows[k]);
    }
  }
}

void CommandValues::pool(const Execution& e) {
  const Instruction& c = *e.command;
  VectorTile t = vector_tile(e);
  const auto op = static_cast<PoolOp>(c.POOL_OP);
  const int winner_in = t.input(Part::winner), data_in = t.input(winner_in < 0 ? Part::data : Part::gradient);
  const auto signed8 = [](std::uint32_t field) { return std::int32_t{static_cast<std::int8_t>(field)}; };
  const std::int32_t tap = signed8(c.CODE0) + static_cast<std::int32_t>(e.index[1]) * signed8(c.CODE1) +
                           static_cast<std::int32_t>(e.index[2]) * signed8(c.CODE2);
  if (starts(e)) pool_.assign(static_cast<std::size_t>(t.rows * t.width()), {});
  for (std::int64_t i = 0; i < t.rows; ++i) {
    for (std::int64_t j = 0; j < t.cols; ++j) {
      PoolCell& cell = pool_.at(static_cast<std::size_t>(i * t.width() + j));
      const std::int32_t value = t.in(data_in, i, j);
      if (op != PoolOp::MAX) {
        if (op == PoolOp::SUM || t.in(winner_in, i, j) == tap) cell.sum += value;
      } else if (value > cell.best) {
        cell.best = value;
        cell.winner = tap;
      }
    }
  }
  statistics(e);  // starts them
  if (ends(e)) pool_out(e, t);
  save_statistics(e, t.operands.statistics);
}

void CommandValues::pool_out(const Execution& e, VectorTile& t) {
  const Instruction& c = *e.command;
  const auto op = static_cast<PoolOp>(c.POOL_OP);
  const int mask_in = t.input(Part::mask);
  const int value_out = t.output(Part::value), winner_out = t.output(Part::winner), mask_out = t.output(Part::mask);
  Statistics& s = statistics_[statistics_slot(c)];
  t.set_output_parity(e.index[0] & 1u);
  for (std::int64_t i = 0; i < t.rows; ++i) {
    for (std::int64_t j = 0; j < t.width(); ++j) {
      const PoolCell& cell = pool_[static_cast<std::size_t>(i * t.width() + j)];
      const bool real = j < t.cols;
      std::int64_t z = op == PoolOp::MAX ? cell.best : cell.sum;
      if (!real || (mask_in >= 0 && t.in(mask_in, i, j) == 0)) z = 0;
      const std::int64_t raw = raw_view(c, has_flag(c, Flag::RELU) && z < 0 ? 0 : z, s[2]);
      s[0] = std::max(s[0], static_cast<std::uint64_t>(std::abs(raw)));
      t.out(value_out, i, j, raw);
      if (winner_out >= 0) t.out(winner_out, i, j, real ? cell.winner : 0);
      if (mask_out >= 0) t.out(mask_out, i, j, real && mask(c, raw) ? 1 : 0);
    }
  }
}

}  // namespace bitloom
