// `bitloom train --resume` from outside: what another content than the checkpoint's run is refused for, and what is
// allowed by name.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <vector>

#include "testbench/program/spawn.hpp"

namespace bitloom::testing {
namespace {

using ::testing::HasSubstr;
using Arguments = std::vector<std::string>;

/// Replaces the only place of `from` in a file of traces/ and writes it as `to`.
void edited(const std::string& trace, const std::string& from, const std::string& to, const std::string& file) {
  std::string text = read_text(source_trace(trace));
  const std::size_t at = text.find(from);
  ASSERT_NE(at, std::string::npos) << trace << " has no " << from;
  write_text(file, text.replace(at, from.size(), to));
}

class ProgramResume : public ::testing::Test {
 protected:
  void SetUp() override {
    const Outcome outcome = run_program(arguments("mlp", "int8", "default", "2", {"--save", state_}));
    ASSERT_EQ(outcome.code, 0) << outcome.errors;
  }

  static Arguments arguments(const std::string& network, const std::string& recipe, const std::string& hyper,
                             const std::string& epochs, const Arguments& more) {
    Arguments all{"train", network, "--recipe", recipe, "--hyper", hyper, "--epochs", epochs, "--train-limit", "256"};
    all.insert(all.end(), more.begin(), more.end());
    return all;
  }
  Arguments resumed(const std::string& network, const std::string& recipe, const std::string& hyper,
                    const std::string& epochs, const Arguments& more = {}) const {
    Arguments all = arguments(network, recipe, hyper, epochs, {"--resume", state_});
    all.insert(all.end(), more.begin(), more.end());
    return all;
  }
  static void expect_refused(const Arguments& arguments, const std::string& text) {
    const Outcome outcome = run_program(arguments);
    EXPECT_EQ(outcome.code, 2) << outcome.errors;
    EXPECT_THAT(outcome.errors, HasSubstr(text));
  }

  ScratchFolder folder_;
  std::string state_ = folder_ / "state.npz";
};

TEST_F(ProgramResume, NothingLeftToTrainStillSaves) {
  const std::string copy = folder_ / "copy.npz";
  const Outcome outcome = run_program(resumed("mlp", "int8", "default", "2", {"--save", copy}));
  ASSERT_EQ(outcome.code, 0) << outcome.errors;
  EXPECT_EQ(read_text(copy), read_text(state_));
}

TEST_F(ProgramResume, AnEditedRecipeOfTheSameNameIsRefused) {
  const std::string recipe = folder_ / "int8.json";
  edited("recipes/int8.json", "\"momentum_frac_bits\": 15", "\"momentum_frac_bits\": 14", recipe);
  expect_refused(resumed("mlp", recipe, "default", "2"), "recipe: expected the content of int8");
}

TEST_F(ProgramResume, AnEditedNetworkOfTheSameNameIsRefused) {
  const std::string network = folder_ / "mlp.json";
  edited("networks/mlp.json", "{\"name\": \"relu1\", \"op\": \"relu\"},", "", network);
  expect_refused(resumed(network, "int8", "default", "2"), "network: expected the content of mlp");
}

TEST_F(ProgramResume, ACopyUnderAnotherNameIsTheSame) {
  const std::string recipe = folder_ / "copy.json";
  edited("recipes/int8.json", "\"int8\"", "\"copy\"", recipe);
  const Outcome outcome = run_program(resumed("mlp", recipe, "default", "2"));
  EXPECT_EQ(outcome.code, 0) << outcome.errors;
}

TEST_F(ProgramResume, OtherHyperParametersAreAllowedByName) {
  expect_refused(resumed("mlp", "int8", "low_rate", "2"), "--resume-with hyper");
  const Outcome outcome =
      run_program(resumed("mlp", "int8", "low_rate", "3", {"--resume-with", "hyper", "--json", folder_ / "out.json"}));
  EXPECT_EQ(outcome.code, 0) << outcome.errors;
  EXPECT_THAT(outcome.errors, HasSubstr("the hyper-parameters differ"));
  EXPECT_EQ(read_json(folder_ / "out.json").at("configuration").at("resume_differences").size(), 1U);
}

TEST_F(ProgramResume, MoreEpochsAreAllowedByName) {
  expect_refused(resumed("mlp", "int8", "default", "3"), "--resume-with epochs");
  const Outcome outcome = run_program(resumed("mlp", "int8", "default", "3", {"--resume-with", "epochs"}));
  EXPECT_EQ(outcome.code, 0) << outcome.errors;
}

TEST_F(ProgramResume, OtherDataAreAllowedByName) {
  Arguments all = resumed("mlp", "int8", "default", "2");
  for (std::string& argument : all) {
    if (argument == "256") argument = "128";
  }
  expect_refused(all, "expected 256 training images, got 128");
  all.insert(all.end(), {"--resume-with", "data,epochs"});
  EXPECT_EQ(run_program(all).code, 0);
}

TEST_F(ProgramResume, UnknownWordsAreRefused) {
  expect_refused(resumed("mlp", "int8", "default", "2", {"--resume-with", "epoch"}),
                 "expected some of epochs, hyper, data, numerics, unknown, separated by commas, got 'epoch'");
  expect_refused(arguments("mlp", "int8", "default", "2", {"--resume-with", "epochs"}), "--resume");
}

}  // namespace
}  // namespace bitloom::testing
