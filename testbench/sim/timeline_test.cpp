// The trace of a step: slices of one track in order, apart from each other, and together the blocks' busy cycles.
#include "sim/timeline.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>

#include "model/io/error.hpp"
#include "model/io/traces.hpp"
#include "sim/dram/banks.hpp"
#include "sim/estimate.hpp"

namespace bitloom {
namespace {

using Json = nlohmann::json;

struct Traced {
  Estimate estimate;
  Json trace;
};

Traced traced(const std::string& detail, std::uint64_t limit = 200'000'000,
              const std::optional<dram::Banks>& banks = std::nullopt) {
  const std::string path = testing::TempDir() + "timeline_test.json";
  std::filesystem::remove(path);
  Timeline timeline(path, detail, limit);
  EstimateOptions options;
  options.steps = 2;
  options.timeline = &timeline;
  options.dram = banks;
  Traced made{estimate(read_network(resolve_trace(TraceKind::kNetwork, "conv_small")),
                       read_recipe(resolve_trace(TraceKind::kRecipe, "int8")),
                       read_hardware(resolve_trace(TraceKind::kHardware, "tiny")), 7, options),
              {}};
  EXPECT_FALSE(std::filesystem::exists(path));
  timeline.commit();
  made.trace = Json::parse(std::ifstream(path));
  return made;
}

std::map<int, std::string> track_names(const Json& trace) {
  std::map<int, std::string> names;
  for (const Json& event : trace["traceEvents"]) {
    if (event["name"] == "thread_name") names[event["tid"]] = event["args"]["name"];
  }
  return names;
}

void expect_slices_are_the_work(const Traced& made) {
  const auto names = track_names(made.trace);
  ASSERT_EQ(names.size(), 5u);
  std::map<std::string, std::uint64_t> end, busy;
  for (const Json& event : made.trace["traceEvents"]) {
    if (event["ph"] != "X") continue;
    const std::string track = names.at(event["tid"]);
    const std::uint64_t start = event["ts"], length = event["dur"], cycles = event["args"]["busy_cycles"];
    EXPECT_GE(start, end[track]) << event;
    EXPECT_LE(cycles, length) << event;
    if (event["args"]["executions"] == 1) {
      EXPECT_EQ(cycles, length) << event;
    }
    end[track] = start + length;
    busy[track] += cycles;
  }
  std::map<std::string, std::uint64_t> expected;
  for (const EstimateBlock& block : made.estimate.blocks) expected[block.name] = block.busy_cycles;
  EXPECT_EQ(busy["load"], expected["dma_load"]);
  EXPECT_EQ(busy["array"], expected["mac_array"]);
  EXPECT_EQ(busy["vector"], expected["vector_unit"]);
  EXPECT_EQ(busy["store"], expected["dma_store"]);
  EXPECT_EQ(busy["fetch"], expected["command_processor"]);
  for (const auto& [track, last] : end) EXPECT_LE(last, made.estimate.result.cycles) << track;
}

std::size_t slices_of(const Json& trace, const std::string& name) {
  std::size_t count = 0;
  for (const Json& event : trace["traceEvents"]) count += event["ph"] == "X" && event["name"] == name ? 1 : 0;
  return count;
}

TEST(Timeline, HasASliceALoopGroup) {
  const Traced made = traced("");
  expect_slices_are_the_work(made);
  EXPECT_EQ(slices_of(made.trace, "conv2 forward GEMM"), 2u);  // one a step
}

TEST(Timeline, HasEachExecutionOfOneLayer) {
  const Traced made = traced("conv2");
  expect_slices_are_the_work(made);
  std::uint64_t executions = 0;
  for (std::size_t c = 0; c < made.estimate.result.command_executions.size(); ++c) {
    executions += made.estimate.result.command_executions[c];
  }
  // 7 · 5 · 4 rows on 4 of the array, and 5 channels on 4: 70 tiles of results; 45 terms of one byte and 16 bytes of a
  // scratchpad's lane, so three segments each; in each of two steps.
  EXPECT_EQ(slices_of(made.trace, "conv2 forward GEMM"), 2u * 35 * 2 * 3);
  EXPECT_GT(executions, slices_of(made.trace, "conv2 forward GEMM"));
  EXPECT_EQ(slices_of(made.trace, "fc forward GEMM"), 2u);
}

/// Two channels of HBM2 at twice the machine's clock: their slices are the bursts that the counters have, apart from
/// each other by at least a cycle of the memory, and none is longer than its bursts.
TEST(Timeline, HasATrackADramChannel) {
  const dram::Banks banks{dram::read_device(resolve_trace(TraceKind::kDram, "hbm2")), 2};
  const Traced made = traced("", 200'000'000, banks);
  const auto names = track_names(made.trace);
  ASSERT_EQ(names.size(), 7u);
  const double cycle = read_hardware(resolve_trace(TraceKind::kHardware, "tiny")).clock_mhz / 1000;  // 1 ns in edges
  std::map<std::string, double> end;
  std::map<std::string, std::uint64_t> bursts;
  std::uint64_t merged = 0;
  for (const Json& event : made.trace["traceEvents"]) {
    if (event["ph"] != "X" || !names.at(event["tid"]).starts_with("dram ")) continue;
    const std::string track = names.at(event["tid"]);
    const double start = event["ts"], length = event["dur"];
    const std::uint64_t cycles = event["args"]["memory_cycles"], count = event["args"]["bursts"];
    if (bursts[track] > 0) {
      EXPECT_GT(start, end[track] + 0.9 * cycle) << event;  // else it would be one slice
    }
    EXPECT_EQ(cycles, 2 * count) << event;  // HBM2: four transfers, two a cycle
    EXPECT_NEAR(length, static_cast<double>(cycles) * cycle, 1e-6) << event;
    end[track] = start + length;
    bursts[track] += count;
    merged += count > 1;
  }
  EXPECT_GT(merged, 10u);
  ASSERT_EQ(bursts.size(), 2u);
  const ActionCounts& counts = made.estimate.result.counts;
  EXPECT_EQ(bursts["dram 0"] + bursts["dram 1"], counts[Action::dram_reads] + counts[Action::dram_writes]);
  // What still waits when the program ends is written behind its end.
  EXPECT_LE(std::max(end["dram 0"], end["dram 1"]), static_cast<double>(made.estimate.result.cycles) + 500);
}

TEST(Timeline, RefusesWhatItCannotWrite) {
  const auto message = [](const std::string& detail, std::uint64_t limit) -> std::string {
    try {
      traced(detail, limit);
    } catch (const Error& error) {
      return error.what();
    }
    return "";
  };
  EXPECT_NE(message("conv2", 20'000).find("20000 bytes, the limit"), std::string::npos);
  EXPECT_FALSE(std::filesystem::exists(testing::TempDir() + "timeline_test.json"));
  EXPECT_NE(message("conv9", 200'000'000).find("conv_small has no layer conv9"), std::string::npos);
}

}  // namespace
}  // namespace bitloom
