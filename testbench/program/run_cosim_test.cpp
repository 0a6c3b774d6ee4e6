// `bitloom run` and `bitloom cosim` from outside: the JSON keys that scripts rely on, and agreement between the two
// commands.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <csignal>
#include <cstdint>
#include <filesystem>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "testbench/program/spawn.hpp"

namespace bitloom::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

nlohmann::json report_of(std::vector<std::string> arguments) {
  arguments.insert(arguments.end(), {"--json", "-"});
  const Outcome outcome = run_program(arguments);
  EXPECT_EQ(outcome.code, 0) << outcome.errors;
  return nlohmann::json::parse(outcome.output);
}

TEST(Run, JsonHasTheStableKeys) {
  const nlohmann::json json = report_of({"run", "mlp_odd", "--recipe", "int8", "--hw", "tiny", "--batch", "19"});
  const auto cycles = json.at("cycles").get<std::int64_t>();
  EXPECT_GT(cycles, 0);
  EXPECT_GT(json.at("energy_pj").get<double>(), 0.0);
  ASSERT_FALSE(json.at("layers").empty());
  ASSERT_FALSE(json.at("blocks").empty());
  std::int64_t cycles_of_layers = 0;
  for (const auto& layer : json.at("layers")) {
    cycles_of_layers += layer.at("cycles").get<std::int64_t>();
  }
  EXPECT_EQ(cycles_of_layers, cycles) << "the parts must add up to the whole";
  double energy_of_blocks = 0.0;
  for (const auto& block : json.at("blocks")) {
    energy_of_blocks += block.at("energy_pj").get<double>();
  }
  EXPECT_NEAR(energy_of_blocks / json.at("energy_pj").get<double>(), 1.0, 1e-9);
  EXPECT_EQ(json.at("command"), "run");
  EXPECT_TRUE(json.contains("version"));
  EXPECT_EQ(json.at("configuration").at("hw"), "tiny");
}

TEST(Run, ValuesChangeNoCycleAndStallsDo) {
  const std::vector<std::string> run{"run", "mlp_odd", "--recipe", "int4", "--hw", "odd"};
  const auto cycles = [&](const std::vector<std::string>& more) {
    std::vector<std::string> all = run;
    all.insert(all.end(), more.begin(), more.end());
    return report_of(all).at("cycles").get<std::int64_t>();
  };
  const std::int64_t plain = cycles({});
  EXPECT_EQ(cycles({"--values"}), plain);
  EXPECT_GT(cycles({"--stall", "25"}), plain);
}

TEST(Cosim, JsonHasTheStableKeys) {
  ScratchFolder folder;
  const nlohmann::json json = report_of({"cosim", "mlp_odd", "--recipe", "int8", "--hw", "tiny", "--steps", "2",
                                         "--stall", "25", "--dump", folder / "dump"});
  EXPECT_EQ(json.at("mismatches"), 0);
  EXPECT_GT(json.at("tensors_compared").get<std::int64_t>(), 80);
  EXPECT_GT(json.at("elements_compared").get<std::int64_t>(), 40000);
  EXPECT_GT(json.at("commands").get<std::int64_t>(), 0);
  EXPECT_GT(json.at("cycles").at("rtl").get<std::int64_t>(), 0);
  EXPECT_EQ(json.at("cycles").at("systemc"), json.at("cycles").at("rtl"));
  EXPECT_EQ(json.at("command"), "cosim");
  EXPECT_EQ(json.at("configuration").at("batch"), 19) << "the network's own batch";
  EXPECT_EQ(json.at("configuration").at("stall_percent"), 25);
  for (const char* tensor : {"dump/step0/fc1.x.npy", "dump/step1/fc3.master.npy"}) {
    EXPECT_TRUE(std::filesystem::exists(folder / tensor)) << tensor;
  }
}

TEST(Cosim, OneStepTakesTheCyclesThatRunSays) {
  const nlohmann::json both = report_of({"cosim", "mlp_odd", "--recipe", "int4", "--hw", "base"});
  const nlohmann::json alone = report_of({"run", "mlp_odd", "--recipe", "int4", "--hw", "base"});
  EXPECT_EQ(both.at("cycles").at("systemc"), alone.at("cycles"));
}

TEST(Cosim, TablesSayWhatWasCompared) {
  const Outcome outcome = run_program({"cosim", "mlp_odd", "--recipe", "int8", "--hw", "tiny"});
  EXPECT_EQ(outcome.code, 0) << outcome.errors;
  for (const char* text : {"all equal", "SystemC", "RTL", "use of the array"}) {
    EXPECT_THAT(outcome.output, HasSubstr(text));
  }
}

// Every kind of node and every method's commands, through the program; testbench/cosim has the wider cases.
class CosimMethod : public ::testing::TestWithParam<std::string> {};

TEST_P(CosimMethod, ConvolutionalStepsAreEqualAndTakeTheCyclesOfRun) {
  const std::vector<std::string> what{"conv_small", "--recipe", GetParam(), "--hw", "tiny", "--batch", "4"};
  std::vector<std::string> both{"cosim"}, alone{"run"};
  both.insert(both.end(), what.begin(), what.end());
  alone.insert(alone.end(), what.begin(), what.end());
  const nlohmann::json compared = report_of(both);
  EXPECT_EQ(compared.at("mismatches"), 0);
  EXPECT_GT(compared.at("elements_compared").get<std::int64_t>(), 10000);
  const nlohmann::json estimated = report_of(alone);
  EXPECT_EQ(compared.at("cycles").at("systemc"), estimated.at("cycles"));
  std::set<std::string> nodes;
  for (const auto& layer : estimated.at("layers")) nodes.insert(layer.at("name").get<std::string>());
  for (const char* node : {"conv1", "bn1", "conv2", "add", "bn2", "pool", "fc"})
    EXPECT_TRUE(nodes.contains(node)) << node;
}

INSTANTIATE_TEST_SUITE_P(Recipes, CosimMethod, ::testing::Values("int8", "lwq", "luq", "maqd", "fqt1", "psq"),
                         [](const auto& chosen) { return chosen.param; });

// A step of this size runs for seconds; Ctrl-C must not wait for its end.
TEST(Run, EndsSoonAfterAnInterrupt) {
  for (const char* command : {"run", "cosim"}) {
    Running running({command, "lenet", "--hw", "tiny", "--steps", "1000"});
    std::this_thread::sleep_for(std::chrono::milliseconds(1500));
    ASSERT_FALSE(running.ended()) << command;
    running.send(SIGINT);
    const Outcome outcome = running.finish(60);
    EXPECT_EQ(outcome.code, 130) << command;
    EXPECT_THAT(outcome.errors, HasSubstr("bitloom: error: interrupted")) << command;
    EXPECT_EQ(outcome.output, "") << command;
  }
}

TEST(Demo, PrintsTheTableAndAgrees) {
  ScratchFolder folder;
  const Outcome outcome = run_program({"demo", "--json", folder / "demo.json"});
  EXPECT_EQ(outcome.code, 0) << outcome.errors;
  for (const char* text : {"fp32", "int8", "int4", "lwq", "luq", "maqd", "fqt1", "conv_small", "test accuracy",
                           "all equal", "RTL cycles", "energy"}) {
    EXPECT_THAT(outcome.output, HasSubstr(text));
  }
  EXPECT_THAT(outcome.output, Not(HasSubstr("differ")));
  const nlohmann::json json = read_json(folder / "demo.json");
  EXPECT_TRUE(json.at("equal").get<bool>());
  const auto accuracy = [&](const char* recipe) {
    return json.at("training").at(recipe).at("test_accuracy").get<double>();
  };
  EXPECT_GT(accuracy("fp32"), 0.9);
  for (const char* recipe : {"int8", "lwq", "luq", "maqd"})
    EXPECT_GT(accuracy(recipe), accuracy("fp32") - 0.03) << recipe;
  for (const char* recipe : {"int4", "fqt1"}) EXPECT_GT(accuracy(recipe), accuracy("fp32") - 0.12) << recipe;
  for (const char* recipe : {"int8", "int4", "lwq", "luq", "maqd", "fqt1"}) {
    EXPECT_EQ(json.at("cosim").at(recipe).at("mismatches"), 0) << recipe;
  }
}

}  // namespace
}  // namespace bitloom::testing
