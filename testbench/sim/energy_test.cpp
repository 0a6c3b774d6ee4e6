// Energy: the shipped tables against the numbers of the publication and the stated rules, prices by hand, strict
// reading.
#include "sim/energy.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "model/io/error.hpp"
#include "model/io/json_reader.hpp"
#include "model/io/traces.hpp"

namespace bitloom {
namespace {

EnergyTable shipped(const std::string& name) { return read_energy_table(resolve_trace(TraceKind::kEnergy, name)); }

struct Published {
  const char* name;
  double add8, add32, multiply8, multiply32, sram8, sram32, sram1024, dram;
};

/// Jouppi et al., ISCA 2021, Table 2.
constexpr Published kTables[] = {{"45nm", 0.03, 0.1, 0.2, 3.1, 10, 20, 100, 1300},
                                 {"7nm", 0.007, 0.03, 0.07, 1.48, 7.5, 8.5, 14, 1300}};

TEST(EnergyTables, HoldThePublishedNumbersAndDeriveTheRest) {
  for (const Published& p : kTables) {
    const EnergyTable table = shipped(p.name);
    EXPECT_EQ(table.name, p.name);
    EXPECT_DOUBLE_EQ(table.pj("add", 8), p.add8);
    EXPECT_DOUBLE_EQ(table.pj("add", 32), p.add32);
    EXPECT_DOUBLE_EQ(table.pj("multiply", 8), p.multiply8);
    EXPECT_DOUBLE_EQ(table.pj("multiply", 32), p.multiply32);
    EXPECT_DOUBLE_EQ(table.pj("dram", 64), p.dram);
    EXPECT_DOUBLE_EQ(table.sram_pj(8 << 10), p.sram8);
    EXPECT_DOUBLE_EQ(table.sram_pj(32 << 10), p.sram32);
    EXPECT_NEAR(table.sram_pj(1 << 20), p.sram1024, 1e-9);
    EXPECT_NEAR(table.pj("add", 48), p.add32 * 48 / 32, 1e-12);
    EXPECT_NEAR(table.pj("add", 64), p.add32 * 2, 1e-12);
    EXPECT_NEAR(table.pj("multiply", 4), p.multiply8 / 4, 1e-12);
    EXPECT_NEAR(table.pj("multiply", 16), p.multiply32 / 4, 1e-12);
    EXPECT_NEAR(table.pj("multiply_by_16", 32), p.multiply32 / 2, 1e-12);
    EXPECT_NEAR(table.pj("multiply_by_16", 48), p.multiply32 * 3 / 4, 1e-12);
    EXPECT_NEAR(table.pj("xor", 32), p.add32 * 0.18, 1e-12);
    for (const EnergyRow& row : table.rows) {
      const bool published = row.op == "dram" || row.op == "sram" || row.width == 8 ||
                             (row.width == 32 && row.op == "add") || (row.width == 32 && row.op == "multiply");
      EXPECT_EQ(row.derived, !published) << row.op << row.width;
      EXPECT_FALSE(row.source.empty());
    }
  }
}

/// The 45 nm table with leakage of two blocks.
EnergyTable leaking(double array_mw, double dram_mw) {
  EnergyTable table = shipped("45nm");
  table.leakage = {{"mac_array", array_mw, "s", false}, {"dram", dram_mw, "s", true}};
  return table;
}

/// 12 mW for 1000 cycles of 2 ns are 24,000 pJ, and 0.3 mW are 600: by hand, beside a step that does nothing else.
TEST(Leakage, IsPowerTimesTime) {
  Hardware hardware;
  hardware.clock_mhz = 500;
  SimResult result;
  result.cycles = 1000;
  Energy e = energy(result, ActionPrices{}, static_prices(leaking(12, 0.3), hardware));
  EXPECT_EQ(e.static_block_pj, (std::array<std::int64_t, kBlocks>{0, 24'000, 0, 0, 0, 600}));
  EXPECT_EQ(e.block_pj, e.static_block_pj);
  EXPECT_EQ(e.static_pj, 24'600);
  EXPECT_EQ(e.total_pj, 24'600);
  e += energy(result, ActionPrices{}, static_prices(leaking(1, 0), hardware));
  EXPECT_EQ(e.static_pj, 24'600 + 2'000);
  EXPECT_EQ(e.static_block_pj[1], 26'000);
  EXPECT_EQ(energy(result, ActionPrices{}, static_prices(shipped("45nm"), hardware)).total_pj, 0);
  EXPECT_THROW(energy(result, ActionPrices{}, static_prices(leaking(1e13, 0), hardware)), Error);
}

TEST(Leakage, IsNamedWhereTheTableHasNone) {
  const auto names_it = [](bool leakage) {
    const std::vector<std::string> list = energy_not_modelled(false, leakage);
    return std::find(list.begin(), list.end(), "leakage") != list.end();
  };
  EXPECT_TRUE(names_it(false));
  EXPECT_FALSE(names_it(true));
}

TEST(EnergyTables, SramBetweenAndBeyondSizesFollowsAPowerLaw) {
  const EnergyTable table = shipped("45nm");
  EXPECT_NEAR(table.sram_pj(16 << 10), std::sqrt(10.0 * 20.0), 1e-9);
  EXPECT_NEAR(table.sram_pj(2 << 10), 5.0, 1e-9);  // a quarter of 8 KiB: half, as from 32 to 8 KiB
  EXPECT_GT(table.sram_pj(2 << 20), 100.0);
}

/// A price of 0 is a price: no power law goes through it.
TEST(EnergyTables, ZeroIsAPriceOfMemoriesToo) {
  EnergyTable table;
  table.rows = {
      {"sram", 64, 1000, 0, "s", false}, {"sram", 64, 3000, 0, "s", false}, {"sram", 64, 9000, 6, "s", false}};
  EXPECT_EQ(table.sram_pj(10), 0.0);
  EXPECT_EQ(table.sram_pj(2000), 0.0);
  EXPECT_DOUBLE_EQ(table.sram_pj(5000), 2.0);
  EXPECT_EQ(table.sram_pj(90000), 6.0);
}

Hardware small() {
  Hardware h;
  h.rows = 4;
  h.cols = 4;
  h.axi_bytes = 8;
  h.lanes = 2;
  h.spad_a_bytes = 1024;
  h.spad_b_bytes = 4096;
  h.line_buffer_bytes = 8192;
  h.vin_words = 1024;
  h.vout_words = 256;
  h.vbias_words = 256;
  h.table_words = 512;
  return h;
}

/// Counts in thousands, so that whole pJ hold every product.
TEST(EnergyPrices, ASmallCaseByHand) {
  SimResult result;
  result.counts[Action::mac8] = 100'000;          // 0.2 + 0.1 each
  result.counts[Action::mac4] = 10'000;           // 0.05 + (0.03 + 0.1) / 2 each
  result.counts[Action::dram_read_bytes] = 64;    // 1300 for 8 bytes
  result.counts[Action::spad_a_read_bytes] = 16;  // 2 KiB: 5 for 8 bytes
  result.counts[Action::spad_b_write_bytes] = 8;  // 8 KiB: 10 for 8 bytes
  result.counts[Action::threefry13] = 1000;       // 24 × 0.1 + 13 × 0.018
  result.counts[Action::requantize] = 2000;       // 2.325 + 0.2 + 0.1 each
  result.counts[Action::draw8] = 8000;            // in threefry13
  result.phases.resize(2);
  result.phases[1].counts = result.counts;
  result.counts[Action::command_fetch_bytes] = 128;  // of no phase
  const Energy e = energy(result, action_prices(shipped("45nm"), small()));
  const std::int64_t array = 30'000 + 1150 + 10, vector = 2400 + 234 + 5250, fetch = 16 * 1300;
  EXPECT_EQ(e.block_pj[static_cast<std::size_t>(Block::kMacArray)], array);
  EXPECT_EQ(e.block_pj[static_cast<std::size_t>(Block::kVectorUnit)], vector);
  EXPECT_EQ(e.block_pj[static_cast<std::size_t>(Block::kDmaLoad)], 10);
  EXPECT_EQ(e.block_pj[static_cast<std::size_t>(Block::kDram)], 8 * 1300 + fetch);
  EXPECT_EQ(e.action_pj[static_cast<std::size_t>(Action::mac4)], 1150);
  EXPECT_EQ(e.total_pj, array + vector + 10 + 10400 + fetch);
  EXPECT_EQ(e.phase_pj, (std::vector<std::int64_t>{0, e.total_pj - fetch}));
  EXPECT_EQ(e.fetch_pj, fetch);
}

/// Each action of each phase is rounded once, and all sums are of those.
TEST(EnergyPrices, PartsAddUpWhereTheyAreRounded) {
  SimResult result;
  result.phases.resize(3);
  ActionPrices prices{};
  prices[static_cast<std::size_t>(Action::mac8)] = 0.4;
  prices[static_cast<std::size_t>(Action::relu)] = 0.6;
  for (PhaseResult& phase : result.phases) {
    phase.counts[Action::mac8] = phase.counts[Action::relu] = 1;  // 0 and 1
    result.counts += phase.counts;
  }
  Energy e = energy(result, prices);
  EXPECT_EQ(e.total_pj, 3);
  EXPECT_EQ(e.phase_pj, (std::vector<std::int64_t>{1, 1, 1}));
  EXPECT_EQ(e.action_pj[static_cast<std::size_t>(Action::relu)], 3);
  e += e;
  EXPECT_EQ(e.total_pj, 6);
  EXPECT_EQ(e.phase_pj, (std::vector<std::int64_t>{2, 2, 2}));
}

TEST(EnergyPrices, WhatNoNumberHoldsExactlyIsRefused) {
  SimResult result;
  result.counts[Action::mac8] = 10'000'000;
  ActionPrices prices{};
  prices[static_cast<std::size_t>(Action::mac8)] = 1e9;
  EXPECT_THROW(energy(result, prices), Error);
  prices[static_cast<std::size_t>(Action::mac8)] = 9e8;
  Energy e = energy(result, prices);
  EXPECT_EQ(e.total_pj, 9'000'000'000'000'000);
  EXPECT_THROW(e += energy(result, prices), Error);
}

TEST(EnergyPrices, EveryActionButTheDrawsAndTableCopiesCostsSomething) {
  const dram::Banks memory{dram::read_device(resolve_trace(TraceKind::kDram, "hbm2")), 1};
  for (const bool banks : {false, true}) {
    const ActionPrices prices =
        action_prices(shipped("7nm"), small(), banks ? std::optional<dram::Banks>(memory) : std::nullopt);
    for (std::size_t a = 0; a < kActions; ++a) {
      const auto action = static_cast<Action>(a);
      const std::string name = action_name(action);
      bool costs = action != Action::draw8 && action != Action::draw16 && action != Action::scale_copy;
      if (name.starts_with("dram_") || name == "command_fetch_bytes") costs = name.ends_with("_bytes") != banks;
      EXPECT_EQ(prices[a] > 0, costs) << name << (banks ? " with banks" : "");
    }
  }
}

/// Makes a valid table with one place to spoil.
std::string text(const std::string& rows) {
  std::string all;
  for (const char* row : {"add\", \"width\": 8", "add\", \"width\": 32", "add\", \"width\": 48", "add\", \"width\": 64",
                          "multiply\", \"width\": 4", "multiply\", \"width\": 8", "multiply\", \"width\": 16",
                          "multiply_by_16\", \"width\": 32", "multiply_by_16\", \"width\": 48", "xor\", \"width\": 32",
                          "sram\", \"bytes\": 8192, \"width\": 64", "sram\", \"bytes\": 32768, \"width\": 64"}) {
    all += std::string("{\"op\": \"") + row + ", \"pJ\": 1, \"source\": \"s\", \"derived\": false},";
  }
  return "{\"name\": \"n\", \"node_nm\": 45, \"set\": \"s\", \"dram\": \"d\", \"rows\": [" + all + rows + "]}";
}

std::string error_of(const std::string& rows) {
  try {
    read_energy_table(JsonObject::from_text(text(rows), "table.json"));
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

TEST(Leakage, IsReadStrictly) {
  const std::string row = R"({"block": "dram", "mW": 5, "source": "s", "derived": false})";
  const auto with = [&](const std::string& rows) {
    const std::string good = text(R"({"op": "dram", "width": 64, "pJ": 1300, "source": "s", "derived": false})");
    const std::string json = good.substr(0, good.rfind('}')) + R"(, "leakage": [)" + rows + "]}";
    try {
      const EnergyTable table = read_energy_table(JsonObject::from_text(json, "table.json"));
      return fmt::format("{} of {} mW", table.leakage.at(0).block, table.leakage.at(0).mw);
    } catch (const Error& error) {
      return std::string(error.what());
    }
  };
  EXPECT_EQ(with(row), "dram of 5 mW");
  EXPECT_NE(with(row + "," + row).find("this block has a row already"), std::string::npos);
  EXPECT_NE(with(R"({"block": "fan", "mW": 5, "source": "s", "derived": false})").find("block"), std::string::npos);
  EXPECT_NE(with(R"({"block": "dram", "mW": -5, "source": "s", "derived": false})").find("mW"), std::string::npos);
}

TEST(EnergyTables, AreReadStrictly) {
  const std::string dram = R"({"op": "dram", "width": 64, "pJ": 1300, "source": "s", "derived": false})";
  EXPECT_EQ(error_of(dram), "");
  EXPECT_NE(error_of(R"({"op": "dram", "width": 32, "pJ": 1, "source": "s", "derived": false})").find("dram"),
            std::string::npos);  // the row that is needed is missing
  EXPECT_NE(error_of(dram + "," + dram).find("already"), std::string::npos);
  EXPECT_NE(error_of(R"({"op": "dram", "width": 64, "pJ": -1, "source": "s", "derived": false})").find("pJ"),
            std::string::npos);
  EXPECT_NE(
      error_of(R"({"op": "dram", "width": 64, "pJ": 1, "unit": "pJ", "source": "s", "derived": false})").find("unit"),
      std::string::npos);
  EXPECT_NE(error_of(R"({"op": "dram", "width": 64, "pJ": 1, "derived": false})").find("source"), std::string::npos);
  EXPECT_NE(error_of(R"({"op": "divide", "width": 64, "pJ": 1, "source": "s", "derived": false})").find("op"),
            std::string::npos);
}

}  // namespace
}  // namespace bitloom
