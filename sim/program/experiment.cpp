// `bitloom experiment`: the rows of an experiment file, each trained from several seeds, as a table of accuracies.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cstdio>
#include <list>
#include <memory>

#include "model/data/cifar.hpp"
#include "model/data/data_file.hpp"
#include "model/io/error.hpp"
#include "model/io/interrupt.hpp"
#include "model/io/output_plan.hpp"
#include "model/io/suggest.hpp"
#include "model/io/traces.hpp"
#include "sim/program/experiment_runs.hpp"
#include "sim/program/experiment_table.hpp"
#include "sim/program/program.hpp"

namespace bitloom::program {
namespace {

/// A misspelt row would give an empty table.
void require_rows(const ExperimentCommand& command, const Experiment& experiment) {
  std::vector<std::string> known;
  for (const ExperimentRow& row : experiment.rows) known.push_back(row.name);
  for (const std::string& name : command.rows) {
    if (std::ranges::find(known, name) != known.end()) continue;
    throw Error(fmt::format("--rows: experiment {} has no row {}; it has {}{}", experiment.name, name,
                            fmt::join(known, ", "), suggestion(name, known)));
  }
}

DataPair images_for(const ExperimentCommand& command, const Experiment& experiment) {
  DataPair data = read_image_folder(command.data);
  if (command.hold_out > 0) data = hold_out(data.train, command.hold_out);
  keep_first(data.train, command.train_limit > 0 ? command.train_limit : experiment.train_limit);
  return data;
}

/// The rows that have been made so far, for the table and the JSON.
class Outcomes {
 public:
  /// A new row, compared with an earlier one where its file says so and that was made.
  RowOutcome& begin(const ExperimentRow& row) {
    RowOutcome outcome{&row, {}, nullptr};
    const auto baseline = std::ranges::find_if(all_, [&](const RowOutcome& o) { return o.row->name == row.against; });
    if (baseline != all_.end()) outcome.against = &baseline->runs;
    return all_.emplace_back(std::move(outcome));
  }

  Json report(const Json& configuration, bool finished) const {
    Json json = report_head("experiment", configuration);
    json["finished"] = finished;
    json["interrupted"] = interrupted();
    json["rows"] = Json::array();
    for (const RowOutcome& outcome : all_) {
      if (!outcome.runs.empty()) json["rows"].push_back(to_json(outcome));
    }
    return json;
  }

  /// Says which runs failed; returns whether none did.
  bool all_done() const {
    bool done = true;
    for (const RowOutcome& outcome : all_) {
      for (const RunOutcome& run : outcome.runs) {
        if (run.record.status == RunStatus::kDone) continue;
        done = false;
        fmt::print(stderr, "bitloom: error: row {}, seed {}: {}\n", outcome.row->name, run.record.seed,
                   run.record.error);
      }
    }
    return done;
  }

 private:
  std::list<RowOutcome> all_;  ///< a list, as rows point to earlier ones
};

Json configuration(const ExperimentCommand& command, const Experiment& experiment, const std::string& file,
                   const DataPair& data) {
  Json json;
  json["experiment"] = experiment.name;
  json["experiment_file"] = file;
  json["data"] = command.data;
  json["train_images"] = data.train.size();
  json["test_images"] = data.test.size();
  json["judged_on"] = command.hold_out > 0 ? "held-out training images" : "test images";
  json["threads"] = command.threads;
  if (!command.db.empty()) json["db"] = command.db;
  return json;
}

/// Makes the chosen rows one after the other and prints each when it is there.
int make_rows(const ExperimentCommand& command, const Experiment& experiment, ExperimentRuns& runs,
              const Json& config) {
  const bool tables = prints_tables(command.json, command.quiet);
  const bool rewritten = command.json != "-" && !is_stream(command.json);
  Outcomes outcomes;
  try {
    for (const ExperimentRow& row : experiment.rows) {
      if (!command.rows.empty() && std::ranges::find(command.rows, row.name) == command.rows.end()) continue;
      RowOutcome& outcome = outcomes.begin(row);
      for (int seed = 1; seed <= (command.seeds > 0 ? command.seeds : row.seeds); ++seed) {
        outcome.runs.push_back(runs.outcome(row, seed));
        if (rewritten) write_report(command.json, outcomes.report(config, false));
      }
      if (tables) fmt::print("{}", table_row(outcome));
      std::fflush(stdout);
    }
  } catch (const Interrupted&) {
    write_report(command.json, outcomes.report(config, false));
    fmt::print(stderr, "bitloom: {}\n",
               command.db.empty() ? "what is not finished is kept nowhere (no --db)"
                                  : fmt::format("the same command goes on from the last epoch kept in {}", command.db));
    throw;
  }
  write_report(command.json, outcomes.report(config, true));
  return outcomes.all_done() ? kOk : kBadInput;
}

int run(const ExperimentCommand& command) {
  const std::string file = resolve_trace(TraceKind::kExperiment, command.experiment);
  const Experiment experiment = read_experiment(file);
  require_rows(command, experiment);
  ExperimentRuns runs(experiment, command);
  OutputPlan plan;
  plan.reads("the experiment's file", file);
  runs.plan(plan);
  plan.reads_folder("--data", command.data, is_image_file);
  plan.writes("--json", command.json);
  plan.writes_file("--db", command.db);
  Results results(command.db);
  const DataPair data = images_for(command, experiment);
  runs.use(data, results);
  if (prints_tables(command.json, command.quiet)) {
    fmt::print("{}: {} training images, accuracy in % on {} images\n\n{}", experiment.name, data.train.size(),
               data.test.size(), table_head());
    std::fflush(stdout);
  }
  return make_rows(command, experiment, runs, configuration(command, experiment, file, data));
}

}  // namespace

void add_experiment(CLI::App& app, Action& action) {
  const auto options = std::make_shared<ExperimentCommand>();
  CLI::App* sub = app.add_subcommand("experiment", "train the rows of an experiment from several seeds; compare them");
  sub->add_option("EXPERIMENT", options->experiment, "experiment: file or name (bitloom --help lists the names)")
      ->required();
  sub->add_option("--data", options->data,
                  "folder of the four IDX files of MNIST or Fashion-MNIST, or of CIFAR-10's data_batch_*.bin and\n"
                  "test_batch*.bin, each plain or gzip")
      ->required();
  sub->add_option("--rows", options->rows, "only these rows; rows that they start from are trained, not printed");
  sub->add_option("--seeds", options->seeds, "seeds 1 … N (default: as the experiment says)")
      ->check(CLI::Range(1, 1000));
  sub->add_option("--epochs", options->epochs, "epochs of every row (default: as the experiment or --hyper says)")
      ->check(CLI::Range(1, 100000));
  sub->add_option("--train-limit", options->train_limit,
                  "train on the first N training images only (default: as the experiment says)")
      ->check(CLI::Range(1, 100000000));
  sub->add_option("--hold-out", options->hold_out,
                  "judge by the last N training images, which are then not trained on, in place of the test images")
      ->check(CLI::Range(1, 100000000));
  sub->add_option("--threads", options->threads, "threads; the results do not depend on them")
      ->check(CLI::Range(1, 1024))
      ->capture_default_str();
  sub->add_option(
      "--db", options->db,
      "remember results in this SQLite file, by the content of all that makes them; a run that is there is\n"
      "not made again, and one that was stopped goes on (default: results are not remembered)");
  sub->add_option("--json", options->json, "write the results as JSON, after each run (- for standard output)");
  sub->add_flag("--quiet,-q", options->quiet, "print nothing but errors");
  sub->footer(
      "Examples: bitloom experiment fashion_mlp --data fashion-mnist --db results.db\n"
      "          bitloom experiment fashion_lenet --data fashion-mnist --rows fp32 luq lwq --seeds 2 --json out.json\n"
      "          bitloom experiment mine.json --data cifar-10 --epochs 1 --db results.db\n"
      "JSON: rows[] with test_accuracy (mean over seeds, fraction), its standard error, the difference paired by "
      "seed,\n"
      "and runs[]; docs/counters.md defines every key. `bitloom explain experiment` describes experiment files.\n"
      "Ctrl-C keeps finished runs in --json, and with --db every finished epoch: the same command goes on there.");
  sub->callback([options, &action] { action = [options] { return run(*options); }; });
}

}  // namespace bitloom::program
