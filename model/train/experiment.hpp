#pragma once
#include <string>
#include <vector>

namespace bitloom {

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

/// Reads an experiment file. Throws Error also where `against` or `init` is no row above, where two rows have one name,
/// and where a row's name has other characters than letters, digits and "_", "-", "+", "." inside.
Experiment read_experiment(const std::string& file);

}  // namespace bitloom
