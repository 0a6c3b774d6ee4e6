#pragma once
#include <cstdint>
#include <optional>
#include <string>

#include "sim/results/database.hpp"

namespace bitloom {

/// How far a run of the table is.
enum class RunStatus {
  kRunning,  ///< begun; of a process that works on it, or that was stopped
  kDone,     ///< all its figures are there
  kFailed,   ///< ended with `error`
};

/// Returns the word for it in the table: "running", "done", "failed".
const char* status_name(RunStatus status);

/// A run and its figures: one row of the table `runs`.
struct RunRecord {
  std::string config_hash;  ///< config_hash() of all that made the run (model/train/content.hpp)
  RunStatus status = RunStatus::kRunning;
  std::string error;  ///< of a failed run

  // What a reader of the table calls the run. Nothing is found by these.
  std::string network;
  std::string recipe;
  std::string data;
  std::int64_t seed = 0;
  std::int64_t batch = 0;   ///< samples of an optimizer step
  std::int64_t epochs = 0;  ///< of the whole run
  std::string program;      ///< version_line() of the program that wrote the row

  // The figures; those of a run that is not done are of its finished epochs.
  std::int64_t epochs_done = 0;
  std::optional<double> test_accuracy;           ///< 0 to 1, after the last epoch
  std::optional<double> test_loss;               ///< nats, likewise
  std::optional<double> train_loss;              ///< nats, of the last finished epoch
  std::optional<double> train_seconds;           ///< in training steps, of all epochs
  std::optional<std::int64_t> saturated_values;  ///< of all epochs
  std::optional<double> train_accuracy;          ///< 0 to 1, of the last finished epoch
};

/// Remembers runs in a file by their content. A row "running" whose process was killed is found like any other, with
/// the checkpoint of its last finished epoch. All functions throw ResultsError.
class Results {
 public:
  /// Opens a database of results, makes it where there is none, and brings one of an older program up to date. An empty
  /// name stands for results that go with the process. Throws also where the file is of a newer program, is no such
  /// database, or may not be written.
  explicit Results(const std::string& file);

  std::optional<RunRecord> find(const std::string& config_hash);

  /// Writes the row, and with it the run's checkpoint: both are written or none.
  void put(const RunRecord& record);
  void put(const RunRecord& record, const std::string& checkpoint);

  /// Writes the row of a run that is done; its checkpoint stays only where another run may start from it.
  void finish(const RunRecord& record, bool keep_checkpoint);

  /// Returns the bytes of the run's last checkpoint that was put.
  std::optional<std::string> checkpoint(const std::string& config_hash);
  bool has_checkpoint(const std::string& config_hash);
  void drop_checkpoint(const std::string& config_hash);

 private:
  void put_row(const RunRecord& record);

  Database database_;
};

}  // namespace bitloom
