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
    {"HyperSyntax", "hyper.json", "\"epochs\"", "epochs", "edited.json:3"},
    {"HyperUnknownKey", "hyper.json", "\"init\"", "\"inti\": 1, \"init\"", "inti: unknown key"},
    {"HyperMissingKey", "hyper.json", "\"batch\": 128,", "", "batch: required key is missing"},
    {"HyperWrongType", "hyper.json", "\"momentum\": 0.9", "\"momentum\": [0.9]", "momentum"},
    {"HyperOutOfRange", "hyper.json", "\"momentum\": 0.9", "\"momentum\": 1.5", "momentum"},
    {"HyperDuplicateKey", "hyper.json", "\"batch\": 128,", "\"batch\": 128, \"batch\": 64,", "batch"},
};

INSTANTIATE_TEST_SUITE_P(Files, BadJson, ::testing::ValuesIn(kCases),
                         [](const auto& chosen) { return std::string(chosen.param.name); });

TEST(EmptyJson, IsRefused) {
  ScratchFolder folder;
  write_text(folder / "empty.json", "");
  const Outcome outcome = run_program({"train", folder / "empty.json"});
  EXPECT_EQ(outcome.code, 2);
  EXPECT_THAT(outcome.errors, HasSubstr("empty.json"));
}

}  // namespace
}  // namespace bitloom::testing
