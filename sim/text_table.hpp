#pragma once
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace bitloom {

/// A text table: the first column left-aligned, the others right-aligned, a line under the head.
class Table {
 public:
  /// Makes a table whose names are cut to `shortest_name` characters before columns are left out.
  explicit Table(std::vector<std::string> head, int shortest_name = 8) : shortest_name_(shortest_name) {
    rows_.push_back(std::move(head));
  }
  /// Adds a row. A row of one cell is a heading line, which no column is widened for.
  void row(std::vector<std::string> cells) { rows_.push_back(std::move(cells)); }
  /// Returns the table as lines of at most `columns` characters; 0: as wide as it needs. Where it is too wide, the
  /// names in the first column are cut, and then columns are left out from the right.
  std::string text(int columns = 0) const;

 private:
  std::vector<int> widths(int columns) const;

  int shortest_name_;
  std::vector<std::vector<std::string>> rows_;
};

/// Returns "1 234 567", thousands apart, as cycles and elements are long.
std::string grouped(std::int64_t value);
std::string grouped(std::uint64_t value);
/// Returns "88.91 %" for 0.8891.
std::string percent(double fraction, int decimals = 2);
/// Returns the value (at least 0) with three digits and the prefix that fits, from pico to tera: si(0.0123, "W") is
/// "12.3 mW".
std::string si(double value, const std::string& unit);
/// Returns how many characters a terminal shows for a UTF-8 text.
int text_width(const std::string& text);
/// Returns the text cut to `width` characters, at least 1, with "…" in the place of what is missing.
std::string shortened(const std::string& text, int width);
/// Returns the words of a text in lines of at most `columns` characters (a longer word has a line of its own), each but
/// the first behind `indent` spaces; ends with a line end.
std::string wrapped(const std::string& text, int columns, int indent = 0);

}  // namespace bitloom
