// What only shows when a run is put together: networks that golden cannot compile, batches, checkpoints of other runs
// and folders that are missing. Exit code 2 and a message that names the file or the option, and what was got.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <tuple>
#include <vector>

#include "testbench/program/spawn.hpp"

namespace bitloom::testing {
namespace {

using ::testing::HasSubstr;
using Arguments = std::vector<std::string>;

void expect_refused(const Arguments& arguments, const Arguments& parts) {
  const Outcome outcome = run_program(arguments);
  EXPECT_EQ(outcome.code, 2) << outcome.errors;
  EXPECT_EQ(outcome.output, "");
  for (const std::string& part : parts) EXPECT_THAT(outcome.errors, HasSubstr(part));
}

/// Makes a network of 1 x 28 x 28 with these layers between its convolution `conv` and its classifier.
std::string network(const std::string& layers) {
  return R"({"name": "edited", "input": [1, 28, 28], "layers": [
    {"name": "conv", "op": "conv2d", "out": 2, "kernel": 3, "padding": 1, "bias": true},)" +
         layers + R"({"name": "flat", "op": "flatten"}, {"name": "fc", "op": "linear", "out": 10, "bias": true},
    {"name": "loss", "op": "softmax_cross_entropy"}]})";
}

void expect_network_refused(const std::string& layers, const Arguments& parts) {
  ScratchFolder folder;
  const std::string file = folder / "edited.json";
  write_text(file, network(layers));
  Arguments all{file + ": network edited: layer "};
  all.insert(all.end(), parts.begin(), parts.end());
  expect_refused({"train", file, "--recipe", "int8", "--train-limit", "256"}, all);
}

const std::string kRelu = R"({"name": "r", "op": "relu"},)";

TEST(Networks, PlacesOfRelu) {
  expect_network_refused(R"({"name": "p", "op": "max_pool", "kernel": 2},)" + kRelu,
                         {"r (relu)", "expected behind linear, conv2d, batch_norm or add, got max_pool p"});
  expect_network_refused(kRelu + R"({"name": "sum", "op": "add", "inputs": ["conv", "r"]},)",
                         {"r (relu)", "expected to be the only reader of conv, which sum reads too"});
}

TEST(Networks, WindowsOfMaxima) {
  expect_network_refused(R"({"name": "p", "op": "max_pool", "kernel": [16, 16]},)",
                         {"p (max_pool): kernel: expected a window of at most 255 taps, got 256"});
}

TEST(Networks, WhatOnlyTheAcceleratorRefuses) {
  ScratchFolder folder;
  const std::string file = folder / "edited.json";
  write_text(file, network(R"({"name": "far", "op": "conv2d", "out": 2, "kernel": 1, "stride": 17, "bias": true},)"));
  const std::string text = "network edited: node far: stride: the accelerator takes at most 15, got 17";
  expect_refused({"run", file, "--recipe", "int8", "--batch", "8"}, {text});
  const Outcome outcome = run_program({"train", file, "--recipe", "int8", "--train-limit", "256", "--epochs", "1"});
  EXPECT_EQ(outcome.code, 0) << outcome.errors;
  EXPECT_THAT(outcome.errors, HasSubstr("the accelerator (base) would refuse: " + text));
}

/// Writes a file of traces/ with one key changed (taken out for null); returns its path.
std::string edited(const ScratchFolder& folder, const std::string& trace, const std::string& section,
                   const std::string& key, const nlohmann::json& value) {
  nlohmann::json json = read_json(source_trace(trace));
  nlohmann::json& object = section.empty() ? json : json[section];
  if (value.is_null()) {
    object.erase(key);
  } else {
    object[key] = value;
  }
  const std::string file = folder / "edited.json";
  write_text(file, json.dump());
  return file;
}

TEST(Dram, WhatNoMemoryIs) {
  ScratchFolder folder;
  const auto refused = [](const std::string& dram, const Arguments& parts) {
    for (const char* command : {"run", "cosim"}) {
      expect_refused({command, "mlp_odd", "--hw", "tiny", "--dram", dram}, parts);
    }
  };
  refused("hbm22", {"--dram: DRAM file 'hbm22'", "known names", "ddr4_3200", "did you mean \"hbm2\"?"});
  refused("idea", {"did you mean \"ideal\"?"});
  const std::string file = edited(folder, "dram/hbm2.json", "timing", "rfc", nullptr);
  refused(file, {file + ": timing.rfc: required key is missing"});
  expect_refused({"run", "mlp_odd", "--hw", "tiny", "--dram", "hbm2", "--stall", "25"},
                 {"stalls: expected 0 percent beside the DRAM hbm2", "got 25"});
}

TEST(Dram, WhatAHardwareFileMaySayOfIt) {
  ScratchFolder folder;
  const std::string file = edited(folder, "hardware/tiny.json", "", "dram", {{"standard", "ddr4_3200"}});
  expect_refused({"run", "mlp_odd", "--hw", file}, {file + ": dram_read_latency: it has no effect beside dram"});
  nlohmann::json json = read_json(file);
  json.erase("dram_read_latency");
  json.erase("dram_write_latency");
  const auto refused = [&](const nlohmann::json& dram, const Arguments& parts) {
    json["dram"] = dram;
    write_text(file, json.dump());
    expect_refused({"run", "mlp_odd", "--hw", file}, parts);
  };
  refused({{"standard", "ddr4_3200"}, {"channels", 0}}, {file + ": dram.channels: expected an integer from 1 to 1024"});
  refused({{"standard", "ddr5"}}, {file + ": dram.standard: DRAM file 'ddr5'", "known names"});
  refused({{"standard", "hbm2"}, {"width", 32}}, {file + ": dram.width: expected a multiple of the device_bits", "64"});
  refused({{"standard", "ddr4_3200"}, {"clock_mhz", 1700}},
          {file + ": dram.clock_mhz: expected at most the 1600 MHz of ddr4_3200, got 1700"});
  json["dram"] = {{"standard", "ddr4_3200"}, {"ranks", 2}, {"clock_mhz", 800}};
  write_text(file, json.dump());
  EXPECT_THAT(run_program({"run", "mlp_odd", "--hw", file}).output,
              HasSubstr("ddr4_3200, 1 channel of 2 ranks: 12.8 GB/s at most"));
  json["dram"] = {{"standard", "hbm2"}};
  json["clock_mhz"] = 333.3333;
  write_text(file, json.dump());
  expect_refused({"run", "mlp_odd", "--hw", file},
                 {file + ": hardware tiny: clock_mhz: expected a whole number of kHz"});
  json["clock_mhz"] = 500;
  write_text(file, json.dump());
  expect_refused({"run", "mlp_odd", "--hw", file, "--dram", "ideal"}, {"--dram ideal: " + file, "dram_read_latency"});
  EXPECT_EQ(run_program({"run", "mlp_odd", "--hw", file}).code, 0);
  const Outcome by_name = run_program({"run", "mlp_odd", "--hw", file, "--dram", "lpddr4_3200"});
  EXPECT_THAT(by_name.output, HasSubstr("lpddr4_3200, 1 channel: 6.4 GB/s at most, the machine's port 4.0 GB/s"));
}

TEST(Recipes, WidthsThatTheAcceleratorLacks) {
  ScratchFolder folder;
  const std::string file = folder / "narrow.json";
  const std::tuple<const char*, const char*, const char*, const char*> cases[] = {
      {"int8", "\"master_bits\": 24", "\"master_bits\": 16", "update.master_bits: the accelerator takes 24, got 16"},
      {"int8", "\"momentum_bits\": 16", "\"momentum_bits\": 8",
       "update.momentum_bits: the accelerator takes 16, got 8"},
      {"lwq", "\"latent_bits\": 4", "\"latent_bits\": 5", "update.latent_bits: the accelerator takes 4 or 24, got 5"}};
  for (const auto& [recipe, from, to, text] : cases) {
    std::string edited = read_text(source_trace(std::string("recipes/") + recipe + ".json"));
    const std::size_t at = edited.find(from);
    ASSERT_NE(at, std::string::npos) << from;
    write_text(file, edited.replace(at, std::string(from).size(), to));
    const std::string whole = std::string("recipe ") + recipe + ": " + text;
    expect_refused({"run", "mlp_odd", "--recipe", file, "--batch", "8"}, {whole});
    const Outcome outcome =
        run_program({"train", "mlp_odd", "--recipe", file, "--train-limit", "256", "--epochs", "1"});
    EXPECT_EQ(outcome.code, 0) << outcome.errors;
    EXPECT_THAT(outcome.errors, HasSubstr("the accelerator (base) would refuse: " + whole));
  }
}

TEST(Networks, AnAverageOfTheWholeImage) {
  ScratchFolder folder;
  write_text(folder / "edited.json", network(R"({"name": "p", "op": "average_pool", "kernel": "all"},)"));
  const Outcome outcome = run_program(
      {"train", folder / "edited.json", "--recipe", "int8", "--train-limit", "256", "--epochs", "1", "--quiet"});
  EXPECT_EQ(outcome.code, 0) << outcome.errors;
}

TEST(Batches, ThatMicroBatchesDoNotDivide) {
  for (const char* command : {"train", "run", "cosim"}) {
    expect_refused(
        {command, "mlp", "--recipe", "lwq_accumulate", "--batch", "130"},
        {"lwq_accumulate.json: recipe lwq_accumulate: update.accumulate.micro_batches: 4 parts", "--batch", "130"});
  }
}

TEST(Networks, OneTextForTrainRunAndCosimulation) {
  ScratchFolder folder;
  const std::string file = folder / "edited.json";
  write_text(file, network(R"({"name": "p", "op": "max_pool", "kernel": 2},)" + kRelu));
  const Arguments parts{file +
                        ": network edited: layer r (relu): expected behind linear, conv2d, batch_norm or add, got "
                        "max_pool p"};
  for (const char* recipe : {"int8", "fp32"}) expect_refused({"train", file, "--recipe", recipe}, parts);
  for (const char* command : {"run", "cosim"})
    expect_refused({command, file, "--recipe", "int8", "--batch", "8"}, parts);
}

TEST(Codebook, SharpnessThatIsNoNumber) {
  for (const char* bad : {"nan", "inf", "1001", "five"})
    expect_refused({"codebook", "--sharpness", bad}, {"--sharpness", bad});
}

TEST(Resume, OfAnotherRun) {
  for (const char* recipe : {"fp32", "int8"}) {
    ScratchFolder folder;
    const std::string checkpoint = folder / "half.npz";
    const auto run = [&](const char* seed, const char* batch, const char* images, const char* epochs) {
      return Arguments{"train", "mlp",           "--recipe", recipe,     "--seed", seed,     "--batch",
                       batch,   "--train-limit", images,     "--epochs", epochs,   "--quiet"};
    };
    Arguments first = run("7", "64", "256", "1");
    first.insert(first.end(), {"--save", checkpoint});
    ASSERT_EQ(run_program(first).code, 0);
    const auto resumed = [&](const char* seed, const char* batch, const char* images) {
      Arguments all = run(seed, batch, images, "2");
      all.insert(all.end(), {"--resume", checkpoint, "--resume-with", "epochs"});
      return all;
    };
    expect_refused(resumed("8", "64", "256"), {checkpoint + ": --seed: expected 7, of the run that is resumed, got 8"});
    expect_refused(resumed("7", "32", "256"),
                   {checkpoint + ": --batch: expected 64, of the run that is resumed, got 32"});
    expect_refused(resumed("7", "64", "128"), {"--train-limit", "expected 256 training images", "got 128"});
    EXPECT_EQ(run_program(resumed("7", "64", "256")).code, 0);
  }
}

TEST(Output, MissingFoldersAreNotMade) {
  ScratchFolder folder;
  const std::string gone = folder / "gone";
  const Arguments train{"train", "mlp", "--recipe", "fp32", "--epochs", "1", "--train-limit", "256"};
  const auto refused = [&](Arguments arguments, const char* option, const std::string& place) {
    arguments.insert(arguments.end(), {option, place});
    expect_refused(arguments, {place});
    EXPECT_FALSE(std::filesystem::exists(gone)) << option;
  };
  for (const char* option : {"--json", "--save"}) refused(train, option, gone + "/out");
  refused(train, "--dump", gone + "/deep");
  refused({"cosim", "mlp_odd"}, "--waves", gone + "/x.fst");
  for (const char* command : {"cosim", "run"}) refused({command, "mlp_odd"}, "--json", gone + "/out.json");
  refused({"demo"}, "--json", gone + "/out.json");
  refused({"codebook"}, "--json", gone + "/out.json");
}

}  // namespace
}  // namespace bitloom::testing
