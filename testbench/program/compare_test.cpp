// `bitloom compare` from outside: its rows are those of `bitloom run`, whatever runs beside them, and the page's.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <csignal>
#include <filesystem>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "testbench/program/spawn.hpp"

namespace bitloom::testing {
namespace {

using ::testing::HasSubstr;

std::vector<std::string> rows_of(const std::string& text) {
  std::vector<std::string> rows;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("| ")) rows.push_back(line);
  }
  return rows;
}

TEST(Compare, RowsAreThoseOfRunInTheirOrder) {
  ScratchFolder folder;
  std::vector<std::string> compare{"compare", "--networks", "conv_small", "mlp_odd", "--recipes", "luq", "fp32",
                                   "int8",    "--hw",       "tiny",       "odd",     "--jobs",    "3"};
  const Outcome table = run_program(compare);
  EXPECT_EQ(table.code, 0) << table.errors;
  compare.back() = "1";
  compare.insert(compare.end(), {"--json", folder / "out.json"});
  EXPECT_EQ(run_program(compare).output, table.output);

  const nlohmann::json report = read_json(folder / "out.json");
  EXPECT_EQ(report.at("finished"), true);
  const std::vector<std::string> lines = rows_of(table.output);
  ASSERT_EQ(lines.size(), 2 + 12u) << table.output;
  std::size_t at = 0;
  for (const char* network : {"conv_small", "mlp_odd"}) {
    for (const char* hardware : {"tiny", "odd"}) {
      for (const char* recipe : {"luq", "fp32", "int8"}) {
        const nlohmann::json& row = report.at("rows").at(at);
        const std::string& line = lines.at(2 + at++);
        EXPECT_EQ(row.at("network"), network);
        EXPECT_EQ(row.at("hardware"), hardware);
        EXPECT_EQ(row.at("recipe"), recipe);
        const Outcome run = run_program({"run", network, "--recipe", recipe, "--hw", hardware, "--json", "-"});
        if (std::string(recipe) == "fp32") {
          EXPECT_EQ(run.code, 2);
          EXPECT_THAT(run.errors, HasSubstr(row.at("excluded").get<std::string>()));
          EXPECT_THAT(line, HasSubstr("excluded: " + row.at("excluded").get<std::string>()));
          continue;
        }
        const nlohmann::json alone = nlohmann::json::parse(run.output);
        for (const char* key : {"cycles", "batch", "energy_pj", "dram_bytes", "peak_bytes", "bound_cycles"}) {
          EXPECT_EQ(row.at(key), alone.at(key)) << line << key;
        }
        EXPECT_EQ(row.at("bound_by"), alone.at("totals").at("bound_by"));
      }
    }
  }
}

TEST(Compare, TheBatchOfAllAndTheMemory) {
  const Outcome outcome = run_program({"compare", "--networks", "resnet8", "mlp", "--recipes", "int8", "--hw", "tiny",
                                       "--batch", "128", "--dram", "hbm2", "--json", "-"});
  EXPECT_EQ(outcome.code, 0) << outcome.errors;
  const nlohmann::json rows = nlohmann::json::parse(outcome.output).at("rows");
  EXPECT_THAT(rows.at(0).at("excluded").get<std::string>(), HasSubstr("DRAM is too small"));
  const Outcome run = run_program({"run", "mlp", "--hw", "tiny", "--batch", "128", "--dram", "hbm2", "--json", "-"});
  EXPECT_EQ(rows.at(1).at("cycles"), nlohmann::json::parse(run.output).at("cycles"));
}

TEST(Compare, AnInterruptKeepsTheRowsThatAreMade) {
  ScratchFolder folder;
  Running running({"compare", "--jobs", "2", "--json", folder / "out.json", "-q"});
  for (int i = 0; i < 600 && !std::filesystem::exists(folder / "out.json"); ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
  running.send(SIGINT);
  const Outcome outcome = running.finish(30);
  EXPECT_EQ(outcome.code, 130);
  const nlohmann::json report = read_json(folder / "out.json");
  EXPECT_EQ(report.at("finished"), false);
  EXPECT_EQ(report.at("interrupted"), true);
  EXPECT_GE(report.at("rows").size(), 1u);
}

/// docs/compare.md has what the command prints. The smaller networks alone are made again here.
TEST(Compare, ThePageHasWhatIsPrinted) {
  const std::filesystem::path root = std::filesystem::path(source_trace("x")).parent_path().parent_path();
  std::vector<std::string> page;
  for (const std::string& row : rows_of(read_text(root / "docs/compare.md"))) {
    if (row.starts_with("| conv128 ") || row.starts_with("| ffn768 ")) page.push_back(row);
  }
  const std::vector<std::vector<std::string>> tables{
      {},
      {"--recipes", "int8_raw16", "luq_raw16", "fqt1_raw16", "lwq_raw16", "maqd_raw16"},
      {"--hw", "edge", "--recipes", "int8_raw16", "luq_raw16", "fqt1_raw16"},
      {"--hw", "datacenter", "--recipes", "int8_raw16", "luq_raw16", "fqt1_raw16"}};
  std::vector<std::string> printed;
  for (const std::vector<std::string>& table : tables) {
    std::vector<std::string> command{"compare", "--networks", "conv128", "ffn768", "--jobs", "2"};
    command.insert(command.end(), table.begin(), table.end());
    const Outcome outcome = run_program(command);
    const std::vector<std::string> rows = rows_of(outcome.output);
    ASSERT_GT(rows.size(), 2u) << outcome.errors;
    printed.insert(printed.end(), rows.begin() + 2, rows.end());
  }
  const auto cells = [](std::vector<std::string> rows) {  // their widths differ where other rows are there
    for (std::string& row : rows) std::erase(row, ' ');
    return rows;
  };
  EXPECT_EQ(cells(page), cells(printed)) << "make the page's tables again by the commands that it names";
}

}  // namespace
}  // namespace bitloom::testing
