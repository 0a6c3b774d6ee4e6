// Prints an accuracy table of docs/: each row of an experiment file (traces/experiments) trained from several seeds,
// with its mean test accuracy, the standard error of that mean, and the difference from the row that it is compared
// with, paired by seed. Loss and saturations are those of the last seed. Every finished epoch is kept in a results
// folder, so a stopped run goes on where it was.

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <numeric>
#include <optional>

#include "model/data/cifar.hpp"
#include "model/io/error.hpp"
#include "model/io/interrupt.hpp"
#include "model/io/json_reader.hpp"
#include "model/io/output_file.hpp"
#include "model/io/traces.hpp"
#include "model/network/recipe.hpp"
#include "model/train/trainer.hpp"
#include "testbench/model/train/experiment.hpp"

namespace {

using namespace bitloom;
using testing::Experiment;
using testing::ExperimentRow;

constexpr int kBadInput = 2;  ///< as bitloom's

struct Options {
  std::string data;
  std::string experiment = "fashion_mlp";
  std::string results;
  std::vector<std::string> rows;  ///< only these; empty: all
  int seeds = 0;                  ///< instead of the file's
  int epochs = 0;
  int train_limit = 0;
  int threads = 1;
  int held_out = 0;
  int stop_after = 0;  ///< epochs of this process; 0: no limit
};

/// What is known of a run after an epoch.
struct Outcome {
  double accuracy = 0.0;  ///< percent, after the last epoch
  double train_loss = 0.0;
  std::int64_t saturated = 0;  ///< over all epochs
};

struct Mean {
  double mean = 0.0;
  double error = 0.0;  ///< standard error of the mean
};

Mean mean_of(const std::vector<double>& values) {
  const auto n = static_cast<double>(values.size());
  const double mean = std::accumulate(values.begin(), values.end(), 0.0) / n;
  double squares = 0.0;
  for (const double value : values) squares += (value - mean) * (value - mean);
  return {mean, values.size() < 2 ? 0.0 : std::sqrt(squares / (n - 1) / n)};
}

/// Ends the process after --stop-after epochs, as Ctrl-C would.
class EpochBudget {
 public:
  explicit EpochBudget(int epochs) : left_(epochs) {}
  void spend() {
    if (left_ > 0 && --left_ == 0) throw Interrupted{};
  }

 private:
  int left_;
};

/// One training run, with its two files in the results folder: the checkpoint of the last finished epoch, and what is
/// known of the run so far.
class Run {
 public:
  Run(const Options& options, const ExperimentRow& row, int seed, const std::string& folder, EpochBudget& budget)
      : row_(row), seed_(seed), folder_(folder), budget_(budget) {
    hyper_ = read_hyper(resolve_trace(TraceKind::kHyper, row.hyper));
    train_ = train_options(hyper_);
    train_.threads = options.threads;
    train_.seed = static_cast<std::uint64_t>(seed);
    if (row.epochs > 0) train_.epochs = row.epochs;
    if (options.epochs > 0) train_.epochs = options.epochs;
    if (row.batch > 0) train_.batch = row.batch;
  }

  Outcome outcome(const DataPair& data) {
    settings_ = fmt::format("{} {} {} batch {} epochs {} images {} judged {}", row_.network, row_.recipe, row_.hyper,
                            train_.batch, train_.epochs, data.train.size(), data.test.size());
    if (!row_.init.empty()) settings_ += " from " + row_.init;
    read_known();
    if (epochs_ < train_.epochs) run_epochs(data);
    return known_;
  }

 private:
  std::string file(const std::string& row, const char* extension) const {
    return fmt::format("{}/{}-{}{}", folder_, row, seed_, extension);
  }

  void read_known() {
    if (!std::filesystem::exists(file(row_.name, ".json"))) return;
    const JsonObject json = JsonObject::from_file(file(row_.name, ".json"));
    const std::string settings = json.get<std::string>("settings");
    if (settings != settings_) {
      json.fail("settings", fmt::format("is of another table: expected \"{}\", found \"{}\"", settings_, settings));
    }
    epochs_ = json.get<int>("epochs");
    known_ = {json.get<double>("accuracy"), json.get<double>("train_loss"), json.get<std::int64_t>("saturated")};
    json.finish();
  }

  void write_known() const {
    const nlohmann::ordered_json json{{"settings", settings_},
                                      {"epochs", epochs_},
                                      {"accuracy", known_.accuracy},
                                      {"train_loss", known_.train_loss},
                                      {"saturated", known_.saturated}};
    write_file(file(row_.name, ".json"), json.dump(1) + "\n");
  }

  std::unique_ptr<Trainer> make_trainer() const {
    const Network network = read_network(resolve_trace(TraceKind::kNetwork, row_.network));
    const Recipe recipe = read_recipe(resolve_trace(TraceKind::kRecipe, row_.recipe));
    return recipe.fp32 ? make_fp32_trainer(network, hyper_, train_, recipe.normalization)
                       : make_integer_trainer(network, recipe, hyper_, train_);
  }

  /// A run that was killed between its two files has one epoch more in the checkpoint than is known: it starts anew.
  std::unique_ptr<Trainer> start() {
    if (epochs_ > 0) {
      auto trainer = make_trainer();
      trainer->resume(file(row_.name, ".ckpt"));
      if (trainer->epochs_done() == epochs_) return trainer;
    }
    epochs_ = 0;
    known_ = {};
    auto trainer = make_trainer();
    if (!row_.init.empty()) trainer->init_from(file(row_.init, ".ckpt"));
    return trainer;
  }

  void run_epochs(const DataPair& data) {
    const auto trainer = start();
    while (epochs_ < train_.epochs) {
      const EpochResult result = trainer->run_epoch(data.train, epochs_, {});
      if (!result.complete) throw Interrupted{};
      ++epochs_;
      known_.train_loss = result.loss;
      known_.saturated += result.saturated;
      if (epochs_ == train_.epochs) known_.accuracy = 100.0 * trainer->evaluate(data.test).accuracy;
      trainer->save(file(row_.name, ".ckpt"));
      write_known();
      budget_.spend();
    }
  }

  const ExperimentRow& row_;
  int seed_;
  std::string folder_;
  EpochBudget& budget_;
  Hyper hyper_;
  TrainOptions train_;
  std::string settings_;  ///< of the run, beside its results: another table's are refused
  int epochs_ = 0;        ///< finished
  Outcome known_;
};

void print_row(const ExperimentRow& row, const std::vector<Outcome>& outcomes, const std::vector<Outcome>* baseline) {
  std::vector<double> accuracies, differences;
  for (std::size_t i = 0; i < outcomes.size(); ++i) {
    accuracies.push_back(outcomes[i].accuracy);
    if (baseline != nullptr && i < baseline->size())
      differences.push_back(outcomes[i].accuracy - (*baseline)[i].accuracy);
  }
  const Mean accuracy = mean_of(accuracies);
  std::string difference = "";
  if (!differences.empty()) {
    const Mean paired = mean_of(differences);
    const std::string error = differences.size() < 2 ? "" : fmt::format(" ± {:.2f}", paired.error);
    difference = fmt::format("{:+.2f}{} to {}", paired.mean, error, row.against);
  }
  const std::string error = outcomes.size() < 2 ? "" : fmt::format(" ± {:.2f}", accuracy.error);
  fmt::print("| {} | {} | {} | {:.2f}{} | {} | {:.4f} | {} |\n", row.name, row.network, outcomes.size(), accuracy.mean,
             error, difference, outcomes.back().train_loss, outcomes.back().saturated);
  std::fflush(stdout);
}

DataPair read_data(const Options& wanted, const Experiment& experiment) {
  DataPair data = read_image_folder(wanted.data);
  if (wanted.held_out > 0) data = hold_out(data.train, wanted.held_out);
  const int limit = wanted.train_limit > 0 ? wanted.train_limit : experiment.train_limit;
  if (limit > 0 && limit < data.train.size()) data.train = hold_out(data.train, data.train.size() - limit).train;
  return data;
}

/// A misspelt row would print an empty table.
void require_rows(const Options& wanted, const Experiment& experiment) {
  for (const std::string& name : wanted.rows) {
    const auto has_name = [&](const ExperimentRow& row) { return row.name == name; };
    if (std::any_of(experiment.rows.begin(), experiment.rows.end(), has_name)) continue;
    std::string known;
    for (const ExperimentRow& row : experiment.rows) known += (known.empty() ? "" : ", ") + row.name;
    throw Error(fmt::format("--rows: experiment {} has no row {}; it has {}", experiment.name, name, known));
  }
}

bool chosen(const Options& wanted, const std::string& row) {
  return wanted.rows.empty() || std::find(wanted.rows.begin(), wanted.rows.end(), row) != wanted.rows.end();
}

int print_table(const Options& wanted) {
  const Experiment experiment = testing::read_experiment(resolve_trace(TraceKind::kExperiment, wanted.experiment));
  require_rows(wanted, experiment);
  const std::string folder = wanted.results.empty() ? "results-" + experiment.name : wanted.results;
  require_writable_folder(folder);
  const DataPair data = read_data(wanted, experiment);
  fmt::print("{}: {} training images, accuracy in % on {} images\n\n", experiment.name, data.train.size(),
             data.test.size());
  fmt::print("| row | network | seeds | accuracy | difference, by seed | loss of the last epoch | saturated |\n");
  fmt::print("|---|---|---|---|---|---|---|\n");
  EpochBudget budget(wanted.stop_after);
  std::map<std::string, std::vector<Outcome>> all;
  for (const ExperimentRow& row : experiment.rows) {
    if (!chosen(wanted, row.name)) continue;
    for (int seed = 1; seed <= (wanted.seeds > 0 ? wanted.seeds : row.seeds); ++seed) {
      all[row.name].push_back(Run(wanted, row, seed, folder, budget).outcome(data));
    }
    const auto baseline = all.find(row.against);
    print_row(row, all[row.name], baseline == all.end() ? nullptr : &baseline->second);
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  CLI::App app("Mean accuracy of recipes over seeds");
  app.add_option("--data", options.data, "folder of the IDX or CIFAR-10 files")->required();
  app.add_option("--experiment", options.experiment, "experiment file or name in traces/experiments")
      ->capture_default_str();
  app.add_option("--results", options.results,
                 "folder that keeps finished epochs and rows (default: results-<experiment>)");
  app.add_option("--rows", options.rows, "only these rows");
  app.add_option("--seeds", options.seeds, "seeds 1 … N, instead of the file's")->check(CLI::Range(1, 1000));
  app.add_option("--epochs", options.epochs, "instead of the files'")->check(CLI::Range(1, 10000));
  app.add_option("--train-limit", options.train_limit, "use only the first so many training images");
  app.add_option("--threads", options.threads, "threads")->check(CLI::Range(1, 1024));
  app.add_option("--held-out", options.held_out, "train without the last N training images and judge on those");
  app.add_option("--stop-after", options.stop_after,
                 "stop after so many epochs of all rows together, as if interrupted")
      ->check(CLI::Range(1, 1000000));
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& help) {
    return app.exit(help);
  } catch (const CLI::ParseError& error) {
    fmt::print(stderr, "accuracy_table: error: {}\n", error.what());
    return kBadInput;
  }
  try {
    install_handler();
    return print_table(options);
  } catch (const Interrupted&) {
    fmt::print(stderr, "interrupted; the same command goes on from the last finished epoch\n");
    return 130;
  } catch (const Error& error) {
    fmt::print(stderr, "accuracy_table: error: {}\n", error.what());
    return kBadInput;
  }
}
