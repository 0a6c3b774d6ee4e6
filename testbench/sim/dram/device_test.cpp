// DRAM files: the shipped ones against the figures written down by hand, and errors that name file, key and
// expectation.
#include "sim/dram/device.hpp"

#include <gtest/gtest.h>

#include <fstream>
#include <functional>
#include <nlohmann/json.hpp>

#include "model/io/error.hpp"
#include "model/io/traces.hpp"
#include "sim/dram/sources.hpp"
#include "testbench/sim/dram/rules.hpp"

namespace bitloom::dram {
namespace {

using Json = nlohmann::json;

TEST(DramFiles, HoldTheFiguresOfTheStandards) {
  EXPECT_EQ(known_traces(TraceKind::kDram).size(), static_cast<std::size_t>(kStandards));
  for (const Figures& f : kFigures) {
    const Device device = shipped(f);
    const Timing& t = device.timing;
    const std::vector<int> read = {t.clock_ps, t.cl,    t.dqsck, t.cwl,   t.dqss,  t.rcd_read, t.rcd_write, t.rp,
                                   t.rp_all,   t.ras,   t.rc,    t.rrd_s, t.rrd_l, t.faw,      t.ppd,       t.ccd_s,
                                   t.ccd_l,    t.wtr_s, t.wtr_l, t.rtw,   t.rtp,   t.wr,       t.rfc,       t.refi};
    const std::vector<int> expected = {f.ck_ps, f.CL,   f.DQ_RD, f.CWL,  f.DQ_WR, f.RCDRD, f.RCDWR, f.RP,
                                       f.RPAB,  f.RAS,  f.RC,    f.RRDS, f.RRDL,  f.FAW,   f.PPD,   f.CCDS,
                                       f.CCDL,  f.WTRS, f.WTRL,  f.RTW,  f.RTP,   f.WR,    f.RFC,   f.REFI};
    EXPECT_EQ(read, expected) << f.name;
    EXPECT_EQ(device.name, f.name);
    EXPECT_EQ(device.organisation.bank_groups, f.groups);
    EXPECT_EQ(device.organisation.banks, f.banks);
    EXPECT_EQ(device.organisation.burst_bytes(), static_cast<std::uint64_t>(f.burst_bytes));
    EXPECT_EQ(device.organisation.bursts_in_row(), static_cast<std::uint64_t>(f.bursts_in_row));
    EXPECT_EQ(device.organisation.burst_cycles(), f.BL);
    EXPECT_NEAR(f.burst_bytes / (f.BL * f.ck_ps * 1e-3), f.peak_gb, 1e-9) << f.name;
  }
}

/// The timings of LPDDR5 and HBM are guesses by their own authors' words; those of DDR4 and LPDDR4 are JEDEC's.
TEST(DramFiles, MarkGuesses) {
  const auto guessed = [](const Figures& f, const char* figure) {
    return source_of(shipped(f).sources, figure)->guess;
  };
  for (const Figures& f : kFigures) {
    const bool jedec = std::string(f.name).find("ddr4") != std::string::npos;
    for (const char* figure : {"timing.cl", "timing.rcd_read", "timing.faw", "timing.wtr_s"}) {
      EXPECT_EQ(guessed(f, figure), !jedec) << f.name << " " << figure;
    }
    EXPECT_FALSE(guessed(f, "timing.clock_ps")) << f.name;
    EXPECT_EQ(guessed(f, "supplies.VDD.idd0") || guessed(f, "supplies.VDDQ.idd4r"), !jedec) << f.name;
  }
}

Json good() { return Json::parse(std::ifstream(resolve_trace(TraceKind::kDram, "ddr4_3200"))); }

std::string error_of(const std::function<void(Json&)>& spoil) {
  Json json = good();
  spoil(json);
  try {
    read_device(JsonObject::from_text(json.dump(), "bad.json"));
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

TEST(DramFiles, AreReadStrictly) {
  EXPECT_EQ(error_of([](Json&) {}), "");
  EXPECT_EQ(error_of([](Json& j) { j["timing"].erase("faw"); }), "bad.json: timing.faw: required key is missing");
  EXPECT_EQ(error_of([](Json& j) { j["organisation"]["banks"] = 0; }),
            "bad.json: organisation.banks: expected an integer from 1 to 64, got 0");
  EXPECT_EQ(error_of([](Json& j) { j["organisation"]["channel_bits"] = 8, j["organisation"]["device_bits"] = 16; }),
            "bad.json: organisation.channel_bits: expected a multiple of device_bits = 16, got 8");
  EXPECT_EQ(error_of([](Json& j) { j["organisation"]["burst_length"] = 1; }),
            "bad.json: organisation.burst_length: expected a multiple of transfers_per_clock = 2, got 1");
  EXPECT_EQ(error_of([](Json& j) { j["organisation"]["columns"] = 4; }),
            "bad.json: organisation.columns: expected a multiple of burst_length = 8, got 4");
  EXPECT_EQ(error_of([](Json& j) { j["organisation"]["rows"] = 60000; }),
            "bad.json: organisation.rows: expected a power of two, got 60000");
  EXPECT_EQ(error_of([](Json& j) { j["timing"].erase("faw"), j["timing"]["fwa"] = 34; }),
            "bad.json: timing.fwa: unknown key; did you mean \"faw\"?");
  EXPECT_EQ(error_of([](Json& j) { j["name"] = ""; }), "bad.json: name: expected a name, got an empty string");
}

TEST(DramFiles, HaveFiguresThatAgree) {
  EXPECT_EQ(error_of([](Json& j) { j["timing"]["ccd_s"] = 3; }),
            "bad.json: timing.ccd_s: expected at least 4 (the cycles of a burst), got 3");
  EXPECT_EQ(error_of([](Json& j) { j["timing"]["ccd_l"] = 3; }),
            "bad.json: timing.ccd_l: expected at least 4 (ccd_s), got 3");
  EXPECT_EQ(error_of([](Json& j) { j["timing"]["rrd_l"] = 3; }),
            "bad.json: timing.rrd_l: expected at least 4 (rrd_s), got 3");
  EXPECT_EQ(error_of([](Json& j) { j["timing"]["wtr_l"] = 3; }),
            "bad.json: timing.wtr_l: expected at least 4 (wtr_s), got 3");
  EXPECT_EQ(error_of([](Json& j) { j["timing"]["rtw"] = 9; }),
            "bad.json: timing.rtw: expected at least 10 (the end of the read's data, less the start of the write's), "
            "got 9");
  EXPECT_EQ(error_of([](Json& j) { j["timing"]["refi"] = 655; }),
            "bad.json: timing.refi: expected at least 656 (rfc + rp_all + rc), got 655");
  EXPECT_EQ(error_of([](Json& j) { j["timing"]["refi"] = 656; }), "");
  EXPECT_EQ(
      error_of([](Json& j) { j["timing"].erase("rrd_l"), j["timing"].erase("wtr_l"), j["timing"].erase("ccd_l"); }),
      "");
}

TEST(DramFiles, HaveSupplies) {
  EXPECT_EQ(error_of([](Json& j) { j["supplies"] = Json::array(), j["sources"][4]["figures"] = Json::array(); }),
            "bad.json: supplies: expected at least one supply");
  EXPECT_EQ(error_of([](Json& j) { j["supplies"].push_back(j["supplies"][0]); }),
            "bad.json: supplies[1].name: \"VDD\" is a supply already");
  EXPECT_EQ(error_of([](Json& j) { j["supplies"][0]["volts"] = 12; }),
            "bad.json: supplies[0].volts: expected a number from 0 to 10, got 12");
  EXPECT_NE(error_of([](Json& j) {
              j["supplies"][0]["idd4r"] = 51;
            }).find("bad.json: supplies: expected currents that give no negative energy, got -"),
            std::string::npos);
}

TEST(DramFiles, HaveASourceForEachFigure) {
  EXPECT_EQ(error_of([](Json& j) { j["timing"]["dqss"] = 1; }), "");  // of the section
  EXPECT_EQ(error_of([](Json& j) { j["sources"][1]["figures"] = {"timing.cl"}; }),
            "bad.json: sources: expected a source of timing.ccd_l");  // the first of the others
  EXPECT_EQ(error_of([](Json& j) { j["sources"][0]["figures"] = {"organization"}; }),
            "bad.json: sources[0].figures: expected a figure or section of this file, got \"organization\"; did you "
            "mean \"organisation\"?");
  EXPECT_EQ(error_of([](Json& j) { j["sources"][3]["figures"].push_back("timing.rtw"); }),
            "bad.json: sources[3].figures: \"timing.rtw\" has a source already");
  EXPECT_EQ(error_of([](Json& j) { j["sources"][0]["text"] = ""; }),
            "bad.json: sources[0].text: expected where the figures come from, got an empty string");
}

}  // namespace
}  // namespace bitloom::dram
