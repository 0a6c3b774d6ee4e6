// Finding networks, recipes and hardware by name (model/io/traces.hpp).
#include "model/io/traces.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include "model/io/error.hpp"
#include "model/io/output_file.hpp"

namespace bitloom {
namespace {
namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::Contains;
using ::testing::HasSubstr;

class TracesTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = (fs::temp_directory_path() / "bitloom-traces.XXXXXX").string();
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    folder_ = name;
    fs::create_directories(folder_ / "networks");
    write_file((folder_ / "networks/mine.json").string(), "{}");
    write_file((folder_ / "networks/mlp.json").string(), "{}");
    write_file((folder_ / "networks/notes.txt").string(), "");
    setenv("BITLOOM_TRACES", folder_.c_str(), 1);
  }
  void TearDown() override {
    unsetenv("BITLOOM_TRACES");
    fs::remove_all(folder_);
  }
  fs::path folder_;
};

TEST_F(TracesTest, TheNamesOfTheProjectAreThere) {
  unsetenv("BITLOOM_TRACES");
  for (const char* name : {"mlp", "mlp_odd", "lenet", "lenet_bn", "resnet8", "conv_small", "conv_ops", "conv_byte"}) {
    EXPECT_TRUE(fs::is_regular_file(resolve_trace(TraceKind::kNetwork, name))) << name;
  }
  for (const char* name : {"int8", "int4", "fp32"}) {
    EXPECT_TRUE(fs::is_regular_file(resolve_trace(TraceKind::kRecipe, name))) << name;
  }
  for (const char* name : {"tiny", "base", "odd"}) {
    EXPECT_TRUE(fs::is_regular_file(resolve_trace(TraceKind::kHardware, name))) << name;
  }
  for (const char* name : {"default", "cifar", "sign"}) {
    EXPECT_TRUE(fs::is_regular_file(resolve_trace(TraceKind::kHyper, name))) << name;
  }
}

TEST_F(TracesTest, HyperParametersAreFoundByTheirFormerNamesToo) {
  EXPECT_EQ(resolve_trace(TraceKind::kHyper, "hyper"), resolve_trace(TraceKind::kHyper, "default"));
  EXPECT_EQ(resolve_trace(TraceKind::kHyper, "hyper_sign"), resolve_trace(TraceKind::kHyper, "sign"));
  EXPECT_THROW(resolve_trace(TraceKind::kRecipe, "hyper_int8"), Error);
  EXPECT_THAT(known_traces(TraceKind::kHyper), ::testing::Not(Contains("hyper")));
}

TEST_F(TracesTest, AnOwnFileOfAFormerNameComesFirst) {
  fs::create_directories(folder_ / "hyper");
  write_file((folder_ / "hyper/hyper_sign.json").string(), "{}");
  EXPECT_EQ(resolve_trace(TraceKind::kHyper, "hyper_sign"), (folder_ / "hyper/hyper_sign.json").string());
}

TEST_F(TracesTest, TheEnvironmentComesFirst) {
  EXPECT_EQ(resolve_trace(TraceKind::kNetwork, "mlp"), (folder_ / "networks/mlp.json").string());
  EXPECT_EQ(resolve_trace(TraceKind::kNetwork, "mine"), (folder_ / "networks/mine.json").string());
  EXPECT_NE(resolve_trace(TraceKind::kNetwork, "mlp_odd"), "");
}

TEST_F(TracesTest, APathIsTakenAsItIs) {
  const std::string file = (folder_ / "networks/mine.json").string();
  EXPECT_EQ(resolve_trace(TraceKind::kNetwork, file), file);
  EXPECT_EQ(resolve_trace(TraceKind::kRecipe, file), file);
}

TEST_F(TracesTest, KnownNamesAreSortedAndOnce) {
  const std::vector<std::string> names = known_traces(TraceKind::kNetwork);
  EXPECT_THAT(names, Contains("mine").Times(1));
  EXPECT_THAT(names, Contains("mlp").Times(1));
  EXPECT_THAT(names, Contains("mlp_odd").Times(1));
  EXPECT_THAT(names, ::testing::Not(Contains("notes")));
  EXPECT_TRUE(std::is_sorted(names.begin(), names.end()));
}

TEST_F(TracesTest, AnErrorListsTheKnownNames) {
  for (const char* wrong : {"mpl", "", "networks/mpl.json", "mlp.json"}) {
    try {
      resolve_trace(TraceKind::kNetwork, wrong);
      ADD_FAILURE() << "found '" << wrong << "'";
    } catch (const Error& error) {
      EXPECT_THAT(error.what(), HasSubstr("network '" + std::string(wrong) + "'"));
      EXPECT_THAT(error.what(), AllOf(HasSubstr("known names: "), HasSubstr(" mine, mlp, mlp_odd")));
    }
  }
}

}  // namespace
}  // namespace bitloom
