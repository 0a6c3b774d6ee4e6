// Outputs that would overwrite each other or an input are refused before anything runs (model/io/output_plan.hpp).
#include "model/io/output_plan.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <functional>
#include <string>

#include "model/data/data_file.hpp"
#include "model/io/error.hpp"
#include "model/io/output_file.hpp"
#include "testbench/model/support.hpp"

namespace bitloom {
namespace {
namespace fs = std::filesystem;

class OutputPlanTest : public ::testing::Test {
 protected:
  std::string path(const std::string& name) const { return (folder_ / name).string(); }

  void refuses(const std::string& culprit, const std::function<void(OutputPlan&)>& steps) const {
    OutputPlan plan;
    try {
      steps(plan);
      ADD_FAILURE() << "accepted; expected: " << culprit;
    } catch (const Error& error) {
      EXPECT_THAT(error.what(), ::testing::HasSubstr(culprit));
    }
  }

  test::TemporaryFolder temporary_;
  fs::path folder_ = temporary_.path();
};

TEST_F(OutputPlanTest, TwoOutputsOfOneFile) {
  refuses("--save " + path("x") + ": --json writes the same file", [&](OutputPlan& plan) {
    plan.writes("--json", path("x"));
    plan.writes("--save", path("x"));
  });
  refuses("--waves " + path("x") + ": --json writes the same file", [&](OutputPlan& plan) {
    plan.writes("--json", path("x"));
    plan.writes_file("--waves", path("x"));
  });
  fs::create_symlink("x", path("link"));
  refuses("--json writes the same file", [&](OutputPlan& plan) {
    plan.writes("--json", path("x"));
    plan.writes("--save", path("link"));
  });
  write_file(path("x"), "");
  refuses("--json writes the same file", [&](OutputPlan& plan) {
    plan.writes("--json", path("x"));
    plan.writes("--save", path("../" + folder_.filename().string() + "/link"));
  });
}

TEST_F(OutputPlanTest, AnOutputThatIsAnInput) {
  write_file(path("net.json"), "");
  fs::create_hard_link(path("net.json"), path("other"));
  refuses("--json " + path("other") + ": it would overwrite an input, the network's file", [&](OutputPlan& plan) {
    plan.reads("the network's file", path("net.json"));
    plan.writes("--json", path("other"));
  });
  write_file(path("state"), "");
  refuses("--resume", [&](OutputPlan& plan) {
    plan.reads("--resume", path("state"), "--save");
    plan.writes("--json", path("state"));
  });
  OutputPlan plan;
  plan.reads("--resume", path("state"), "--save");
  plan.writes("--save", path("state"));
}

TEST_F(OutputPlanTest, AnOutputAmongTheFilesOfAFolder) {
  fs::create_directory(path("data"));
  write_file(path("data/images.bin.gz"), "");
  write_file(path("data/old.json"), "");
  refuses("--data", [&](OutputPlan& plan) {
    plan.reads_folder("--data", path("data"), is_image_file);
    plan.writes("--json", path("data/images.bin.gz"));
  });
  OutputPlan plan;
  plan.reads_folder("--data", path("data"), is_image_file);
  plan.writes("--json", path("data/new.json"));
  plan.writes("--save", path("data/old.json"));
}

TEST_F(OutputPlanTest, ADumpOverAnotherFile) {
  write_file(path("scalars.json"), "");
  refuses("--dump", [&](OutputPlan& plan) {
    plan.reads("the network's file", path("scalars.json"));
    plan.writes_dump("--dump", folder_.string());
  });
  refuses("--dump", [&](OutputPlan& plan) {
    plan.writes("--json", path("conv1.w.npy"));
    plan.writes_dump("--dump", folder_.string());
  });
  OutputPlan plan;
  plan.writes("--json", path("out.json"));
  plan.writes_dump("--dump", folder_.string());
}

TEST_F(OutputPlanTest, DevicesMayBeSharedButTakeNoWaves) {
  OutputPlan plan;
  plan.writes("--json", "/dev/null");
  plan.writes("--save", "/dev/null");
  plan.writes("--json", "-");
  refuses("expected a regular file", [](OutputPlan& other) { other.writes_file("--waves", "/dev/null"); });
  EXPECT_TRUE(fs::is_character_file("/dev/null"));
}

}  // namespace
}  // namespace bitloom
