// What a step does to its state, by every recipe, against loops over the element functions of N9, N23, N24 and N25 that
// draw each random word by itself: the engine's vector loops, its order of elements and its streams are on trial here.
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <random>

#include "model/adam.hpp"
#include "model/golden_step.hpp"
#include "model/gradient_buffer.hpp"
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
  /// N26.1, N26.2 and N26.4 of one micro-batch.
  void buffer(const std::string& name, int number, const StepRecord& record, const LayerState& before,
              const LayerState& after) const;
  void vector_sum(const std::string& what, const NamedTensor& g, Scale unit, const Ints& before,
                  const Ints& after) const;
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

  bool buffered() const { return recipe_.update.micro_batches > 0; }
  bool is_first() const { return context_.step % static_cast<std::uint32_t>(recipe_.update.micro_batches) == 0; }
  /// N26.3, N26.4.
  Scale mean_unit(Real of_sum) const {
    std::uint64_t ignored = 0;
    return to_scale(rdiv(of_sum, from_int(recipe_.update.micro_batches)), ignored);
  }

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

void UpdateJudge::vector_sum(const std::string& what, const NamedTensor& g, Scale unit, const Ints& before,
                             const Ints& after) const {
  std::uint64_t ignored = 0;
  const Real ratio = rmul(from_scale(unit), exp2_real(24));
  for (std::size_t i = 0; i < after.size(); ++i) {
    ASSERT_EQ(after[i], affine(g.values[i], ratio, is_first() ? 0 : before[i], exp2_real(0), 0, ignored)) << what;
  }
}

void UpdateJudge::buffer(const std::string& name, int number, const StepRecord& record, const LayerState& before,
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

void UpdateJudge::layer(const std::string& name, int number, const RecipeLayer& rule, const StepRecord& record,
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
  const NamedTensor& db = record.tensors.at(name + (buffered() ? ".bias_sum" : ".db"));
  const Gradient b{db, buffered() ? mean_unit(exp2_real(-24)) : scale(".unit_db"), number, TensorKind::kBias};
  fixed(name + " bias", b, update.bias_frac_bits, kBiasLimit, before.bias, before.bias_momentum, before.bias_adam,
        after.bias, after.bias_momentum, after.bias_adam);
}

void UpdateJudge::norm(const std::string& name, int number, const StepRecord& record, const NormState& before,
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

/// What a micro-batch that is not a step's last one may change, and what not (N26.5).
void expect_kept(const TrainState& before, const TrainState& after) {
  for (std::size_t l = 0; l < before.layers.size(); ++l) {
    const LayerState &was = before.layers[l], &is = after.layers[l];
    EXPECT_TRUE(was.q == is.q && was.residual == is.residual && was.momentum == is.momentum && was.bias == is.bias &&
                was.bias_momentum == is.bias_momentum && was.sv_next == is.sv_next && was.level_read == is.level_read &&
                was.level_write == is.level_write);
  }
  for (std::size_t n = 0; n < before.norms.size(); ++n) {
    const NormState &was = before.norms[n], &is = after.norms[n];
    EXPECT_TRUE(was.gamma == is.gamma && was.beta == is.beta && was.gamma_momentum == is.gamma_momentum &&
                was.beta_momentum == is.beta_momentum);
    EXPECT_FALSE(was.run_mean == is.run_mean);
  }
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
  const int parts = recipe.update.micro_batches;
  for (int step = 0; step < std::max(3, 2 * parts) && !HasFailure(); ++step) {
    const StepContext context{77, state.step, nearest_scale(0.1), 58982, std::max(1, 5 - step)};
    if (step == 0) engine.calibrate(state, batch, context);
    const TrainState before = state;
    StepRecord record;
    engine.step(state, batch, context, &record);
    UpdateJudge judge(recipe, context);
    judge.set_powers(state.powers);
    for (std::size_t l = 0; parts > 0 && l < names.size(); ++l) {
      judge.buffer(names[l], static_cast<int>(l), record, before.layers[l], state.layers[l]);
    }
    for (std::size_t n = 0; parts > 0 && n < 2; ++n) {
      const std::string name = n == 0 ? "bn1" : "bn2";
      const NormState &was = before.norms[n], &is = state.norms[n];
      judge.vector_sum(name, record.tensors.at(name + ".dgamma"), power_of_two(24), was.gamma_sum, is.gamma_sum);
      judge.vector_sum(name, record.tensors.at(name + ".dbeta"), power_of_two(24), was.beta_sum, is.beta_sum);
    }
    if (parts > 0 && step % parts != parts - 1) {
      expect_kept(before, state);
      continue;
    }
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
