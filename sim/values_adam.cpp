// ADAM (N25): moments, or codes and the new master.
#include <algorithm>
#include <cstdlib>

#include "model/numerics/adam.hpp"
#include "model/numerics/numbers.hpp"
#include "model/numerics/update.hpp"
#include "sim/command_values.hpp"
#include "sim/vector_tile.hpp"

namespace bitloom {

void CommandValues::adam(const Execution& e) {
  has_flag(*e.command, Flag::CODES_OUT) ? adam_codes(e) : adam_moments(e);
}

void CommandValues::adam_moments(const Execution& e) {
  const Instruction& c = *e.command;
  VectorTile t = vector_tile(e);
  t.inputs = 3;
  const AdamRates rates{c.MU16, c.QMAX, {}, 8};
  for (std::int64_t i = 0; i < t.rows; ++i) {
    for (std::int64_t j = 0; j < t.width(); ++j) {
      AdamMoments now;
      if (j < t.cols) {
        const auto coefficient = [&](std::int64_t k) { return t.coefficient(k, j, c.COEF_SCALAR != 0); };
        const auto real = [&](std::int64_t k) { return Real::from_word(static_cast<std::uint32_t>(coefficient(k))); };
        AdamFactors factors;
        factors.m = real(0);
        factors.r = real(1);
        factors.g = real(2);
        factors.r_lo = coefficient(3);
        now = bitloom::adam_moments(t.in(1, i, j), t.in(2, i, j), t.in(0, i, j), factors, rates);
      }
      t.out(0, i, j, now.m);
      t.out(1, i, j, now.r);
    }
  }
}

void CommandValues::adam_codes(const Execution& e) {
  const Instruction& c = *e.command;
  VectorTile t = vector_tile(e);
  const bool steps = has_flag(c, Flag::LWQ);  // the steps themselves go out
  t.inputs = steps ? 2 : 3;
  const AdamRates rates;
  const Stream words = stream(c, RandomUse::kMaster);
  const bool half_up = has_flag(c, Flag::HALF_UP);
  const Real ratio = steps ? Real{} : Real::from_word(entry(c.RATIO));
  const std::int64_t limit = has_flag(c, Flag::MASTER32) ? kBiasLimit : kMasterLimit;
  Statistics& s = statistics(e);
  for (std::int64_t i = 0; i < t.rows; ++i) {
    for (std::int64_t j = 0; j < t.width(); ++j) {
      std::int32_t w = 0, m = 0, r = 0;
      if (j < t.cols) {
        const auto coefficient = [&](std::int64_t k) { return t.coefficient(k, j, c.COEF_SCALAR != 0); };
        const auto real = [&](std::int64_t k) { return Real::from_word(static_cast<std::uint32_t>(coefficient(k))); };
        AdamFactors factors;
        factors.epsilon = coefficient(0);
        const AdamMoments now{t.in(0, i, j), t.in(1, i, j)};
        const AdamCoder coder{{}, real(1), real(2), coefficient(3)};
        const std::int64_t step = adam_step(now, factors, s[2]);
        if (steps) {
          w = static_cast<std::int32_t>(step);
        } else {
          const auto row = e.row0 + static_cast<std::uint32_t>(i), col = e.col0 + static_cast<std::uint32_t>(j);
          const std::uint32_t u = half_up ? kHalfUpWord16 : words.draw(row, col, 16);
          w = adam_master(t.in(2, i, j), step, ratio, limit, u, s[1]);
        }
        m = adam_m_code(now.m, coder, rates);
        r = adam_r_code(now.r, coder, rates);
        s[0] = std::max(s[0], static_cast<std::uint64_t>(std::abs(std::int64_t{w})));
      }
      t.out(0, i, j, w);
      t.out(1, i, j, m);
      t.out(2, i, j, r);
    }
  }
  save_statistics(e, 3);
}

}  // namespace bitloom
