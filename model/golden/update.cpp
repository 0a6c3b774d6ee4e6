#include "model/golden/update.hpp"

#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "model/numerics/polyline.hpp"
#include "model/numerics/update.hpp"
#include "model/rows/row_factors.hpp"
#include "model/rows/row_random.hpp"

namespace bitloom {
namespace {

UpdateRow sgd_row(Scale unit, const FixedTensor& tensor, GoldenTools& tools) {
  std::uint64_t& counted = tools.totals.scale_saturated;
  const Scale momentum_unit = power_of_two(tools.recipe.update.momentum_frac_bits);
  const Scale ratio_g = div(unit, momentum_unit, counted);
  const Scale step_unit = mul(tools.context.lr, momentum_unit, counted);
  const Scale ratio_w = div(step_unit, power_of_two(tensor.frac_bits), counted);
  return {tools.context.mu16,
          ratio_g.m,
          ratio_g.s,
          ratio_w.m,
          ratio_w.s,
          static_cast<std::int32_t>(tensor.limit),
          qmax(tools.recipe.update.momentum_bits)};
}

/// A column of N25.
struct AdamColumn {
  std::uint32_t max_gradient = 0;
  AdamFactors factors;
  std::int64_t m_max = 0, r_min = kRawLimit, r_max = 0;
  AdamCoder coder;
};

/// Returns the integers of each column's block, from its state and the largest raw gradient in it (N25.2).
std::vector<AdamColumn> adam_columns(const AdamState& adam, const std::int32_t* gradient, std::size_t rows,
                                     std::size_t cols, Scale unit, const AdamRates& rates) {
  std::vector<AdamColumn> columns(cols);
  for (std::size_t row = 0; row < rows; ++row) {
    for (std::size_t c = 0; c < cols; ++c) {
      const auto magnitude = static_cast<std::uint32_t>(std::abs(gradient[row * cols + c]));
      columns[c].max_gradient = std::max(columns[c].max_gradient, magnitude);
    }
  }
  for (std::size_t c = 0; c < cols; ++c) {
    columns[c].factors = adam_factors(adam.blocks[c], rates, columns[c].max_gradient, unit);
  }
  return columns;
}

/// Makes the new codes from all moments of the tensor (N25.6).
void adam_codes(AdamState& adam, const std::vector<AdamMoments>& moments, std::vector<AdamColumn>& columns,
                const AdamRates& rates) {
  for (std::size_t c = 0; c < columns.size(); ++c) {
    AdamColumn& of = columns[c];
    of.coder = adam_coder(of.m_max, of.r_min, of.r_max, of.factors, rates);
    adam.blocks[c] = of.coder.block;
  }
  for (std::size_t first = 0; first < moments.size(); first += columns.size()) {
    for (std::size_t c = 0; c < columns.size(); ++c) {
      adam.m[first + c] = adam_m_code(moments[first + c].m, columns[c].coder, rates);
      adam.r[first + c] = adam_r_code(moments[first + c].r, columns[c].coder, rates);
    }
  }
}

/// The state's new codes, and the steps of N25.4 of all elements (N25.2–N25.4, N25.6). Counts limited steps.
std::vector<std::int32_t> adam_steps(AdamState& adam, const std::int32_t* gradient, std::size_t rows, std::size_t cols,
                                     Scale unit, const AdamRates& rates, std::uint64_t& limited) {
  std::vector<AdamColumn> columns = adam_columns(adam, gradient, rows, cols, unit, rates);
  std::vector<AdamMoments> moments(rows * cols);
  std::vector<std::int32_t> steps(rows * cols);
  for (std::size_t row = 0; row < rows; ++row) {
    for (std::size_t c = 0; c < cols; ++c) {
      const std::size_t i = row * cols + c;
      AdamColumn& of = columns[c];
      const AdamMoments now = adam_moments(adam.m[i], adam.r[i], gradient[i], of.factors, rates);
      moments[i] = now;
      of.m_max = std::max(of.m_max, now.m < 0 ? -now.m : now.m);
      of.r_min = std::min(of.r_min, now.r);
      of.r_max = std::max(of.r_max, now.r);
      steps[i] = static_cast<std::int32_t>(adam_step(now, of.factors, limited));
    }
  }
  adam_codes(adam, moments, columns, rates);
  return steps;
}

/// Updates a tensor of masters and its moments by Adam; gradient is [rows][cols] in `unit` (N25.2–N25.6).
RowStatistics update_adam(const FixedTensor& tensor, const std::int32_t* gradient, std::size_t rows, std::size_t cols,
                          Scale unit, GoldenTools& tools) {
  const UpdateRule& update = tools.recipe.update;
  const Real ratio = adam_ratio(tools.adam_rate, power_of_two(tensor.frac_bits));
  RowStatistics statistics;
  const std::vector<std::int32_t> steps =
      adam_steps(tensor.adam, gradient, rows, cols, unit, adam_rates(update), statistics.momentum_saturated);
  const Stream stream = tools.stream(tensor.layer, tensor.kind, RandomUse::kMaster);
  RandomRows random(kernels(active_isa()), cols, 16);
  for (std::size_t row = 0; row < rows; ++row) {
    const RandomField16* words = update.stochastic ? random.draw<RandomField16>(stream, row, 1) : nullptr;
    for (std::size_t c = 0; c < cols; ++c) {
      const std::size_t i = row * cols + c;
      const std::uint32_t u = words == nullptr ? kHalfUpWord16 : words[c];
      tensor.master[i] = adam_master(tensor.master[i], steps[i], ratio, tensor.limit, u, statistics.saturated);
      statistics.max = std::max(statistics.max, std::abs(tensor.master[i]));
    }
  }
  return statistics;
}

/// Latent weights less their changes, `count` of them from `at` on, and the codes that hold them (N23.2); counts where
/// these are limited. `words`: of the encoder, or none for half up.
struct LatentRows {
  LayerState& state;
  const UpdateRule& update;
  int limit;
  PolylineRule codes;

  LatentRows(LayerState& the_state, const UpdateRule& rule, int qmax_of_weights)
      : state(the_state),
        update(rule),
        limit(qmax_of_weights),
        codes(polyline_rule(the_state.level_read, the_state.level_write, qmax_of_weights,
                            rule.latent_bits == 24 ? 4 : rule.latent_bits)) {}

  bool whole() const { return update.latent_bits == 24; }
  bool draws() const { return update.stochastic && !whole(); }

  void subtract(const std::int32_t* delta, std::size_t at, std::size_t count, const RandomField16* words,
                std::uint64_t& saturated) const {
    if (!whole()) {
      const Kernels& kernel = kernels(active_isa());
      saturated += kernel.polyline_row(state.q.data() + at, state.residual.data() + at, delta, count, codes, words);
      return;
    }
    for (std::size_t i = at; i < at + count; ++i) {
      state.latent[i] = limit_latent(std::int64_t{state.latent[i]} - delta[i - at], limit, saturated);
      state.q[i] = integer_weight(state.latent[i]);
    }
  }
};

/// The end of N23.5, and N23.6.
void next_levels(LayerState& state, std::uint64_t moved, const UpdateRule& update) {
  state.level_read = state.level_write;
  state.level_write = lwq_next_level(state.level_write, state.q.size(), moved, update.min_level, update.max_level);
}

/// Updates LWQ's weights and their moments by steps of Adam; gradient is [rows][cols] in `unit` (N25.8).
LwqStatistics update_lwq_adam(LayerState& state, const std::int32_t* gradient, std::size_t rows, std::size_t cols,
                              Scale unit, int limit, int layer, GoldenTools& tools) {
  const UpdateRule& update = tools.recipe.update;
  LwqStatistics statistics;
  std::vector<std::int32_t> delta =
      adam_steps(state.adam, gradient, rows, cols, unit, adam_rates(update), statistics.momentum_saturated);
  const Real ratio = adam_ratio(tools.adam_rate, state.sw);
  for (std::int32_t& each : delta) {
    each = static_cast<std::int32_t>(lwq_delta(each, ratio, statistics.saturated));
    statistics.moved += static_cast<std::uint64_t>(std::abs(each));
  }
  const LatentRows latent(state, update, limit);
  const Stream stream = tools.stream(layer, TensorKind::kWeight, RandomUse::kMaster);
  RandomRows random(kernels(active_isa()), cols, 16);
  for (std::size_t row = 0; row < rows; ++row) {
    const RandomField16* words = latent.draws() ? random.draw<RandomField16>(stream, row, 1) : nullptr;
    latent.subtract(delta.data() + row * cols, row * cols, cols, words, statistics.saturated);
  }
  next_levels(state, statistics.moved, update);
  return statistics;
}

}  // namespace

AdamRates adam_rates(const UpdateRule& rule) {
  const auto fraction = [](double beta) {
    return static_cast<std::uint32_t>(std::clamp(std::floor(65536.0 * beta + 0.5), 1.0, 65535.0));
  };
  return {fraction(rule.beta1), fraction(rule.beta2), real_constant(rule.eps), 8};
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
  if (update.optimizer == Optimizer::kAdam) {
    return update_lwq_adam(state, gradient, rows, cols, unit, limit, layer, tools);
  }
  const Scale now = state.sv_next;
  const Real decay = lwq_decay(tools.context.mu16, state.sv, now);
  const Real by_gradient = rdiv(from_scale(unit), from_scale(now));
  const Real by_momentum = lwq_update_ratio(from_scale(tools.context.lr), now, state.sw);
  FactorRow factors[3] = {FactorRow(1), FactorRow(1), FactorRow(1)};
  factors[0].fill(decay, false);
  factors[1].fill(by_gradient, false);
  factors[2].fill(by_momentum, false);
  const LwqRule rule{factors[0].factors(), factors[1].factors(), factors[2].factors()};
  const LatentRows latent(state, update, limit);
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
    const auto* v = latent.draws() ? master_words.draw<RandomField16>(master_stream, row, some) : nullptr;
    latent.subtract(delta.data(), at, some * cols, v, sums.saturated);
  }
  const LwqStatistics statistics{sums.vmax, sums.moved, sums.saturated, sums.momentum_saturated};
  state.sv = now;
  state.sv_next = lwq_momentum_scale(statistics.vmax, now, tools.totals.scale_saturated);
  next_levels(state, statistics.moved, update);
  return statistics;
}

}  // namespace bitloom
