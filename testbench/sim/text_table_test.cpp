// Text tables: prefixes, widths, what is cut where a terminal is narrow.
#include "sim/text_table.hpp"

#include <gtest/gtest.h>

#include <sstream>

#include "model/io/traces.hpp"
#include "sim/estimate.hpp"

namespace bitloom {
namespace {

std::vector<std::string> lines_of(const std::string& text) {
  std::istringstream in(text);
  std::vector<std::string> lines;
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

int longest_line(const std::string& text) {
  int longest = 0;
  for (const std::string& line : lines_of(text)) longest = std::max(longest, text_width(line));
  return longest;
}

TEST(TextTable, ThousandsAreApart) {
  EXPECT_EQ(grouped(std::int64_t{0}), "0");
  EXPECT_EQ(grouped(std::int64_t{999}), "999");
  EXPECT_EQ(grouped(std::int64_t{-1000}), "-1 000");
  EXPECT_EQ(grouped(std::uint64_t{18446744073709551615u}), "18 446 744 073 709 551 615");
}

TEST(TextTable, PrefixesFit) {
  EXPECT_EQ(si(0, "J"), "0 J");
  EXPECT_EQ(si(136002.195e-6, "J"), "136 mJ");
  EXPECT_EQ(si(0.0123, "W"), "12.3 mW");
  EXPECT_EQ(si(1, "W"), "1.00 W");
  EXPECT_EQ(si(999.4, "W"), "999 W");
  EXPECT_EQ(si(999.6, "W"), "1.00 kW");
  EXPECT_EQ(si(2e-15, "J"), "0.00 pJ");
  EXPECT_EQ(si(5e16, "W"), "50000 TW");
}

TEST(TextTable, LongNamesAreCutByCharacters) {
  EXPECT_EQ(text_width("größe"), 5);
  EXPECT_EQ(shortened("größe", 5), "größe");
  EXPECT_EQ(shortened("größer", 5), "größ…");
  EXPECT_EQ(shortened("ab", 1), "…");
}

TEST(TextTable, IsAsWideAsItsCells) {
  Table table({"name", "n"});
  table.row({"a", "12345"});
  table.row({"a heading of one cell"});
  EXPECT_EQ(table.text(), "name      n\n-----------\na     12345\na heading of one cell\n");
}

TEST(TextTable, FitsATerminal) {
  Table table({"a name that is long", "first", "second"});
  table.row({"another name that is long", "1", "2"});
  EXPECT_EQ(longest_line(table.text(30)), 30);
  EXPECT_NE(table.text(30).find("second"), std::string::npos);
  EXPECT_EQ(table.text(18).find("second"), std::string::npos);
  EXPECT_NE(table.text(18).find("first"), std::string::npos);
  for (int columns = 1; columns < 60; ++columns) EXPECT_LE(longest_line(table.text(columns)), columns);
}

TEST(TextTable, WordsAreWrapped) {
  EXPECT_EQ(wrapped("one two three", 8, 2), "one two\n  three\n");
  EXPECT_EQ(wrapped("unbreakable", 4), "unbreakable\n");
}

/// The report of a network with long names, as wide as the terminal and no wider, without unexplained tokens.
TEST(EstimateText, FitsTheTerminalAndNamesTheLongestFirst) {
  Network network = read_network(resolve_trace(TraceKind::kNetwork, "conv_small"));
  for (Node& node : network.nodes) node.name += "_with_a_very_long_name_that_somebody_has_thought_of";
  EstimateOptions options;
  options.hyper = read_hyper(resolve_trace(TraceKind::kHyper, "default"));
  const Estimate e = estimate(network, read_recipe(resolve_trace(TraceKind::kRecipe, "int8")),
                              read_hardware(resolve_trace(TraceKind::kHardware, "tiny")), 2, options);
  for (const bool details : {false, true}) {
    for (const int columns : {60, 80, 200}) EXPECT_LE(longest_line(text_table(e, columns, details)), columns);
  }
  const std::string brief = text_table(e, 80, false);
  EXPECT_EQ(brief.find("V>"), std::string::npos);
  EXPECT_LT(lines_of(brief).size(), 66u);
  for (const char* part : {"45nm", "not modelled", "leakage", "command fetch", "×least", "samples/J"}) {
    EXPECT_NE(brief.find(part), std::string::npos) << part;
  }
  std::uint64_t before = e.totals.cycles;
  auto phases = by_phase(e);
  std::sort(phases.begin(), phases.end(), [](const auto& a, const auto& b) { return a.cycles > b.cycles; });
  std::size_t at = 0;
  for (const EstimateLayer& phase : phases) {
    EXPECT_LE(phase.cycles, before);
    before = phase.cycles;
    if (phase.cycles == 0) continue;
    const std::size_t found = brief.find("\n" + phase.phase + " ");
    ASSERT_NE(found, std::string::npos) << phase.phase;
    EXPECT_GE(found, at) << phase.phase;
    at = found;
  }
  EXPECT_NE(text_table(e, 80, true).find("vector_unit for"), std::string::npos);
}

}  // namespace
}  // namespace bitloom
