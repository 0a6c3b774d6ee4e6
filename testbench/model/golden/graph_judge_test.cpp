#include "testbench/model/golden/graph_judge.hpp"

namespace bitloom::testing {
namespace {

std::vector<std::string> integer_recipes() {
  std::vector<std::string> names;
  const std::filesystem::path int8 = resolve_trace(TraceKind::kRecipe, "int8");
  for (const auto& entry : std::filesystem::directory_iterator(int8.parent_path())) {
    const std::string name = entry.path().stem().string();
    if (!read_recipe(entry.path().string()).fp32) names.push_back(name);
  }
  std::sort(names.begin(), names.end());
  return names;
}

class EveryRecipe : public ::testing::TestWithParam<std::string> {};

TEST_P(EveryRecipe, StepsOfConvSmall) {
  const Network network = read_network(resolve_trace(TraceKind::kNetwork, "conv_small"));
  const Recipe recipe = read_recipe(resolve_trace(TraceKind::kRecipe, GetParam()));
  GraphJudge judge(network, recipe, 7);
  for (int step = 0; step < 3 && !HasFatalFailure(); ++step) judge.step(step);
}

TEST_P(EveryRecipe, StepsOfConvOps) {
  const Network network = read_network(resolve_trace(TraceKind::kNetwork, "conv_ops"));
  const Recipe recipe = read_recipe(resolve_trace(TraceKind::kRecipe, GetParam()));
  GraphJudge judge(network, recipe, 6);
  for (int step = 0; step < 2 && !HasFatalFailure(); ++step) judge.step(step);
}

INSTANTIATE_TEST_SUITE_P(GraphJudge, EveryRecipe, ::testing::ValuesIn(integer_recipes()),
                         [](const auto& named) { return named.param; });

/// Which raw views have 16 bits: all but the logits, their gradient, and what hindsight makes codes of at once (N5.5).
TEST(GraphJudge, ViewsOf16Bits) {
  for (const bool hindsight : {false, true}) {
    const Network network = read_network(resolve_trace(TraceKind::kNetwork, hindsight ? "mlp_odd" : "conv_small"));
    Recipe recipe = read_recipe(resolve_trace(TraceKind::kRecipe, hindsight ? "int8_hindsight" : "int8"));
    recipe.raw_bits = 16;
    GoldenEngine engine(network, recipe, 1);
    TrainState state = initial_state(network, recipe, initial_parameters(network, 5));
    Batch batch{
        2, std::vector<std::int8_t>(2 * static_cast<std::size_t>(element_count(network.input)), 3), {0, 1}, kOne};
    NamedRecord record;
    engine.calibrate(state, batch, {99, 0, nearest_scale(0.05), 58982});
    engine.step(state, batch, {99, 0, nearest_scale(0.05), 58982}, ByName(record, network));
    int narrow = 0, wide = 0;
    for (const auto& [name, tensor] : record.tensors) {
      if (!name.ends_with(".z_raw") && !name.ends_with(".d_raw")) continue;
      (tensor.bits == 16 ? narrow : wide) += 1;
    }
    EXPECT_EQ(wide, hindsight ? 6 : 2);
    EXPECT_EQ(narrow, hindsight ? 0 : 12);
  }
}

/// Unsigned activations behind a ReLU, and weights, rounded stochastically: each code by the word that N4 gives it.
TEST(GraphJudge, StochasticSawb) {
  Recipe recipe = read_recipe(resolve_trace(TraceKind::kRecipe, "luq"));
  recipe.name = "luq_stochastic";
  recipe.activation.rounding = recipe.weight.rounding = Rounding::kStochastic;
  for (const char* name : {"conv_small", "conv_ops"}) {
    const Network network = read_network(resolve_trace(TraceKind::kNetwork, name));
    GraphJudge judge(network, recipe, 7);
    for (int step = 0; step < 2 && !::testing::Test::HasFatalFailure(); ++step) judge.step(step);
  }
}

/// Two codes of the whole tensor, which cannot be snapped to zero (N21.1).
TEST(GraphJudge, OneBitOfTheWholeTensor) {
  Recipe recipe = read_recipe(resolve_trace(TraceKind::kRecipe, "ptq"));
  recipe.name = "ptq_1";
  recipe.gradient.dgrad.bits = recipe.gradient.wgrad.bits = 1;
  const Network network = read_network(resolve_trace(TraceKind::kNetwork, "conv_small"));
  GraphJudge judge(network, recipe, 7);
  for (int step = 0; step < 2 && !::testing::Test::HasFatalFailure(); ++step) judge.step(step);
}

// The judge's own gradients against finite differences.
TEST(RealOps, GradientsAreDerivatives) {
  std::mt19937_64 random(3);
  std::normal_distribution<double> normal;
  const auto draw = [&](std::size_t count) {
    Reals values(count);
    for (double& v : values) v = normal(random);
    return values;
  };
  const auto dot = [](const Reals& a, const Reals& b) {
    double sum = 0.0;
    for (std::size_t i = 0; i < a.size(); ++i) sum += a[i] * b[i];
    return sum;
  };
  const auto check = [&](const char* what, Reals at, const Reals& gradient, const auto& of) {
    for (std::size_t i = 0; i < at.size(); ++i) {
      const double h = 1e-5, kept = at[i];
      at[i] = kept + h;
      const double above = of(at);
      at[i] = kept - h;
      const double below = of(at);
      at[i] = kept;
      ASSERT_NEAR(gradient[i], (above - below) / (2.0 * h), 1e-6) << what << "[" << i << "]";
    }
  };
  Conv2dAttributes conv;
  conv.in = 4;
  conv.out = 6;
  conv.kernel = {3, 2};
  conv.stride = {2, 1};
  conv.padding = {1, 1};
  conv.dilation = {1, 2};
  conv.groups = 2;
  const Dims in{2, 5, 4, 4}, out{2, 3, 4, 6};
  const Reals x = draw(in.size()), w = draw(3 * 2 * 2 * 6), d = draw(out.size());
  check("conv x", x, conv_input_gradient(conv, in, out, d, w),
        [&](const Reals& v) { return dot(d, conv_forward(conv, in, out, v, w)); });
  check("conv w", w, conv_weight_gradient(conv, in, out, x, d),
        [&](const Reals& v) { return dot(d, conv_forward(conv, in, out, x, v)); });
  const PoolAttributes pool{{3, 2}, {2, 1}, {1, 0}};
  const Dims pooled{2, 3, 3, 4};
  const Reals dp = draw(pooled.size());
  for (const bool max : {false, true}) {
    check("pool", x, pool_gradient(pool, max, in, pooled, x, dp),
          [&](const Reals& v) { return dot(dp, pool_forward(pool, max, in, pooled, v)); });
  }
  const Reals gamma = draw(4), beta = draw(4), dy = draw(in.size());
  for (const bool whole : {false, true}) {
    const RealNormGradient back = norm_gradient(whole, 1e-3, 4, x, gamma, dy);
    check("norm x", x, back.dx,
          [&](const Reals& v) { return dot(dy, norm_forward(whole, 1e-3, 4, v, gamma, beta).y); });
    check("norm gamma", gamma, back.dgamma,
          [&](const Reals& v) { return dot(dy, norm_forward(whole, 1e-3, 4, x, v, beta).y); });
    check("norm beta", beta, back.dbeta,
          [&](const Reals& v) { return dot(dy, norm_forward(whole, 1e-3, 4, x, gamma, v).y); });
  }
}

}  // namespace
}  // namespace bitloom::testing
