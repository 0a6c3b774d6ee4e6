// ADAM.
#include <algorithm>

#include "kernels/tiling.hpp"
#include "model/adam.hpp"
#include "model/update.hpp"
#include "testbench/kernels/functional_parts.hpp"

namespace bitloom::functional {

void FunctionalMachine::adam(const Command& c, const Index& index, const Index& counts) {
  TileAt t{rows_at(c, index, counts),
           cols_at(c, index, counts),
           row0_at(c, index),
           col0_at(c, index),
           divide_up(c.get(Field::COLS), hw_.lanes()),
           c.get(Field::VIN_STRIDE),
           c.get(Field::VIN_BASE),
           hw_.lanes(),
           parity(c, Field::PARITY0, index, counts),
           3,
           0,
           0,
           vin_,
           vout_};
  const AdamRates rates{c.get(Field::MU16), c.get(Field::QMAX), {}, 8};
  const Real ratio = Real::from_word(word(c.get(Field::RATIO)));
  const std::int64_t limit = c.flag(Flag::MASTER32) ? kBiasLimit : kMasterLimit;
  std::uint32_t max = 0;
  std::uint64_t w_sat = 0, q_sat = 0;
  for (std::int64_t i = 0; i < t.rows; ++i) {
    for (std::int64_t j = 0; j < t.cols; ++j) {
      const auto number = [&](std::int64_t k) { return t.coefficient(k, j, c.get(Field::COEF_SCALAR) != 0); };
      const auto real = [&](std::int64_t k) { return Real::from_word(static_cast<std::uint32_t>(number(k))); };
      AdamFactors f;
      if (!c.flag(Flag::CODES_OUT)) {
        f.m = real(0);
        f.r = real(1);
        f.g = real(2);
        f.r_lo = number(3);
        const AdamMoments now = adam_moments(t.in(1, i, j), t.in(2, i, j), t.in(0, i, j), f, rates);
        t.out(0, i, j, static_cast<std::int32_t>(now.m));
        t.out(1, i, j, static_cast<std::int32_t>(now.r));
        continue;
      }
      f.epsilon = number(0);
      const AdamMoments now{t.in(0, i, j), t.in(1, i, j)};
      const AdamCoder coder{{}, real(1), real(2), number(3)};
      const std::uint32_t u =
          c.flag(Flag::HALF_UP) ? kHalfUpWord16 : random(c, RandomUse::kMaster, t.row0 + i, t.col0 + j, 16);
      const std::int32_t w = adam_master(t.in(2, i, j), adam_step(now, f, q_sat), ratio, limit, u, w_sat);
      max = std::max(max, magnitude(w));
      t.out(0, i, j, w);
      t.out(1, i, j, adam_m_code(now.m, coder, rates));
      t.out(2, i, j, adam_r_code(now.r, coder, rates));
    }
  }
  if (c.flag(Flag::CODES_OUT)) add_statistics(c, index, max, w_sat, q_sat);
}

}  // namespace bitloom::functional
