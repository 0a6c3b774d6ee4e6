// TILE: biases, masks, codes, statistics.
#include <algorithm>
#include <cstdlib>

#include "model/numerics/affine.hpp"
#include "model/numerics/log_code.hpp"
#include "model/numerics/niti.hpp"
#include "model/numerics/numbers.hpp"
#include "model/numerics/raw_view.hpp"
#include "sim/command_values.hpp"
#include "sim/vector_tile.hpp"

namespace bitloom {
namespace {

/// Returns x · ratio as QUANTIZER UNIFORM rounds it, not yet clamped.
std::int64_t uniform(std::int64_t x, const Scale& ratio, RoundingMode rounding, std::uint32_t u) {
  switch (rounding) {
    case RoundingMode::HALF_AWAY: {
      const std::int64_t magnitude = requantize(std::abs(x), ratio, Rounding::kHalfUp);
      return x < 0 ? -magnitude : magnitude;
    }
    case RoundingMode::PSEUDO:
      return shift_pseudo_stochastic(x, ratio.s - 15);
    case RoundingMode::HALF_UP:
    case RoundingMode::NEAREST_EVEN:
    case RoundingMode::FLOOR:
    case RoundingMode::STOCHASTIC:
      break;
  }
  return requantize(x, ratio, static_cast<Rounding>(rounding), u, 8);
}

std::int64_t logarithmic(std::int64_t x, std::uint32_t top, int binades, bool stochastic, std::uint32_t u,
                         std::uint64_t& saturations) {
  const auto magnitude = static_cast<std::uint64_t>(std::abs(x));
  if (magnitude > top) ++saturations;
  if (magnitude >= top) return (binades + 1) | (x < 0 ? 8 : 0);  // also beyond 32 bits
  std::uint64_t none = 0;
  return log_encode(static_cast<std::int32_t>(x), top, binades, u, 8,
                    stochastic ? Rounding::kStochastic : Rounding::kHalfUp, none);
}

}  // namespace

std::int64_t CommandValues::raw_view(const Instruction& c, std::int64_t x, std::uint64_t& saturations) {
  if (c.RAW16 == 0) return saturate(x, kRawLimit, saturations);
  return narrow_view(x, static_cast<int>(c.RAW_SHIFT), saturations);
}

bool CommandValues::mask(const Instruction& c, std::int64_t raw) const {
  const std::int64_t limit = entry(c.LIMIT);
  switch (static_cast<MaskRule>(c.MASK_RULE)) {
    case MaskRule::INSIDE:
      return std::abs(raw) <= limit;
    case MaskRule::BELOW:
      return std::abs(raw) < limit;
    case MaskRule::POSITIVE_INSIDE:
      return raw > 0 && raw <= limit;
    case MaskRule::POSITIVE:
      break;
  }
  return raw > 0;
}

/// Returns the code of the exact value x in column j.
std::int64_t CommandValues::code(const Instruction& c, std::int64_t x, std::uint32_t u, const VectorTile& t,
                                 std::int64_t j, std::uint64_t& saturations) const {
  const std::int64_t largest = c.QMAX;
  const auto rounding = static_cast<RoundingMode>(c.ROUNDING);
  switch (static_cast<QuantizerKind>(c.QUANTIZER)) {
    case QuantizerKind::SIGN:
      return x > 0 ? 1 : 0;
    case QuantizerKind::LOG:
      return logarithmic(x, entry(c.RATIO), static_cast<int>(largest), rounding == RoundingMode::STOCHASTIC, u,
                         saturations);
    case QuantizerKind::GROUP: {
      const bool scalar = c.COEF_SCALAR != 0;
      const std::int32_t word = t.coefficient(t.vector(Part::ratio), j, scalar);
      const auto ratio = factor(Real::from_word(static_cast<std::uint32_t>(word)));
      if (!ratio) return 0;
      const std::int64_t above = x - t.coefficient(t.vector(Part::low), j, scalar);
      return std::clamp<std::int64_t>(requantize(above, *ratio, Rounding::kStochastic, u, 8), 0, largest);
    }
    case QuantizerKind::UNIFORM:
      break;
  }
  const auto ratio = factor(Real::from_word(entry(c.RATIO)));
  if (!ratio) return 0;
  const std::int64_t y = uniform(x, *ratio, rounding, u);
  const std::int64_t limited = std::clamp(y, c.UNSIGNED != 0 ? 0 : -largest, largest);
  saturations += limited != y ? 1u : 0u;
  return limited;
}

void CommandValues::tile(const Execution& e) {
  const Instruction& c = *e.command;
  VectorTile t = vector_tile(e);
  const int data_in = t.input(Part::data), mask_in = t.input(Part::mask);
  const int raw_out = t.output(Part::raw), codes_out = t.output(Part::codes), mask_out = t.output(Part::mask);
  const bool bias_out = t.operands.writes_bias, drawn = t.operands.draws.keys > 0;
  const Stream words = drawn ? stream(c, static_cast<RandomUse>(c.USE)) : Stream{};
  const auto bias_ratio = bias_out ? factor(Real::from_word(entry(c.RATIO))) : std::optional<Scale>();
  const std::size_t acc_tile = c.ACC_ALL != 0 ? std::size_t{e.index[0]} * e.counts[1] + e.index[1] : e.parity0;
  Statistics& s = statistics(e);
  begin_sums(e, t);
  for (std::int64_t i = 0; i < t.rows; ++i) {
    for (std::int64_t j = 0; j < t.width(); ++j) {
      std::int64_t raw = 0, code_value = 0, mask_value = 0;
      if (j < t.cols) {
        std::int64_t z = data_in >= 0 ? t.in(data_in, i, j)
                                      : accumulator(acc_tile, static_cast<std::size_t>(i), static_cast<std::size_t>(j));
        if (has_flag(c, Flag::ADD_BIAS)) z += vbias_.at(static_cast<std::size_t>(e.col0 + j));
        if (mask_in >= 0 && !t.passes(mask_in, i, j)) z = 0;
        const std::int64_t x = has_flag(c, Flag::RELU) && z < 0 ? 0 : z;
        raw = raw_view(c, x, s[2]);
        if (mask_out >= 0) mask_value = mask(c, raw) ? 1 : 0;
        const std::uint32_t u =
            drawn ? words.draw(e.row0 + static_cast<std::uint32_t>(i), e.col0 + static_cast<std::uint32_t>(j), 8) : 0;
        if (codes_out >= 0) code_value = code(c, x, u, t, j, s[1]);
        if (bias_ratio) code_value = requantize_to(x, *bias_ratio, Rounding::kHalfUp, 0, 8, kRawLimit, s[1]);
        s[0] = std::max(s[0], static_cast<std::uint64_t>(std::abs(raw)));
        add_to_sums(e, t, i, j, raw);
      }
      if (bias_out)
        vbias_.at(static_cast<std::size_t>(e.col0 + i * t.width() + j)) = static_cast<std::int32_t>(code_value);
      if (raw_out >= 0) t.out(raw_out, i, j, raw);
      if (codes_out >= 0) t.out(codes_out, i, j, code_value);
      if (mask_out >= 0) t.out(mask_out, i, j, mask_value);
    }
  }
  save_statistics(e, t.operands.statistics);
}

}  // namespace bitloom
