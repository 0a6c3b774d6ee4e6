// Adam with states of 8 bits in blocks (N25).
#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "model/golden/optimizer.hpp"
#include "model/numerics/adam.hpp"
#include "model/numerics/polyline.hpp"
#include "model/numerics/update.hpp"
#include "model/rows/row_random.hpp"

namespace bitloom {
namespace {

/// Returns the constants of N25.
AdamRates adam_rates(const UpdateRule& rule) {
  const auto fraction = [](double beta) {
    return static_cast<std::uint32_t>(std::clamp(std::floor(65536.0 * beta + 0.5), 1.0, 65535.0));
  };
  return {fraction(rule.beta1), fraction(rule.beta2), real_constant(rule.eps), 8};
}

/// What is known of a column, which is a block of N25.
struct AdamColumn {
  std::uint32_t max_gradient = 0;
  AdamFactors factors;
  std::int64_t m_max = 0, r_min = kRawLimit, r_max = 0;
  AdamCoder coder;
};

/// Returns the integers of each column's block, from its state and the largest raw gradient in it (N25.2).
std::vector<AdamColumn> adam_columns(const AdamState& adam, const GradientView& gradient, const AdamRates& rates) {
  const std::size_t cols = gradient.cols;
  std::vector<AdamColumn> columns(cols);
  for (std::size_t row = 0; row < gradient.rows; ++row) {
    for (std::size_t c = 0; c < cols; ++c) {
      const auto magnitude = static_cast<std::uint32_t>(std::abs(gradient.data[row * cols + c]));
      columns[c].max_gradient = std::max(columns[c].max_gradient, magnitude);
    }
  }
  for (std::size_t c = 0; c < cols; ++c) {
    columns[c].factors = adam_factors(adam.blocks[c], rates, columns[c].max_gradient, gradient.unit);
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

/// Makes the state's new codes and the steps of all elements (N25.2–N25.4, N25.6). Counts limited steps.
std::vector<std::int32_t> adam_steps(AdamState& adam, const GradientView& gradient, const AdamRates& rates,
                                     std::uint64_t& limited) {
  const std::size_t cols = gradient.cols;
  std::vector<AdamColumn> columns = adam_columns(adam, gradient, rates);
  std::vector<AdamMoments> moments(gradient.rows * cols);
  std::vector<std::int32_t> steps(moments.size());
  for (std::size_t row = 0; row < gradient.rows; ++row) {
    for (std::size_t c = 0; c < cols; ++c) {
      const std::size_t i = row * cols + c;
      AdamColumn& of = columns[c];
      const AdamMoments now = adam_moments(adam.m[i], adam.r[i], gradient.data[i], of.factors, rates);
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

class Adam final : public GoldenOptimizer {
 public:
  void list(StateList& to, const MomentPlace& place, const UpdateRule& update) const override {
    const AdamRates rates = adam_rates(update);
    const auto codes = [&](StepTensor what, StateLimits limits, std::vector<std::int32_t> AdamState::*field) {
      StateTensor& tensor = to.tensor({what, place.of}, place.rows, place.cols, member(place.adam, field));
      tensor.limits = limits;
      tensor.matrix = place.of == Parameter::kWeight;
    };
    codes(StepTensor::kAdamM, {-rates.m_limit(), rates.m_limit()}, &AdamState::m);
    codes(StepTensor::kAdamR, {0, rates.r_limit()}, &AdamState::r);
    StateTensor& blocks = to.tensor({StepTensor::kAdamBlocks, place.of}, static_cast<int>(state_words::kBlockReals),
                                    place.cols, member(place.adam, &AdamState::blocks));
    blocks.coding = StateCoding::kMagnitude;
    for (const StepTensor row : {StepTensor::kAdamMStep, StepTensor::kAdamRLo, StepTensor::kAdamRStep}) {
      blocks.recorded_rows.push_back(to.handle({row, place.of}));
    }
  }

  void list_beside_codes(StateList& to, const MomentPlace& place, const UpdateRule& update) const override {
    list(to, place, update);
  }

  /// Lists the powers of N25.7.
  void list_shared(StateList& to) const override {
    const auto power = [&](StepScalar what, Real AdamPowers::*field, std::size_t place) {
      StateScalar& scalar = to.scalar(
          what, ScalarCoding::kMagnitude, [field](auto& state) -> auto& { return state.powers.*field; });
      scalar.stored = "adam_powers";
      scalar.place = place;
    };
    power(StepScalar::kAdamPow1, &AdamPowers::beta1, 0);
    power(StepScalar::kAdamPow2, &AdamPowers::beta2, 1);
  }

  void begin(TrainState& state, GoldenTools& tools) const override {
    state.powers = adam_next(state.powers, adam_rates(tools.recipe.update));
    tools.rate = adam_rate(from_scale(tools.context.lr), state.powers);
  }

  RowStatistics update(const FixedTensor& tensor, const GradientView& gradient, GoldenTools& tools) const override {
    const UpdateRule& rule = tools.recipe.update;
    const Real ratio = adam_ratio(tools.rate, power_of_two(tensor.frac_bits));
    RowStatistics statistics;
    const std::vector<std::int32_t> steps =
        adam_steps(tensor.adam, gradient, adam_rates(rule), statistics.momentum_saturated);
    const Stream stream = tools.stream(tensor.layer, tensor.kind, RandomUse::kMaster);
    const std::size_t cols = gradient.cols;
    RandomRows random(kernels(active_isa()), cols, 16);
    for (std::size_t row = 0; row < gradient.rows; ++row) {
      const RandomField16* words = rule.stochastic ? random.draw<RandomField16>(stream, row, 1) : nullptr;
      for (std::size_t c = 0; c < cols; ++c) {
        const std::size_t i = row * cols + c;
        const std::uint32_t u = words == nullptr ? kHalfUpWord16 : words[c];
        tensor.master[i] = adam_master(tensor.master[i], steps[i], ratio, tensor.limit, u, statistics.saturated);
        statistics.max = std::max(statistics.max, std::abs(tensor.master[i]));
      }
    }
    return statistics;
  }

  /// Makes steps of Adam changes of the weights (N25.8).
  UpdateStatistics change(const CodeMoments& moments, const GradientView& gradient, const TakeChanges& take,
                          GoldenTools& tools) const override {
    UpdateStatistics statistics;
    std::vector<std::int32_t> changes =
        adam_steps(moments.adam, gradient, adam_rates(tools.recipe.update), statistics.momentum_saturated);
    const Real ratio = adam_ratio(tools.rate, moments.step);
    for (std::int32_t& each : changes) {
      each = static_cast<std::int32_t>(lwq_delta(each, ratio, statistics.saturated));
      statistics.moved += static_cast<std::uint64_t>(std::abs(each));
    }
    take(0, gradient.rows, changes.data());
    return statistics;
  }
};

}  // namespace

namespace optimizers {

const GoldenOptimizer& adam() { return object_of<Adam>(); }

}  // namespace optimizers
}  // namespace bitloom
