#include "sim/text_table.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <numeric>
#include <sstream>

namespace bitloom {
namespace {

constexpr int kGap = 2;  ///< spaces between columns

bool continues_character(char byte) { return (static_cast<unsigned char>(byte) & 0xC0u) == 0x80u; }

int total_width(const std::vector<int>& widths) {
  return std::accumulate(widths.begin(), widths.end(), kGap * (static_cast<int>(widths.size()) - 1));
}

std::string with_gaps(const std::string& digits) {
  std::string text = digits;
  const std::ptrdiff_t first = text.front() == '-' ? 1 : 0;
  for (std::ptrdiff_t at = std::ssize(text) - 3; at > first; at -= 3) text.insert(static_cast<std::size_t>(at), " ");
  return text;
}

std::string line_of(const std::vector<std::string>& cells, const std::vector<int>& widths, int columns) {
  std::string line;
  for (std::size_t i = 0; i < std::min(cells.size(), widths.size()); ++i) {
    if (i == 0) {
      const int most = cells.size() == 1 ? columns : widths[0];
      line = fmt::format("{:<{}}", most > 0 ? shortened(cells[0], most) : cells[0], widths[0]);
    } else {
      line += fmt::format("{:{}}{:>{}}", "", kGap, cells[i], widths[i]);
    }
  }
  line.erase(line.find_last_not_of(' ') + 1);
  return line + "\n";
}

}  // namespace

std::vector<int> Table::widths(int columns) const {
  std::vector<int> widths;
  for (const auto& cells : rows_) {
    widths.resize(std::max(widths.size(), cells.size()), 0);
    for (std::size_t i = 0; cells.size() > 1 && i < cells.size(); ++i) {
      widths[i] = std::max(widths[i], text_width(cells[i]));
    }
  }
  if (columns <= 0) return widths;
  const int shortest = std::min(shortest_name_, widths[0]);
  while (widths.size() > 1 && total_width(widths) - widths[0] + shortest > columns) widths.pop_back();
  widths[0] = std::max(1, std::min(widths[0], columns - (total_width(widths) - widths[0])));
  return widths;
}

std::string Table::text(int columns) const {
  const std::vector<int> fitting = widths(columns);
  std::string text;
  for (std::size_t r = 0; r < rows_.size(); ++r) {
    text += line_of(rows_[r], fitting, columns);
    if (r == 0) text += std::string(static_cast<std::size_t>(total_width(fitting)), '-') + "\n";
  }
  return text;
}

std::string grouped(std::int64_t value) { return with_gaps(std::to_string(value)); }
std::string grouped(std::uint64_t value) { return with_gaps(std::to_string(value)); }

std::string percent(double fraction, int decimals) { return fmt::format("{:.{}f} %", 100.0 * fraction, decimals); }

std::string si(double value, const std::string& unit) {
  static constexpr std::array<const char*, 9> kPrefixes{"p", "n", "u", "m", "", "k", "M", "G", "T"};
  std::size_t prefix = 0;
  double scaled = value * 1e12;
  while (prefix + 1 < kPrefixes.size() && scaled >= 999.5) {
    scaled /= 1000;
    ++prefix;
  }
  if (value == 0) return "0 " + unit;
  const int decimals = scaled < 9.995 ? 2 : scaled < 99.95 ? 1 : 0;
  return fmt::format("{:.{}f} {}{}", scaled, decimals, kPrefixes[prefix], unit);
}

int text_width(const std::string& text) {
  return static_cast<int>(
      std::count_if(text.begin(), text.end(), [](char byte) { return !continues_character(byte); }));
}

std::string shortened(const std::string& text, int width) {
  if (text_width(text) <= width) return text;
  std::size_t end = 0;
  for (int kept = 0; end < text.size(); ++end) {
    if (!continues_character(text[end]) && ++kept == width) break;
  }
  return text.substr(0, end) + "…";
}

std::string wrapped(const std::string& text, int columns, int indent) {
  std::istringstream words(text);
  std::string result, word;
  int width = 0;
  while (words >> word) {
    const int longer = text_width(word);
    if (width > 0 && width + 1 + longer > columns) {
      result += "\n" + std::string(static_cast<std::size_t>(indent), ' ') + word;
      width = indent + longer;
    } else {
      result += (width > 0 ? " " : "") + word;
      width += (width > 0 ? 1 : 0) + longer;
    }
  }
  return result + "\n";
}

}  // namespace bitloom
