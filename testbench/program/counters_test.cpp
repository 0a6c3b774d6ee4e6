// docs/counters.md against what the commands print: no key without a row, and no row without a key.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <regex>
#include <set>
#include <sstream>
#include <string>

#include "testbench/program/idx_files.hpp"
#include "testbench/program/spawn.hpp"

namespace bitloom::testing {
namespace {

struct Row {
  std::set<std::string> keys;
  bool optional = false;  ///< printed only in some runs
};

/// What a section of the page defines.
struct Section {
  std::set<std::string> keys;
  std::set<std::string> always;

  void add(const Section& other) {
    keys.insert(other.keys.begin(), other.keys.end());
    always.insert(other.always.begin(), other.always.end());
  }
};

/// Reads a row of a table of keys: those in backquotes in the first cell.
Row row_of(const std::string& line) {
  Row row;
  const std::string first = line.substr(0, line.find('|', 1));
  static const std::regex kKey("`([^`]+)`");
  for (std::sregex_iterator at(first.begin(), first.end(), kKey), end; at != end; ++at) row.keys.insert((*at)[1]);
  row.optional = line.find("| Only ") != std::string::npos;
  return row;
}

Section section_of_page(const std::string& title) {
  Section section;
  std::istringstream page(
      read_text(std::filesystem::path(source_trace("x")).parent_path().parent_path() / "docs/counters.md"));
  bool inside = false;
  for (std::string line; std::getline(page, line);) {
    if (line.starts_with("## ")) inside = line == "## " + title;
    if (!inside || !line.starts_with("| `")) continue;
    const Row row = row_of(line);
    section.keys.insert(row.keys.begin(), row.keys.end());
    if (!row.optional) section.always.insert(row.keys.begin(), row.keys.end());
  }
  EXPECT_FALSE(section.keys.empty()) << title;
  return section;
}

/// The paths of all values, with [] for elements of lists. A list's own path stands only for elements that are no
/// objects, and for empty lists.
void collect(const nlohmann::json& json, const std::string& path, std::set<std::string>& paths) {
  if (json.is_object()) {
    for (const auto& [key, value] : json.items()) collect(value, path.empty() ? key : path + "." + key, paths);
  } else if (json.is_array()) {
    for (const nlohmann::json& element : json) collect(element, path + "[]", paths);
    if (json.empty()) paths.insert(path + "[]");
  } else {
    paths.insert(path);
  }
}

/// Names of actions, of token counters, of kinds of memory and, but for the totals, of engines become *.
std::string generalized(const std::string& path) {
  static const std::regex kAction(R"(^actions\.[a-z0-9_]+\.)"), kOther(R"(\.(stalled_on|[a-z]+_bytes_by_kind)\..*$)"),
      kEngine(R"(^(phases|layers)\[\]\.busy_cycles\..*$)");
  const std::string some = std::regex_replace(std::regex_replace(path, kAction, "actions.*."), kOther, ".$1.*");
  return std::regex_replace(some, kEngine, "$1[].busy_cycles.*");
}

std::set<std::string> printed(const std::vector<std::vector<std::string>>& runs) {
  std::set<std::string> paths;
  for (std::vector<std::string> arguments : runs) {
    arguments.insert(arguments.end(), {"--json", "-"});
    const Outcome outcome = run_program(arguments);
    EXPECT_EQ(outcome.code, 0) << outcome.errors;
    std::set<std::string> raw;
    collect(nlohmann::json::parse(outcome.output), "", raw);
    for (const std::string& path : raw) paths.insert(generalized(path));
  }
  return paths;
}

void expect_defined(const std::string& command, const std::vector<std::vector<std::string>>& runs) {
  Section common = section_of_page("In every output");
  if (command != "experiment" && command != "compare") common.add(section_of_page("In `train`, `run` and `cosim`"));
  const Section own = section_of_page("`bitloom " + command + "`");
  const std::set<std::string> paths = printed(runs);
  for (const std::string& path : paths) {
    const bool list_without_elements = path.ends_with("[]") && own.keys.lower_bound(path) != own.keys.end() &&
                                       own.keys.lower_bound(path)->starts_with(path);
    EXPECT_TRUE(own.keys.contains(path) || common.keys.contains(path) || list_without_elements)
        << "docs/counters.md, " << command << ": no row for " << path;
  }
  for (const Section& section : {common, own}) {
    for (const std::string& key : section.always) {
      EXPECT_TRUE(paths.contains(key)) << "docs/counters.md, " << command << ": nothing prints " << key;
    }
  }
}

TEST(Counters, EveryKeyOfRunIsDefined) {
  expect_defined("run", {{"run", "mlp_odd", "--hw", "tiny"},
                         {"run", "conv_small", "--recipe", "lwq_accumulate", "--batch", "8"},
                         {"run", "mlp_odd", "--hw", "tiny", "--dram", "hbm2"}});
}

TEST(Counters, EveryKeyOfCompareIsDefined) {
  expect_defined("compare", {{"compare", "--networks", "mlp_odd", "--recipes", "int8", "fp32", "--hw", "tiny"}});
}

TEST(Counters, EveryKeyOfCosimIsDefined) {
  expect_defined("cosim", {{"cosim", "mlp_odd", "--hw", "tiny"}, {"cosim", "conv_small", "--recipe", "lwq"}});
}

TEST(Counters, EveryKeyOfTrainIsDefined) {
  const std::vector<std::string> train{"train", "mlp_odd", "--epochs", "1", "--train-limit", "500"};
  std::vector<std::string> fp32 = train;
  fp32.insert(fp32.end(), {"--recipe", "fp32"});
  expect_defined("train", {train, fp32});
}

TEST(Counters, EveryKeyOfExperimentIsDefined) {
  ScratchFolder folder;
  write_idx_folder(folder.path(), 256, 100);
  write_text(folder / "e.json", R"({"name": "e", "seeds": 2, "rows": [
    {"name": "a", "network": "mlp", "recipe": "fp32", "epochs": 1},
    {"name": "b", "network": "mlp", "recipe": "int8", "epochs": 1, "init": "a", "against": "a"}]})");
  expect_defined("experiment", {{"experiment", folder / "e.json", "--data", folder.path(), "--db", folder / "db"}});
}

}  // namespace
}  // namespace bitloom::testing
