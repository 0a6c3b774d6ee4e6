// Faulty command lines, unknown names and places that cannot be written: exit code 2 and a message that names the
// culprit.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <string>
#include <vector>

#include "testbench/program/spawn.hpp"

namespace bitloom::testing {
namespace {

using ::testing::HasSubstr;

using Arguments = std::vector<std::string>;

void expect_refused(const Arguments& arguments, const std::string& culprit) {
  const Outcome outcome = run_program(arguments);
  EXPECT_EQ(outcome.code, 2) << outcome.errors;
  EXPECT_THAT(outcome.errors, HasSubstr("bitloom: error: "));
  EXPECT_THAT(outcome.errors, HasSubstr(culprit));
  EXPECT_EQ(outcome.output, "");
}

TEST(Usage, FaultyCommandLines) {
  expect_refused({}, "--help");
  expect_refused({"trian", "mlp"}, "trian; did you mean \"train\"?");
  expect_refused({"train"}, "NETWORK");
  expect_refused({"train", "mlp", "--recpie", "int8"}, "--recpie");
  expect_refused({"train", "mlp", "--epochs"}, "--epochs");
  expect_refused({"train", "mlp", "--epochs", "0"}, "--epochs");
  expect_refused({"train", "mlp", "--epochs", "five"}, "--epochs");
  expect_refused({"train", "mlp", "--seed", "-1"}, "--seed");
  expect_refused({"train", "mlp", "--seed", "18446744073709551616"}, "--seed");
  expect_refused({"train", "mlp", "--threads", "0"}, "--threads");
  expect_refused({"train", "mlp", "--batch", "65536"}, "--batch");
  expect_refused({"cosim", "mlp_odd", "--stall", "91"}, "--stall");
  expect_refused({"cosim", "mlp_odd", "--steps", "0"}, "--steps");
  expect_refused({"run", "mlp_odd", "--stall", "-1"}, "--stall");
  expect_refused({"run", "mlp_odd", "--batch", "0"}, "--batch");
  expect_refused({"run", "mlp_odd", "--batch", "65535"}, "--batch");
  expect_refused({"run", "mlp_odd", "--steps", "0"}, "--steps");
  expect_refused({"compare", "--jobs", "0"}, "--jobs");
  expect_refused({"compare", "--batch", "0"}, "--batch");
  expect_refused({"compare", "--networks"}, "--networks");
  expect_refused({"compare", "mlp"}, "mlp");
  expect_refused({"demo", "mlp"}, "mlp");
  expect_refused({"codebook", "--sharpness", "-1"}, "--sharpness");
}

TEST(Usage, HelpAndVersionAreNoErrors) {
  const Outcome help = run_program({"--help"});
  EXPECT_EQ(help.code, 0);
  EXPECT_THAT(help.output, HasSubstr("Examples:"));
  EXPECT_THAT(help.output, HasSubstr("Exit codes:"));
  const Outcome version = run_program({"--version"});
  EXPECT_EQ(version.code, 0);
  EXPECT_THAT(version.output, ::testing::MatchesRegex("bitloom [0-9.]+ \\(commit .+\\)\n"));
  for (const auto& entry : std::filesystem::directory_iterator(source_trace("recipes"))) {
    EXPECT_THAT(help.output, HasSubstr(" " + entry.path().stem().string())) << "help names every recipe";
  }
  for (const char* command : {"demo", "train", "run", "compare", "cosim", "codebook"}) {
    const Outcome of_command = run_program({command, "--help"});
    EXPECT_EQ(of_command.code, 0) << command;
    EXPECT_THAT(of_command.output, HasSubstr("Example")) << command;
    EXPECT_EQ(of_command.errors, "") << command;
  }
}

TEST(Names, AnUnknownNameListsTheKnownOnes) {
  expect_refused({"train", "mpl"},
                 "network 'mpl': is neither a known name nor a file; known names: conv128, conv_byte, conv_ops, "
                 "conv_small, ffn768, lenet, lenet_bn, mlp, mlp_odd, resnet18, resnet50, resnet8, vgg16");
  expect_refused({"train", "mlp", "--recipe", "int3"}, "recipe 'int3'");
  expect_refused({"train", "mlp", "--recipe", "int3"}, "fp32, fp32_lbn, fqt1,");
  expect_refused(
      {"run", "mlp", "--hw", "tinny"},
      "hardware 'tinny': is neither a known name nor a file; known names: base, datacenter, edge, odd, tiny");
  expect_refused({"cosim", "mlp", "--hw", "tinny"}, "base, datacenter, edge, odd, tiny");
  expect_refused({"compare", "--hw", "base", "tinny"}, "hardware 'tinny'");
  expect_refused({"compare", "--recipes", "int8", "int3"}, "recipe 'int3'");
  expect_refused({"compare", "--energy", "3nm"}, "45nm, 7nm");
  expect_refused({"run", "mlp", "--energy", "3nm"}, "45nm, 7nm");
  expect_refused({"train", "mlp", "--hyper", "gone/hyper.json"}, "'gone/hyper.json': no such file");
}

TEST(Names, TheEnvironmentAddsAFolder) {
  ScratchFolder folder;
  std::filesystem::create_directories(folder / "networks");
  std::filesystem::copy_file(source_trace("networks/mlp.json"), folder / "networks/mine.json");
  setenv("BITLOOM_TRACES", folder.path().c_str(), 1);
  const Outcome outcome = run_program({"train", "other"});
  unsetenv("BITLOOM_TRACES");
  EXPECT_EQ(outcome.code, 2);
  EXPECT_THAT(
      outcome.errors,
      HasSubstr("known names: conv128, conv_byte, conv_ops, conv_small, ffn768, lenet, lenet_bn, mine, mlp, mlp_odd, "
                "resnet18, resnet50, resnet8, vgg16"));
}

// /proc takes no new files from anyone, root included; /dev/full is a disk that is always full.
TEST(Output, PlacesThatCannotBeWritten) {
  const Arguments train{"train", "mlp", "--recipe", "fp32", "--epochs", "1", "--train-limit", "256"};
  const auto with = [&](const std::string& option, const std::string& place) {
    Arguments all = train;
    all.insert(all.end(), {option, place});
    return all;
  };
  for (const char* option : {"--json", "--save"}) {
    expect_refused(with(option, "/proc/nowhere/out"), "/proc/nowhere");
    expect_refused(with(option, "/"), "it is a folder");
  }
  expect_refused(with("--dump", "/proc/nowhere"), "/proc/nowhere");
  for (const char* command : {"run", "cosim"}) {
    expect_refused({command, "mlp_odd", "--hw", "tiny", "--json", "/proc/nowhere/out"}, "/proc/nowhere");
  }
  expect_refused({"cosim", "mlp_odd", "--waves", "/proc/nowhere/out.fst"}, "/proc/nowhere");
  expect_refused({"cosim", "mlp_odd", "--dump", "/proc/nowhere"}, "/proc/nowhere");
  expect_refused({"demo", "--json", "/proc/nowhere/out"}, "/proc/nowhere");
  ScratchFolder folder;
  write_text(folder / "file", "");
  expect_refused(with("--dump", folder / "file"), folder / "file");
  expect_refused(with("--json", folder / "file/out.json"), folder / "file");
  const Outcome full = run_program(with("--json", "/dev/full"));
  EXPECT_EQ(full.code, 2);
  EXPECT_THAT(full.errors, HasSubstr("/dev/full: cannot write the file: No space left on device"));
}

TEST(Output, AFolderWithoutPermission) {
  if (geteuid() == 0) {
    GTEST_SKIP() << "root may write everywhere; PlacesThatCannotBeWritten covers it with /proc";
  }
  ScratchFolder folder;
  std::filesystem::permissions(folder.path(), std::filesystem::perms::owner_read | std::filesystem::perms::owner_exec);
  expect_refused({"train", "mlp", "--recipe", "fp32", "--json", folder / "out.json"}, "Permission denied");
  std::filesystem::permissions(folder.path(), std::filesystem::perms::owner_all);
}

TEST(Batches, ThatTheMemoryDoesNotHold) {
  for (const char* command : {"run", "cosim"}) {
    expect_refused({command, "resnet8", "--hw", "tiny", "--batch", "128"}, "DRAM is too small: needs");
    expect_refused({command, "resnet8", "--hw", "tiny", "--batch", "4096"}, "take a smaller batch");
  }
}

TEST(Recipes, FloatHasNoAcceleratorBits) {
  expect_refused({"cosim", "mlp_odd", "--recipe", "fp32"}, "fp32");
  expect_refused({"run", "mlp_odd", "--recipe", "fp32"}, "fp32");
}

TEST(Checkpoints, ThatAreNoCheckpoints) {
  ScratchFolder folder;
  write_text(folder / "text.npz", "this is no checkpoint");
  for (const char* option : {"--init", "--resume"}) {
    expect_refused({"train", "mlp", "--recipe", "fp32", option, folder / "text.npz"}, folder / "text.npz");
    expect_refused({"train", "mlp", "--recipe", "fp32", option, folder / "gone.npz"}, folder / "gone.npz");
  }
}

}  // namespace
}  // namespace bitloom::testing
