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
  const int gradient = t.input(Part::gradient), m_code = t.input(Part::m_code), r_code = t.input(Part::r_code);
  const AdamRates rates{c.MU16, c.QMAX, {}, 8};
  for (std::int64_t i = 0; i < t.rows; ++i) {
    for (std::int64_t j = 0; j < t.width(); ++j) {
      AdamMoments now;
      if (j < t.cols) {
        const auto coefficient = [&](Part part) { return t.coefficient(t.vector(part), j, c.COEF_SCALAR != 0); };
        const auto real = [&](Part part) { return Real::from_word(static_cast<std::uint32_t>(coefficient(part))); };
        AdamFactors factors;
        factors.m = real(Part::m_factor);
        factors.r = real(Part::r_factor);
        factors.g = real(Part::gradient_factor);
        factors.r_lo = coefficient(Part::r_low);
        now = bitloom::adam_moments(t.in(m_code, i, j), t.in(r_code, i, j), t.in(gradient, i, j), factors, rates);
      }
      t.out(t.output(Part::m_raw), i, j, now.m);
      t.out(t.output(Part::r_raw), i, j, now.r);
    }
  }
}

void CommandValues::adam_codes(const Execution& e) {
  const Instruction& c = *e.command;
  VectorTile t = vector_tile(e);
  const int m_raw = t.input(Part::m_raw), r_raw = t.input(Part::r_raw), master = t.input(Part::master);
  const bool steps = master < 0;  // the steps themselves go out
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
        const auto coefficient = [&](Part part) { return t.coefficient(t.vector(part), j, c.COEF_SCALAR != 0); };
        const auto real = [&](Part part) { return Real::from_word(static_cast<std::uint32_t>(coefficient(part))); };
        AdamFactors factors;
        factors.epsilon = coefficient(Part::epsilon);
        const AdamMoments now{t.in(m_raw, i, j), t.in(r_raw, i, j)};
        const AdamCoder coder{{}, real(Part::m_factor), real(Part::r_factor), coefficient(Part::r_low)};
        const std::int64_t step = adam_step(now, factors, s[2]);
        if (steps) {
          w = static_cast<std::int32_t>(step);
        } else {
          const auto row = e.row0 + static_cast<std::uint32_t>(i), col = e.col0 + static_cast<std::uint32_t>(j);
          const std::uint32_t u = half_up ? kHalfUpWord16 : words.draw(row, col, 16);
          w = adam_master(t.in(master, i, j), step, ratio, limit, u, s[1]);
        }
        m = adam_m_code(now.m, coder, rates);
        r = adam_r_code(now.r, coder, rates);
        s[0] = std::max(s[0], static_cast<std::uint64_t>(std::abs(std::int64_t{w})));
      }
      t.out(t.output(steps ? Part::step : Part::master), i, j, w);
      t.out(t.output(Part::m_code), i, j, m);
      t.out(t.output(Part::r_code), i, j, r);
    }
  }
  save_statistics(e, t.operands.statistics);
}

}  // namespace bitloom
