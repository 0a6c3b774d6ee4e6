#pragma once
#include <string>
#include <vector>

namespace bitloom::testing {

/// One row of an accuracy table: a network trained by a recipe from every seed.
struct ExperimentRow {
  std::string name;
  std::string network;
  std::string recipe;
  std::string hyper;
  std::string against;  ///< an earlier row that it is compared with, seed by seed; empty: none
  std::string init;     ///< an earlier row whose trained parameters it starts from; empty: initial ones
  int epochs = 0;       ///< 0: as the hyper-parameter file says
  int batch = 0;        ///< 0: likewise
  int seeds = 0;        ///< 1 … seeds
};

/// An accuracy table as a file (traces/experiments).
struct Experiment {
  std::string name;
  int train_limit = 0;  ///< training images used, from the first; 0: all
  std::vector<ExperimentRow> rows;
};

/// Strict; an unknown key, an unknown row in `against` or `init`, a row name given twice is an Error.
Experiment read_experiment(const std::string& file);

}  // namespace bitloom::testing
