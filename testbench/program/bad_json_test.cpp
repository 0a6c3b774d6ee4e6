// Faulty network, recipe, hardware, energy and hyper-parameter files: exit code 2 and a message that names file, key
// and expectation. Each case is one edit of a good file of traces/.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <ostream>
#include <string>
#include <vector>

#include "testbench/program/spawn.hpp"

namespace bitloom::testing {
namespace {

using ::testing::HasSubstr;

struct Case {
  const char* name;
  const char* source;  ///< good file below traces/
  const char* from;
  const char* to;
  const char* problem;  ///< what the message must contain beside the file
};

void PrintTo(const Case& c, std::ostream* stream) { *stream << c.name; }

std::vector<std::string> command_for(const std::string& source, const std::string& file) {
  if (source.starts_with("networks/")) {
    return {"train", file, "--recipe", "fp32"};
  }
  if (source.starts_with("recipes/")) {
    return {"train", "mlp", "--recipe", file};
  }
  if (source.starts_with("hardware/")) {
    return {"run", "mlp_odd", "--recipe", "int8", "--hw", file};
  }
  if (source.starts_with("energy/")) {
    return {"run", "mlp_odd", "--hw", "tiny", "--energy", file};
  }
  return {"train", "mlp", "--recipe", "fp32", "--hyper", file};
}

class BadJson : public ::testing::TestWithParam<Case> {};

TEST_P(BadJson, IsRefused) {
  const Case& c = GetParam();
  std::string text = read_text(source_trace(c.source));
  const std::size_t at = text.find(c.from);
  ASSERT_NE(at, std::string::npos) << "the edit does not fit " << c.source;
  text.replace(at, std::string(c.from).size(), c.to);
  ScratchFolder folder;
  const std::string file = folder / "edited.json";
  write_text(file, text);
  const Outcome outcome = run_program(command_for(c.source, file));
  EXPECT_EQ(outcome.code, 2) << outcome.errors;
  EXPECT_THAT(outcome.errors, HasSubstr("bitloom: error: " + file));
  EXPECT_THAT(outcome.errors, HasSubstr(c.problem));
  EXPECT_EQ(outcome.output, "");
}

const Case kCases[] = {
    {"NetworkSyntax", "networks/mlp.json", "\"name\": \"mlp\",", "\"name\": \"mlp\"", "edited.json:3"},
    {"NetworkUnknownKey", "networks/mlp.json", "\"input\"", "\"inptu\": 1, \"input\"", "inptu: unknown key"},
    {"NetworkMissingKey", "networks/mlp.json", "\"input\": [784],", "", "input: required key is missing"},
    {"NetworkWrongType", "networks/mlp.json", "\"out\": 256", "\"out\": \"256\"", "layers[0].out"},
    {"NetworkOutOfRange", "networks/mlp.json", "\"out\": 256", "\"out\": 0", "layers[0].out"},
    {"NetworkUnknownOperation", "networks/mlp.json", "\"relu\"}", "\"gelu9\"}", "layers[1].op"},
    {"RecipeSyntax", "recipes/int8.json", "\"int8\",", "\"int8\" \"x\",", "edited.json:2"},
    {"RecipeUnknownKey", "recipes/int8.json", "\"weight\"", "\"wieght\": 1, \"weight\"", "wieght: unknown key"},
    {"RecipeMissingKey", "recipes/int8.json", "\"arithmetic\": \"integer\",", "",
     "arithmetic: required key is missing"},
    {"RecipeWrongType", "recipes/int8.json", "\"default\": 8", "\"default\": \"eight\"", "bits.default"},
    {"RecipeOutOfRange", "recipes/int8.json", "\"default\": 8", "\"default\": 9", "bits.default"},
    {"RecipeUnknownChoice", "recipes/int8.json", "\"half_up\"", "\"half_way\"", "half_way"},
    {"HardwareSyntax", "hardware/tiny.json", "\"rows\": 4,", "\"rows\": ,", "edited.json:4"},
    {"HardwareUnknownKey", "hardware/tiny.json", "\"rows\"", "\"rosw\": 1, \"rows\"", "rosw: unknown key"},
    {"HardwareMissingKey", "hardware/tiny.json", "\"cols\": 4,", "", "cols: required key is missing"},
    {"HardwareWrongType", "hardware/tiny.json", "\"rows\": 4", "\"rows\": 4.5", "rows"},
    {"HardwareOutOfRange", "hardware/tiny.json", "\"rows\": 4", "\"rows\": 33", "rows"},
    {"HardwareInconsistent", "hardware/tiny.json", "\"spad_a_bytes\": ", "\"spad_a_bytes\": 1", "spad_a_bytes"},
    {"HardwareTooSmallForATile", "hardware/tiny.json", "\"vin_words\": 256", "\"vin_words\": 1",
     "network mlp_odd, tables: VIN is too small"},
    {"HardwareTooSmallMemory", "hardware/tiny.json", "\"dram_bytes\": 67108864", "\"dram_bytes\": 4096",
     "DRAM is too small"},
    {"EnergyUnknownKey", "energy/45nm.json", "\"name\"", "\"nmae\": 1, \"name\"", "nmae: unknown key"},
    {"HyperSyntax", "hyper/default.json", "\"epochs\"", "epochs", "edited.json:3"},
    {"HyperUnknownKey", "hyper/default.json", "\"init\"", "\"inti\": 1, \"init\"", "inti: unknown key"},
    {"HyperMissingKey", "hyper/default.json", "\"batch\": 128,", "", "batch: required key is missing"},
    {"HyperWrongType", "hyper/default.json", "\"momentum\": 0.9", "\"momentum\": [0.9]", "momentum"},
    {"HyperOutOfRange", "hyper/default.json", "\"momentum\": 0.9", "\"momentum\": 1.5", "momentum"},
    {"HyperDuplicateKey", "hyper/default.json", "\"batch\": 128,", "\"batch\": 128, \"batch\": 64,", "batch"},
};

/// Fields of convolutional networks, of the methods' recipes, and of schedules.
const Case kFields[] = {
    {"NetworkKernelZero", "networks/conv_small.json", "\"kernel\": 3,", "\"kernel\": 0,",
     "layers[0].kernel: expected an integer from 1 to 4096, got 0"},
    {"NetworkKernelOfThree", "networks/conv_small.json", "\"kernel\": 3,", "\"kernel\": [3, 3, 3],",
     "layers[0].kernel: expected an integer or [rows, columns], got [3, 3, 3]"},
    {"NetworkKernelType", "networks/conv_small.json", "\"kernel\": 3,", "\"kernel\": \"3\",",
     "layers[0].kernel: expected an integer from 1 to 4096, got \"3\""},
    {"NetworkKernelMissing", "networks/conv_small.json", "\"kernel\": 3, ", "",
     "layers[0].kernel: required key is missing"},
    {"NetworkKernelBeyondTheImage", "networks/conv_small.json", "\"kernel\": 3,", "\"kernel\": 30,",
     "layers[0].kernel: expected a window of at most 11 rows (input 9, padding 1), got 30"},
    {"NetworkStrideZero", "networks/conv_small.json", "\"stride\": 2", "\"stride\": 0",
     "layers[0].stride: expected an integer from 1 to 4096, got 0"},
    {"NetworkPaddingNegative", "networks/conv_small.json", "\"padding\": 1", "\"padding\": -1",
     "layers[0].padding: expected an integer from 0 to 4096, got -1"},
    {"NetworkDilationZero", "networks/conv_ops.json", "\"dilation\": 2", "\"dilation\": 0",
     "layers[0].dilation: expected an integer from 1 to 4096, got 0"},
    {"NetworkGroupsThatDoNotDivide", "networks/conv_ops.json", "\"groups\": 2", "\"groups\": 5",
     "layers[2].groups: expected a divisor of 6 input and 8 output channels, got 5"},
    {"NetworkGroupsType", "networks/conv_ops.json", "\"groups\": 2", "\"groups\": true",
     "layers[2].groups: expected an integer from 1 to 16777216, got true"},
    {"NetworkConvUnknownKey", "networks/conv_small.json", "\"stride\": 2", "\"strides\": 2",
     "layers[0].strides: unknown key; did you mean \"stride\"?"},
    {"NetworkPoolPadding", "networks/conv_ops.json", "\"stride\": 2, \"padding\": 1}", "\"stride\": 2, \"padding\": 3}",
     "layers[4].padding: expected less than the kernel [3, 3], got [3, 3]"},
    {"NetworkPoolAllOfAMaximum", "networks/conv_small.json", "\"op\": \"max_pool\", \"kernel\": 2",
     "\"op\": \"max_pool\", \"kernel\": \"all\"", "layers[7].kernel: expected an integer from 1 to 4096, got \"all\""},
    {"NetworkAddOfOne", "networks/conv_small.json", "[\"conv2\", \"relu1\"]", "[\"conv2\"]",
     "layers[4].inputs: expected 2 inputs for op add, got 1"},
    {"NetworkAddOfTwoShapes", "networks/conv_small.json", "[\"conv2\", \"relu1\"]", "[\"conv2\", \"input\"]",
     "layers[4].inputs: expected two results of one shape, got [5, 5, 4] and [2, 9, 7]"},
    {"NetworkUnknownInput", "networks/conv_small.json", "[\"conv2\", \"relu1\"]", "[\"conv2\", \"relu9\"]",
     "layers[4].inputs: expected \"input\" or the name of a layer above, got \"relu9\""},
    {"NetworkNormEps", "networks/conv_small.json", "\"op\": \"batch_norm\"", "\"op\": \"batch_norm\", \"eps\": -1",
     "layers[1].eps: expected a number from 1e-08 to 1, got -1"},
    {"NetworkConvOfFeatures", "networks/conv_small.json", "\"input\": [2, 9, 7]", "\"input\": [126]",
     "layers[0]: op conv2d needs an input of {channels, rows, columns}, got shape [126]"},
    {"RecipeLogBinades", "recipes/luq.json", "\"binades\": 6", "\"binades\": 5",
     "gradient.binades: expected 4 or 6, got 5"},
    {"RecipeLogSamples", "recipes/luq.json", "\"samples\": 1", "\"samples\": 0",
     "gradient.samples: expected an integer from 1 to 8, got 0"},
    {"RecipeLogTop", "recipes/luq.json", "\"top\": \"free\"", "\"top\": \"fre\"",
     "gradient.top: expected one of \"free\", \"power_of_two\", got \"fre\""},
    {"RecipeSawbCoefficient", "recipes/luq.json", "\"c1\": 12.035", "\"c1\": -12.035",
     "activation.c1: expected a number from 0 to 64, got -12.035"},
    {"RecipeLwqLatentBits", "recipes/lwq.json", "\"latent_bits\": 4", "\"latent_bits\": 9",
     "update.latent_bits: expected 2, 3, 4, 5, 6, 7, 8 or 24, got 9"},
    {"RecipeLwqLevels", "recipes/lwq.json", "\"max_level\": 3", "\"max_level\": 4",
     "update.max_level: expected an integer from 0 to 3, got 4"},
    {"RecipeLwqLevelOrder", "recipes/lwq.json", "\"min_level\": 0, \"max_level\": 3",
     "\"min_level\": 2, \"max_level\": 1", "update.max_level: expected an integer from 2 to 3, got 1"},
    {"RecipeLwqHeadroom", "recipes/lwq.json", "\"headroom\": 4.0", "\"headroom\": 0.5",
     "update.headroom: expected a number from 1 to 16, got 0.5"},
    {"RecipeLwqWithoutItsOptimizer", "recipes/lwq.json", "\"optimizer\": \"lwq\"", "\"optimizer\": \"sgd\"",
     "update.latent_bits: has no effect here; it counts only with optimizer \"lwq\" or \"lwq_adam\""},
    {"RecipeGroups", "recipes/fqt1.json", "\"groups\": \"sample\"", "\"groups\": \"row\"",
     "gradient.dgrad.groups: expected one of \"tensor\", \"sample\", got \"row\""},
    {"RecipeGroupBits", "recipes/fqt1.json", "\"bits\": 4, \"groups\": \"sample\"",
     "\"bits\": 0, \"groups\": \"sample\"", "gradient.dgrad.bits: expected 1, 2 or 4, got 0"},
    {"RecipePruning", "recipes/fqt1.json", "\"pruning\": \"top\"", "\"pruning\": \"topk\"",
     "gradient.pruning: expected one of \"none\", \"top\", \"bernoulli\", got \"topk\""},
    {"RecipePruningFactor", "recipes/fqt1.json", "\"factor\": 4", "\"factor\": 0",
     "gradient.factor: expected an integer from 1 to 64, got 0"},
    {"RecipeOverrideOfNoLayer", "recipes/fqt1.json", "\"shortcut\": {", "\"shotcut\": {",
     "recipe fqt1: overrides.shotcut: the network has no such layer; did you mean \"shortcut\"?"},
    {"RecipeClipLevels", "recipes/maqd.json", "\"levels\": 7", "\"levels\": 0",
     "activation.levels: expected an integer from 1 to 15, got 0"},
    {"RecipeClip", "recipes/maqd.json", "\"clip\": 3.0", "\"clip\": 0",
     "activation.clip: expected a number from 0.001 to 1000, got 0"},
    {"RecipeNormalization", "recipes/maqd.json", "\"layer_batch\"", "\"layer\"",
     "normalization: expected one of \"batch\", \"layer_batch\", got \"layer\""},
    {"RecipeNitiGradientBits", "recipes/niti.json", "[5, 4, 3]", "[5, 4, 9]",
     "update.gradient_bits[2]: expected an integer from 1 to 8, got 9"},
    {"RecipeQuantizer", "recipes/niti.json", "\"activation\": {\"quantizer\": \"niti\"}",
     "\"activation\": {\"quantizer\": \"nti\"}",
     "activation.quantizer: expected one of \"max\", \"sawb\", \"sign\", \"round_clip\", \"niti\", got \"nti\""},
    {"RecipeMixedNiti", "recipes/niti.json", "\"optimizer\": \"niti\"", "\"optimizer\": \"sgd\"",
     "update.gradient_bits: has no effect here; it counts only with optimizer \"niti\""},
    {"HyperSchedule", "hyper/default.json", "\"cosine\"", "\"cosin\"",
     "learning_rate.schedule: expected one of \"constant\", \"step\", \"cosine\", \"triangle\", got \"cosin\""},
    {"HyperTriangleWithoutLow", "hyper/fnt.json", ", \"low\": 0.0005", "",
     "learning_rate.low: required key is missing"},
    {"HyperEpochs", "hyper/default.json", "\"epochs\": 5", "\"epochs\": 0",
     "epochs: expected an integer from 1 to 1000000, got 0"},
    {"HyperLearningRate", "hyper/default.json", "\"base\": 0.05", "\"base\": -0.05",
     "learning_rate.base: expected a number from 1e-06 to 16, got -0.05"},
    {"HyperDeviation", "hyper/default.json", "\"standard_deviation\": 0.3530", "\"standard_deviation\": 0",
     "input.standard_deviation: expected a number from 0.001 to 1000, got 0"},
    {"HyperInit", "hyper/default.json", "\"uniform_fan_in\"", "\"kaiming\"",
     "init: expected one of \"uniform_fan_in\", got \"kaiming\""},
};

const auto name_of = [](const auto& chosen) { return std::string(chosen.param.name); };

INSTANTIATE_TEST_SUITE_P(Files, BadJson, ::testing::ValuesIn(kCases), name_of);
INSTANTIATE_TEST_SUITE_P(Fields, BadJson, ::testing::ValuesIn(kFields), name_of);

TEST(EmptyJson, IsRefused) {
  ScratchFolder folder;
  write_text(folder / "empty.json", "");
  const Outcome outcome = run_program({"train", folder / "empty.json"});
  EXPECT_EQ(outcome.code, 2);
  EXPECT_THAT(outcome.errors, HasSubstr("empty.json"));
}

}  // namespace
}  // namespace bitloom::testing
