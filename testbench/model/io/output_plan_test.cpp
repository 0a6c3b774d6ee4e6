// Outputs that would overwrite each other or an input are refused before anything runs (model/io/output_plan.hpp).
#include "model/io/output_plan.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

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

// Who names /dev/stdout means what standard output goes to, be it a file. Its file by name would be written twice.
TEST_F(OutputPlanTest, StandardOutputMayBeAFile) {
  const int standard_output = dup(STDOUT_FILENO);
  const int log = open(path("log").c_str(), O_WRONLY | O_CREAT, 0600);
  dup2(log, STDOUT_FILENO);
  close(log);
  const auto refusal_of = [](const std::string& output) -> std::string {
    try {
      OutputPlan().writes("--json", output);
    } catch (const Error& error) {
      return error.what();
    }
    return "";
  };
  const std::string by_descriptor = refusal_of("/dev/stdout");
  const std::string by_name = refusal_of(path("log"));
  dup2(standard_output, STDOUT_FILENO);
  close(standard_output);
  EXPECT_EQ(by_descriptor, "");
  EXPECT_THAT(by_name, ::testing::HasSubstr("standard output goes to the same file"));
}

}  // namespace
}  // namespace bitloom
