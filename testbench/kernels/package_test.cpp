// The generated packages against the command set's lists and against formulas.
#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <fstream>
#include <map>
#include <regex>
#include <sstream>

#include "kernels/command.hpp"
#include "kernels/hardware.hpp"
#include "model/traces.hpp"

namespace bitloom {
namespace {

std::string package_text(const std::string& hardware) {
  std::ifstream file(std::string(std::getenv("BITLOOM_BINARY_DIR")) + "/rtl_pkg/" + hardware + "/bl_pkg.sv");
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

/// All localparams, as numbers.
std::map<std::string, std::int64_t> parameters(const std::string& text) {
  const std::regex line(R"(localparam (?:int|logic \[\d+:0\]) (\w+) = (?:\d+'h([0-9a-f]+)|(\d+));)");
  std::map<std::string, std::int64_t> result;
  for (std::sregex_iterator it(text.begin(), text.end(), line), end; it != end; ++it) {
    const bool hex = (*it)[2].matched;
    result[(*it)[1]] = std::stoll(hex ? (*it)[2] : (*it)[3], nullptr, hex ? 16 : 10);
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
  EXPECT_EQ(values.at("FLAG_UPDATE_HALF_UP"), 9);
  EXPECT_EQ(values.at("TARGET_VIN"), 2);
  EXPECT_EQ(values.at("SOURCE_MASK"), 3);
  EXPECT_EQ(values.at("SCALAR_COPY"), 3);
  EXPECT_EQ(values.at("ROUND_STOCHASTIC"), 3);
  EXPECT_EQ(values.at("ERR_TOKENS_LEFT"), 5);
  EXPECT_EQ(values.at("REG_ID"), 0x3C);
  EXPECT_EQ(values.at("TABLE_LEARNING_RATE"), 0xFFF);
}

TEST_P(Package, HoldsTheHardware) {
  const auto values = parameters(package_text(GetParam()));
  const Hardware hw = read_hardware(resolve_trace(TraceKind::kHardware, GetParam()));
  EXPECT_EQ(values.at("ROWS"), hw.rows);
  EXPECT_EQ(values.at("COLS"), hw.cols);
  EXPECT_EQ(values.at("LANES"), hw.axi_bytes / 4);
  EXPECT_EQ(values.at("SPAD_A_WORDS") * hw.axi_bytes, hw.spad_a_bytes);
  EXPECT_EQ(values.at("SPAD_B_WORDS") * hw.axi_bytes, hw.spad_b_bytes);
  EXPECT_EQ(values.at("MAX_BURST"), hw.max_burst);
  EXPECT_EQ(values.at("CONFIG_HASH"), config_hash(hw));
}

TEST_P(Package, HoldsTheFunctionTables) {
  const std::string text = package_text(GetParam());
  const auto entry = [&](const std::string& name, int index) {
    const std::string label = index < 64 ? "7'd" + std::to_string(index) : "default";
    std::smatch match;
    EXPECT_TRUE(std::regex_search(text, match, std::regex(label + ": " + name + R"( = \d+'d(\d+);)"))) << name << index;
    return match.size() < 2 ? -1 : std::stol(match[1]);
  };
  for (int i = 0; i <= 64; ++i) {
    EXPECT_EQ(entry("exp2_table", i), std::lround(262144 * std::exp2(-i / 64.0)));
    EXPECT_EQ(entry("log2_table", i), std::lround(65536 * std::log2(1 + i / 64.0)));
  }
}

INSTANTIATE_TEST_SUITE_P(Named, Package, testing::Values("tiny", "odd", "base"));

}  // namespace
}  // namespace bitloom
