// Parts of an estimate add up to the whole exactly: by phase, by layer and by block, for every network by recipes that
// differ in what they compute, on the smallest and the largest named machine.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>

#include "model/io/error.hpp"
#include "model/io/traces.hpp"
#include "sim/estimate.hpp"

namespace bitloom {
namespace {

using Json = nlohmann::ordered_json;

struct Case {
  std::string network, recipe, hardware;
  std::string dram = {};  // a memory with banks; empty: flat, with stalls
};

dram::Banks banks_of(const std::string& dram) { return {dram::read_device(resolve_trace(TraceKind::kDram, dram)), 2}; }

Json estimated(const Case& each) {
  EstimateOptions options;
  options.hyper = read_hyper(resolve_trace(TraceKind::kHyper, "default"));
  options.steps = 2;
  options.stall_percent = each.dram.empty() ? 20 : 0;
  if (!each.dram.empty()) options.dram = banks_of(each.dram);
  const Network network = read_network(resolve_trace(TraceKind::kNetwork, each.network));
  const Recipe recipe = read_recipe(resolve_trace(TraceKind::kRecipe, each.recipe));
  const Hardware hardware = read_hardware(resolve_trace(TraceKind::kHardware, each.hardware));
  constexpr int kBatch = 4;  // lwq_accumulate cuts it into four parts
  return to_json(estimate(network, recipe, hardware, kBatch, options));
}

std::uint64_t sum(const Json& rows, const char* key) {
  std::uint64_t total = 0;
  for (const Json& row : rows) total += row.at(key).get<std::uint64_t>();
  return total;
}

std::uint64_t sum_of_values(const Json& object) {
  std::uint64_t total = 0;
  for (const Json& value : object) total += value.get<std::uint64_t>();
  return total;
}

/// No layer's phase moves less than it must, of any kind of memory.
void expect_compulsory_bytes_moved(const Json& json) {
  for (const Json& row : json["layers"]) {
    for (const char* way : {"_read_bytes", "_written_bytes"}) {
      EXPECT_LE(row[std::string("compulsory") + way], row[std::string("dram") + way])
          << row["name"] << " " << row["phase"];
    }
    for (const auto& [kind, bytes] : row["compulsory_bytes_by_kind"].items()) {
      EXPECT_LE(bytes, row["dram_bytes_by_kind"][kind]) << row["name"] << " " << row["phase"] << " " << kind;
    }
  }
}

void expect_exact_sums(const Json& json) {
  const Json& totals = json["totals"];
  for (const char* key : {"cycles", "energy_pj", "macs", "macs_data", "macs_issued", "dram_bytes", "dram_read_bytes",
                          "dram_written_bytes", "bound_cycles", "compulsory_bytes", "compulsory_read_bytes",
                          "compulsory_written_bytes"}) {
    ASSERT_TRUE(totals[key].is_number_integer()) << key;
    EXPECT_EQ(sum(json["phases"], key), totals[key]) << key;
    EXPECT_EQ(sum(json["layers"], key), totals[key]) << key;
  }
  EXPECT_EQ(sum(json["blocks"], "energy_pj"), totals["energy_pj"]);
  EXPECT_EQ(sum(json["actions"], "energy_pj"), totals["energy_pj"]);
  for (const char* what : {"dram", "compulsory"}) {
    const std::string name(what);
    EXPECT_EQ(sum_of_values(totals[name + "_bytes_by_kind"]), totals[name + "_bytes"]);
    EXPECT_EQ(totals[name + "_read_bytes"].get<std::uint64_t>() + totals[name + "_written_bytes"].get<std::uint64_t>(),
              totals[name + "_bytes"]);
  }
  std::map<std::string, std::uint64_t> busy;
  for (const Json& block : json["blocks"]) busy[block["name"]] = block["busy_cycles"];
  const Json& engines = totals["busy_cycles"];
  EXPECT_EQ(engines["load"], busy["dma_load"]);
  EXPECT_EQ(engines["array"], busy["mac_array"]);
  EXPECT_EQ(engines["vector"].get<std::uint64_t>() + engines["scalar"].get<std::uint64_t>(), busy["vector_unit"]);
  EXPECT_EQ(engines["store"], busy["dma_store"]);
  EXPECT_LE(totals["bound_cycles"], totals["cycles"]);
  EXPECT_GT(totals["bound_cycles"], 0);
  const Json& actions = json["actions"];
  const auto count = [&](const char* action) { return actions[action]["count"].get<std::uint64_t>(); };
  EXPECT_EQ(totals["dram_bytes"], count("dram_read_bytes") + count("dram_write_bytes") + count("command_fetch_bytes"));
  EXPECT_EQ(sum_of_values(json["peak_bytes"]), 2 * json["peak_bytes"]["total"].get<std::uint64_t>());
  std::uint64_t issued = 0;
  for (const char* action : {"mac8", "mac4", "mac_log", "mac1"})
    issued += json["actions"][action]["count"].get<std::uint64_t>();
  EXPECT_EQ(totals["macs_issued"], issued);
  for (const char* key : {"cycles", "energy_pj", "utilisation", "time_ms"}) EXPECT_EQ(json[key], totals[key]) << key;
  EXPECT_LE(totals["utilisation"], 1.0);
  for (const Json& block : json["blocks"]) EXPECT_LE(block["busy_cycles"], totals["cycles"]) << block["name"];
}

/// Every gradient's count is the forward pass's.
void expect_counts_of_directions(const Json& json) {
  for (const Json& row : json["layers"]) {
    EXPECT_LE(row["macs_data"], row["macs"]);
    if (row["phase"] != "dgrad" && row["phase"] != "wgrad") continue;
    for (const Json& other : json["layers"]) {
      if (other["node"] != row["node"] || other["phase"] != "forward") continue;
      EXPECT_EQ(row["macs"], other["macs"]) << row;
      EXPECT_EQ(row["macs_data"], other["macs_data"]) << row;
    }
  }
}

class EstimateSums : public testing::TestWithParam<Case> {};

TEST_P(EstimateSums, AreExact) {
  const Json json = estimated(GetParam());
  expect_exact_sums(json);
  expect_counts_of_directions(json);
  expect_compulsory_bytes_moved(json);
}

class BankedSums : public testing::TestWithParam<const char*> {};

/// Energy that was rounded once for each phase and step, against the formulas of docs/dram.md.
TEST_P(BankedSums, AreExactAndByTheCurrents) {
  const Json json = estimated({"conv_small", "luq", "tiny", GetParam()}), &actions = json["actions"];
  expect_exact_sums(json);
  const dram::Device device = banks_of(GetParam()).device;
  double activate = 0, read = 0, write = 0, refresh = 0, active = 0, precharged = 0;  // pJ
  const double devices = device.organisation.devices(), ns = device.timing.clock_ps * 1e-3;
  for (const dram::Supply& s : device.supplies) {
    const double v = s.volts * devices * ns, burst = device.organisation.burst_cycles();
    const dram::Timing& t = device.timing;
    activate += v * (s.idd0 * t.rc - s.idd3n * t.ras - s.idd2n * (t.rc - t.ras));
    read += v * (s.idd4r - s.idd3n) * burst;
    write += v * (s.idd4w - s.idd3n) * burst;
    refresh += v * (s.idd5 - s.idd3n) * t.rfc;
    active += v * s.idd3n;
    precharged += v * s.idd2n;
  }
  const double rounding = 0.5 * static_cast<double>(2 * json["layers"].size());
  const auto expect = [&](const char* name, double price) {
    const double count = actions[name]["count"].get<double>();
    EXPECT_GT(count, 0) << name;
    EXPECT_NEAR(actions[name]["energy_pj"].get<double>(), count * price, rounding) << name;
  };
  expect("dram_activates", activate);
  expect("dram_reads", read);
  expect("dram_writes", write);
  expect("dram_refreshes", refresh);
  expect("dram_active_cycles", active);
  expect("dram_precharged_cycles", precharged);
  for (const char* bytes : {"dram_read_bytes", "dram_write_bytes", "command_fetch_bytes"}) {
    EXPECT_EQ(actions[bytes]["energy_pj"], 0) << bytes;
  }
  const Json& standby = json["layers"].back();
  EXPECT_EQ(standby["phase"], kDramStandby);
  const auto energy = [&](const char* name) { return actions[name]["energy_pj"].get<std::int64_t>(); };
  EXPECT_EQ(standby["energy_pj"],
            energy("dram_refreshes") + energy("dram_active_cycles") + energy("dram_precharged_cycles"));
}

INSTANTIATE_TEST_SUITE_P(Standards, BankedSums,
                         testing::Values("ddr4_3200", "lpddr4_3200", "lpddr5_6400", "hbm2", "hbm3"),
                         [](const auto& each) { return std::string(each.param); });

std::vector<Case> cases() {
  std::vector<Case> all;
  for (const char* hardware : {"tiny", "base"}) {
    for (const char* network : {"mlp_odd", "conv_small", "conv_ops", "conv_byte", "lenet", "lenet_bn"}) {
      for (const char* recipe : {"int8", "int4_hindsight", "luq", "psq", "lwq"})
        all.push_back({network, recipe, hardware});
    }
    for (const char* recipe : {"fqt1", "maqd", "luq_smp2", "niti", "int8_adam", "lwq_accumulate", "fqt1_bernoulli"}) {
      all.push_back({"conv_small", recipe, hardware});
    }
  }
  for (const char* recipe : {"int8", "luq"}) {  // tiny has too little memory for a long line of resnet8, or much time
    all.push_back({"resnet8", recipe, "base"});
    all.push_back({"mlp", recipe, "base"});
  }
  return all;
}

INSTANTIATE_TEST_SUITE_P(NetworksAndRecipes, EstimateSums, testing::ValuesIn(cases()), [](const auto& each) {
  return each.param.network + "_" + each.param.recipe + "_" + each.param.hardware;
});

std::vector<std::string> shipped(TraceKind kind, const std::string& one) {
  std::vector<std::string> names;
  const std::filesystem::path folder = std::filesystem::path(resolve_trace(kind, one)).parent_path();
  for (const auto& file : std::filesystem::directory_iterator(folder)) names.push_back(file.path().stem());
  std::sort(names.begin(), names.end());
  return names;
}

/// Every recipe and hardware that we ship, with small networks that have every operation.
TEST(EstimateSums, OfEveryRecipeThatRuns) {
  int ran = 0, refused = 0;
  for (const std::string& hardware : shipped(TraceKind::kHardware, "tiny")) {
    for (const std::string& recipe : shipped(TraceKind::kRecipe, "int8")) {
      for (const char* network : {"mlp_odd", "conv_small", "conv_ops", "conv_byte"}) {
        SCOPED_TRACE(std::string(network) + " " + recipe + " " + hardware);
        try {
          const Json json = estimated({network, recipe, hardware});
          expect_exact_sums(json);
          expect_compulsory_bytes_moved(json);
          ++ran;
        } catch (const Error&) {  // FP32, and what the hardware has no room or no way for
          ++refused;
        }
      }
    }
  }
  EXPECT_GT(ran, 5 * refused);
}

}  // namespace
}  // namespace bitloom
