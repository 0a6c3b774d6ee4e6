#include "model/golden_update.hpp"

#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "model/polyline.hpp"
#include "model/row_factors.hpp"
#include "model/row_random.hpp"
#include "model/update.hpp"

namespace bitloom {
namespace {

UpdateRow sgd_row(Scale unit, const FixedTensor& tensor, GoldenTools& tools) {
  std::uint64_t& counted = tools.totals.scale_saturated;
  const Scale momentum_unit = power_of_two(tools.recipe.update.momentum_frac_bits);
  const Scale ratio_g = div(unit, momentum_unit, counted);
  const Scale step_unit = mul(tools.context.lr, momentum_unit, counted);
  const Scale ratio_w = div(step_unit, power_of_two(tensor.frac_bits), counted);
  return {tools.context.mu16, ratio_g.m, ratio_g.s, ratio_w.m, ratio_w.s, static_cast<std::int32_t>(tensor.limit)};
}

/// Words of use 3 for elements in canonical order, a row at a time.
class MasterWords {
 public:
  MasterWords(const Stream& stream, std::size_t cols, bool stochastic)
      : stream_(stream), random_(kernels(active_isa()), cols, 16), cols_(cols), stochastic_(stochastic) {}
  std::uint32_t next() {
    if (!stochastic_) return kHalfUpWord16;
    if (col_ == 0) row_ = random_.draw<RandomField16>(stream_, at_++, 1);
    const std::uint32_t word = row_[col_];
    col_ = col_ + 1 == cols_ ? 0 : col_ + 1;
    return word;
  }

 private:
  Stream stream_;
  RandomRows random_;
  std::size_t cols_;
  bool stochastic_;
  std::size_t at_ = 0;
  std::size_t col_ = 0;
  const RandomField16* row_ = nullptr;
};

/// N25.2–N25.6.
RowStatistics update_adam(const FixedTensor& tensor, const std::int32_t* gradient, std::size_t rows, std::size_t cols,
                          Scale unit, GoldenTools& tools) {
  const UpdateRule& update = tools.recipe.update;
  const AdamRates rates = adam_rates(update, tensor.adam_bits);
  const std::size_t count = rows * cols;
  const auto max_gradient = static_cast<std::uint32_t>(tools.ops.max_of(gradient, count));
  const Real ratio = adam_ratio(tools.adam_rate, power_of_two(tensor.frac_bits));
  MasterWords words(tools.stream(tensor.layer, tensor.kind, RandomUse::kMaster), cols, update.stochastic);
  RowStatistics statistics;
  std::vector<AdamMoments> moments(std::min(count, kAdamBlock));
  for (std::size_t block = 0; block * kAdamBlock < count; ++block) {
    const std::size_t from = block * kAdamBlock;
    const std::size_t to = std::min(count, from + kAdamBlock);
    const AdamFactors factors = adam_factors(tensor.adam.blocks[block], rates, max_gradient, unit);
    std::int64_t m_max = 0, r_min = kRawLimit, r_max = 0;
    for (std::size_t i = from; i < to; ++i) {
      const AdamMoments now = adam_moments(tensor.adam.m[i], tensor.adam.r[i], gradient[i], factors, rates);
      moments[i - from] = now;
      m_max = std::max(m_max, now.m < 0 ? -now.m : now.m);
      r_min = std::min(r_min, now.r);
      r_max = std::max(r_max, now.r);
      const std::int64_t step = adam_step(now, factors, statistics.momentum_saturated);
      tensor.master[i] = adam_master(tensor.master[i], step, ratio, tensor.limit, words.next(), statistics.saturated);
      statistics.max = std::max(statistics.max, std::abs(tensor.master[i]));
    }
    const AdamCoder coder = adam_coder(m_max, r_min, r_max, factors, rates);
    for (std::size_t i = from; i < to; ++i) {
      tensor.adam.m[i] = adam_m_code(moments[i - from].m, coder, rates);
      tensor.adam.r[i] = adam_r_code(moments[i - from].r, coder, rates);
    }
    tensor.adam.blocks[block] = coder.block;
  }
  return statistics;
}

}  // namespace

AdamRates adam_rates(const UpdateRule& rule, int bits) {
  const auto fraction = [](double beta) {
    return static_cast<std::uint32_t>(std::clamp(std::floor(65536.0 * beta + 0.5), 1.0, 65535.0));
  };
  return {fraction(rule.beta1), fraction(rule.beta2), real_constant(rule.eps), bits};
}

RowStatistics update_fixed(const FixedTensor& tensor, const std::int32_t* gradient, std::size_t rows, std::size_t cols,
                           Scale unit, GoldenTools& tools) {
  if (tools.recipe.update.optimizer == Optimizer::kAdam) {
    return update_adam(tensor, gradient, rows, cols, unit, tools);
  }
  return tools.tensors.update(tensor.master.data(), tensor.momentum.data(), gradient, rows, cols,
                              sgd_row(unit, tensor, tools), tools.recipe.update.stochastic,
                              tools.stream(tensor.layer, tensor.kind, RandomUse::kMomentum),
                              tools.stream(tensor.layer, tensor.kind, RandomUse::kMaster));
}

LwqStatistics update_lwq(LayerState& state, const std::int32_t* gradient, std::size_t rows, std::size_t cols,
                         Scale unit, int limit, int layer, GoldenTools& tools) {
  const UpdateRule& update = tools.recipe.update;
  const Scale now = state.sv_next;
  const Real decay = lwq_decay(tools.context.mu16, state.sv, now);
  const Real by_gradient = rdiv(from_scale(unit), from_scale(now));
  const Real by_momentum = lwq_update_ratio(from_scale(tools.context.lr), now, state.sw);
  FactorRow factors[3] = {FactorRow(1), FactorRow(1), FactorRow(1)};
  factors[0].fill(decay, false);
  factors[1].fill(by_gradient, false);
  factors[2].fill(by_momentum, false);
  const LwqRule rule{factors[0].factors(), factors[1].factors(), factors[2].factors()};
  const PolylineRule codes = polyline_rule(state.level_read, state.level_write, limit);
  const Stream momentum_stream = tools.stream(layer, TensorKind::kWeight, RandomUse::kMomentum);
  const Stream master_stream = tools.stream(layer, TensorKind::kWeight, RandomUse::kMaster);
  const Kernels& kernel = kernels(active_isa());
  RandomRows momentum_words(kernel, cols, 16), master_words(kernel, cols, 16);
  std::vector<std::int32_t> delta(rows_at_once(cols) * cols);
  const std::vector<std::uint16_t> half(update.stochastic ? 0 : delta.size(), kHalfUpWord16);
  LwqSums sums;
  for (std::size_t row = 0; row < rows; row += rows_at_once(cols)) {
    const std::size_t some = std::min(rows_at_once(cols), rows - row);
    const std::size_t at = row * cols;
    const auto* u = update.stochastic ? momentum_words.draw<RandomField16>(momentum_stream, row, some) : half.data();
    kernel.lwq_momentum_row(state.momentum.data() + at, gradient + at, some * cols, rule, u, delta.data(), sums);
    if (update.latent_bits == 24) {
      for (std::size_t i = at; i < at + some * cols; ++i) {
        state.latent[i] = limit_latent(std::int64_t{state.latent[i]} - delta[i - at], limit, sums.saturated);
        state.q[i] = integer_weight(state.latent[i]);
      }
      continue;
    }
    const auto* v = update.stochastic ? master_words.draw<RandomField16>(master_stream, row, some) : nullptr;
    sums.saturated +=
        kernel.polyline_row(state.q.data() + at, state.residual.data() + at, delta.data(), some * cols, codes, v);
  }
  const LwqStatistics statistics{sums.vmax, sums.moved, sums.saturated, sums.momentum_saturated};
  state.sv = now;
  state.sv_next = lwq_momentum_scale(statistics.vmax, now, tools.totals.scale_saturated);
  state.level_read = state.level_write;
  state.level_write =
      lwq_next_level(state.level_write, rows * cols, statistics.moved, update.min_level, update.max_level);
  return statistics;
}

}  // namespace bitloom
