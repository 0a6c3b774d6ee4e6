#include "sim/program/explain_pages.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <fstream>

#include "model/io/traces.hpp"

namespace bitloom::program {

namespace fs = std::filesystem;

namespace {

std::vector<std::string> lines_of(const std::string& file) {
  std::vector<std::string> lines;
  std::ifstream stream(file);
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }

/// Returns the page of a family: numerics/n23_lwq.md for N23.6.
std::string family_file(const std::string& rule) {
  const std::string number = rule.substr(1, rule.find('.') - 1);
  const std::string start = fmt::format("n{:0>2}_", number);
  const std::string folder = find_page("numerics");
  if (folder.empty()) return "";
  for (const auto& entry : fs::directory_iterator(folder)) {
    if (entry.path().filename().string().starts_with(start)) return entry.path().string();
  }
  return "";
}

std::string lower(std::string text) {
  std::ranges::transform(text, text.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

/// Returns the cells of a row of a Markdown table; none for another line.
std::vector<std::string> cells_of(const std::string& line) {
  std::vector<std::string> cells;
  if (!line.starts_with("| ")) return cells;
  for (std::size_t at = 1; at < line.size();) {
    const std::size_t end = std::min(line.find('|', at), line.size());
    const std::string cell = line.substr(at, end - at);
    const std::size_t first = cell.find_first_not_of(' ');
    if (first != std::string::npos) cells.push_back(cell.substr(first, cell.find_last_not_of(' ') - first + 1));
    at = end + 1;
  }
  return cells;
}

}  // namespace

bool is_rule(const std::string& word) {
  if (word.size() < 2 || word[0] != 'N' || !is_digit(word[1])) return false;
  return std::ranges::all_of(word.substr(1), [](char c) { return is_digit(c) || c == '.'; });
}

std::string rule_page(const std::string& rule) {
  const bool family = rule.find('.') == std::string::npos;
  std::string text;
  bool inside = false;
  for (const std::string& line : lines_of(family_file(rule))) {
    const bool own = line.starts_with("## " + rule + " ") || (family && line.starts_with("# " + rule + " "));
    if (own) {
      inside = true;
    } else if (!family && line.starts_with("#")) {
      inside = false;
    }
    if (inside) text += line + "\n";
  }
  return text;
}

std::string unit_page(const std::string& word) {
  std::vector<std::string> head;
  for (const std::string& line : lines_of(find_page("units.md"))) {
    const std::vector<std::string> cells = cells_of(line);
    if (cells.empty()) continue;
    if (cells[0] == "unit") head = cells;
    const bool has_file = line.find(fmt::format("`{}`", word)) != std::string::npos;
    if (head.empty() || (lower(cells[0]) != lower(word) && !has_file)) continue;
    std::string text = fmt::format("unit {}\n", cells[0]);
    for (std::size_t i = 1; i < std::min(head.size(), cells.size()); ++i) {
      text += fmt::format("  {}: {}\n", head[i], cells[i]);
    }
    return text;
  }
  return "";
}

std::vector<std::string> unit_names() {
  std::vector<std::string> names;
  bool inside = false;
  for (const std::string& line : lines_of(find_page("units.md"))) {
    const std::vector<std::string> cells = cells_of(line);
    if (cells.empty()) {
      inside = inside && line.starts_with("|");
    } else if (cells[0] == "unit") {
      inside = true;
    } else if (inside) {
      names.push_back(cells[0]);
    }
  }
  return names;
}

}  // namespace bitloom::program
