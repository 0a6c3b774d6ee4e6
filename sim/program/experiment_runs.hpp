#pragma once
#include <functional>
#include <map>
#include <string>

#include "model/data/dataset.hpp"
#include "model/train/content.hpp"
#include "model/train/experiment.hpp"
#include "model/train/trainer.hpp"
#include "sim/program/options.hpp"
#include "sim/program/workload.hpp"
#include "sim/results/results.hpp"

namespace bitloom::program {

/// What is known of a row's run from one seed.
struct RunOutcome {
  RunRecord record;
  bool remembered = false;  ///< it was done before, so nothing was trained
};

/// Makes the runs of an experiment, or finds them among the results. A run is identified by content, never by name; one
/// that was stopped goes on from its last finished epoch.
class ExperimentRuns {
 public:
  /// Reads and judges the files of the chosen rows and of those that they start from, so that a mistake in the last row
  /// is found before the first is trained. Throws Error.
  ExperimentRuns(const Experiment& experiment, const ExperimentCommand& command);

  /// Names the rows' files as inputs that no output may overwrite.
  void plan(OutputPlan& plan) const;

  /// Takes the images, and the place of the results; both must outlive this object. Throws Error where the images do
  /// not fit a row's network.
  void use(const DataPair& data, Results& results);

  /// Returns the run of a row from a seed; trains it unless it is done. A training that fails gives a failed record.
  /// Throws Interrupted, and ResultsError.
  RunOutcome outcome(const ExperimentRow& row, int seed);

 private:
  struct Known {
    Workload workload;
    TrainOptions options;  ///< but for the seed
  };

  const ExperimentRow& row_called(const std::string& name) const;
  void add(const ExperimentRow& row);
  std::string hash_of(const ExperimentRow& row, int seed) const;
  RunOutcome ensure(const ExperimentRow& row, int seed, bool with_checkpoint);
  RunRecord new_record(const ExperimentRow& row, int seed) const;
  void start(Trainer& trainer, const ExperimentRow& row, int seed, RunRecord& record);
  void from_checkpoint(const std::string& hash, const std::function<void(const std::string& file)>& take);
  void train(const ExperimentRow& row, int seed, RunRecord& record);
  bool starts_others(const std::string& row) const;

  const Experiment& experiment_;
  const ExperimentCommand& command_;
  std::map<std::string, Known> known_;  ///< by the row's name
  const DataPair* data_ = nullptr;
  std::string train_hash_, test_hash_;
  Results* results_ = nullptr;
};

}  // namespace bitloom::program
