// ADAM.
#include <algorithm>
#include <cstdlib>

#include "model/numerics/adam.hpp"
#include "model/numerics/random.hpp"
#include "model/numerics/update.hpp"
#include "testbench/rtl/units/engine_reference.hpp"

namespace bitloom::testing {

int Reference::adam_vectors(const Execution& e) const {
  return static_cast<int>(4 * (e.command.get(Field::COEF_SCALAR) != 0 ? 1 : groups(e)));
}

int Reference::adam_moments(const Execution& e) {
  const Command& c = e.command;
  const AdamRates rates{c.get(Field::MU16), c.get(Field::QMAX), {}, 8};
  for (std::uint32_t i = 0; i < e.rows; ++i) {
    for (std::uint32_t j = 0; j < groups(e) * lanes(); ++j) {
      AdamMoments now;
      if (j < e.cols) {
        const auto real = [&](std::uint32_t k) { return Real{static_cast<std::uint32_t>(coefficient(e, 3, k, j))}; };
        AdamFactors factors;
        factors.m = real(0);
        factors.r = real(1);
        factors.g = real(2);
        factors.r_lo = coefficient(e, 3, 3, j);
        now = bitloom::adam_moments(input(e, 1, i, j), input(e, 2, i, j), input(e, 0, i, j), factors, rates);
      }
      output(e, e.parity0(), 0, i, j, now.m);
      output(e, e.parity0(), 1, i, j, now.r);
    }
  }
  return 1 + static_cast<int>(45 * e.rows * groups(e)) + adam_vectors(e);
}

int Reference::adam_codes(const Execution& e, Statistics& statistics) {
  const Command& c = e.command;
  const bool half_up = c.flag(Flag::HALF_UP);
  const AdamRates rates;
  const bool steps = c.flag(Flag::LWQ);  // the steps themselves go out; no master comes in
  const std::uint32_t inputs = steps ? 2 : 3;
  const Real ratio{table_value(c.get(Field::RATIO))};
  const std::int64_t limit = c.flag(Flag::MASTER32) ? kBiasLimit : kMasterLimit;
  const Stream stream =
      make_stream(registers_.seed, registers_.step, c.get(Field::TENSOR), RandomUse::kMaster, c.get(Field::SAMPLE));
  for (std::uint32_t i = 0; i < e.rows; ++i) {
    for (std::uint32_t j = 0; j < groups(e) * lanes(); ++j) {
      std::int32_t w = 0, m = 0, r = 0;
      if (j < e.cols) {
        const auto real = [&](std::uint32_t k) {
          return Real{static_cast<std::uint32_t>(coefficient(e, inputs, k, j))};
        };
        AdamFactors factors;
        factors.epsilon = coefficient(e, inputs, 0, j);
        const AdamMoments now{input(e, 0, i, j), input(e, 1, i, j)};
        const AdamCoder coder{{}, real(1), real(2), coefficient(e, inputs, 3, j)};
        const std::uint32_t u = half_up ? kHalfUpWord16 : stream.draw(e.row0 + i, e.col0 + j, 16);
        const std::int64_t step = adam_step(now, factors, statistics.value[2]);
        w = steps ? static_cast<std::int32_t>(step)
                  : adam_master(input(e, 2, i, j), step, ratio, limit, u, statistics.value[1]);
        m = adam_m_code(now.m, coder, rates);
        r = adam_r_code(now.r, coder, rates);
        statistics.value[0] = std::max(statistics.value[0], static_cast<std::uint64_t>(std::abs(std::int64_t{w})));
      }
      output(e, e.parity0(), 0, i, j, w);
      output(e, e.parity0(), 1, i, j, m);
      output(e, e.parity0(), 2, i, j, r);
    }
  }
  const int cycles = 1 + static_cast<int>((steps ? 57 : 58) * e.rows * groups(e)) + adam_vectors(e);
  return cycles + (!steps && !half_up && e.first ? 21 : 0);
}

}  // namespace bitloom::testing
