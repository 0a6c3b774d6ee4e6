// Consecutive training steps of convolutional networks on golden, SystemC and RTL, by every recipe file of the tree.
// Suites named Full* are the ctest entry cosim_conv_test; those named Long* are cosim_conv_long_test.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <map>

#include "model/io/error.hpp"
#include "model/network/init.hpp"
#include "sim/cosim/cosim.hpp"
#include "sim/cosim/report.hpp"
#include "testbench/cosim/cosim_case.hpp"

namespace bitloom::cosim {

inline void PrintTo(const CosimCase& of, std::ostream* out) {
  *out << of.network << ", " << of.recipe << ", " << of.hardware << ", batch " << of.batch;
}

namespace {

Recipe named_recipe(const std::string& name) { return read_recipe(resolve_trace(TraceKind::kRecipe, name)); }

/// Recipes of golden that lower() refuses, each with the words of its message that say why. A recipe that is lowered
/// must leave this list: FullConvRecipes fails.
const std::map<std::string, std::string>& refused() {
  static const std::map<std::string, std::string> reasons{
      {"fp32", "float32 does not run on the accelerator"},
      {"fp32_lbn", "float32 does not run on the accelerator"},
  };
  return reasons;
}

/// All other recipe files, so that a new file is tested without being listed anywhere.
std::vector<std::string> accelerated() {
  std::vector<std::string> names;
  for (const std::string& name : known_traces(TraceKind::kRecipe)) {
    if (!refused().contains(name)) names.push_back(name);
  }
  return names;
}

/// What golden records and no memory keeps: the bias in accumulator units, which the step computes on chip, and the
/// weight codes of methods whose codes are the stored weights, which the step overwrites by its update; and of conv_ops
/// the one result that becomes codes at once (N6.3).
std::set<std::string> never_in_memory(const Network& network, const Recipe& recipe) {
  std::vector<const Node*> layers;
  for (const Node& node : network.nodes) {
    if (node.op == Op::kLinear || node.op == Op::kConv2d) layers.push_back(&node);
  }
  std::set<std::string> names;
  for (std::size_t l = 0; l < layers.size(); ++l) {
    const RecipeLayer rules =
        layer_recipe(recipe, static_cast<int>(l), static_cast<int>(layers.size()), layers[l]->name);
    if (has_bias(*layers[l])) names.insert(layers[l]->name + ".b_acc");
    const bool codes_are_state = rules.store != WeightStore::kMaster;
    if (codes_are_state) names.insert(layers[l]->name + ".w");
    // fc alone reads it, and has its scale before the step.
    const bool known_scale = rules.activation.scale == ScaleRule::kHindsight;
    if (known_scale && layers[l]->name == "dilated") names.insert("dilated.z_raw");
  }
  return names;
}

/// Equal cycles, of a program that uses most of the command set.
void expect_faithful(const CosimResult& result) {
  EXPECT_EQ(cycles_that_differ(result), "");
  EXPECT_GE(result.fidelity.classes.size(), 8u);
}

void expect_equal(const CosimCase& chosen) {
  const CosimResult result = run_case(chosen);
  SCOPED_TRACE(to_text(result));
  EXPECT_EQ(result.comparison.mismatches, 0u);
  ASSERT_EQ(result.losses.size(), static_cast<std::size_t>(chosen.steps));
  const std::set<std::string> unseen = never_in_memory(result.program.network, named_recipe(chosen.recipe));
  EXPECT_EQ(result.comparison.unseen, unseen);
  const auto executed = 2 * static_cast<std::uint64_t>(chosen.steps);  // by two machines
  if (named_recipe(chosen.recipe).update.micro_batches == 0) {         // else not all steps record the same
    EXPECT_GE(result.comparison.tensors, executed * (result.tensors_a_step - unseen.size()));
  }
  EXPECT_GE(result.comparison.scalars, executed * 40);
  expect_faithful(result);
}

std::string case_name(const testing::TestParamInfo<CosimCase>& tested) {
  const CosimCase& of = tested.param;
  return of.network + "_" + of.recipe + "_" + of.hardware + "_stall" + std::to_string(of.stall);
}

/// Returns enough executions for `whole` steps of a recipe that accumulates, else `plain` of them.
int steps_of(const std::string& recipe, int plain = 3, int whole = 2) {
  const int micro_batches = named_recipe(recipe).update.micro_batches;
  return micro_batches > 0 ? whole * micro_batches : plain;
}

class FullConv : public testing::TestWithParam<CosimCase> {};
class LongConv : public testing::TestWithParam<CosimCase> {};
TEST_P(FullConv, StepsAreEqual) { expect_equal(GetParam()); }
TEST_P(LongConv, StepsAreEqual) { expect_equal(GetParam()); }

/// Lists every recipe on every hardware: short steps of three or two samples. Each pair of recipe and hardware has
/// stalls in either this list or in long_cases().
std::vector<CosimCase> full_cases() {
  std::vector<CosimCase> cases;
  int turn = 0;
  for (const std::string& recipe : accelerated()) {
    cases.push_back({"conv_small", recipe, "tiny", 3, steps_of(recipe), turn % 2 == 0 ? 25 : 0, 1});
    cases.push_back({"conv_small", recipe, "odd", 2, steps_of(recipe), turn % 2 == 0 ? 0 : 25, 2});
    cases.push_back({"conv_small", recipe, "base", 3, steps_of(recipe), turn % 2 == 0 ? 25 : 0, 3});
    ++turn;
  }
  for (const char* recipe : {"int4", "luq_smp2", "fqt1", "lwq", "niti", "maqd_bn", "int8_raw16", "fqt1_raw16"}) {
    cases.push_back({"conv_ops", recipe, cases.size() % 2 == 0 ? "tiny" : "odd", 2, 2, 25, 4});
  }
  // Gradients of standardized weights beyond any gamma's limits.
  cases.push_back({"lenet", "maqd", "tiny", 4, 1, 0, 1});
  return cases;
}

std::vector<CosimCase> long_cases() {
  std::vector<CosimCase> cases;
  int turn = 0;
  for (const std::string& recipe : accelerated()) {
    cases.push_back({"conv_small", recipe, "tiny", 7, steps_of(recipe), turn % 2 == 0 ? 0 : 25, 5});
    cases.push_back({"conv_small", recipe, "odd", 7, steps_of(recipe), turn % 2 == 0 ? 25 : 0, 6});
    cases.push_back({"conv_small", recipe, "base", 7, steps_of(recipe), turn % 2 == 0 ? 0 : 25, 7});
    cases.push_back({"conv_ops", recipe, turn % 2 == 0 ? "tiny" : "odd", 6, steps_of(recipe, 2, 1), 0, 8});
    cases.push_back({"conv_ops", recipe, "base", 6, steps_of(recipe, 2, 1), 25, 9});
    ++turn;
  }
  cases.push_back({"resnet8", "luq", "base", 1, 1, 0, 10});
  cases.push_back({"lenet", "luq", "base", 3, 1, 25, 11});
  return cases;
}

INSTANTIATE_TEST_SUITE_P(All, FullConv, testing::ValuesIn(full_cases()), case_name);
INSTANTIATE_TEST_SUITE_P(All, LongConv, testing::ValuesIn(long_cases()), case_name);

TEST(FullConvRecipes, EveryFileIsLoweredOrRefusedForAReasonThatIsListed) {
  const Network network = read_network(resolve_trace(TraceKind::kNetwork, "conv_small"));
  const std::vector<std::string> known = known_traces(TraceKind::kRecipe);
  for (const char* hardware : {"tiny", "odd", "base"}) {
    const Hardware on = read_hardware(resolve_trace(TraceKind::kHardware, hardware));
    for (const std::string& recipe : known) {
      std::string message;
      try {
        lower(network, named_recipe(recipe), on, {3, 1, 1});
      } catch (const Error& error) {
        message = error.what();
      }
      const auto reason = refused().find(recipe);
      if (reason == refused().end()) {
        EXPECT_EQ(message, "") << recipe << " on " << hardware;
      } else {
        EXPECT_THAT(message, testing::HasSubstr(reason->second)) << recipe << " on " << hardware;
      }
    }
  }
  for (const char* name : {"int8", "int4", "luq", "lwq", "fqt1", "maqd", "niti", "psq", "ptq"}) {
    EXPECT_THAT(accelerated(), testing::Contains(name));
  }
}

void expect_equal_of_text(const std::string& layers, const std::vector<const char*>& recipes) {
  const std::string file = testing::TempDir() + "bitloom_conv_text.json";
  std::ofstream(file) << R"({"name": "text", "input": [3, 7, 6], "layers": [)" << layers << R"(
    {"name": "flatten", "op": "flatten"},
    {"name": "fc", "op": "linear", "out": 4, "bias": true},
    {"name": "loss", "op": "softmax_cross_entropy"}]})";
  for (const char* recipe : recipes) {
    const CosimResult result = run_case({file, recipe, "tiny", 3, 2, 0, 1});
    EXPECT_TRUE(result.equal()) << to_text(result);
  }
  std::filesystem::remove(file);
}

// Some residues of a stride meet no tap of the kernel: the first ones, or those between taps. Gradients there are zero,
// and so must be their maxima and counts, which the table keeps: not what its temporary entries held before.
TEST(FullConvGaps, PositionsThatNoTapReachesHaveZeroStatistics) {
  expect_equal_of_text(R"(
    {"name": "conv1", "op": "conv2d", "out": 4, "kernel": [1, 3], "stride": [2, 1], "bias": true},
    {"name": "relu1", "op": "relu"},
    {"name": "conv2", "op": "conv2d", "out": 3, "kernel": [3, 1], "padding": [1, 0], "bias": true},
    {"name": "bn", "op": "batch_norm"},
    {"name": "relu2", "op": "relu"},
    {"name": "pool1", "op": "average_pool", "kernel": 1, "stride": [2, 1]},
    {"name": "conv3", "op": "conv2d", "out": 3, "kernel": [2, 3], "stride": 2, "padding": 1,
     "dilation": [1, 2], "bias": true},
    {"name": "pool2", "op": "average_pool", "kernel": 1, "stride": 2},)",
                       {"int8", "luq", "psq"});
}

// A window as large as the image, but moved by its padding, leaves places of the image out.
TEST(FullConvGaps, AnAverageOfAMovedWindowLeavesPlacesOut) {
  expect_equal_of_text(R"(
    {"name": "conv", "op": "conv2d", "out": 3, "kernel": 3, "stride": 2, "bias": true},
    {"name": "pool", "op": "average_pool", "kernel": [3, 2], "stride": 3, "padding": [1, 0]},)",
                       {"int8", "luq"});
}

// N25.8 with what no recipe file has: each of LWQ's fields, and gradient accumulation.
TEST(FullConvLwqAdam, GoesWithEveryFieldOfLwq) {
  std::ifstream committed(resolve_trace(TraceKind::kRecipe, "lwq_adam"));
  const std::string recipe(std::istreambuf_iterator<char>(committed), {});
  const std::pair<std::string, std::string> changes[] = {
      {R"("rounding": "stochastic",
    "bias_bits")",
       R"("rounding": "half_up",
    "bias_bits")"},
      {R"("latent_bits": 4, "min_level": 0, "max_level": 3)", R"("latent_bits": 24)"},
      {R"("quantizer": "lwq")", R"("quantizer": "lwq", "bits": 4)"},
      {R"("min_level": 0)", R"("min_level": 2)"},
      {R"("eps": 1e-05)", R"("eps": 1e-05, "accumulate": {"micro_batches": 2, "headroom": 4.0})"},
  };
  const std::string file = testing::TempDir() + "bitloom_lwq_adam.json";
  std::uint64_t seed = 0;
  for (const auto& [from, to] : changes) {
    SCOPED_TRACE(to);
    std::string text = recipe;
    const std::size_t at = text.find(from);
    ASSERT_NE(at, std::string::npos);
    std::ofstream(file) << text.replace(at, from.size(), to);
    const char* hardware = ++seed % 2 == 0 ? "tiny" : "odd";
    const CosimResult result = run_case({"conv_small", file, hardware, 3, 4, 25, seed});
    EXPECT_TRUE(result.equal()) << to_text(result);
  }
  std::filesystem::remove(file);
}

// Adam's blocks are columns of any length (N25), here longer than the source's 2048 elements.
TEST(FullConvLwqAdam, TakesColumnsOfMoreThan2048Weights) {
  const std::string file = testing::TempDir() + "bitloom_long_column.json";
  std::ofstream(file) << R"({"name": "long", "input": [2300], "layers": [
    {"name": "fc1", "op": "linear", "out": 5, "bias": true},
    {"name": "relu", "op": "relu"},
    {"name": "fc2", "op": "linear", "out": 4, "bias": true},
    {"name": "loss", "op": "softmax_cross_entropy"}]})";
  const CosimResult result = run_case({file, "lwq_adam", "tiny", 3, 2, 0, 1});
  EXPECT_TRUE(result.equal()) << to_text(result);
  std::filesystem::remove(file);
}

TEST(FullConvTamper, AChangedGradientOfAConvolutionIsFoundAndNamed) {
  std::uint64_t address = 0;
  CosimOptions options;
  options.tamper = [&](const std::string& executor, int step, std::span<std::uint8_t> memory) {
    if (executor == "systemc" && step == 1 && address != 0) memory[address] ^= 1;
  };
  const CosimCase chosen{"conv_small", "luq", "base", 2, 2, 0, 1};
  const CosimResult clean = run_case(chosen, options);
  EXPECT_TRUE(clean.equal());
  const TensorPlacement* dw = find_tensor(clean.program, "conv1.dw");
  ASSERT_NE(dw, nullptr);
  address = dw->address + 7 * dw->pitch + 4 * 3;  // element (7, 3)
  const CosimResult result = run_case(chosen, options);
  ASSERT_EQ(result.comparison.mismatches, 1u);
  const Difference& found = result.comparison.first.front();
  EXPECT_EQ(found.executor, "systemc");
  EXPECT_EQ(found.step, 1);
  EXPECT_EQ(found.tensor, "conv1.dw");
  EXPECT_EQ(found.row, 7);
  EXPECT_EQ(found.col, 3);
  EXPECT_FALSE(result.equal());
}

}  // namespace
}  // namespace bitloom::cosim
