#pragma once
#include <string>
#include <vector>

#include "sim/program/experiment_runs.hpp"
#include "sim/program/report.hpp"

namespace bitloom::program {

/// The runs of a row, seed by seed, and those of the row that it is compared with.
struct RowOutcome {
  const ExperimentRow* row = nullptr;
  std::vector<RunOutcome> runs;
  const std::vector<RunOutcome>* against = nullptr;  ///< null: with none
};

/// Makes the head of the table in Markdown, two lines.
std::string table_head();

/// Makes a row of the table: mean accuracy in percent with the standard error of that mean, the difference paired by
/// seed, loss and saturated values of the last seed. Runs that failed do not count.
std::string table_row(const RowOutcome& outcome);

/// Says the same as JSON, with the runs; accuracies as fractions.
Json to_json(const RowOutcome& outcome);

}  // namespace bitloom::program
