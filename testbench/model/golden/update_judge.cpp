#include "testbench/model/golden/update_judge.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "model/network/step_config.hpp"
#include "model/numerics/affine.hpp"
#include "model/numerics/gradient_buffer.hpp"
#include "model/numerics/niti.hpp"
#include "model/numerics/polyline.hpp"

namespace bitloom::testing {

void UpdateJudge::sgd(const Gradient& g, int frac_bits, std::int64_t limit, Ints& master, Ints& momentum) const {
  std::uint64_t ignored = 0;
  const Scale momentum_unit = power_of_two(recipe_.update.momentum_frac_bits);
  const Scale ratio_g = div(g.unit, momentum_unit, ignored);
  const Scale ratio_w = div(mul(context_.lr, momentum_unit, ignored), power_of_two(frac_bits), ignored);
  for (std::size_t i = 0; i < master.size(); ++i) {
    momentum[i] =
        update_momentum(momentum[i], g.raw.values[i], context_.mu16, ratio_g, word(g, RandomUse::kMomentum, i), ignored,
                        (std::int64_t{1} << (recipe_.update.momentum_bits - 1)) - 1);
    master[i] = update_master(master[i], momentum[i], ratio_w, limit, word(g, RandomUse::kMaster, i), ignored);
  }
}

std::vector<std::int64_t> UpdateJudge::adam_steps(const Gradient& g, AdamState& state) const {
  const auto fraction = [](double beta) { return static_cast<std::uint32_t>(std::lround(65536.0 * beta)); };
  const AdamRates rates{fraction(recipe_.update.beta1), fraction(recipe_.update.beta2),
                        real_constant(recipe_.update.eps), 8};
  const std::size_t cols = static_cast<std::size_t>(g.raw.cols), count = g.raw.values.size();
  std::vector<std::int64_t> steps(count);
  std::uint64_t ignored = 0;
  if (state.blocks.size() != cols || state.m.size() != count || state.r.size() != count) {
    ADD_FAILURE() << "no state of this shape";
    return steps;
  }
  for (std::size_t column = 0; column < cols; ++column) {
    std::uint32_t max = 0;
    for (std::size_t i = column; i < count; i += cols) {
      max = std::max(max, static_cast<std::uint32_t>(std::abs(g.raw.values[i])));
    }
    const AdamFactors factors = adam_factors(state.blocks[column], rates, max, g.unit);
    std::vector<AdamMoments> moments;
    std::int64_t m_max = 0, r_min = kRawLimit, r_max = 0;
    for (std::size_t i = column; i < count; i += cols) {
      moments.push_back(adam_moments(state.m[i], state.r[i], g.raw.values[i], factors, rates));
      m_max = std::max(m_max, std::abs(moments.back().m));
      r_min = std::min(r_min, moments.back().r);
      r_max = std::max(r_max, moments.back().r);
      steps[i] = adam_step(moments.back(), factors, ignored);
    }
    const AdamCoder coder = adam_coder(m_max, r_min, r_max, factors, rates);
    for (std::size_t i = column; i < count; i += cols) {
      state.m[i] = adam_m_code(moments[i / cols].m, coder, rates);
      state.r[i] = adam_r_code(moments[i / cols].r, coder, rates);
    }
    state.blocks[column] = coder.block;
  }
  return steps;
}

void UpdateJudge::adam(const Gradient& g, int frac_bits, std::int64_t limit, Ints& master, AdamState& state) const {
  const Real ratio = adam_ratio(rate_, power_of_two(frac_bits));
  const std::vector<std::int64_t> steps = adam_steps(g, state);
  std::uint64_t ignored = 0;
  for (std::size_t i = 0; i < master.size(); ++i) {
    master[i] = adam_master(master[i], steps[i], ratio, limit, word(g, RandomUse::kMaster, i), ignored);
  }
}

void UpdateJudge::expect_adam(const std::string& what, const AdamState& expected, const AdamState& after) {
  EXPECT_EQ(expected.m, after.m) << what << " m";
  EXPECT_EQ(expected.r, after.r) << what << " r";
  EXPECT_EQ(expected.blocks, after.blocks) << what << " blocks";
}

void UpdateJudge::fixed(const std::string& what, const Gradient& g, int frac_bits, std::int64_t limit, Ints master,
                        Ints momentum, AdamState adam_state, const Ints& master_after, const Ints& momentum_after,
                        const AdamState& adam_after) const {
  if (recipe_.update.optimizer == Optimizer::kAdam) {
    adam(g, frac_bits, limit, master, adam_state);
  } else {
    sgd(g, frac_bits, limit, master, momentum);
  }
  EXPECT_EQ(master, master_after) << what;
  EXPECT_EQ(momentum, momentum_after) << what << " momentum";
  expect_adam(what, adam_state, adam_after);
}

/// Judges what a change of the latent weight makes of an element (N23.2, N23.6); adds |delta| to moved.
void UpdateJudge::latent(const std::string& name, const Gradient& g, std::size_t i, std::int64_t delta, int limit,
                         const LayerState& before, const LayerState& after) const {
  std::uint64_t ignored = 0;
  if (recipe_.update.latent_bits == 24) {
    ASSERT_EQ(after.latent[i], limit_latent(before.latent[i] - delta, limit, ignored)) << name;
    ASSERT_EQ(after.q[i], integer_weight(after.latent[i])) << name;
    return;
  }
  const Rounding rounding = recipe_.update.stochastic ? Rounding::kStochastic : Rounding::kHalfUp;
  const int bits = recipe_.update.latent_bits;
  const std::int64_t from = polyline_decode({before.q[i], before.residual[i]}, before.level_read, bits);
  const LatentCode to =
      polyline_encode(from - delta, before.level_write, word(g, RandomUse::kMaster, i), rounding, limit, ignored, bits);
  ASSERT_EQ(after.q[i], to.q) << name;
  ASSERT_EQ(after.residual[i], to.s) << name;
}

void UpdateJudge::expect_levels(std::uint64_t moved, const LayerState& before, const LayerState& after) const {
  EXPECT_EQ(after.level_read, before.level_write);
  EXPECT_EQ(after.level_write, lwq_next_level(before.level_write, before.q.size(), moved, recipe_.update.min_level,
                                              recipe_.update.max_level));
}

void UpdateJudge::lwq(const std::string& name, const Gradient& g, int limit, const LayerState& before,
                      const LayerState& after) const {
  std::uint64_t ignored = 0, vmax = 0, moved = 0;
  const Scale now = before.sv_next;
  const Real decay = lwq_decay(context_.mu16, before.sv, now);
  const Real by_gradient = rdiv(from_scale(g.unit), from_scale(now));
  const Real ratio = lwq_update_ratio(from_scale(context_.lr), now, before.sw);
  for (std::size_t i = 0; i < before.q.size(); ++i) {
    const std::int64_t v =
        lwq_momentum(static_cast<std::int8_t>(before.momentum[i]), decay, g.raw.values[i], by_gradient);
    vmax = std::max(vmax, lwq_momentum_magnitude(v));
    const std::int8_t code = lwq_momentum_code(v, word(g, RandomUse::kMomentum, i), ignored);
    ASSERT_EQ(after.momentum[i], code) << name;
    const std::int64_t delta = lwq_delta(code, ratio, ignored);
    moved += static_cast<std::uint64_t>(std::abs(delta));
    latent(name, g, i, delta, limit, before, after);
  }
  EXPECT_EQ(after.sv, now);
  EXPECT_EQ(after.sv_next, lwq_momentum_scale(vmax, now, ignored));
  expect_levels(moved, before, after);
}

/// Judges LWQ's weights and Adam's moments after one update of a tensor (N25.8).
void UpdateJudge::lwq_adam(const std::string& name, const Gradient& g, int limit, const LayerState& before,
                           const LayerState& after) const {
  AdamState state = before.adam;
  const std::vector<std::int64_t> steps = adam_steps(g, state);
  const Real ratio = adam_ratio(rate_, before.sw);
  std::uint64_t ignored = 0, moved = 0;
  for (std::size_t i = 0; i < before.q.size(); ++i) {
    const std::int64_t delta = lwq_delta(steps[i], ratio, ignored);
    moved += static_cast<std::uint64_t>(std::abs(delta));
    latent(name, g, i, delta, limit, before, after);
  }
  EXPECT_GT(moved, 0u);
  EXPECT_TRUE(after.momentum.empty());
  expect_adam(name, state, after.adam);
  expect_levels(moved, before, after);
}

void UpdateJudge::vector_sum(const std::string& what, const NamedTensor& g, Scale unit, const Ints& before,
                             const Ints& after) const {
  std::uint64_t ignored = 0;
  const Real ratio = rmul(from_scale(unit), exp2_real(24));
  for (std::size_t i = 0; i < after.size(); ++i) {
    ASSERT_EQ(after[i], affine(g.values[i], ratio, is_first() ? 0 : before[i], exp2_real(0), 0, ignored)) << what;
  }
}

void UpdateJudge::buffer(const std::string& name, int number, const NamedRecord& record, const LayerState& before,
                         const LayerState& after) const {
  const NamedTensor& dw = record.tensors.at(name + ".dw");
  const Scale unit = from_word(record.scalars.at(name + ".unit_dw"));
  const auto cols = static_cast<std::size_t>(dw.cols);
  const Stream words =
      make_stream(context_.seed64, context_.step, tensor_id(number, TensorKind::kWeight), RandomUse::kAccumulate);
  std::vector<std::int32_t> largest(cols);
  for (std::size_t i = 0; i < dw.values.size(); ++i) {
    largest[i % cols] = std::max(largest[i % cols], std::abs(dw.values[i]));
  }
  const Real of_tensor = from_int(*std::max_element(largest.begin(), largest.end()));
  std::uint64_t ignored = 0;
  for (std::size_t i = 0; i < dw.values.size(); ++i) {
    const std::size_t o = i % cols;
    const Real headroom = real_constant(recipe_.update.buffer_headroom);
    const Real step = is_first() ? buffer_step(from_int(largest[o]), of_tensor, unit, headroom) : before.buffer_step[o];
    ASSERT_EQ(after.buffer_step[o], step) << name;
    const std::int32_t code = is_first() ? 0 : before.buffer[i];
    const std::int32_t sum = buffer_sum(code, dw.values[i], buffer_ratio(unit, step), ignored);
    const std::uint32_t u = words.draw(static_cast<std::uint32_t>(i / cols), static_cast<std::uint32_t>(o), 8);
    ASSERT_EQ(after.buffer[i], buffer_code(sum, u, ignored)) << name;
  }
  if (before.bias.empty()) return;
  vector_sum(name + " bias", record.tensors.at(name + ".db"), from_word(record.scalars.at(name + ".unit_db")),
             before.bias_sum, after.bias_sum);
}

void UpdateJudge::layer(const std::string& name, int number, const RecipeLayer& rule, const NamedRecord& record,
                        const LayerState& before, const LayerState& after) {
  const auto scale = [&](const char* what) { return from_word(record.scalars.at(name + what)); };
  NamedTensor dw = record.tensors.at(name + ".dw");
  if (buffered()) {  // N26.3
    std::uint64_t ignored = 0;
    const Real common = buffer_common(after.buffer_step);
    for (std::size_t i = 0; i < dw.values.size(); ++i) {
      const Real by_code = rdiv(after.buffer_step[i % static_cast<std::size_t>(dw.cols)], common);
      dw.values[i] = affine(after.buffer[i], by_code, 0, {}, 0, ignored);
    }
    ASSERT_EQ(dw.values, record.tensors.at(name + ".dw_mean").values) << name;
    ASSERT_EQ(scale(".unit_dw_mean"), mean_unit(common)) << name;
  }
  const Gradient g{dw, scale(buffered() ? ".unit_dw_mean" : ".unit_dw"), number, TensorKind::kWeight};
  const UpdateRule& update = recipe_.update;
  if (rule.store == WeightStore::kLatent && update.optimizer == Optimizer::kSgd) {
    lwq(name, g, qmax(rule.width(rule.weight)), before, after);
  } else if (rule.store == WeightStore::kLatent) {
    lwq_adam(name, g, qmax(rule.width(rule.weight)), before, after);
  } else if (rule.store == WeightStore::kInteger) {
    const int gb = gradient_bits_at(recipe_.update, context_.epoch);
    const int shift = niti_shift(largest_magnitude(g.raw.values), gb);
    std::uint64_t ignored = 0;
    for (std::size_t i = 0; i < before.q.size(); ++i) {
      ASSERT_EQ(after.q[i], niti_update(before.q[i], g.raw.values[i], shift, gb, ignored)) << name;
    }
  } else {
    fixed(name, g, update.master_frac_bits, (1 << (update.master_bits - 1)) - 1, before.master, before.momentum,
          before.adam, after.master, after.momentum, after.adam);
    EXPECT_EQ(after.wmax, largest_magnitude(after.master));
  }
  if (before.bias.empty()) return;
  const NamedTensor& db = record.tensors.at(name + (buffered() ? ".bias_sum" : ".db"));
  const Gradient b{db, buffered() ? mean_unit(exp2_real(-24)) : scale(".unit_db"), number, TensorKind::kBias};
  fixed(name + " bias", b, update.bias_frac_bits, kBiasLimit, before.bias, before.bias_momentum, before.bias_adam,
        after.bias, after.bias_momentum, after.bias_adam);
}

void UpdateJudge::norm(const std::string& name, int number, const NamedRecord& record, const NormState& before,
                       const NormState& after) {
  const Scale unit = buffered() ? mean_unit(exp2_real(-24)) : power_of_two(24);
  const NamedTensor& dgamma = record.tensors.at(name + (buffered() ? ".gamma_sum" : ".dgamma"));
  const NamedTensor& dbeta = record.tensors.at(name + (buffered() ? ".beta_sum" : ".dbeta"));
  const Gradient gamma{dgamma, unit, 512 + number, TensorKind::kGamma};
  const Gradient beta{dbeta, unit, 512 + number, TensorKind::kBeta};
  fixed(name + " gamma", gamma, 24, kBiasLimit, before.gamma, before.gamma_momentum, before.gamma_adam, after.gamma,
        after.gamma_momentum, after.gamma_adam);
  fixed(name + " beta", beta, 24, kBiasLimit, before.beta, before.beta_momentum, before.beta_adam, after.beta,
        after.beta_momentum, after.beta_adam);
}

}  // namespace bitloom::testing
