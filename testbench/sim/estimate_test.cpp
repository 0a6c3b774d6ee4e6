// The estimate of a step: sums, utilisation by hand, JSON keys that scripts rely on, arguments that make no sense.
#include "sim/estimate.hpp"

#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "model/io/error.hpp"
#include "model/io/traces.hpp"

namespace bitloom {
namespace {

Estimate of(const std::string& recipe, const std::string& hardware, int batch, EstimateOptions options = {}) {
  options.hyper = read_hyper(resolve_trace(TraceKind::kHyper, "default"));
  return estimate(read_network(resolve_trace(TraceKind::kNetwork, "mlp_odd")),
                  read_recipe(resolve_trace(TraceKind::kRecipe, recipe)),
                  read_hardware(resolve_trace(TraceKind::kHardware, hardware)), batch, options);
}

/// 61-37-23-10: forward and weight gradient of each layer, activation gradient of all but the first.
TEST(EstimateTest, CountsOfAPerceptronByHand) {
  const Estimate e = of("int4", "tiny", 19);
  const std::uint64_t macs = 19u * (2 * 61 * 37 + 3 * 37 * 23 + 3 * 23 * 10);
  EXPECT_EQ(e.totals.macs, macs);
  EXPECT_EQ(e.totals.macs_data, macs);
  EXPECT_GT(e.totals.macs_issued, macs);  // ragged tiles, bias gradients
  EXPECT_EQ(e.totals.macs_issued, e.result.counts[Action::mac4] + e.result.counts[Action::mac8]);
  EXPECT_NEAR(e.totals.utilisation(), static_cast<double>(macs) / (2.0 * 4 * 4 * static_cast<double>(e.result.cycles)),
              1e-12);
  EXPECT_EQ(e.layers.back().phase, kCommandFetch);
  EXPECT_EQ(e.layers.back().energy_pj, static_cast<std::int64_t>(e.commands) * 64 / 8 * 1300);
  EXPECT_NEAR(e.time_ms(), static_cast<double>(e.result.cycles) / 500e3, 1e-12);  // 500 MHz
}

TEST(EstimateTest, NarrowOperandsTakeLessTimeAndEnergy) {
  const Estimate int8 = of("int8", "tiny", 19), int4 = of("int4", "tiny", 19);
  EXPECT_LT(int4.result.cycles, int8.result.cycles);
  EXPECT_LT(int4.energy.total_pj, int8.energy.total_pj);
}

TEST(EstimateTest, StepsAddUpAndValuesChangeNothing) {
  const Estimate one = of("int8_hindsight", "odd", 19);
  EstimateOptions options;
  options.steps = 3;
  options.values = true;
  const Estimate three = of("int8_hindsight", "odd", 19, options);
  EXPECT_EQ(three.result.cycles, 3 * one.result.cycles);
  EXPECT_EQ(three.energy.total_pj, 3 * one.energy.total_pj);
  EXPECT_NEAR(three.totals.utilisation(), one.totals.utilisation(), 1e-12);
  ASSERT_EQ(three.layers.size(), one.layers.size());
  for (std::size_t n = 0; n < one.layers.size(); ++n) EXPECT_EQ(three.layers[n].cycles, 3 * one.layers[n].cycles);
}

/// The forward part has the products of forward, their phases' bytes, and no memory of gradients.
TEST(EstimateTest, OfTheForwardPartAlone) {
  EstimateOptions options;
  options.forward_only = true;
  for (const char* recipe : {"int8", "int8_hindsight", "luq", "lwq", "int8_adam", "psq"}) {
    const Estimate whole = of(recipe, "tiny", 19), part = of(recipe, "tiny", 19, options);
    EXPECT_EQ(part.totals.macs, 19u * (61 * 37 + 37 * 23 + 23 * 10)) << recipe;
    EXPECT_LT(part.totals.cycles, whole.totals.cycles);
    EXPECT_LE(part.totals.bound_cycles, part.totals.cycles);
    EXPECT_LE(part.totals.compulsory_bytes(), part.totals.dram_bytes());
    EXPECT_EQ(part.peak[MemoryKind::kGradients], 0u) << recipe;
    EXPECT_EQ(part.peak[MemoryKind::kLatentWeights], whole.peak[MemoryKind::kLatentWeights]);
    EXPECT_EQ(part.peak[MemoryKind::kActivations], whole.peak[MemoryKind::kActivations]);
    for (const EstimateLayer& row : part.layers) {
      for (const EstimateLayer& other : whole.layers) {
        if (other.node != row.node || other.phase != row.phase || row.phase != "forward") continue;
        for (const Engine each : {Engine::kArray, Engine::kVector, Engine::kScalar, Engine::kStore}) {
          const auto engine = static_cast<std::size_t>(each);  // LOADs share their port with the fetch of commands
          EXPECT_EQ(row.busy[engine], other.busy[engine]) << row.name;
        }
        EXPECT_EQ(row.dram_bytes(), other.dram_bytes()) << row.name;
      }
      for (const char* backward : {"loss", "dgrad", "wgrad", "update"}) EXPECT_NE(row.phase, backward);
    }
  }
}

TEST(EstimateTest, StallsTakeTimeAndNoEnergy) {
  EstimateOptions options;
  options.stall_percent = 50;
  const Estimate smooth = of("int8", "base", 19), stalled = of("int8", "base", 19, options);
  EXPECT_GT(stalled.result.cycles, smooth.result.cycles);
  EXPECT_EQ(stalled.energy.total_pj, smooth.energy.total_pj);
}

TEST(EstimateTest, JsonHasTheKeysThatScriptsRelyOn) {
  const auto json = to_json(of("int8", "tiny", 19));
  for (const char* key :
       {"cycles", "energy_pj", "totals", "phases", "layers", "blocks", "time_ms", "utilisation", "not_modelled"}) {
    EXPECT_TRUE(json.contains(key)) << key;
  }
  for (const char* key : {"node", "name", "phase", "cycles", "energy_pj", "utilisation"}) {
    EXPECT_TRUE(json["layers"][0].contains(key)) << key;
  }
  std::vector<std::string> blocks;
  for (const auto& block : json["blocks"]) {
    blocks.push_back(block["name"]);
    for (const char* key : {"busy_cycles", "stalled", "energy_pj"}) EXPECT_TRUE(block.contains(key)) << key;
  }
  EXPECT_EQ(blocks, (std::vector<std::string>{"dma_load", "mac_array", "vector_unit", "dma_store", "command_processor",
                                              "dram"}));
  EXPECT_EQ(json["energy_table"]["name"], "45nm");
}

/// Operations that cost nothing and 8 mW of the vector unit: its leakage is the whole energy, and has a row of its own.
TEST(EstimateTest, LeakageHasARow) {
  auto table = nlohmann::json::parse(std::ifstream(resolve_trace(TraceKind::kEnergy, "45nm")));
  for (auto& row : table["rows"]) row["pJ"] = 0;
  table["leakage"] = {{{"block", "vector_unit"}, {"mW", 8}, {"source", "s"}, {"derived", true}}};
  EstimateOptions options;
  options.energy = testing::TempDir() + "estimate_leakage.json";
  options.steps = 2;
  std::ofstream(options.energy) << table;
  const nlohmann::json json = to_json(of("int8", "tiny", 19, options));
  const std::uint64_t expected = json["cycles"].get<std::uint64_t>() * 16;  // 8 mW times the 2 ns of 500 MHz
  EXPECT_GT(expected, 0u);
  EXPECT_EQ(json["energy_pj"], expected);
  EXPECT_EQ(json["totals"]["static_energy_pj"], expected);
  EXPECT_EQ(json["layers"].back()["phase"], kLeakage);
  EXPECT_EQ(json["layers"].back()["energy_pj"], expected);
  EXPECT_EQ(json["phases"].back()["energy_pj"], expected);
  for (const auto& block : json["blocks"]) {
    EXPECT_EQ(block["static_energy_pj"], block["name"] == "vector_unit" ? expected : 0) << block["name"];
  }
  EXPECT_EQ(json["not_modelled"].dump().find("leakage"), std::string::npos);
  EXPECT_NE(json["energy_table"]["derived"].dump().find("leakage vector_unit: s"), std::string::npos);
  const nlohmann::json without = to_json(of("int8", "tiny", 19, {}));
  EXPECT_EQ(without["totals"]["static_energy_pj"], 0);
  EXPECT_NE(without["not_modelled"].dump().find("leakage"), std::string::npos);
}

/// A table whose operations all cost nothing: every number of the report is a number.
TEST(EstimateTest, ATableOfZerosGivesNoJoules) {
  auto table = nlohmann::json::parse(std::ifstream(resolve_trace(TraceKind::kEnergy, "45nm")));
  for (auto& row : table["rows"]) row["pJ"] = 0;
  EstimateOptions options;
  options.energy = testing::TempDir() + "estimate_zeros.json";
  std::ofstream(options.energy) << table;
  const Estimate e = of("int8", "tiny", 19, options);
  const std::string json = to_json(e).dump();
  EXPECT_EQ(json.find("null"), std::string::npos);
  EXPECT_EQ(to_json(e)["energy_pj"], 0);
  EXPECT_EQ(to_json(e)["power_w"], 0.0);
  EXPECT_FALSE(to_json(e).contains("samples_per_joule"));
  EXPECT_EQ(text_table(e, 80, true).find("nan"), std::string::npos);
  EXPECT_EQ(text_table(e, 80, true).find("inf"), std::string::npos);
}

TEST(EstimateTest, BadArguments) {
  EstimateOptions options;
  EXPECT_THROW(of("fp32", "tiny", 19), Error);
  EXPECT_THROW(of("int8", "tiny", 0), Error);
  options.steps = 0;
  EXPECT_THROW(of("int8", "tiny", 19, options), Error);
  options.steps = 1;
  options.stall_percent = 100;
  EXPECT_THROW(of("int8", "tiny", 19, options), Error);
  options.stall_percent = 0;
  options.energy = "3nm";
  EXPECT_THROW(of("int8", "tiny", 19, options), Error);
}

}  // namespace
}  // namespace bitloom
