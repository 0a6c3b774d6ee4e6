// Co-simulation of graphs that the named networks lack, and of the array's modes on channels that fill bytes. Part of
// the program cosim_conv_test.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "model/io/error.hpp"
#include "sim/cosim/report.hpp"
#include "testbench/cosim/cosim_case.hpp"
#include "testbench/kernels/named_table.hpp"

namespace bitloom::cosim {
namespace {

/// A network of these layers in a file that lives as long as this.
class NetworkFile {
 public:
  NetworkFile(const std::string& name, const std::string& input, const std::string& layers)
      : path_(testing::TempDir() + "bitloom_" + name + ".json") {
    std::ofstream(path_) << R"({"name": ")" << name << R"(", "input": )" << input << R"(, "layers": [)" << layers
                         << R"(, {"name": "loss", "op": "softmax_cross_entropy"}]})";
  }
  ~NetworkFile() { std::filesystem::remove(path_); }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

/// A recipe of 8 bits that rounds activations at random, with this scale rule for them and for gradients.
class RecipeFile {
 public:
  explicit RecipeFile(const std::string& scale)
      : path_(testing::TempDir() + "bitloom_stochastic_x_" + scale + ".json") {
    std::ofstream(path_) << R"({"name": "stochastic_x", "arithmetic": "integer", "bits": {"default": 8},
      "activation": {"rounding": "stochastic", "scale": ")"
                         << scale << R"("}, "weight": {"rounding": "half_up"},
      "gradient": {"rounding": "stochastic", "scale": ")"
                         << scale << R"("},
      "update": {"rounding": "stochastic", "master_bits": 24, "master_frac_bits": 21, "momentum_bits": 16,
                 "momentum_frac_bits": 15, "bias_bits": 32, "bias_frac_bits": 24}})";
  }
  ~RecipeFile() { std::filesystem::remove(path_); }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

void expect_equal(const NetworkFile& network, const std::vector<const char*>& recipes) {
  for (const char* recipe : recipes) {
    SCOPED_TRACE(recipe);
    const CosimResult result = run_case({network.path(), recipe, "tiny", 3, 2, 0, 1});
    EXPECT_TRUE(result.equal()) << to_text(result);
  }
}

std::string refusal(const NetworkFile& network, const char* recipe) {
  try {
    lower(read_network(network.path()), read_recipe(resolve_trace(TraceKind::kRecipe, recipe)),
          read_hardware(resolve_trace(TraceKind::kHardware, "tiny")), {2, 1, 1});
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

// N14.3: the loss's gradient is the last node's d_raw only behind its ReLU.
TEST(FullConvGraph, TheLossGradientPassesTheReluOfTheLastNode) {
  const NetworkFile chain("relu_last", "[9]", R"({"name": "fc1", "op": "linear", "out": 11, "bias": true},
    {"name": "relu1", "op": "relu"}, {"name": "fc2", "op": "linear", "out": 5, "bias": true},
    {"name": "relu2", "op": "relu"})");
  expect_equal(chain, {"int8", "int8_hindsight", "int4", "lwq", "niti", "int8_adam"});
  const NetworkFile norm("norm_relu_last", "[2, 5, 4]",
                         R"({"name": "conv", "op": "conv2d", "out": 5, "kernel": [5, 4], "bias": true},
    {"name": "bn", "op": "batch_norm"}, {"name": "relu", "op": "relu"}, {"name": "flatten", "op": "flatten"})");
  expect_equal(norm, {"int8", "int8_hindsight"});
  const NetworkFile sum("add_relu_last", "[9]", R"({"name": "fc1", "op": "linear", "out": 6, "bias": true},
    {"name": "fc2", "op": "linear", "out": 6, "bias": true}, {"name": "add", "op": "add", "inputs": ["fc1", "fc2"]},
    {"name": "relu", "op": "relu"})");
  expect_equal(sum, {"int8", "luq", "fqt1", "psq"});
}

// N14.1, N14.5: what a flatten of the input's images means does not depend on how activations are rounded.
TEST(FullConvGraph, AFlattenBeforeAPerceptronThatRoundsAtRandom) {
  const NetworkFile network(
      "flat_first", "[1, 8, 8]",
      R"({"name": "flat", "op": "flatten"}, {"name": "fc1", "op": "linear", "out": 12, "bias": true},
    {"name": "relu1", "op": "relu"}, {"name": "fc2", "op": "linear", "out": 10, "bias": true},
    {"name": "relu2", "op": "relu"}, {"name": "fc3", "op": "linear", "out": 4, "bias": true})");
  for (const char* scale : {"exact", "hindsight"}) {
    const RecipeFile recipe(scale);
    const CosimResult result = run_case({network.path(), recipe.path(), "tiny", 5, 2, 0, 1});
    EXPECT_TRUE(result.equal()) << to_text(result);
    EXPECT_EQ(cycles_that_differ(result), "");
  }
}

// N6.3: edges between layers whose codes are made at once, in nibbles and in bytes, with and without a ReLU, at widths
// that fill no tile; and edges that look alike and are none (strides, groups, a flatten of several places).
TEST(FullConvGraph, CodesAtOnce) {
  const NetworkFile network("at_once", "[3, 9, 7]",
                            R"({"name": "c1", "op": "conv2d", "out": 7, "kernel": 3, "padding": 1, "bias": true},
    {"name": "relu1", "op": "relu"},
    {"name": "c2", "op": "conv2d", "out": 6, "kernel": 3, "padding": 2, "dilation": 2, "bias": false},
    {"name": "c3", "op": "conv2d", "out": 8, "kernel": 3, "stride": 2, "padding": 1, "bias": true},
    {"name": "relu3", "op": "relu"},
    {"name": "c4", "op": "conv2d", "out": 6, "kernel": [2, 1], "groups": 2, "bias": true},
    {"name": "c5", "op": "conv2d", "out": 5, "kernel": 1, "bias": true},
    {"name": "relu5", "op": "relu"},
    {"name": "flatten", "op": "flatten"}, {"name": "fc1", "op": "linear", "out": 11, "bias": true},
    {"name": "relu6", "op": "relu"}, {"name": "fc2", "op": "linear", "out": 4, "bias": true})");
  const RecipeFile stochastic("hindsight");
  for (const std::string& recipe : {std::string("int8_hindsight"), std::string("int4_hindsight"), stochastic.path()}) {
    for (const char* hardware : {"tiny", "odd"}) {
      SCOPED_TRACE(recipe + " " + hardware);
      const CosimResult result = run_case({network.path(), recipe, hardware, 3, 2, 25, 1});
      EXPECT_TRUE(result.equal()) << to_text(result);
      EXPECT_EQ(cycles_that_differ(result), "");
      using testing::UnorderedElementsAre;
      std::vector<std::string> raw_views;
      for (const TensorHandle& handle : result.program.left_out) {
        const std::string name = name_of(handle, result.program.network);
        if (name.ends_with("_raw")) raw_views.push_back(name);
      }
      EXPECT_THAT(raw_views, UnorderedElementsAre("c1.z_raw", "c1.d_raw", "c2.z_raw", "c3.z_raw", "c4.d_raw",
                                                  "fc1.z_raw", "fc1.d_raw"));
    }
  }
}

// N14.1: a flatten before the loss makes a sample's logits of all places and channels.
TEST(FullConvGraph, LogitsOfSeveralPlaces) {
  const NetworkFile network("places", "[2, 4, 3]",
                            R"({"name": "conv", "op": "conv2d", "out": 3, "kernel": [3, 2], "bias": true},
    {"name": "relu", "op": "relu"}, {"name": "flatten", "op": "flatten"})");
  expect_equal(network, {"int8", "int8_hindsight", "psq"});
}

// N14.5: each reader of the network's input takes its codes.
TEST(FullConvGraph, SeveralLayersReadTheNetworksInput) {
  const NetworkFile same("two_readers", "[3, 7, 5]",
                         R"({"name": "c1", "op": "conv2d", "out": 4, "kernel": 3, "padding": 1, "bias": true},
    {"name": "c2", "op": "conv2d", "out": 4, "kernel": 1, "bias": true, "inputs": ["input"]},
    {"name": "add", "op": "add", "inputs": ["c1", "c2"]}, {"name": "relu", "op": "relu"},
    {"name": "flatten", "op": "flatten"}, {"name": "fc", "op": "linear", "out": 4, "bias": true})");
  expect_equal(same, {"int8", "int4", "lwq", "niti", "int8_hindsight"});
  // One as an image, one as features; in 4 bits, rows of three channels lie apart.
  const NetworkFile views("two_views", "[3, 4, 5]",
                          R"({"name": "c1", "op": "conv2d", "out": 4, "kernel": 3, "bias": true},
    {"name": "relu", "op": "relu"}, {"name": "flat1", "op": "flatten"},
    {"name": "fc1", "op": "linear", "out": 5, "bias": true},
    {"name": "flat2", "op": "flatten", "inputs": ["input"]},
    {"name": "fc2", "op": "linear", "out": 5, "bias": true}, {"name": "add", "op": "add", "inputs": ["fc1", "fc2"]})");
  expect_equal(views, {"int8", "int4", "niti"});
  EXPECT_THAT(refusal(same, "luq_smp2"),
              testing::HasSubstr("recipe luq_smp2: network two_readers: layer c2 reads the network's input: expected "
                                 "activation quantizer max or niti"));
}

/// The table entry `name` after the last step on the RTL.
std::uint32_t entry_after(const CosimCase& chosen, const std::string& name) {
  const CosimResult result = run_case(chosen);
  EXPECT_TRUE(result.equal()) << to_text(result);
  const std::size_t at =
      result.program.table_address + 4 * static_cast<std::size_t>(named_table(result.program).at(name));
  std::uint32_t value = 0;
  CosimOptions options;
  options.tamper = [&](const std::string& executor, int, std::span<std::uint8_t> memory) {
    if (executor == "rtl") value = memory[at] | memory[at + 1] << 8 | memory[at + 2] << 16 | memory[at + 3] << 24;
  };
  run_case(chosen, options);
  return value;
}

// N11.7: gradients of gamma beyond an int32 in units of 2^-24 count, as golden and the table say. At the largest
// learning rate gamma grows to its limit in two steps, and the third one's gradient passes through three such norms.
TEST(FullConvGraph, LimitsOfToIntAreCounted) {
  const NetworkFile network("steep_norms", "[1, 5, 9]",
                            R"({"name": "c0", "op": "conv2d", "out": 4, "kernel": 1, "bias": false},
    {"name": "n0", "op": "batch_norm"},
    {"name": "c1", "op": "conv2d", "out": 4, "kernel": 1, "bias": false},
    {"name": "n1", "op": "batch_norm"},
    {"name": "c2", "op": "conv2d", "out": 4, "kernel": 1, "bias": false},
    {"name": "n2", "op": "batch_norm"},
    {"name": "f", "op": "flatten"},
    {"name": "fc", "op": "linear", "out": 9, "bias": true})");
  for (const char* recipe : {"psq", "fqt1_psq"}) {
    EXPECT_GT(entry_after({network.path(), recipe, "tiny", 3, 3, 0, 1, 16.0}, "scale_sat"), 0u) << recipe;
  }
}

TEST(FullConvGraph, RefusalsNameRecipeLayerFieldAndLimit) {
  const NetworkFile strided("strided", "[2, 40, 40]",
                            R"({"name": "c1", "op": "conv2d", "out": 4, "kernel": 3, "stride": 17, "bias": false},
    {"name": "flatten", "op": "flatten"}, {"name": "fc", "op": "linear", "out": 4, "bias": true})");
  EXPECT_EQ(refusal(strided, "int8"), "network strided: node c1: stride: the accelerator takes at most 15, got 17");
  const NetworkFile pooled("pooled", "[2, 40, 40]",
                           R"({"name": "c1", "op": "conv2d", "out": 4, "kernel": 1, "bias": false},
    {"name": "pool", "op": "max_pool", "kernel": 2, "stride": 16}, {"name": "flatten", "op": "flatten"},
    {"name": "fc", "op": "linear", "out": 4, "bias": true})");
  EXPECT_EQ(refusal(pooled, "int8"), "network pooled: node pool: stride: the accelerator takes at most 15, got 16");
  // 8-bit operands against logarithmic codes: golden only.
  const NetworkFile chain("chain", "[9]", R"({"name": "fc1", "op": "linear", "out": 11, "bias": true},
    {"name": "fc2", "op": "linear", "out": 5, "bias": true})");
  const std::string recipe = testing::TempDir() + "bitloom_log8.json";
  std::ofstream(recipe) << R"({"name": "log8", "arithmetic": "integer", "bits": {"default": 8},
    "activation": {"rounding": "half_up", "scale": "exact"}, "weight": {"rounding": "half_up"},
    "gradient": {"quantizer": "log", "rounding": "stochastic", "scale": "exact", "binades": 6, "top": "free",
                 "samples": 1},
    "update": {"rounding": "stochastic", "master_bits": 24, "master_frac_bits": 21, "momentum_bits": 16,
               "momentum_frac_bits": 15, "bias_bits": 32, "bias_frac_bits": 24}})";
  EXPECT_EQ(
      refusal(chain, recipe.c_str()),
      "recipe log8: network chain: layer fc1: gradient quantizer log: expected activations and weights of at most "
      "4 bits, the array has no logarithmic mode for others; got 8 and 8");
  std::filesystem::remove(recipe);
}

// The stride of a window that is as large as the image does not count.
TEST(FullConvGraph, AWindowOfAWholeLargeImage) {
  const NetworkFile network("large_window", "[2, 3, 17]",
                            R"({"name": "c1", "op": "conv2d", "out": 4, "kernel": 1, "bias": false},
    {"name": "pool", "op": "average_pool", "kernel": "all"}, {"name": "flatten", "op": "flatten"},
    {"name": "fc", "op": "linear", "out": 4, "bias": true})");
  expect_equal(network, {"int8"});
}

/// Executions on the RTL of GEMMs in a mode of the array, and of those with logarithmic codes.
struct ArrayModes {
  std::uint64_t xnor = 0, mac4 = 0, mac8 = 0, log = 0;
};

ArrayModes modes_of(const CosimResult& result) {
  ArrayModes modes;
  for (const CommandCycles& of : result.commands) {
    const Command& command = result.program.commands[static_cast<std::size_t>(of.command)];
    if (command.opcode() != Opcode::GEMM) continue;
    const auto log = static_cast<std::uint32_t>(Kind::LOG);
    switch (static_cast<Mode>(command.get(Field::MODE))) {
      case Mode::XNOR:
        modes.xnor += of.executions;
        break;
      case Mode::MAC4:
        modes.mac4 += of.executions;
        if (command.get(Field::A_KIND) == log || command.get(Field::B_KIND) == log) modes.log += of.executions;
        break;
      default:
        modes.mac8 += of.executions;
    }
  }
  return modes;
}

class FullConvByte : public testing::TestWithParam<CosimCase> {};

// Channels of conv_byte fill bytes, so that each recipe meets the array in the mode that it is made for.
TEST_P(FullConvByte, StepsAreEqualInTheRecipesMode) {
  const CosimResult result = run_case(GetParam());
  SCOPED_TRACE(to_text(result));
  EXPECT_TRUE(result.equal());
  EXPECT_EQ(cycles_that_differ(result), "");
  const ArrayModes modes = modes_of(result);
  const std::string& recipe = GetParam().recipe;
  if (recipe.starts_with("fqt1")) {
    EXPECT_GT(modes.xnor, 0u);
  }
  if (recipe.starts_with("luq")) {
    EXPECT_GT(modes.log, 0u);
  }
  if (recipe == "int4") {
    EXPECT_GT(modes.mac4, 0u);
  }
  if (recipe == "lwq") {
    EXPECT_GT(modes.mac8, 0u);
  }
}

std::vector<CosimCase> byte_cases() {
  std::vector<std::string> recipes = known_traces(TraceKind::kRecipe);
  std::erase_if(recipes, [](const std::string& name) { return !name.starts_with("fqt1"); });
  recipes.insert(recipes.end(), {"luq", "int4", "lwq"});
  std::vector<CosimCase> cases;
  for (const std::string& recipe : recipes) {
    for (const char* hardware : {"tiny", "odd", "base"}) {
      cases.push_back({"conv_byte", recipe, hardware, 2, 2, cases.size() % 2 == 0 ? 25 : 0, 1 + cases.size()});
    }
  }
  return cases;
}

INSTANTIATE_TEST_SUITE_P(All, FullConvByte, testing::ValuesIn(byte_cases()),
                         [](const auto& tested) { return tested.param.recipe + "_" + tested.param.hardware; });

}  // namespace
}  // namespace bitloom::cosim
