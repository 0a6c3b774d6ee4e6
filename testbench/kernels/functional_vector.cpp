// AFFINE, REDUCE, POOL, UPDATE, LOSS.
#include <fmt/format.h>

#include <algorithm>

#include "kernels/tiling.hpp"
#include "model/affine.hpp"
#include "model/error.hpp"
#include "model/functions.hpp"
#include "model/group_code.hpp"
#include "model/log_code.hpp"
#include "model/niti.hpp"
#include "model/numbers.hpp"
#include "model/polyline.hpp"
#include "model/real.hpp"
#include "model/statistics.hpp"
#include "model/update.hpp"
#include "testbench/kernels/functional_parts.hpp"

namespace bitloom::functional {

void FunctionalMachine::affine(const Command& c, const Index& index, const Index& counts) {
  TileAt t{rows_at(c, index, counts),
           cols_at(c, index, counts),
           0,
           0,
           divide_up(c.get(Field::COLS), hw_.lanes()),
           c.get(Field::VIN_STRIDE),
           c.get(Field::VIN_BASE),
           hw_.lanes(),
           parity(c, Field::PARITY0, index, counts),
           0,
           0,
           0,
           vin_,
           vout_};
  const bool v_in = c.flag(Flag::V_IN), masked = c.flag(Flag::MASK_IN), scalar = c.get(Field::COEF_SCALAR) != 0;
  t.inputs = 1 + (v_in ? 1 : 0) + (masked ? 1 : 0);
  std::uint32_t max = 0;
  std::uint64_t sat = 0;
  for (std::int64_t i = 0; i < t.rows; ++i) {
    for (std::int64_t j = 0; j < round_up(t.cols, t.lanes); ++j) {
      std::int32_t x = 0;
      if (j < t.cols) {
        std::int64_t k = 0;
        const auto coefficient = [&](Flag flag, Field entry) {
          return c.flag(flag) ? static_cast<std::uint32_t>(t.coefficient(k++, j, scalar)) : word(c.get(entry));
        };
        const Real a = Real::from_word(coefficient(Flag::A_VECTOR, Field::RATIO));
        const Real b = v_in ? Real::from_word(coefficient(Flag::B_VECTOR, Field::LIMIT)) : Real{};
        const auto addend = static_cast<std::int32_t>(coefficient(Flag::C_VECTOR, Field::ADDEND));
        const std::int32_t v = !v_in ? 0 : c.flag(Flag::V_ROW) ? t.row_value(1, i) : t.in(1, i, j);
        x = bitloom::affine(t.in(0, i, j), a, v, b, addend, sat);
        if (masked && t.in(t.inputs - 1, i, j) == 0) x = 0;
      }
      const std::int32_t before = x;
      if (c.flag(Flag::RELU) && x < 0) x = 0;
      max = std::max(max, magnitude(x));
      std::int64_t k = 0;
      if (c.flag(Flag::RAW_OUT)) t.out(k++, i, j, x);
      if (c.flag(Flag::MASK_OUT)) t.out(k++, i, j, before > 0 ? 1 : 0);
    }
  }
  add_statistics(c, index, max, 0, sat);
}

void FunctionalMachine::reduce(const Command& c, const Index& index, const Index& counts) {
  TileAt t{rows_at(c, index, counts),
           cols_at(c, index, counts),
           0,
           0,
           divide_up(c.get(Field::COLS), hw_.lanes()),
           c.get(Field::VIN_STRIDE),
           c.get(Field::VIN_BASE),
           hw_.lanes(),
           parity(c, Field::PARITY0, index, counts),
           0,
           0,
           0,
           vin_,
           vout_};
  const auto kind = static_cast<ReduceKind>(c.get(Field::REDUCE_KIND));
  const bool all = c.get(Field::AXIS_ALL) != 0;
  const int su = static_cast<int>(word(c.get(Field::RATIO))), sv = static_cast<int>(word(c.get(Field::LIMIT)));
  if (index[1] == 0 && index[2] == 0) {
    sums_.assign(at(t.cols) * 2, 0);
    if (kind == ReduceKind::RANGE) {
      for (std::size_t j = 0; j < sums_.size(); j += 2) {
        sums_[j] = INT32_MAX;
        sums_[j + 1] = INT32_MIN;
      }
    }
  }
  for (std::int64_t i = 0; i < t.rows; ++i) {
    for (std::int64_t j = 0; j < t.cols; ++j) {
      std::int64_t& first = sums_[at(all ? 0 : 2 * j)];
      std::int64_t& second = sums_[at(all ? 1 : 2 * j + 1)];
      const std::int32_t u = t.in(0, i, j);
      if (kind == ReduceKind::RANGE) {
        first = std::min<std::int64_t>(first, u);
        second = std::max<std::int64_t>(second, u);
        continue;
      }
      const std::int64_t value = shifted(u, su);
      first += kind == ReduceKind::ABSOLUTE && value < 0 ? -value : value;
      second += kind == ReduceKind::CROSS ? value * shifted(t.in(1, i, j), sv) : value * value;
    }
  }
  if (index[1] + 1 != counts[1] || index[2] + 1 != counts[2]) return;
  const std::int64_t buffer = iteration_number(index, counts, 2) & 1;
  for (std::int64_t j = 0; j < (all ? 1 : t.cols); ++j) {
    const std::int64_t first = sums_[at(2 * j)], second = sums_[at(2 * j + 1)];
    std::array<std::int64_t, 4> rows{first, first >> 32, second, second >> 32};
    if (kind == ReduceKind::RANGE) {
      rows = {first, second, std::max(magnitude(first), magnitude(second)), 0};
    }
    for (std::int64_t k = 0; k < (kind == ReduceKind::RANGE ? 3 : 4); ++k) {
      const std::int64_t w = buffer * t.stride + (all ? k : k * t.groups + j / t.lanes);
      vout_.at(at(w * t.lanes + (all ? 0 : j % t.lanes))) = static_cast<std::int32_t>(rows[at(k)]);
    }
  }
}

void FunctionalMachine::pool(const Command& c, const Index& index, const Index& counts) {
  TileAt t{rows_at(c, index, counts),
           cols_at(c, index, counts),
           0,
           0,
           divide_up(c.get(Field::COLS), hw_.lanes()),
           c.get(Field::VIN_STRIDE),
           c.get(Field::VIN_BASE),
           hw_.lanes(),
           parity(c, Field::PARITY0, index, counts),
           0,
           0,
           0,
           vin_,
           vout_};
  const auto op = static_cast<PoolOp>(c.get(Field::POOL_OP));
  const std::int64_t tap =
      c.get_signed(Field::CODE0) + index[1] * c.get_signed(Field::CODE1) + index[2] * c.get_signed(Field::CODE2);
  if (index[1] == 0 && index[2] == 0) pool_.assign(at(t.rows * t.cols), {0, INT32_MIN, 0});
  const bool last = index[1] + 1 == counts[1] && index[2] + 1 == counts[2];
  const std::int64_t in_parity = t.parity;
  std::uint32_t max = 0;
  std::uint64_t sat = 0;
  for (std::int64_t i = 0; i < t.rows; ++i) {
    for (std::int64_t j = 0; j < t.cols; ++j) {
      PoolCell& cell = pool_[at(i * t.cols + j)];
      t.parity = in_parity;
      const std::int32_t value = t.in(0, i, j);
      if (op == PoolOp::MAX) {
        if (value > cell.best) {
          cell.best = value;
          cell.winner = static_cast<std::int32_t>(tap);
        }
      } else if (op == PoolOp::SUM || t.in(1, i, j) == tap) {
        cell.sum += value;
      }
      if (!last) continue;
      std::int64_t x = op == PoolOp::MAX ? cell.best : cell.sum;
      const std::int64_t mask_section = op == PoolOp::MAX_BACKWARD ? 2 : 1;
      if (c.flag(Flag::MASK_IN) && t.in(mask_section, i, j) == 0) x = 0;
      const std::int64_t before = x;
      if (c.flag(Flag::RELU) && x < 0) x = 0;
      x = saturate(x, kRawLimit, sat);
      max = std::max(max, magnitude(x));
      t.parity = iteration_number(index, counts, 2) & 1;
      std::int64_t k = 0;
      t.out(k++, i, j, static_cast<std::int32_t>(x));
      if (op == PoolOp::MAX) t.out(k++, i, j, cell.winner);
      if (c.flag(Flag::MASK_OUT)) t.out(k++, i, j, mask(c, before, x) ? 1 : 0);
    }
  }
  if (index == Index{} || last) add_statistics(c, index, max, 0, sat);
}

void FunctionalMachine::update(const Command& c, const Index& index, const Index& counts) {
  TileAt t{rows_at(c, index, counts),
           cols_at(c, index, counts),
           row0_at(c, index),
           col0_at(c, index),
           divide_up(c.get(Field::COLS), hw_.lanes()),
           c.get(Field::VIN_STRIDE),
           c.get(Field::VIN_BASE),
           hw_.lanes(),
           parity(c, Field::PARITY0, index, counts),
           0,
           0,
           0,
           vin_,
           vout_};
  if (c.flag(Flag::LWQ)) return lwq(c, index, t);
  const Scale ratio_g = from_word(word(c.get(Field::RATIO))), ratio_w = from_word(word(c.get(Field::RATIO_W)));
  const std::int64_t limit = c.flag(Flag::MASTER32) ? kBiasLimit : kMasterLimit;
  std::uint32_t max = 0;
  std::uint64_t w_sat = 0, v_sat = 0;
  for (std::int64_t i = 0; i < t.rows; ++i) {
    for (std::int64_t j = 0; j < t.cols; ++j) {
      const bool half_up = c.flag(Flag::HALF_UP);
      const std::uint32_t uv = half_up ? 32767 : random(c, RandomUse::kMomentum, t.row0 + i, t.col0 + j, 16);
      const std::uint32_t uw = half_up ? 32767 : random(c, RandomUse::kMaster, t.row0 + i, t.col0 + j, 16);
      const std::int32_t v = update_momentum(t.in(2, i, j), t.in(0, i, j), c.get(Field::MU16), ratio_g, uv, v_sat);
      const std::int32_t w = update_master(t.in(1, i, j), v, ratio_w, limit, uw, w_sat);
      max = std::max(max, magnitude(w));
      t.out(0, i, j, w);
      t.out(1, i, j, v);
    }
  }
  add_statistics(c, index, max, w_sat, v_sat);
}

void FunctionalMachine::lwq(const Command& c, const Index& index, TileAt& t) {
  const Real by_gradient = Real::from_word(word(c.get(Field::RATIO)));
  const Real by_momentum = Real::from_word(word(c.get(Field::RATIO_W)));
  const Real decay = Real::from_word(word(c.get(Field::LIMIT)));
  const int read = static_cast<int>(word(c.get(Field::ADDEND)));
  const int write = static_cast<int>(word(c.get(Field::ADDEND) + 1));
  const int limit = static_cast<int>(c.get(Field::QMAX));
  const bool whole = c.flag(Flag::MASTER32);
  const bool half_up = c.flag(Flag::HALF_UP);
  const Rounding rounding = half_up ? Rounding::kHalfUp : Rounding::kStochastic;
  std::uint64_t moved = 0, q_sat = 0, v_sat = 0, vmax = 0;
  for (std::int64_t i = 0; i < t.rows; ++i) {
    for (std::int64_t j = 0; j < t.cols; ++j) {
      const std::uint32_t uv = half_up ? 32767 : random(c, RandomUse::kMomentum, t.row0 + i, t.col0 + j, 16);
      const std::uint32_t uw = half_up ? 32767 : random(c, RandomUse::kMaster, t.row0 + i, t.col0 + j, 16);
      const auto old = static_cast<std::int8_t>(t.in(whole ? 2 : 3, i, j));
      const std::int64_t v = lwq_momentum(old, decay, t.in(0, i, j), by_gradient);
      vmax = std::max(vmax, lwq_momentum_magnitude(v));
      const std::int8_t code = lwq_momentum_code(v, uv, v_sat);
      const std::int64_t delta = lwq_delta(code, by_momentum, q_sat);
      moved += static_cast<std::uint64_t>(delta < 0 ? -delta : delta);
      t.out(2, i, j, code);
      if (whole) {
        const std::int32_t latent = limit_latent(std::int64_t{t.in(1, i, j)} - delta, limit, q_sat);
        t.out(0, i, j, latent);
        t.out(1, i, j, integer_weight(latent));
        continue;
      }
      const LatentCode from{static_cast<std::int8_t>(t.in(1, i, j)), static_cast<std::int8_t>(t.in(2, i, j))};
      const LatentCode to =
          polyline_encode(std::int64_t{polyline_decode(from, read)} - delta, write, uw, rounding, limit, q_sat);
      t.out(0, i, j, to.q);
      t.out(1, i, j, to.s);
    }
  }
  add_statistics(c, index, static_cast<std::uint32_t>(vmax), q_sat, v_sat);
  const std::uint32_t stat = c.get(Field::STAT);
  if (index == Index{}) table_.at(stat + 3) = table_.at(stat + 4) = 0;
  const std::uint64_t sum = (std::uint64_t{table_[stat + 3]} | std::uint64_t{table_[stat + 4]} << 32) + moved;
  table_[stat + 3] = static_cast<std::uint32_t>(sum);
  table_[stat + 4] = static_cast<std::uint32_t>(sum >> 32);
}

void FunctionalMachine::loss(const Command& c, const Index& index, const Index& counts) {
  TileAt t{rows_at(c, index, counts),
           cols_at(c, index, counts),
           0,
           0,
           divide_up(c.get(Field::COLS), hw_.lanes()),
           c.get(Field::VIN_STRIDE),
           c.get(Field::VIN_BASE),
           hw_.lanes(),
           parity(c, Field::PARITY0, index, counts),
           0,
           0,
           0,
           vin_,
           vout_};
  const Scale scale = from_word(word(c.get(Field::RATIO)));
  const std::uint32_t stat = c.get(Field::STAT);
  if (index == Index{}) table_.at(stat) = table_.at(stat + 1) = 0;
  for (std::int64_t i = 0; i < t.rows; ++i) {
    std::int64_t top = 0;
    for (std::int64_t j = 1; j < t.cols; ++j) top = t.in(0, i, j) > t.in(0, i, top) ? j : top;
    const std::int64_t label = vin_.at(at((t.base + (2 + t.parity) * t.stride) * t.lanes + i));
    std::uint64_t sum = 0;
    std::uint32_t of_label = 0;
    std::vector<std::uint32_t> e;
    for (std::int64_t j = 0; j < t.cols; ++j) {
      const std::uint32_t distance = exponent_of_distance(std::int64_t{t.in(0, i, top)} - t.in(0, i, j), scale);
      if (j == label) of_label = distance;
      e.push_back(exp2neg(distance));
      sum += e.back();
    }
    const std::uint32_t reciprocal = recip(static_cast<std::uint32_t>(sum));
    for (std::int64_t j = 0; j < t.cols; ++j) {
      t.out(0, i, j, static_cast<std::int32_t>(probability(e[at(j)], reciprocal)) - (j == label ? 65536 : 0));
    }
    table_[stat] = add_loss(table_[stat], log2fix(static_cast<std::uint32_t>(sum)) - 16 * 65536 + of_label);
    table_[stat + 1] += top == label ? 1 : 0;
  }
}

}  // namespace bitloom::functional
