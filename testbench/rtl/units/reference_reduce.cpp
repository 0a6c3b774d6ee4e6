// AFFINE, REDUCE and POOL.
#include <algorithm>
#include <cstdlib>

#include "model/numerics/affine.hpp"
#include "model/numerics/numbers.hpp"
#include "model/numerics/statistics.hpp"
#include "testbench/rtl/units/engine_reference.hpp"

namespace bitloom::testing {

int Reference::affine(const Execution& e, Statistics& statistics) {
  const Command& c = e.command;
  const bool v_in = c.flag(Flag::V_IN), mask_in = c.flag(Flag::MASK_IN);
  const std::uint32_t full = 1 + (v_in ? 1 : 0) + (mask_in ? 1 : 0);
  const std::uint32_t inputs = full + (has_partner(c) ? 1 : 0);
  begin_sums(e);
  for (std::uint32_t i = 0; i < e.rows; ++i) {
    for (std::uint32_t j = 0; j < groups(e) * lanes(); ++j) {
      std::int64_t raw = 0, z = 0;
      if (j < e.cols) {
        std::uint32_t k = 0;
        const auto value = [&](Flag vector, Field entry) {
          return c.flag(vector) ? static_cast<std::uint32_t>(coefficient(e, inputs, k++, j))
                                : table_value(c.get(entry));
        };
        const Real a{value(Flag::A_VECTOR, Field::RATIO)};
        const Real b{v_in ? value(Flag::B_VECTOR, Field::LIMIT) : 0};
        const auto addend = static_cast<std::int32_t>(value(Flag::C_VECTOR, Field::ADDEND));
        // A value a row: in lane 0 of word number i of the section.
        const std::int32_t v =
            !v_in ? 0
            : c.flag(Flag::V_ROW)
                ? memories.vin_value((c.get(Field::VIN_BASE) + (2 + e.parity0()) * c.get(Field::VIN_STRIDE) + i) *
                                     lanes())
                : input(e, 1, i, j);
        z = bitloom::affine(input(e, 0, i, j), a, v, b, addend, statistics.value[2],
                            c.get(Field::RAW16) != 0 ? kRaw16Limit : kRawLimit);
        if (mask_in && !passes(e, full - 1, i, j)) z = 0;
        raw = c.flag(Flag::RELU) ? std::max<std::int64_t>(z, 0) : z;
        sum_up(e, full, i, j, raw);
      }
      statistics.value[0] = std::max(statistics.value[0], static_cast<std::uint64_t>(std::abs(raw)));
      std::uint32_t k = 0;
      if (c.flag(Flag::RAW_OUT)) output(e, e.parity0(), k++, i, j, raw);
      if (c.flag(Flag::MASK_OUT)) output(e, e.parity0(), k, i, j, z > 0 ? 1 : 0);
    }
  }
  const auto on = [&](Flag flag) { return c.flag(flag) ? 1 : 0; };
  const int vectors = on(Flag::A_VECTOR) + on(Flag::B_VECTOR) + on(Flag::C_VECTOR);
  return streamed(e, static_cast<int>(inputs), vectors, on(Flag::RAW_OUT) + on(Flag::MASK_OUT), 3);
}

bool Reference::has_packed_mask(const Command& c) {
  const bool may = c.opcode() == Opcode::TILE || c.opcode() == Opcode::AFFINE;
  return may && c.flag(Flag::MASK_IN) && c.get(Field::MASK_PACKED) != 0;
}

bool Reference::passes(const Execution& e, std::uint32_t k, std::uint32_t i, std::uint32_t j) const {
  if (e.command.get(Field::MASK_PACKED) == 0) return input(e, k, i, j) != 0;
  const std::uint32_t bit = i * groups(e) * lanes() + j;  // of the section
  return (static_cast<std::uint32_t>(input(e, k, 0, bit / 32)) >> bit % 32 & 1u) != 0;
}

bool Reference::has_partner(const Command& c) {
  return c.get(Field::SUMS) != 0 && c.get(Field::REDUCE_KIND) == static_cast<std::uint32_t>(ReduceKind::CROSS);
}

/// Begins the sums of a TILE or AFFINE where it has new ones.
void Reference::begin_sums(const Execution& e) {
  const Command& c = e.command;
  if (c.get(Field::SUMS) == 0 || c.get(Field::SUMS_KEEP) != 0) return;
  if (c.get(Field::AXIS_ALL) != 0) {
    if (e.first) sums_[0] = {0, 0};
    return;
  }
  if (e.i1 != 0) return;
  for (std::uint32_t j = 0; j < groups(e) * lanes(); ++j) sums_.at(e.col0 - c.get(Field::COL_BASE) + j) = {0, 0};
}

/// Adds a raw view, and its product with itself or with the input behind the `inputs` others.
void Reference::sum_up(const Execution& e, std::uint32_t inputs, std::uint32_t i, std::uint32_t j, std::int64_t raw) {
  const Command& c = e.command;
  if (c.get(Field::SUMS) == 0) return;
  auto& [first, second] = sums_.at(c.get(Field::AXIS_ALL) != 0 ? 0 : e.col0 - c.get(Field::COL_BASE) + j);
  const bool absolute = c.get(Field::REDUCE_KIND) == static_cast<std::uint32_t>(ReduceKind::ABSOLUTE);
  first += absolute ? std::abs(raw) : raw;
  second += raw * (has_partner(c) ? input(e, inputs, i, j) : raw);
}

int Reference::reduce(const Execution& e) {
  const Command& c = e.command;
  const auto kind = static_cast<ReduceKind>(c.get(Field::REDUCE_KIND));
  const bool all = c.get(Field::AXIS_ALL) != 0, v_in = c.flag(Flag::V_IN), range = kind == ReduceKind::RANGE;
  const bool made = c.get(Field::SUMS) != 0;
  if (e.i1 == 0 && e.i2 == 0 && !made) {
    const std::array<std::int64_t, 2> none =
        range ? std::array<std::int64_t, 2>{INT32_MAX, INT32_MIN} : std::array<std::int64_t, 2>{0, 0};
    std::fill(sums_.begin(), sums_.end(), none);
  }
  const int shift_u = static_cast<int>(table_value(c.get(Field::RATIO)));
  const int shift_v = static_cast<int>(table_value(c.get(Field::LIMIT)));
  for (std::uint32_t i = 0; i < e.rows && !made; ++i) {
    for (std::uint32_t j = 0; j < e.cols; ++j) {
      auto& [first, second] = sums_[all ? 0 : j];
      const std::int32_t u = input(e, 0, i, j);
      const std::int64_t t = shifted(u, shift_u);
      if (range) {
        first = std::min<std::int64_t>(first, u);
        second = std::max<std::int64_t>(second, u);
      } else {
        first += kind == ReduceKind::ABSOLUTE ? std::abs(t) : t;
        second += t * (kind == ReduceKind::CROSS ? shifted(input(e, 1, i, j), shift_v) : t);
      }
    }
  }
  const int cycles = streamed(e, made ? 0 : v_in ? 2 : 1, 0, 0, 3);
  if (!e.ends()) return cycles;
  const std::uint32_t lines = range ? 3 : 4;
  const std::uint32_t words = all ? 1 : groups(e);
  for (std::uint32_t j = 0; j < words * lanes(); ++j) {
    const auto [first, second] = sums_[j];
    const std::int64_t score = std::max(std::abs(first), std::abs(second));
    const std::int64_t values[2][4] = {{first, first >> 32, second, second >> 32}, {first, second, score, 0}};
    for (std::uint32_t k = 0; k < lines; ++k) {
      const std::uint32_t at = (e.parity2() * c.get(Field::VIN_STRIDE) + k * words) * lanes() + j;
      memories.set_vout_value(at, j < (all ? 1 : e.cols) ? static_cast<std::int32_t>(values[range ? 1 : 0][k]) : 0);
    }
  }
  return cycles + static_cast<int>(lines * words);
}

int Reference::pool(const Execution& e, Statistics& statistics) {
  const Command& c = e.command;
  const auto op = static_cast<PoolOp>(c.get(Field::POOL_OP));
  const bool is_max = op == PoolOp::MAX, backward = op == PoolOp::MAX_BACKWARD;
  const bool mask_in = c.flag(Flag::MASK_IN) && e.ends();
  const std::uint32_t full = backward ? 2 : 1;
  const std::uint32_t code = (c.get(Field::CODE0) + e.i1 * c.get(Field::CODE1) + e.i2 * c.get(Field::CODE2)) & 255u;
  for (std::uint32_t i = 0; i < e.rows; ++i) {
    for (std::uint32_t j = 0; j < groups(e) * lanes(); ++j) {
      auto& [value, winner] = pooled_[i * groups(e) * lanes() + j];
      std::int64_t raw = 0, z = 0, won = 0;
      if (j < e.cols) {
        const std::int64_t data = input(e, 0, i, j);
        if (e.i1 == 0 && e.i2 == 0) {
          value = is_max ? INT32_MIN : 0;
          winner = code;
        }
        if (is_max && data > value) {
          value = data;
          winner = code;
        }
        if (op == PoolOp::SUM) value += data;
        if (backward && input(e, 1, i, j) == static_cast<std::int32_t>(code)) value += data;
        if (!e.ends()) continue;
        z = mask_in && input(e, full, i, j) == 0 ? 0 : value;
        raw = raw_view_of(c, c.flag(Flag::RELU) ? std::max<std::int64_t>(z, 0) : z, statistics.value[2]);
        won = winner;
      }
      if (!e.ends()) continue;
      statistics.value[0] = std::max(statistics.value[0], static_cast<std::uint64_t>(std::abs(raw)));
      std::uint32_t k = 0;
      output(e, e.parity2(), k++, i, j, raw);
      if (is_max) output(e, e.parity2(), k++, i, j, won);
      if (c.flag(Flag::MASK_OUT)) output(e, e.parity2(), k, i, j, raw > 0 ? 1 : 0);
    }
  }
  const int writes = e.ends() ? 1 + (is_max ? 1 : 0) + (c.flag(Flag::MASK_OUT) ? 1 : 0) : 0;
  return streamed(e, static_cast<int>(full) + (mask_in ? 1 : 0), 0, writes, 3);
}

}  // namespace bitloom::testing
