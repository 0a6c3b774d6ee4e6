// The generated packages against the command set's lists and against formulas.
#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <fstream>
#include <map>
#include <sstream>

#include "kernels/command.hpp"
#include "kernels/hardware.hpp"
#include "model/io/traces.hpp"

namespace bitloom {
namespace {

std::string package_text(const std::string& hardware) {
  std::ifstream file(std::string(std::getenv("BITLOOM_BINARY_DIR")) + "/rtl_pkg/" + hardware + "/bl_pkg.sv");
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

/// Reads all localparams as numbers: `localparam int NAME = 7;` and `localparam logic [3:0] NAME = 4'h7;`.
std::map<std::string, std::int64_t> parameters(const std::string& text) {
  std::map<std::string, std::int64_t> result;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    const std::size_t equals = line.find(" = ");
    if (line.rfind("  localparam ", 0) != 0 || equals == std::string::npos) continue;
    const std::size_t name = line.rfind(' ', equals - 1) + 1;
    const std::size_t hex = line.find("'h", equals);
    const bool is_hex = hex != std::string::npos;
    result[line.substr(name, equals - name)] =
        std::stoll(line.substr(is_hex ? hex + 2 : equals + 3), nullptr, is_hex ? 16 : 10);
  }
  return result;
}

class Package : public testing::TestWithParam<const char*> {};

TEST_P(Package, HoldsTheCommandSet) {
  const auto values = parameters(package_text(GetParam()));
  ASSERT_FALSE(values.empty());
#define BITLOOM_EXPECT(name, value) EXPECT_EQ(values.at("OP_" #name), value);
  BITLOOM_OPCODES(BITLOOM_EXPECT)
#undef BITLOOM_EXPECT
#define BITLOOM_EXPECT(name, word, lsb, width)              \
  EXPECT_EQ(values.at("F_" #name "_LSB"), word * 32 + lsb); \
  EXPECT_EQ(values.at("F_" #name "_W"), width);
  BITLOOM_COMMON_FIELDS(BITLOOM_EXPECT)
  BITLOOM_SPECIAL_FIELDS(BITLOOM_EXPECT)
#undef BITLOOM_EXPECT
  EXPECT_EQ(values.at("FLAG_HALF_UP"), 9);
  EXPECT_EQ(values.at("TARGET_VIN"), 2);
  EXPECT_EQ(values.at("QUANTIZER_GROUP"), 3);
  EXPECT_EQ(values.at("POOL_MAX_BACKWARD"), 2);
  EXPECT_EQ(values.at("SHAPE_SLOTS"), 4);
  EXPECT_EQ(values.at("SCALAR_COPY"), 3);
  EXPECT_EQ(values.at("ROUND_STOCHASTIC"), 3);
  EXPECT_EQ(values.at("ERR_TOKENS_LEFT"), 5);
  EXPECT_EQ(values.at("REG_ID"), 0x3C);
  EXPECT_EQ(values.at("TABLE_LEARNING_RATE"), 0xFFFF);
}

TEST_P(Package, HoldsTheHardware) {
  const auto values = parameters(package_text(GetParam()));
  const Hardware hw = read_hardware(resolve_trace(TraceKind::kHardware, GetParam()));
  EXPECT_EQ(values.at("ROWS"), hw.rows);
  EXPECT_EQ(values.at("COLS"), hw.cols);
  EXPECT_EQ(values.at("LANES"), hw.lanes);
  EXPECT_EQ(values.at("RANDOM8_BITS"), std::max(64, 8 * hw.lanes));
  EXPECT_EQ(values.at("RANDOM16_BITS"), std::max(64, 16 * hw.lanes));
  EXPECT_EQ(values.at("SPAD_A_WORDS") * hw.axi_bytes, hw.spad_a_bytes);
  EXPECT_EQ(values.at("SPAD_B_WORDS") * hw.axi_bytes, hw.spad_b_bytes);
  EXPECT_EQ(values.at("MAX_BURST"), hw.max_burst);
  EXPECT_EQ(values.at("CONFIG_HASH"), config_hash(hw));
}

TEST_P(Package, HoldsTheFunctionTables) {
  const std::string text = package_text(GetParam());
  const auto entry = [&](const std::string& name, int index) {
    const std::string label = index < 64 ? "7'd" + std::to_string(index) : "default";
    const std::string start = " " + label + ": " + name + " = ";
    const std::size_t found = text.find(start);
    const std::size_t value = found == std::string::npos ? found : text.find("'d", found + start.size());
    return value == std::string::npos ? -1 : std::stol(text.substr(value + 2));
  };
  for (int i = 0; i <= 64; ++i) {
    EXPECT_EQ(entry("exp2_table", i), std::lround(262144 * std::exp2(-i / 64.0)));
    EXPECT_EQ(entry("log2_table", i), std::lround(65536 * std::log2(1 + i / 64.0)));
  }
}

INSTANTIATE_TEST_SUITE_P(Named, Package, testing::Values("tiny", "odd", "base"));

}  // namespace
}  // namespace bitloom
