#include <gtest/gtest.h>

#include "model/golden/step.hpp"
#include "testbench/model/golden/cases.hpp"
#include "testbench/model/golden/reference_step.hpp"

// The golden step against its specification, every tensor and scalar of several steps. ctest runs this program once for
// each instruction set.

namespace bitloom::testing {
namespace {

class GoldenStep : public ::testing::Test {
 protected:
  void SetUp() override {
    // An instruction set that this machine lacks cannot be tested on it.
    if (const std::string reason = missing_isa(); !reason.empty()) GTEST_SKIP() << reason;
  }
};

void expect_equal(const NamedRecord& got, const NamedRecord& expected) {
  ASSERT_EQ(got.tensors.size(), expected.tensors.size());
  for (const auto& [name, tensor] : expected.tensors) {
    ASSERT_TRUE(got.tensors.contains(name)) << name;
    const NamedTensor& of = got.tensors.at(name);
    ASSERT_EQ(of.rows, tensor.rows) << name;
    ASSERT_EQ(of.cols, tensor.cols) << name;
    ASSERT_EQ(of.bits, tensor.bits) << name;
    ASSERT_EQ(of.values.size(), tensor.values.size()) << name;
    for (std::size_t i = 0; i < tensor.values.size(); ++i) {
      ASSERT_EQ(of.values[i], tensor.values[i]) << name << "[" << i / static_cast<std::size_t>(tensor.cols) << ", "
                                                << i % static_cast<std::size_t>(tensor.cols) << "]";
    }
  }
  for (const auto& [name, value] : expected.scalars) {
    ASSERT_TRUE(got.scalars.contains(name)) << name;
    ASSERT_EQ(got.scalars.at(name), value) << name;
  }
  ASSERT_EQ(got.scalars.size(), expected.scalars.size());
}

struct Outcome {
  TrainState state;
  NamedRecord record;  ///< of the last step
  std::uint64_t saturated = 0;
};

/// `steps` steps with the engine and with the specification, compared after each.
Outcome compare_steps(const Network& network, const Recipe& recipe, int samples, int steps, int threads,
                      TrainState state, double learning_rate = 0.05) {
  GoldenEngine engine(network, recipe, threads);
  TrainState expected_state = state;
  Outcome run;
  for (int step = 0; step < steps; ++step) {
    const Batch batch = make_batch(network, recipe, samples, 100 + static_cast<std::uint64_t>(step));
    const StepContext context = make_context(state, learning_rate);
    if (step == 0 && !is_scale(state.layers.back().sd_next)) {
      engine.calibrate(state, batch, context);
      reference_calibrate(network, recipe, expected_state, batch, context);
    }
    NamedRecord expected;
    const StepResult want = reference_step(network, recipe, expected_state, batch, context, expected);
    const StepResult got = engine.step(state, batch, context, ByName(run.record, network));
    expect_equal(run.record, expected);
    EXPECT_EQ(got.loss, want.loss);
    EXPECT_EQ(got.correct, want.correct);
    EXPECT_EQ(got.saturated, want.saturated);
    EXPECT_EQ(state.step, expected_state.step);
    run.saturated += got.saturated;
    if (::testing::Test::HasFatalFailure()) break;
  }
  run.state = std::move(state);
  return run;
}

Outcome compare_steps(const Network& network, const Recipe& recipe, int samples, int steps, int threads) {
  return compare_steps(network, recipe, samples, steps, threads, make_state(network, recipe, 3));
}

TEST_F(GoldenStep, EveryRecipeAndThreadCount) {
  const Network network = perceptron(61, {37, 23, 10});
  for (const int bits : {8, 4}) {
    for (const ScaleRule rule : {ScaleRule::kExact, ScaleRule::kHindsight}) {
      for (const int threads : {1, 2, 5}) {
        SCOPED_TRACE(::testing::Message() << bits << " bits, rule " << static_cast<int>(rule) << ", " << threads);
        compare_steps(network, make_recipe(bits, rule), 19, 3, threads);
        if (HasFatalFailure()) return;
      }
    }
  }
}

TEST_F(GoldenStep, OddShapes) {
  for (const int samples : {1, 2, 33}) {
    compare_steps(perceptron(1, {1}), make_recipe(8, ScaleRule::kExact), samples, 2, 2);
    compare_steps(perceptron(3, {2}), make_recipe(4, ScaleRule::kHindsight), samples, 2, 1);
    compare_steps(perceptron(65, {130, 1, 17, 3}), make_recipe(8, ScaleRule::kExact), samples, 2, 2);
    if (HasFatalFailure()) return;
  }
}

TEST_F(GoldenStep, EveryRounding) {
  const Network network = perceptron(40, {29, 21, 6});
  for (const Rounding rounding : {Rounding::kHalfUp, Rounding::kNearestEven, Rounding::kFloor, Rounding::kStochastic}) {
    Recipe recipe = make_recipe(8, ScaleRule::kExact);
    recipe.activation.rounding = rounding;
    recipe.gradient.rounding = rounding;
    recipe.weight.rounding = rounding;
    recipe.update.stochastic = rounding != Rounding::kHalfUp;
    compare_steps(network, recipe, 12, 2, 2);
    if (HasFatalFailure()) return;
  }
}

TEST_F(GoldenStep, LayersOfDifferentWidth) {
  const Network network = perceptron(20, {18, 16, 14, 5});
  Recipe recipe = make_recipe(4, ScaleRule::kHindsight);
  recipe.first_bits = 8;
  recipe.last_bits = 8;
  recipe.named_bits["fc3"] = 8;
  const Outcome run = compare_steps(network, recipe, 9, 3, 1);
  EXPECT_EQ(run.record.tensors.at("fc1.x").bits, 8);
  EXPECT_EQ(run.record.tensors.at("fc2.w").bits, 4);
  EXPECT_EQ(run.record.tensors.at("fc3.d").bits, 8);
  EXPECT_EQ(run.record.tensors.at("fc4.x").bits, 8);
}

TEST_F(GoldenStep, WithoutBiasAndWithoutRelu) {
  const Network network =
      perceptron({{"fc1", 30, 20, true, false}, {"fc2", 20, 10, false, true}, {"fc3", 10, 5, true, false}});
  const Outcome run = compare_steps(network, make_recipe(8, ScaleRule::kExact), 16, 2, 1);
  EXPECT_FALSE(run.record.tensors.contains("fc1.mask"));
  EXPECT_TRUE(run.record.tensors.contains("fc2.mask"));
  EXPECT_FALSE(run.record.tensors.contains("fc2.db"));
  EXPECT_FALSE(run.record.scalars.contains("fc2.ratio_b"));
}

TEST_F(GoldenStep, NarrowStateSaturates) {
  const Network network = perceptron(24, {20, 6});
  Recipe recipe = make_recipe(8, ScaleRule::kExact);
  recipe.update.momentum_frac_bits = 24;
  recipe.update.master_frac_bits = 26;
  const Outcome run = compare_steps(network, recipe, 8, 3, 2, make_state(network, recipe, 4), 3.0);
  EXPECT_GT(run.record.scalars.at("fc1.vsat"), 0u);
  EXPECT_GT(run.record.scalars.at("fc1.msat"), 0u);
  EXPECT_GT(run.record.scalars.at("fc2.bvsat"), 0u);
}

// A bias far beyond the accumulator's 32-bit view: the bias, the raw view and, with hindsight, codes from values that
// the raw view does not hold (N5.1, N5.2, N6.3).
TEST_F(GoldenStep, ValuesBeyondTheRawView) {
  const Network network = perceptron(24, {20, 6});
  for (const ScaleRule rule : {ScaleRule::kExact, ScaleRule::kHindsight}) {
    Recipe recipe = make_recipe(8, rule);
    recipe.update.bias_frac_bits = 6;
    TrainState state = make_state(network, recipe, 5);
    for (std::size_t o = 0; o < 20; o += 3) state.layers[0].bias[o] = o % 2 == 0 ? 2147483647 : -2147483647;
    if (rule == ScaleRule::kHindsight) {  // scales that leave some codes unsaturated
      for (LayerState& layer : state.layers) layer.sx_next = layer.sd_next = nearest_scale(3.0e-3);
      state.layers[1].sx_next = nearest_scale(50000.0);
    }
    const Outcome run = compare_steps(network, recipe, 8, 2, 2, std::move(state));
    EXPECT_GT(run.record.scalars.at("fc1.b_accsat") + run.saturated, 0u);
    EXPECT_GT(run.record.scalars.at("fc1.zsat"), 0u);
    if (HasFatalFailure()) return;
  }
}

// With hindsight, codes come from the exact value also where the raw view is clamped (N6.3): here the exact value
// rounds to 101 steps and the clamped one to 100.
TEST_F(GoldenStep, HindsightCodesComeFromTheExactValue) {
  const Network network = perceptron(24, {4, 3});
  Recipe recipe = make_recipe(8, ScaleRule::kHindsight);
  recipe.update.bias_frac_bits = 0;
  TrainState state = make_state(network, recipe, 5);
  std::fill(state.layers[0].master.begin(), state.layers[0].master.end(), 1 << 19);
  std::fill(state.layers[0].bias.begin(), state.layers[0].bias.end(), 2147483647);
  state.layers[0].wmax = 1 << 19;
  Batch batch = make_batch(network, recipe, 2, 1);
  std::fill(batch.X.begin(), batch.X.end(), std::int8_t{127});
  for (LayerState& layer : state.layers) layer.sx_next = layer.sd_next = nearest_scale(3.0e-3);
  const double unit = 2.0 / 127 * 0.25 / 127;            // of the accumulator
  const double exact = 2147483647.0 + 24.0 * 127 * 127;  // bias limit and 24 products
  state.layers[1].sx_next = nearest_scale(unit * (exact - 12.0 * 127 * 127) / 100.5);
  NamedRecord record;
  golden_step(network, recipe, state, batch, make_context(state), ByName(record, network), 1);
  EXPECT_EQ(record.tensors.at("fc1.z_raw").values, std::vector<std::int32_t>(8, 2147483647));
  EXPECT_EQ(record.tensors.at("fc2.x").values, std::vector<std::int32_t>(8, 101));
  EXPECT_EQ(record.scalars.at("fc1.zsat"), 8u);
}

TEST_F(GoldenStep, ZeroInputGivesScaleOneOrKeepsTheLast) {
  const Network network = perceptron(5, {4, 3});
  for (const ScaleRule rule : {ScaleRule::kExact, ScaleRule::kHindsight}) {
    const Recipe recipe = make_recipe(8, rule);
    TrainState state = make_state(network, recipe, 5);
    for (std::int32_t& b : state.layers[0].bias) b = -1;  // every output of the first layer is masked
    const Scale kept = nearest_scale(0.25);
    for (LayerState& layer : state.layers) layer.sx_next = layer.sd_next = kept;
    Batch batch = make_batch(network, recipe, 4, 1);
    std::fill(batch.X.begin(), batch.X.end(), std::int8_t{0});
    NamedRecord record;
    golden_step(network, recipe, state, batch, make_context(state), ByName(record, network), 1);
    EXPECT_EQ(record.scalars.at("fc1.zmax"), 0u);
    EXPECT_EQ(record.scalars.at("fc2.sx"), word(rule == ScaleRule::kExact ? kOne : kept));
    EXPECT_EQ(record.scalars.at("fc1.sd"), word(rule == ScaleRule::kExact ? kOne : kept));
    if (rule == ScaleRule::kHindsight) {
      EXPECT_EQ(record.scalars.at("fc2.sx_next"), word(kept));
      EXPECT_EQ(record.scalars.at("fc1.sd_next"), word(kept));
    }
  }
}

TEST_F(GoldenStep, HindsightFirstStepEqualsExactAndLaterOnesDoNot) {
  const Network network = perceptron(61, {37, 10});
  const Recipe exact = make_recipe(8, ScaleRule::kExact);
  const Recipe hindsight = make_recipe(8, ScaleRule::kHindsight);
  TrainState a = make_state(network, exact, 3);
  TrainState b = make_state(network, hindsight, 3);
  const Batch first = make_batch(network, exact, 19, 1);
  const Batch second = make_batch(network, exact, 19, 2);
  calibrate(network, hindsight, b, first, make_context(b), 1);
  NamedRecord record_a, record_b;
  golden_step(network, exact, a, first, make_context(a), ByName(record_a, network), 1);
  golden_step(network, hindsight, b, first, make_context(b), ByName(record_b, network), 1);
  EXPECT_EQ(a.layers[0].master, b.layers[0].master);
  EXPECT_EQ(record_a.scalars.at("fc1.sd"), record_b.scalars.at("fc1.sd_next"));
  golden_step(network, exact, a, second, make_context(a), ByName(record_a, network), 1);
  golden_step(network, hindsight, b, second, make_context(b), ByName(record_b, network), 1);
  EXPECT_NE(record_a.scalars.at("fc1.sd"), record_b.scalars.at("fc1.sd"));
}

TEST_F(GoldenStep, WrongShapesAndMissingScalesAreErrors) {
  const Network network = perceptron(6, {5, 4});
  const Recipe recipe = make_recipe(8, ScaleRule::kHindsight);
  TrainState state = make_state(network, recipe, 1);
  Batch batch = make_batch(network, recipe, 3, 1);
  const StepContext context = make_context(state);
  GoldenEngine engine(network, recipe, 1);
  EXPECT_THROW(engine.step(state, batch, context, nullptr), Error);  // not calibrated
  engine.calibrate(state, batch, context);
  const TrainState before = state;
  Batch wrong_label = batch;
  wrong_label.labels[1] = 4;
  EXPECT_THROW(engine.step(state, wrong_label, context, nullptr), Error);
  Batch short_batch = batch;
  short_batch.X.pop_back();
  EXPECT_THROW(engine.step(state, short_batch, context, nullptr), Error);
  TrainState short_state = state;
  short_state.layers[0].bias.pop_back();
  EXPECT_THROW(engine.step(short_state, batch, context, nullptr), Error);
  EXPECT_EQ(state.layers[0].master, before.layers[0].master);
  EXPECT_THROW(GoldenEngine(perceptron(65536, {2}), recipe, 1), Error);
  Recipe stranger = recipe;
  stranger.named_bits["fc9"] = 8;
  EXPECT_THROW(GoldenEngine(network, stranger, 1), Error);
}

TEST_F(GoldenStep, EvaluateAgreesWithTheStepAndChangesNothing) {
  const Network network = perceptron(61, {37, 10});
  const Recipe recipe = make_recipe(4, ScaleRule::kExact);
  TrainState state = make_state(network, recipe, 3);
  const Batch batch = make_batch(network, recipe, 19, 1);
  GoldenEngine engine(network, recipe, 1);
  const StepResult evaluated = engine.evaluate(state, batch, make_context(state));
  const StepResult stepped = engine.step(state, batch, make_context(state), nullptr);
  EXPECT_EQ(evaluated.loss, stepped.loss);
  EXPECT_EQ(evaluated.correct, stepped.correct);
}

}  // namespace
}  // namespace bitloom::testing
