#include "sim/program/experiment_runs.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <memory>

#include "model/io/error.hpp"
#include "model/io/interrupt.hpp"
#include "model/io/version.hpp"
#include "sim/program/memory_file.hpp"
#include "sim/program/train.hpp"

namespace bitloom::program {

ExperimentRuns::ExperimentRuns(const Experiment& experiment, const ExperimentCommand& command)
    : experiment_(experiment), command_(command) {
  for (const ExperimentRow& row : experiment.rows) {
    if (command.rows.empty() || std::ranges::find(command.rows, row.name) != command.rows.end()) add(row);
  }
}

const ExperimentRow& ExperimentRuns::row_called(const std::string& name) const {
  return *std::ranges::find(experiment_.rows, name, &ExperimentRow::name);
}

bool ExperimentRuns::starts_others(const std::string& row) const {
  return std::ranges::find(experiment_.rows, row, &ExperimentRow::init) != experiment_.rows.end();
}

void ExperimentRuns::add(const ExperimentRow& row) {
  if (known_.contains(row.name)) return;
  if (!row.init.empty()) add(row_called(row.init));
  try {
    Known known{load_workload(row.network, row.recipe, row.hyper), {}};
    known.options = train_options(known.workload.hyper);
    known.options.batch = batch_of(known.workload, row.batch);
    known.options.threads = command_.threads;
    if (row.epochs > 0) known.options.epochs = row.epochs;
    if (command_.epochs > 0) known.options.epochs = command_.epochs;
    require_training_memory(known.workload, known.options.batch);
    make_trainer(known.workload, known.options);
    known_.emplace(row.name, std::move(known));
  } catch (const Error& error) {
    throw Error(fmt::format("experiment {}: row {}: {}", experiment_.name, row.name, error.what()));
  }
}

void ExperimentRuns::plan(OutputPlan& plan) const {
  for (const auto& [name, known] : known_) plan_inputs(plan, known.workload);
}

void ExperimentRuns::use(const DataPair& data, Results& results) {
  for (const auto& [name, known] : known_) {
    require_fit(known.workload.network, data.train);
    require_fit(known.workload.network, data.test);
  }
  data_ = &data;
  train_hash_ = content_hash(data.train);
  test_hash_ = content_hash(data.test);
  results_ = &results;
}

std::string ExperimentRuns::hash_of(const ExperimentRow& row, int seed) const {
  const Known& known = known_.at(row.name);
  RunConfiguration run;
  run.network = content_hash(known.workload.network);
  run.recipe = content_hash(known.workload.recipe);
  run.hyper = content_hash(known.workload.hyper);
  run.train_data = train_hash_;
  run.test_data = test_hash_;
  run.init = row.init.empty() ? "" : hash_of(row_called(row.init), seed);
  run.seed = static_cast<std::uint64_t>(seed);
  run.batch = known.options.batch;
  run.epochs = known.options.epochs;
  return config_hash(run);
}

RunRecord ExperimentRuns::new_record(const ExperimentRow& row, int seed) const {
  const Known& known = known_.at(row.name);
  RunRecord record;
  record.config_hash = hash_of(row, seed);
  record.network = known.workload.network.name;
  record.recipe = known.workload.recipe.name;
  record.data = data_->train.name;
  record.seed = seed;
  record.batch = known.options.batch;
  record.epochs = known.options.epochs;
  record.program = version_line();
  record.train_seconds = 0.0;
  record.saturated_values = 0;
  return record;
}

RunOutcome ExperimentRuns::outcome(const ExperimentRow& row, int seed) { return ensure(row, seed, false); }

RunOutcome ExperimentRuns::ensure(const ExperimentRow& row, int seed, bool with_checkpoint) {
  const std::string hash = hash_of(row, seed);
  const bool has_checkpoint = results_->has_checkpoint(hash);
  std::optional<RunRecord> found = results_->find(hash);
  const bool done = found && found->status == RunStatus::kDone;
  if (done && (has_checkpoint || !with_checkpoint)) return {*found, true};
  // A run goes on where it was stopped, if its last epoch is there; all else starts anew.
  const bool goes_on = found && found->status == RunStatus::kRunning && has_checkpoint;
  RunRecord record = goes_on ? *found : new_record(row, seed);
  try {
    train(row, seed, record);
  } catch (const ResultsError&) {
    throw;
  } catch (const Error& error) {
    record.status = RunStatus::kFailed;
    record.error = error.what();
    results_->put(record);
  }
  return {record, false};
}

void ExperimentRuns::from_checkpoint(const std::string& hash,
                                     const std::function<void(const std::string& file)>& take) {
  const MemoryFile file(results_->checkpoint(hash).value());
  try {
    take(file.path());
  } catch (const Error& error) {
    results_->drop_checkpoint(hash);
    throw Error(fmt::format("the checkpoint of run {} was damaged and is removed; give the same command again ({})",
                            hash, error.what()));
  }
}

/// Brings the trainer to where the record is: a run that goes on to its last epoch, a new one to its parameters.
void ExperimentRuns::start(Trainer& trainer, const ExperimentRow& row, int seed, RunRecord& record) {
  if (record.epochs_done > 0) {
    from_checkpoint(record.config_hash, [&](const std::string& file) { trainer.resume(file); });
  } else if (!row.init.empty()) {
    const RunRecord from = ensure(row_called(row.init), seed, true).record;
    if (from.status != RunStatus::kDone) {
      throw Error(fmt::format("row {}, from which it starts, failed: {}", row.init, from.error));
    }
    from_checkpoint(from.config_hash, [&](const std::string& file) { trainer.init_from(file); });
  }
}

void ExperimentRuns::train(const ExperimentRow& row, int seed, RunRecord& record) {
  const Known& known = known_.at(row.name);
  TrainOptions options = known.options;
  options.seed = static_cast<std::uint64_t>(seed);
  const std::unique_ptr<Trainer> trainer = make_trainer(known.workload, options);
  start(*trainer, row, seed, record);
  results_->put(record);
  const AfterEpoch keep = [&](const TrainRun& so_far) {
    const EpochResult& epoch = so_far.epochs.back();
    record.epochs_done = trainer->epochs_done();
    record.train_loss = epoch.loss;
    record.train_accuracy = epoch.train_accuracy;
    record.train_seconds = *record.train_seconds + epoch.seconds;
    record.saturated_values = *record.saturated_values + epoch.saturated;
    const MemoryFile file;
    trainer->save(file.path());
    results_->put(record, file.bytes());
  };
  const std::string label = fmt::format("{}, seed {}:", row.name, seed);
  const TrainRun run = run_training(*trainer, *data_, options, label, !command_.quiet, keep);
  if (run.interrupted) throw Interrupted{};
  record.status = RunStatus::kDone;
  record.test_accuracy = run.test.accuracy;
  record.test_loss = run.test.loss;
  results_->finish(record, starts_others(row.name));
}

}  // namespace bitloom::program
