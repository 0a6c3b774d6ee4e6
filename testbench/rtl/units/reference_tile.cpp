// TILE and UPDATE.
#include <algorithm>
#include <cstdlib>
#include <optional>

#include "model/numerics/affine.hpp"
#include "model/numerics/niti.hpp"
#include "model/numerics/numbers.hpp"
#include "model/numerics/polyline.hpp"
#include "model/numerics/random.hpp"
#include "model/numerics/update.hpp"
#include "testbench/model/numerics/spec_codes.hpp"
#include "testbench/rtl/units/engine_reference.hpp"

namespace bitloom::testing {

namespace {

std::int64_t uniform_code(const Command& c, std::int64_t x, Real ratio, std::uint32_t u) {
  const std::optional<Scale> scale = factor(ratio);
  if (!scale) return 0;
  switch (static_cast<RoundingMode>(c.get(Field::ROUNDING))) {
    case RoundingMode::HALF_AWAY: {
      const std::int64_t y = requantize(std::abs(x), *scale, Rounding::kHalfUp);
      return x < 0 ? -y : y;
    }
    case RoundingMode::PSEUDO:
      return shift_pseudo_stochastic(x, scale->s - 15);
    default:
      return requantize(x, *scale, static_cast<Rounding>(c.get(Field::ROUNDING)), u, 8);
  }
}

bool mask_of(const Command& c, std::int64_t raw, std::int64_t limit) {
  switch (static_cast<MaskRule>(c.get(Field::MASK_RULE))) {
    case MaskRule::POSITIVE:
      return raw > 0;
    case MaskRule::INSIDE:
      return std::abs(raw) <= limit;
    case MaskRule::BELOW:
      return std::abs(raw) < limit;
    case MaskRule::POSITIVE_INSIDE:
      break;
  }
  return raw > 0 && raw <= limit;
}

int count(std::initializer_list<bool> flags) { return static_cast<int>(std::count(flags.begin(), flags.end(), true)); }

}  // namespace

int Reference::streamed(const Execution& e, int inputs, int vectors, int writes, int stages) const {
  int cycles = 2 + stages + writes;
  const bool packed = has_packed_mask(e.command);
  std::int64_t word = -1;  // of the mask
  for (std::uint32_t j = 0; j < groups(e); ++j) {
    for (std::uint32_t i = 0; i < e.rows; ++i) {
      const bool reads_vectors = i == 0 && (j == 0 || e.command.get(Field::COEF_SCALAR) == 0);
      const std::int64_t of_group = (i * groups(e) + j) / 32;
      const int reads = inputs - (packed && of_group == word ? 1 : 0) + (reads_vectors ? vectors : 0);
      word = of_group;
      cycles += std::max({stages == 7 ? 3 : 1, reads, writes});  // a lane of UPDATE works on a group for three cycles
    }
  }
  return cycles;
}

/// Returns the code of the exact value `a` of element (i, j).
std::int64_t Reference::tile_code(const Execution& e, std::int64_t a, std::uint32_t i, std::uint32_t j, std::uint32_t u,
                                  std::uint64_t& saturations) const {
  const Command& c = e.command;
  const std::int64_t largest = c.get(Field::QMAX);
  const std::uint32_t ratio = table_value(c.get(Field::RATIO));
  const bool stochastic = c.get(Field::ROUNDING) == static_cast<std::uint32_t>(RoundingMode::STOCHASTIC);
  switch (static_cast<QuantizerKind>(c.get(Field::QUANTIZER))) {
    case QuantizerKind::UNIFORM: {
      const std::int64_t y = uniform_code(c, a, Real{ratio}, u);
      const std::int64_t code = std::clamp(y, c.get(Field::UNSIGNED) != 0 ? 0 : -largest, largest);
      saturations += y != code ? 1 : 0;
      return code;
    }
    case QuantizerKind::LOG: {
      const spec::LogCell cell = spec::log_cell(a, ratio, static_cast<int>(largest));
      const bool up = stochastic ? u < spec::words_above(cell.distance, 8)
                                 : 2 * cell.distance.numerator >= cell.distance.denominator;
      saturations += cell.clipped ? 1 : 0;
      return spec::log_code_of(a, cell.lower + (up ? 1 : 0));
    }
    case QuantizerKind::SIGN:
      return a > 0 ? 1 : 0;
    case QuantizerKind::GROUP:
      break;
  }
  const std::uint32_t full =
      (c.flag(Flag::FROM_VIN) ? 1 : 0) + (c.flag(Flag::MASK_IN) ? 1 : 0) + (has_partner(c) ? 1 : 0);
  const std::optional<Scale> scale = factor(Real{static_cast<std::uint32_t>(coefficient(e, full, 0, j))});
  if (!scale) return 0;
  static_cast<void>(i);
  return std::clamp<std::int64_t>(requantize(a - coefficient(e, full, 1, j), *scale, Rounding::kStochastic, u, 8), 0,
                                  largest);
}

int Reference::tile(const Execution& e, Statistics& statistics) {
  const Command& c = e.command;
  const std::uint32_t width = groups(e) * lanes();
  const bool from_vin = c.flag(Flag::FROM_VIN), mask_in = c.flag(Flag::MASK_IN), bias_out = c.flag(Flag::BIAS_OUT);
  const bool codes_out = c.flag(Flag::CODES_OUT) && !bias_out;
  const auto quantizer = static_cast<QuantizerKind>(c.get(Field::QUANTIZER));
  const bool group = codes_out && quantizer == QuantizerKind::GROUP;
  const std::uint32_t acc_cols =
      static_cast<std::uint32_t>(memories.acc.size()) / 2 / static_cast<std::uint32_t>(hw_.rows);
  const bool draws = codes_out && quantizer != QuantizerKind::SIGN &&
                     (group || c.get(Field::ROUNDING) == static_cast<std::uint32_t>(RoundingMode::STOCHASTIC));
  const Stream stream = make_stream(registers_.seed, registers_.step, c.get(Field::TENSOR),
                                    static_cast<RandomUse>(c.get(Field::USE)), c.get(Field::SAMPLE));
  const std::int64_t limit = table_value(c.get(Field::LIMIT));
  const int inputs = count({from_vin, mask_in});
  begin_sums(e);
  for (std::uint32_t i = 0; i < e.rows; ++i) {
    for (std::uint32_t j = 0; j < width; ++j) {
      std::int64_t raw = 0, code = 0, mask = 0;
      if (j < e.cols) {
        std::int64_t z = from_vin
                             ? input(e, 0, i, j)
                             : memories.acc[(e.parity0() * static_cast<std::uint32_t>(hw_.rows) + i) * acc_cols + j];
        if (c.flag(Flag::ADD_BIAS)) z += bias_[e.col0 + j];
        if (mask_in && !passes(e, from_vin ? 1 : 0, i, j)) z = 0;
        const std::int64_t a = c.flag(Flag::RELU) && z <= 0 ? 0 : z;
        raw = raw_view_of(c, a, statistics.value[2]);
        mask = mask_of(c, raw, limit) ? 1 : 0;
        sum_up(e, static_cast<std::uint32_t>(inputs), i, j, raw);
        const std::uint32_t u = draws ? stream.draw(e.row0 + i, e.col0 + j, 8) : 0;
        if (codes_out) code = tile_code(e, a, i, j, u, statistics.value[1]);
        if (bias_out) {
          const std::optional<Scale> ratio = factor(Real{table_value(c.get(Field::RATIO))});
          code = ratio ? requantize_to(a, *ratio, Rounding::kHalfUp, 0, 8, kRawLimit, statistics.value[1]) : 0;
        }
      }
      statistics.value[0] = std::max(statistics.value[0], static_cast<std::uint64_t>(std::abs(raw)));
      if (bias_out) bias_[e.col0 / lanes() * lanes() + i * width + j] = static_cast<std::int32_t>(code);
      std::uint32_t k = 0;
      if (c.flag(Flag::RAW_OUT)) output(e, e.parity0(), k++, i, j, raw);
      if (codes_out) output(e, e.parity0(), k++, i, j, code);
      if (c.flag(Flag::MASK_OUT)) output(e, e.parity0(), k, i, j, mask);
    }
  }
  const int writes = count({c.flag(Flag::RAW_OUT), codes_out, c.flag(Flag::MASK_OUT)});
  return streamed(e, inputs + (has_partner(c) ? 1 : 0), group ? 2 : 0, writes, 4) + (draws ? 10 : 0) +
         (draws && e.first ? 21 : 0);
}

int Reference::update(const Execution& e, Statistics& statistics) {
  const Command& c = e.command;
  const bool half_up = c.flag(Flag::HALF_UP);
  const Scale ratio_g = from_word(table_value(c.get(Field::RATIO)));
  const Scale ratio_w = from_word(table_value(c.get(Field::RATIO_W)));
  const auto stream = [&](RandomUse use) {
    return make_stream(registers_.seed, registers_.step, c.get(Field::TENSOR), use, c.get(Field::SAMPLE));
  };
  const Stream stream_v = stream(RandomUse::kMomentum);
  const Stream stream_w = stream(RandomUse::kMaster);
  const std::int64_t limit = c.flag(Flag::MASTER32) ? kBiasLimit : kMasterLimit;
  for (std::uint32_t i = 0; i < e.rows; ++i) {
    for (std::uint32_t j = 0; j < groups(e) * lanes(); ++j) {
      std::int32_t momentum = 0, master = 0;
      if (j < e.cols) {
        const std::uint32_t row = e.row0 + i, col = e.col0 + j;
        momentum = update_momentum(input(e, 2, i, j), input(e, 0, i, j), c.get(Field::MU16), ratio_g,
                                   half_up ? kHalfUpWord16 : stream_v.draw(row, col, 16), statistics.value[2]);
        master = update_master(input(e, 1, i, j), momentum, ratio_w, limit,
                               half_up ? kHalfUpWord16 : stream_w.draw(row, col, 16), statistics.value[1]);
      }
      const std::int64_t size = std::abs(std::int64_t{master});
      statistics.value[0] = std::max(statistics.value[0], static_cast<std::uint64_t>(size));
      output(e, e.parity0(), 0, i, j, master);
      output(e, e.parity0(), 1, i, j, momentum);
    }
  }
  return streamed(e, 3, 0, 2, 7) + (half_up ? 0 : 7) + (!half_up && e.first ? 42 : 0);
}

int Reference::update_lwq(const Execution& e, Statistics& statistics) {
  const Command& c = e.command;
  const bool half_up = c.flag(Flag::HALF_UP);
  const auto entry = [&](Field field, std::uint32_t more = 0) { return table_value(c.get(field) + more); };
  const Real by_gradient{entry(Field::RATIO)}, by_momentum{entry(Field::RATIO_W)}, decay{entry(Field::LIMIT)};
  const int read = static_cast<int>(entry(Field::ADDEND)), write = static_cast<int>(entry(Field::ADDEND, 1));
  const int limit = static_cast<int>(c.get(Field::QMAX));
  const bool whole = c.flag(Flag::MASTER32), made_step = c.flag(Flag::FROM_VIN);
  const auto stream = [&](RandomUse use) {
    return make_stream(registers_.seed, registers_.step, c.get(Field::TENSOR), use, c.get(Field::SAMPLE));
  };
  const Stream stream_v = stream(RandomUse::kMomentum);
  const Stream stream_w = stream(RandomUse::kMaster);
  for (std::uint32_t i = 0; i < e.rows; ++i) {
    for (std::uint32_t j = 0; j < groups(e) * lanes(); ++j) {
      std::array<std::int32_t, 2> latent{};  // q and residual, or L and q
      std::int8_t v = 0;
      if (j < e.cols) {
        const std::uint32_t row = e.row0 + i, col = e.col0 + j;
        std::int64_t sum = real_product(input(e, 0, i, j), by_gradient), change = 0;
        if (made_step) {  // N25.8
          change = lwq_delta(input(e, 0, i, j), by_gradient, statistics.value[1]);
        } else {
          const auto old_v = static_cast<std::int8_t>(input(e, whole ? 2 : 3, i, j));
          sum = lwq_momentum(old_v, decay, input(e, 0, i, j), by_gradient);
          v = lwq_momentum_code(sum, half_up ? kHalfUpWord16 : stream_v.draw(row, col, 16), statistics.value[2]);
          change = lwq_delta(v, by_momentum, statistics.value[1]);
        }
        statistics.value[0] = std::max(statistics.value[0], lwq_momentum_magnitude(sum));
        statistics.value[3] += static_cast<std::uint64_t>(std::abs(change));
        if (whole) {  // N23.2, written out
          const std::int64_t most = std::int64_t{limit} * 65536 + 32767;
          const std::int64_t next = std::int64_t{input(e, 1, i, j)} - change;
          const std::int64_t kept = std::clamp(next, -most, most);
          statistics.value[1] += kept != next ? 1 : 0;
          latent = {static_cast<std::int32_t>(kept), static_cast<std::int32_t>((kept + 32768) >> 16)};
        } else {
          const LatentCode old{static_cast<std::int8_t>(input(e, 1, i, j)),
                               static_cast<std::int8_t>(input(e, 2, i, j))};
          const LatentCode code =
              polyline_encode(polyline_decode(old, read) - change, write, half_up ? 0 : stream_w.draw(row, col, 16),
                              half_up ? Rounding::kHalfUp : Rounding::kStochastic, limit, statistics.value[1]);
          latent = {code.q, code.s};
        }
      }
      output(e, e.parity0(), 0, i, j, latent[0]);
      output(e, e.parity0(), 1, i, j, latent[1]);
      if (!made_step) output(e, e.parity0(), 2, i, j, v);
    }
  }
  const int words = whole || made_step ? 3 : 4;
  return streamed(e, words, 0, made_step ? 2 : 3, 7) + (half_up ? 0 : 7) + (!half_up && e.first ? 42 : 0);
}

}  // namespace bitloom::testing
