// What a step does to its state, by every recipe, against loops over the element functions of N9, N23, N24 and N25 that
// draw each random word by itself: the engine's vector loops, its order of elements and its streams are on trial here.
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <random>

#include "model/adam.hpp"
#include "model/golden_step.hpp"
#include "model/niti.hpp"
#include "model/polyline.hpp"
#include "model/random.hpp"
#include "model/traces.hpp"
#include "model/update.hpp"
#include "testbench/golden/cases.hpp"

namespace bitloom::testing {
namespace {

using Ints = std::vector<std::int32_t>;

/// One tensor's gradient and where its random words are.
struct Gradient {
  const NamedTensor& raw;
  Scale unit;
  int layer;
  TensorKind kind;
};

class UpdateJudge {
 public:
  UpdateJudge(const Recipe& recipe, const StepContext& context) : recipe_(recipe), context_(context) {}

  void layer(const std::string& name, int number, const RecipeLayer& rule, const StepRecord& record,
             const LayerState& before, const LayerState& after);
  void norm(const std::string& name, int number, const StepRecord& record, const NormState& before,
            const NormState& after);
  void set_powers(const AdamPowers& powers) { rate_ = adam_rate(from_scale(context_.lr), powers); }

 private:
  std::uint32_t word(const Gradient& g, RandomUse use, std::size_t i) const {
    if (!recipe_.update.stochastic) return kHalfUpWord16;
    const auto cols = static_cast<std::size_t>(g.raw.cols);
    return make_stream(context_.seed64, context_.step, tensor_id(g.layer, g.kind), use)
        .draw(static_cast<std::uint32_t>(i / cols), static_cast<std::uint32_t>(i % cols), 16);
  }
  void fixed(const std::string& what, const Gradient& g, int frac_bits, std::int64_t limit, Ints master, Ints momentum,
             AdamState adam, const Ints& master_after, const Ints& momentum_after, const AdamState& adam_after) const;
  void sgd(const Gradient& g, int frac_bits, std::int64_t limit, Ints& master, Ints& momentum) const;
  void adam(const Gradient& g, int frac_bits, std::int64_t limit, Ints& master, AdamState& state) const;
  void lwq(const std::string& name, const Gradient& g, int limit, const LayerState& before,
           const LayerState& after) const;

  const Recipe& recipe_;
  StepContext context_;
  Real rate_;
};

void UpdateJudge::sgd(const Gradient& g, int frac_bits, std::int64_t limit, Ints& master, Ints& momentum) const {
  std::uint64_t ignored = 0;
  const Scale momentum_unit = power_of_two(recipe_.update.momentum_frac_bits);
  const Scale ratio_g = div(g.unit, momentum_unit, ignored);
  const Scale ratio_w = div(mul(context_.lr, momentum_unit, ignored), power_of_two(frac_bits), ignored);
  for (std::size_t i = 0; i < master.size(); ++i) {
    momentum[i] = update_momentum(momentum[i], g.raw.values[i], context_.mu16, ratio_g,
                                  word(g, RandomUse::kMomentum, i), ignored);
    master[i] = update_master(master[i], momentum[i], ratio_w, limit, word(g, RandomUse::kMaster, i), ignored);
  }
}

void UpdateJudge::adam(const Gradient& g, int frac_bits, std::int64_t limit, Ints& master, AdamState& state) const {
  const auto fraction = [](double beta) { return static_cast<std::uint32_t>(std::lround(65536.0 * beta)); };
  const AdamRates rates{fraction(recipe_.update.beta1), fraction(recipe_.update.beta2),
                        real_constant(recipe_.update.eps), 8};
  const Real ratio = adam_ratio(rate_, power_of_two(frac_bits));
  const std::size_t cols = static_cast<std::size_t>(g.raw.cols);
  std::uint64_t ignored = 0;
  ASSERT_EQ(state.blocks.size(), cols);
  for (std::size_t column = 0; column < cols; ++column) {
    std::uint32_t max = 0;
    for (std::size_t i = column; i < master.size(); i += cols) {
      max = std::max(max, static_cast<std::uint32_t>(std::abs(g.raw.values[i])));
    }
    const AdamFactors factors = adam_factors(state.blocks[column], rates, max, g.unit);
    std::vector<AdamMoments> moments;
    std::int64_t m_max = 0, r_min = kRawLimit, r_max = 0;
    for (std::size_t i = column; i < master.size(); i += cols) {
      moments.push_back(adam_moments(state.m[i], state.r[i], g.raw.values[i], factors, rates));
      m_max = std::max(m_max, std::abs(moments.back().m));
      r_min = std::min(r_min, moments.back().r);
      r_max = std::max(r_max, moments.back().r);
      master[i] = adam_master(master[i], adam_step(moments.back(), factors, ignored), ratio, limit,
                              word(g, RandomUse::kMaster, i), ignored);
    }
    const AdamCoder coder = adam_coder(m_max, r_min, r_max, factors, rates);
    for (std::size_t i = column; i < master.size(); i += cols) {
      state.m[i] = adam_m_code(moments[i / cols].m, coder, rates);
      state.r[i] = adam_r_code(moments[i / cols].r, coder, rates);
    }
    state.blocks[column] = coder.block;
  }
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
  EXPECT_EQ(adam_state.m, adam_after.m) << what << " m";
  EXPECT_EQ(adam_state.r, adam_after.r) << what << " r";
  EXPECT_EQ(adam_state.blocks, adam_after.blocks) << what << " blocks";
}

void UpdateJudge::lwq(const std::string& name, const Gradient& g, int limit, const LayerState& before,
                      const LayerState& after) const {
  std::uint64_t ignored = 0, vmax = 0, moved = 0;
  const Scale now = before.sv_next;
  const Real decay = lwq_decay(context_.mu16, before.sv, now);
  const Real by_gradient = rdiv(from_scale(g.unit), from_scale(now));
  const Real ratio = lwq_update_ratio(from_scale(context_.lr), now, before.sw);
  const Rounding rounding = recipe_.update.stochastic ? Rounding::kStochastic : Rounding::kHalfUp;
  for (std::size_t i = 0; i < before.q.size(); ++i) {
    const std::int64_t v =
        lwq_momentum(static_cast<std::int8_t>(before.momentum[i]), decay, g.raw.values[i], by_gradient);
    vmax = std::max(vmax, lwq_momentum_magnitude(v));
    const std::int8_t code = lwq_momentum_code(v, word(g, RandomUse::kMomentum, i), ignored);
    ASSERT_EQ(after.momentum[i], code) << name;
    const std::int64_t delta = lwq_delta(code, ratio, ignored);
    moved += static_cast<std::uint64_t>(std::abs(delta));
    const std::int64_t latent =
        (recipe_.update.latent_bits == 24 ? std::int64_t{before.latent[i]}
                                          : polyline_decode({before.q[i], before.residual[i]}, before.level_read)) -
        delta;
    if (recipe_.update.latent_bits == 24) {
      ASSERT_EQ(after.latent[i], limit_latent(latent, limit, ignored)) << name;
      ASSERT_EQ(after.q[i], integer_weight(after.latent[i])) << name;
      continue;
    }
    const LatentCode to =
        polyline_encode(latent, before.level_write, word(g, RandomUse::kMaster, i), rounding, limit, ignored);
    ASSERT_EQ(after.q[i], to.q) << name;
    ASSERT_EQ(after.residual[i], to.s) << name;
  }
  EXPECT_EQ(after.sv, now);
  EXPECT_EQ(after.sv_next, lwq_momentum_scale(vmax, now, ignored));
  EXPECT_EQ(after.level_read, before.level_write);
  EXPECT_EQ(after.level_write, lwq_next_level(before.level_write, before.q.size(), moved, recipe_.update.min_level,
                                              recipe_.update.max_level));
}

void UpdateJudge::layer(const std::string& name, int number, const RecipeLayer& rule, const StepRecord& record,
                        const LayerState& before, const LayerState& after) {
  const auto scale = [&](const char* what) { return from_word(record.scalars.at(name + what)); };
  const Gradient g{record.tensors.at(name + ".dw"), scale(".unit_dw"), number, TensorKind::kWeight};
  const UpdateRule& update = recipe_.update;
  if (rule.optimizer == Optimizer::kLwq) {
    lwq(name, g, qmax(rule.width(rule.weight)), before, after);
  } else if (rule.optimizer == Optimizer::kNiti) {
    const int shift = niti_shift(largest_magnitude(g.raw.values), context_.gradient_bits);
    std::uint64_t ignored = 0;
    for (std::size_t i = 0; i < before.q.size(); ++i) {
      ASSERT_EQ(after.q[i], niti_update(before.q[i], g.raw.values[i], shift, context_.gradient_bits, ignored)) << name;
    }
  } else {
    fixed(name, g, update.master_frac_bits, kMasterLimit, before.master, before.momentum, before.adam, after.master,
          after.momentum, after.adam);
    EXPECT_EQ(after.wmax, largest_magnitude(after.master));
  }
  if (before.bias.empty()) return;
  const Gradient b{record.tensors.at(name + ".db"), scale(".unit_db"), number, TensorKind::kBias};
  fixed(name + " bias", b, update.bias_frac_bits, kBiasLimit, before.bias, before.bias_momentum, before.bias_adam,
        after.bias, after.bias_momentum, after.bias_adam);
}

void UpdateJudge::norm(const std::string& name, int number, const StepRecord& record, const NormState& before,
                       const NormState& after) {
  const Scale unit = power_of_two(24);
  const Gradient gamma{record.tensors.at(name + ".dgamma"), unit, 512 + number, TensorKind::kGamma};
  const Gradient beta{record.tensors.at(name + ".dbeta"), unit, 512 + number, TensorKind::kBeta};
  fixed(name + " gamma", gamma, 24, kBiasLimit, before.gamma, before.gamma_momentum, before.gamma_adam, after.gamma,
        after.gamma_momentum, after.gamma_adam);
  fixed(name + " beta", beta, 24, kBiasLimit, before.beta, before.beta_momentum, before.beta_adam, after.beta,
        after.beta_momentum, after.beta_adam);
}

std::vector<std::string> integer_recipes() {
  std::vector<std::string> names;
  const std::filesystem::path int8 = resolve_trace(TraceKind::kRecipe, "int8");
  for (const auto& entry : std::filesystem::directory_iterator(int8.parent_path())) {
    if (!read_recipe(entry.path().string()).fp32) names.push_back(entry.path().stem().string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

class EveryUpdate : public ::testing::TestWithParam<std::string> {};

TEST_P(EveryUpdate, ThreeStepsOfConvSmall) {
  const Network network = read_network(resolve_trace(TraceKind::kNetwork, "conv_small"));
  const Recipe recipe = read_recipe(resolve_trace(TraceKind::kRecipe, GetParam()));
  TrainState state = initial_state(network, recipe, initial_parameters(network, 8));
  GoldenEngine engine(network, recipe, 1);
  std::mt19937_64 random(4);
  Batch batch;
  batch.M = 5;
  batch.scale = input_format(network, recipe, {73, 0.353}).scale;
  for (int i = 0; i < 5 * 2 * 9 * 7; ++i) {
    batch.X.push_back(static_cast<std::int8_t>(static_cast<int>(random() % 15) - 7));
  }
  for (int m = 0; m < 5; ++m) batch.labels.push_back(static_cast<std::uint8_t>(random() % 5));
  const std::vector<std::string> names = layer_names(network);
  for (int step = 0; step < 3 && !HasFailure(); ++step) {
    const StepContext context{77, state.step, nearest_scale(0.1), 58982, 5 - step};
    if (step == 0) engine.calibrate(state, batch, context);
    const TrainState before = state;
    StepRecord record;
    engine.step(state, batch, context, &record);
    UpdateJudge judge(recipe, context);
    judge.set_powers(state.powers);
    for (int l = 0; l < static_cast<int>(names.size()); ++l) {
      const auto at = static_cast<std::size_t>(l);
      const RecipeLayer rule = layer_recipe(recipe, l, static_cast<int>(names.size()), names[at]);
      judge.layer(names[at], l, rule, record, before.layers[at], state.layers[at]);
    }
    judge.norm("bn1", 0, record, before.norms[0], state.norms[0]);
    judge.norm("bn2", 1, record, before.norms[1], state.norms[1]);
  }
}

INSTANTIATE_TEST_SUITE_P(UpdateJudge, EveryUpdate, ::testing::ValuesIn(integer_recipes()),
                         [](const auto& named) { return named.param; });

}  // namespace
}  // namespace bitloom::testing
