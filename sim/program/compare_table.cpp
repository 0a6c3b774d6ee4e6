#include "sim/program/compare_table.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "sim/text_table.hpp"

namespace bitloom::program {
namespace {

constexpr std::array kNameKeys{"network", "batch", "hardware", "recipe"};
/// The keys of `bitloom run` that a row has, at its top and in its totals.
constexpr std::array kKeys{"micro_batches", "commands",    "cycles",           "clock_mhz",
                           "time_ms",       "utilisation", "energy_pj",        "samples_per_second",
                           "bound_cycles",  "dram_bytes",  "compulsory_bytes", "peak_bytes"};
constexpr std::array kTotalKeys{"macs", "bound_by", "second_by", "second_share"};

struct Column {
  const char* title;
  std::size_t width;  ///< of the widest number; 0: by the names, or the last column
};
constexpr std::array kColumns{Column{"network", 0}, Column{"batch", 0},  Column{"hardware", 0}, Column{"recipe", 0},
                              Column{"cycles", 13}, Column{"time", 7},   Column{"array", 7},    Column{"energy", 7},
                              Column{"DRAM", 7},    Column{"×least", 6}, Column{"peak", 7},     Column{"×bound", 6},
                              Column{"busiest", 0}};

std::string times(double part, double whole) { return whole == 0 ? "" : fmt::format("{:.2f}", part / whole); }

std::vector<std::string> names(const Json& row) {
  return {row.at("network").get<std::string>(), std::to_string(row.at("batch").get<int>()),
          row.at("hardware").get<std::string>(), row.at("recipe").get<std::string>()};
}

std::vector<std::string> numbers(const Json& row) {
  const auto of = [&](const char* key) { return row.at(key).get<double>(); };
  return {grouped(row.at("cycles").get<std::uint64_t>()),
          si(of("time_ms") * 1e-3, "s"),
          percent(of("utilisation"), 1),
          si(of("energy_pj") * 1e-12, "J"),
          si(of("dram_bytes"), "B"),
          times(of("dram_bytes"), of("compulsory_bytes")),
          si(row.at("peak_bytes").at("total").get<double>(), "B"),
          times(of("cycles"), of("bound_cycles")),
          fmt::format("{}, {} {:.0f} %", row.at("bound_by").get<std::string>(), row.at("second_by").get<std::string>(),
                      100 * of("second_share"))};
}

}  // namespace

Json compare_row(const Estimate& estimate) {
  const Json all = bitloom::to_json(estimate);
  Json row;
  for (const char* key : kNameKeys) row[key] = all.at(key);
  for (const char* key : kKeys) row[key] = all.at(key);
  for (const char* key : kTotalKeys) row[key] = all.at("totals").at(key);
  return row;
}

CompareTable::CompareTable() {
  for (const Column& column : kColumns) {
    widths_.push_back(std::max(column.width, static_cast<std::size_t>(text_width(column.title))));
  }
}

void CompareTable::widen(const Json& row) {
  const std::vector<std::string> cells = names(row);
  for (std::size_t i = 0; i < cells.size(); ++i) {
    widths_[i] = std::max(widths_[i], static_cast<std::size_t>(text_width(cells[i])));
  }
}

std::string CompareTable::line(const std::vector<std::string>& cells) const {
  std::string text = "|";
  for (std::size_t i = 0; i < cells.size(); ++i) {
    const bool number = i >= kNameKeys.size() && i + 1 < kColumns.size();
    const auto space = widths_[i] - std::min(widths_[i], static_cast<std::size_t>(text_width(cells[i])));
    text +=
        fmt::format(" {}{}{} |", std::string(number ? space : 0, ' '), cells[i], std::string(number ? 0 : space, ' '));
  }
  return text + "\n";
}

std::string CompareTable::head() const {
  std::vector<std::string> titles, rules;
  for (std::size_t i = 0; i < kColumns.size(); ++i) {
    const bool number = i >= kNameKeys.size() && i + 1 < kColumns.size();
    titles.emplace_back(kColumns[i].title);
    rules.push_back(std::string(widths_[i] - (number ? 1 : 0), '-') + (number ? ":" : ""));
  }
  return line(titles) + line(rules);
}

std::string CompareTable::row(const Json& row) const {
  std::vector<std::string> cells = names(row);
  std::vector<std::string> of(kColumns.size() - cells.size() - 1);
  if (row.contains("excluded")) {
    of.push_back("excluded: " + row.at("excluded").get<std::string>());
  } else {
    of = numbers(row);
  }
  cells.insert(cells.end(), of.begin(), of.end());
  return line(cells);
}

}  // namespace bitloom::program
