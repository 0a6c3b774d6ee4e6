#pragma once
#include <string>
#include <vector>

#include "sim/estimate.hpp"
#include "sim/program/report.hpp"

namespace bitloom::program {

/// Makes a row of `bitloom compare --json`: some keys of `bitloom run --json`, with the same meaning.
Json compare_row(const Estimate& estimate);

/// The lines of a Markdown table whose columns are aligned.
class CompareTable {
 public:
  CompareTable();

  /// Makes the first columns wide enough for a row, of which only the names are read.
  void widen(const Json& row);
  std::string head() const;
  /// Returns the line of a row, which has numbers or a reason why it is excluded.
  std::string row(const Json& row) const;

 private:
  std::string line(const std::vector<std::string>& cells) const;

  std::vector<std::size_t> widths_;
};

}  // namespace bitloom::program
