// `bitloom train` from outside: JSON keys, checkpoints, thread counts and Ctrl-C.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <csignal>
#include <filesystem>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include "testbench/program/spawn.hpp"

namespace bitloom::testing {
namespace {

using ::testing::HasSubstr;
using Arguments = std::vector<std::string>;

Arguments with(Arguments arguments, const Arguments& more) {
  arguments.insert(arguments.end(), more.begin(), more.end());
  return arguments;
}

/// A short training run on generated glyphs.
Arguments short_run(const std::string& recipe) {
  return {"train", "mlp", "--recipe", recipe, "--train-limit", "1280", "--seed", "7"};
}

void expect_ok(const Arguments& arguments) {
  const Outcome outcome = run_program(arguments);
  ASSERT_EQ(outcome.code, 0) << outcome.errors;
}

/// The bytes of each file of a folder, by name.
std::map<std::string, std::string> contents(const std::string& folder) {
  std::map<std::string, std::string> all;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    all[entry.path().filename().string()] = read_text(entry.path().string());
  }
  return all;
}

class TrainRecipe : public ::testing::TestWithParam<std::string> {};

TEST_P(TrainRecipe, JsonHasTheStableKeys) {
  ScratchFolder folder;
  const std::string file = folder / "out.json";
  expect_ok(with(short_run(GetParam()), {"--epochs", "2", "--threads", "1", "--json", file}));
  const nlohmann::json json = read_json(file);
  EXPECT_GT(json.at("test_accuracy").get<double>(), 0.3);
  EXPECT_LE(json.at("test_accuracy").get<double>(), 1.0);
  EXPECT_GT(json.at("samples_per_second").get<double>(), 0.0);
  ASSERT_EQ(json.at("epochs").size(), 2U);
  EXPECT_EQ(json.at("epochs")[1].at("epoch"), 2);
  EXPECT_EQ(json.at("epochs")[1].at("samples"), 1280);
  EXPECT_LT(json.at("epochs")[1].at("loss"), json.at("epochs")[0].at("loss"));
  EXPECT_EQ(json.at("command"), "train");
  EXPECT_TRUE(json.contains("version"));
  EXPECT_EQ(json.at("configuration").at("network"), "mlp");
  EXPECT_EQ(json.at("configuration").at("recipe"), GetParam());
  EXPECT_EQ(json.at("configuration").at("seed"), 7);
}

TEST_P(TrainRecipe, ResumedEqualsUninterrupted) {
  ScratchFolder folder;
  const Arguments run = short_run(GetParam());
  expect_ok(with(run, {"--epochs", "2", "--dump", folder / "whole"}));
  expect_ok(with(run, {"--epochs", "1", "--save", folder / "half.npz", "--dump", folder / "half"}));
  expect_ok(with(run, {"--epochs", "2", "--resume", folder / "half.npz", "--resume-with", "epochs", "--dump",
                       folder / "resumed"}));
  const auto whole = contents(folder / "whole");
  EXPECT_GE(whole.size(), 6U);
  EXPECT_EQ(contents(folder / "resumed"), whole);
  EXPECT_NE(contents(folder / "half"), whole) << "the dumps do not depend on training";
}

TEST_P(TrainRecipe, ThreadsDoNotChangeBits) {
  ScratchFolder folder;
  const Arguments run = with(short_run(GetParam()), {"--epochs", "1"});
  expect_ok(with(run, {"--threads", "1", "--dump", folder / "one", "--json", folder / "one.json"}));
  expect_ok(with(run, {"--threads", "2", "--dump", folder / "two", "--json", folder / "two.json"}));
  EXPECT_EQ(contents(folder / "one"), contents(folder / "two"));
  for (const char* key : {"test_accuracy", "test_loss"}) {
    EXPECT_EQ(read_json(folder / "one.json").at(key), read_json(folder / "two.json").at(key)) << key;
  }
}

// So many epochs end only by Ctrl-C; what was complete by then must be readable, the checkpoint usable.
TEST_P(TrainRecipe, InterruptKeepsTheLastCompleteEpoch) {
  ScratchFolder folder;
  const std::string file = folder / "out.json";
  const std::string checkpoint = folder / "state.npz";
  const Arguments run = short_run(GetParam());
  Running running(with(run, {"--epochs", "100000", "--json", file, "--save", checkpoint}));
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  while (!std::filesystem::exists(file) && std::chrono::steady_clock::now() < deadline) {
    ASSERT_FALSE(running.ended());
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  running.send(SIGINT);
  const Outcome outcome = running.finish();
  EXPECT_EQ(outcome.code, 130);
  EXPECT_THAT(outcome.errors, HasSubstr("bitloom: error: interrupted"));

  const nlohmann::json json = read_json(file);
  const int done = json.at("epochs_done");
  EXPECT_GE(done, 1);
  EXPECT_EQ(json.at("epochs").size(), static_cast<std::size_t>(done));
  EXPECT_TRUE(json.at("interrupted").get<bool>());
  EXPECT_FALSE(json.at("finished").get<bool>());
  EXPECT_TRUE(json.at("test_accuracy").is_null());

  const std::string next = std::to_string(done + 1);
  expect_ok(
      with(run, {"--epochs", next, "--resume", checkpoint, "--resume-with", "epochs", "--json", folder / "more.json"}));
  EXPECT_EQ(read_json(folder / "more.json").at("epochs")[0].at("epoch"), done + 1);
  for (const auto& entry : std::filesystem::directory_iterator(folder.path())) {
    EXPECT_THAT(entry.path().filename().string(), ::testing::AnyOf("out.json", "state.npz", "more.json"))
        << "a temporary file was left behind";
  }
}

INSTANTIATE_TEST_SUITE_P(Recipes, TrainRecipe, ::testing::Values("fp32", "int8", "int4", "int8_hindsight"),
                         [](const auto& chosen) { return chosen.param; });

TEST(TrainOutput, JsonToStandardOutputIsAlone) {
  const Outcome outcome = run_program(with(short_run("fp32"), {"--epochs", "1", "--json", "-"}));
  EXPECT_EQ(outcome.code, 0) << outcome.errors;
  EXPECT_EQ(nlohmann::json::parse(outcome.output).at("command"), "train");
}

TEST(TrainOutput, QuietPrintsNothing) {
  const Outcome outcome = run_program(with(short_run("fp32"), {"--epochs", "1", "--quiet"}));
  EXPECT_EQ(outcome.code, 0);
  EXPECT_EQ(outcome.output + outcome.errors, "");
}

TEST(TrainOutput, SeedsMatter) {
  ScratchFolder folder;
  for (const char* seed : {"1", "2"}) {
    expect_ok({"train", "mlp", "--recipe", "fp32", "--train-limit", "1280", "--epochs", "1", "--seed", seed, "--dump",
               folder / seed});
  }
  EXPECT_NE(contents(folder / "1"), contents(folder / "2"));
}

TEST(TrainOutput, InitTakesParametersOfAnotherRecipe) {
  ScratchFolder folder;
  expect_ok(with(short_run("fp32"), {"--epochs", "8", "--save", folder / "float.npz"}));
  expect_ok(with(short_run("int8"), {"--epochs", "1", "--init", folder / "float.npz", "--json", folder / "warm.json"}));
  expect_ok(with(short_run("int8"), {"--epochs", "1", "--json", folder / "cold.json"}));
  const auto loss = [&](const char* file) { return read_json(folder / file).at("epochs")[0].at("loss").get<double>(); };
  EXPECT_LT(loss("warm.json"), 0.7 * loss("cold.json"));
}

}  // namespace
}  // namespace bitloom::testing
