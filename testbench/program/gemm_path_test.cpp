// Which GEMM `bitloom train` uses, and that it says so: the choice of the environment, else the faster one where both
// are exact, and never AMX, with which oneDNN's packing takes a third of the time.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <map>
#include <string>

#include "testbench/program/idx_files.hpp"
#include "testbench/program/spawn.hpp"

namespace bitloom::testing {
namespace {

using ::testing::AnyOf;
using ::testing::HasSubstr;
using ::testing::StartsWith;

/// A short training with these variables of the environment set, which it inherits.
Outcome train(const std::string& recipe, const std::map<std::string, std::string>& environment) {
  for (const auto& [name, value] : environment) setenv(name.c_str(), value.c_str(), 1);
  const Outcome outcome =
      run_program({"train", "mlp", "--recipe", recipe, "--epochs", "1", "--train-limit", "256", "--json", "-"});
  for (const auto& [name, value] : environment) unsetenv(name.c_str());
  return outcome;
}

nlohmann::json report(const std::string& recipe, const std::map<std::string, std::string>& environment) {
  const Outcome outcome = train(recipe, environment);
  EXPECT_EQ(outcome.code, 0) << outcome.errors;
  return nlohmann::json::parse(outcome.output);
}

nlohmann::json configuration(const std::map<std::string, std::string>& environment) {
  return report("int8", environment)["configuration"];
}

TEST(GemmPath, IsTheFasterOneOfItsTrials) {
  const nlohmann::json json = configuration({});
  EXPECT_THAT(json["gemm"].get<std::string>(), AnyOf("onednn", StartsWith("own-avx")));
  EXPECT_NE(json["onednn_isa"], "avx512_core_amx");
  if (!json.contains("gemm_trials")) {
    EXPECT_THAT(json["gemm"].get<std::string>(), StartsWith("own-")) << "oneDNN was not measured";
    return;
  }
  ASSERT_EQ(json["gemm_trials"].size(), 2U);
  const nlohmann::json own = json["gemm_trials"][0], onednn = json["gemm_trials"][1];
  EXPECT_EQ(own["path"], "own");
  EXPECT_EQ(onednn["path"], "onednn");
  const bool own_is_faster = own["seconds"].get<double>() <= onednn["seconds"].get<double>();
  EXPECT_EQ(json["gemm"] == "onednn", !own_is_faster);
}

TEST(GemmPath, FollowsTheEnvironment) {
  EXPECT_THAT(configuration({{"BITLOOM_GEMM", "own"}})["gemm"].get<std::string>(), StartsWith("own-"));
  const nlohmann::json generic = configuration({{"BITLOOM_ISA", "generic"}});
  EXPECT_EQ(generic["gemm"], "own-generic");
  EXPECT_FALSE(generic.contains("gemm_trials"));
  const Outcome forced = train("int8", {{"BITLOOM_GEMM", "onednn"}});
  if (forced.code == 0) {
    EXPECT_EQ(nlohmann::json::parse(forced.output)["configuration"]["gemm"], "onednn");
  } else {
    EXPECT_EQ(forced.code, 2);
    EXPECT_THAT(forced.errors, HasSubstr("not exact on this machine"));
  }
  EXPECT_EQ(train("int8", {{"BITLOOM_GEMM", "amx"}}).code, 2);
}

TEST(GemmPath, IsOursWhereOneDnnIsLimitedToWhatIsNotExact) {
  const nlohmann::json json = configuration({{"DNNL_MAX_CPU_ISA", "AVX2"}});
  EXPECT_THAT(json["gemm"].get<std::string>(), StartsWith("own-"));
  EXPECT_FALSE(json.contains("gemm_trials")) << "it may only be chosen where it is exact, however fast it is";
  const Outcome forced = train("int8", {{"DNNL_MAX_CPU_ISA", "AVX2"}, {"BITLOOM_GEMM", "onednn"}});
  EXPECT_EQ(forced.code, 2);
  EXPECT_THAT(forced.errors, HasSubstr("not exact on this machine"));
  EXPECT_THAT(json["onednn_isa"].get<std::string>(), AnyOf("avx2", "avx", "sse41"));
}

TEST(GemmPath, ChangesNoBit) {
  const nlohmann::json generic = report("int8", {{"BITLOOM_ISA", "generic"}}), chosen = report("int8", {});
  EXPECT_EQ(generic["test_loss"], chosen["test_loss"]);
  EXPECT_EQ(generic["test_accuracy"], chosen["test_accuracy"]);
}

TEST(GemmPath, OfFp32IsNotSaid) {
  const nlohmann::json json = report("fp32", {})["configuration"];
  EXPECT_FALSE(json.contains("gemm"));
  EXPECT_TRUE(json.contains("onednn_isa"));
}

TEST(TrainData, IsNamedByPlaceAndContent) {
  ScratchFolder folder;
  write_idx_folder(folder.path(), 256, 100);
  const std::vector<std::string> arguments{"train", "mlp", "--epochs", "1", "--train-limit", "256"};
  std::vector<std::string> with_data = arguments;
  with_data.insert(with_data.end(), {"--data", folder.path()});
  EXPECT_THAT(run_program(with_data).output,
              HasSubstr("mlp int8 on " + folder.path() + ": 256 training images, 100 test images\n"));
  EXPECT_THAT(run_program(arguments).output, HasSubstr("mlp int8 on generated glyphs: 256 training images, 2000 test"));
  const auto hash_of = [](std::vector<std::string> of) {
    of.insert(of.end(), {"--json", "-"});
    return nlohmann::json::parse(run_program(of).output)["configuration"]["data_hash"];
  };
  const nlohmann::json hash = hash_of(with_data);
  EXPECT_EQ(hash_of(with_data), hash);
  EXPECT_NE(hash_of(arguments), hash);
  std::string labels = idx_labels(256);
  labels[8] = 9;  // the first label, which was 0
  write_text(folder / "train-labels-idx1-ubyte", labels);
  EXPECT_NE(hash_of(with_data), hash);
}

}  // namespace
}  // namespace bitloom::testing
