#include "kernels/hardware.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "model/io/error.hpp"
#include "model/io/traces.hpp"

namespace bitloom {
namespace {

namespace fs = std::filesystem;

class HardwareFile : public testing::Test {
 protected:
  void SetUp() override {
    std::ifstream(resolve_trace(TraceKind::kHardware, "tiny")) >> json_;
    const std::string test = testing::UnitTest::GetInstance()->current_test_info()->name();
    file_ = fs::temp_directory_path() / ("bitloom_hardware_" + test + std::to_string(::getpid()) + ".json");
  }
  void TearDown() override { fs::remove(file_); }

  /// Returns the error of reading the file with one key changed.
  std::string error_with(const std::string& key, const nlohmann::json& value) {
    nlohmann::json changed = json_;
    changed[key] = value;
    return error_of(changed);
  }
  std::string error_of(const nlohmann::json& json) {
    std::ofstream(file_) << json;
    try {
      read_hardware(file_);
    } catch (const Error& error) {
      return error.what();
    }
    return "";
  }

  nlohmann::json json_;
  fs::path file_;
};

TEST_F(HardwareFile, ReadsEveryNamedHardware) {
  const Hardware tiny = read_hardware(resolve_trace(TraceKind::kHardware, "tiny"));
  EXPECT_EQ(tiny.name, "tiny");
  EXPECT_EQ(tiny.rows, 4);
  EXPECT_EQ(tiny.lanes, 2);
  const Hardware odd = read_hardware(resolve_trace(TraceKind::kHardware, "odd"));
  EXPECT_EQ(odd.cols, 7);
  EXPECT_EQ(odd.lanes, 4);
  EXPECT_EQ(odd.tile_cols(), 4);
  EXPECT_EQ(read_hardware(resolve_trace(TraceKind::kHardware, "base")).lanes, 16);
}

TEST_F(HardwareFile, NamesAMissingAndAnUnknownKey) {
  EXPECT_EQ(error_of(json_), "");
  for (const auto& [key, value] : json_.items()) {
    nlohmann::json changed = json_;
    changed.erase(key);
    EXPECT_THAT(error_of(changed), testing::AllOf(testing::HasSubstr(file_.string()), testing::HasSubstr(key)));
  }
  EXPECT_THAT(error_with("spad_c_bytes", 64), testing::HasSubstr("spad_c_bytes"));
  nlohmann::json misspelt = json_;
  misspelt.erase("max_burst");
  misspelt["max_brust"] = 16;
  EXPECT_THAT(error_of(misspelt), testing::HasSubstr("max_brust: unknown key; did you mean \"max_burst\"?"));
}

TEST_F(HardwareFile, NamesAKeyOfTheWrongType) {
  for (const auto& [key, value] : json_.items()) {
    EXPECT_THAT(error_with(key, nlohmann::json::array()), testing::HasSubstr(key));
  }
}

TEST_F(HardwareFile, NamesAValueOutOfRange) {
  const std::vector<std::pair<std::string, int>> bad{{"clock_mhz", 0},
                                                     {"rows", 0},
                                                     {"rows", 9},
                                                     {"cols", 1},
                                                     {"cols", 9},
                                                     {"axi_bytes", 4},
                                                     {"axi_bytes", 12},
                                                     {"axi_bytes", 128},
                                                     {"lanes", 3},
                                                     {"lanes", 8},
                                                     {"spad_a_bytes", 0},
                                                     {"spad_a_bytes", 63},
                                                     {"spad_b_bytes", 65536},
                                                     {"line_buffer_bytes", -1},
                                                     {"line_buffer_bytes", 8},
                                                     {"line_buffer_bytes", 48},
                                                     {"line_buffer_bytes", 2097152},
                                                     {"acc_tiles", 1},
                                                     {"acc_tiles", 256},
                                                     {"vin_words", 0},
                                                     {"vin_words", 65536},
                                                     {"vout_words", 0},
                                                     {"vbias_words", 0},
                                                     {"table_words", 63},
                                                     {"table_words", 65533},
                                                     {"queue_depth", 3},
                                                     {"max_outstanding", 0},
                                                     {"max_outstanding", 65},
                                                     {"max_burst", 0},
                                                     {"max_burst", 257},
                                                     {"max_burst", 48},
                                                     {"dram_bytes", 0},
                                                     {"dram_read_latency", 0},
                                                     {"dram_write_latency", -1}};
  for (const auto& [key, value] : bad) {
    EXPECT_THAT(error_with(key, value), testing::HasSubstr(key)) << key << " " << value;
  }
}

TEST_F(HardwareFile, ReadsAMemoryWithBanksInThePlaceOfLatencies) {
  nlohmann::json banks = json_;
  banks.erase("dram_read_latency");
  banks.erase("dram_write_latency");
  banks["dram"] = {{"standard", "hbm2"}, {"channels", 3}, {"width", 128}, {"ranks", 2}, {"clock_mhz", 800.5}};
  EXPECT_EQ(error_of(banks), "");
  const Hardware hw = read_hardware(file_);
  ASSERT_TRUE(hw.dram.has_value());
  EXPECT_EQ(hw.dram->standard, "hbm2");
  EXPECT_EQ(hw.dram->channels, 3);
  EXPECT_EQ(hw.dram->width, 128);
  EXPECT_EQ(hw.dram->ranks, 2);
  EXPECT_EQ(hw.dram->clock_mhz, 800.5);
  EXPECT_FALSE(read_hardware(resolve_trace(TraceKind::kHardware, "tiny")).dram.has_value());
  const auto with = [&](const char* key, const nlohmann::json& value) {
    nlohmann::json changed = banks;
    changed["dram"][key] = value;
    return error_of(changed);
  };
  EXPECT_THAT(with("channels", 0), testing::HasSubstr("dram.channels: expected an integer from 1 to 1024, got 0"));
  EXPECT_THAT(with("width", 24), testing::HasSubstr("dram.width: expected a power of two"));
  EXPECT_THAT(with("standard", ""), testing::HasSubstr("dram.standard: expected a name or a path"));
  EXPECT_THAT(with("ranks", 3), testing::HasSubstr("dram.ranks: expected a power of two"));
  EXPECT_THAT(with("clock_mhz", 0), testing::HasSubstr("dram.clock_mhz: expected a number from 1"));
  EXPECT_THAT(with("speed", 2), testing::HasSubstr("dram.speed: unknown key"));
  banks["dram_read_latency"] = 20;
  EXPECT_THAT(error_of(banks), testing::HasSubstr("dram_read_latency: it has no effect beside dram"));
}

TEST_F(HardwareFile, NamesAFileThatIsMissing) { EXPECT_THROW(read_hardware("no/such/hardware.json"), Error); }

TEST_F(HardwareFile, HashesWhatElaboratesTheRtlAndNothingElse) {
  Hardware hw = read_hardware(resolve_trace(TraceKind::kHardware, "tiny"));
  const std::uint32_t hash = config_hash(hw);
  hw.clock_mhz = 1;
  hw.dram_read_latency += 1;
  hw.name = "other";
  EXPECT_EQ(config_hash(hw), hash);
  hw.vin_words += 1;
  EXPECT_NE(config_hash(hw), hash);
}

}  // namespace
}  // namespace bitloom
