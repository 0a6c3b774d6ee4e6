// Prints an accuracy table of docs/: each row of an experiment file (traces/experiments) trained from several seeds,
// with its mean test accuracy, the standard error of that mean, and the difference from the row that it is compared
// with, paired by seed. Every finished epoch is kept in a results folder, so a stopped run goes on where it was.

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <numeric>
#include <optional>

#include "model/cifar.hpp"
#include "model/error.hpp"
#include "model/interrupt.hpp"
#include "model/json_reader.hpp"
#include "model/output_file.hpp"
#include "model/recipe.hpp"
#include "model/traces.hpp"
#include "model/trainer.hpp"
#include "testbench/golden/experiment.hpp"

namespace {

using namespace bitloom;
using testing::Experiment;
using testing::ExperimentRow;

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
};

struct Outcome {
  double accuracy = 0.0;  ///< percent
  double train_loss = 0.0;
  double samples_per_second = 0.0;
  std::int64_t saturated = 0;
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

/// One training run, with its files in the results folder.
class Run {
 public:
  Run(const Options& options, const ExperimentRow& row, int seed, const std::string& folder)
      : options_(options), row_(row), seed_(seed), folder_(folder) {}

  Outcome outcome(const DataPair& data) {
    if (const std::optional<Outcome> done = finished()) return *done;
    return train(data);
  }

 private:
  std::string file(const std::string& row, const char* extension) const {
    return fmt::format("{}/{}-{}{}", folder_, row, seed_, extension);
  }

  std::optional<Outcome> finished() const {
    if (!std::filesystem::exists(file(row_.name, ".json"))) return {};
    const JsonObject json = JsonObject::from_file(file(row_.name, ".json"));
    Outcome outcome{json.get<double>("accuracy"), json.get<double>("train_loss"),
                    json.get<double>("samples_per_second"), json.get<std::int64_t>("saturated")};
    json.finish();
    return outcome;
  }

  Outcome train(const DataPair& data) {
    const Network network = read_network(resolve_trace(TraceKind::kNetwork, row_.network));
    const Recipe recipe = read_recipe(resolve_trace(TraceKind::kRecipe, row_.recipe));
    const Hyper hyper = read_hyper(resolve_trace(TraceKind::kHyper, row_.hyper));
    TrainOptions options = train_options(hyper);
    options.threads = options_.threads;
    options.seed = static_cast<std::uint64_t>(seed_);
    if (row_.epochs > 0) options.epochs = row_.epochs;
    if (options_.epochs > 0) options.epochs = options_.epochs;
    if (row_.batch > 0) options.batch = row_.batch;
    const auto trainer = recipe.fp32 ? make_fp32_trainer(network, hyper, options, recipe.normalization)
                                     : make_integer_trainer(network, recipe, hyper, options);
    const std::string checkpoint = file(row_.name, ".ckpt");
    if (std::filesystem::exists(checkpoint))
      trainer->resume(checkpoint);
    else if (!row_.init.empty())
      trainer->init_from(file(row_.init, ".ckpt"));
    return run_epochs(*trainer, data, options.epochs, checkpoint);
  }

  /// Speed, loss and saturations are those of the epochs of this process; a resumed run has the others' bits, not their
  /// time.
  Outcome run_epochs(Trainer& trainer, const DataPair& data, int epochs, const std::string& checkpoint) {
    Outcome outcome;
    double seconds = 0.0;
    std::int64_t samples = 0;
    for (int epoch = trainer.epochs_done(); epoch < epochs; ++epoch) {
      const EpochResult result = trainer.run_epoch(data.train, epoch, {});
      if (!result.complete) throw Interrupted{};
      seconds += result.seconds;
      samples += result.samples;
      outcome.train_loss = result.loss;
      outcome.saturated += result.saturated;
      trainer.save(checkpoint);
    }
    outcome.accuracy = 100.0 * trainer.evaluate(data.test).accuracy;
    outcome.samples_per_second = seconds > 0.0 ? static_cast<double>(samples) / seconds : 0.0;
    nlohmann::ordered_json json{{"accuracy", outcome.accuracy},
                                {"train_loss", outcome.train_loss},
                                {"samples_per_second", outcome.samples_per_second},
                                {"saturated", outcome.saturated}};
    write_file(file(row_.name, ".json"), json.dump(1) + "\n");
    return outcome;
  }

  const Options& options_;
  const ExperimentRow& row_;
  int seed_;
  std::string folder_;
};

void print_row(const ExperimentRow& row, const std::vector<Outcome>& outcomes, const std::vector<Outcome>* baseline) {
  std::vector<double> accuracies, differences, rates;
  for (std::size_t i = 0; i < outcomes.size(); ++i) {
    accuracies.push_back(outcomes[i].accuracy);
    rates.push_back(outcomes[i].samples_per_second);
    if (baseline != nullptr && i < baseline->size())
      differences.push_back(outcomes[i].accuracy - (*baseline)[i].accuracy);
  }
  const Mean accuracy = mean_of(accuracies);
  std::string difference = "";
  if (!differences.empty()) {
    const Mean paired = mean_of(differences);
    difference = fmt::format("{:+.2f} ± {:.2f} to {}", paired.mean, paired.error, row.against);
  }
  fmt::print("| {} | {} | {} | {:.2f} ± {:.2f} | {} | {:.4f} | {:.0f} | {} |\n", row.name, row.network, outcomes.size(),
             accuracy.mean, accuracy.error, difference, outcomes.back().train_loss, mean_of(rates).mean,
             outcomes.back().saturated);
  std::fflush(stdout);
}

DataPair read_data(const Options& wanted, const Experiment& experiment) {
  DataPair data = read_image_folder(wanted.data);
  if (wanted.held_out > 0) data = hold_out(data.train, wanted.held_out);
  const int limit = wanted.train_limit > 0 ? wanted.train_limit : experiment.train_limit;
  if (limit > 0 && limit < data.train.size()) data.train = hold_out(data.train, data.train.size() - limit).train;
  return data;
}

bool chosen(const Options& wanted, const std::string& row) {
  return wanted.rows.empty() || std::find(wanted.rows.begin(), wanted.rows.end(), row) != wanted.rows.end();
}

int print_table(const Options& wanted) {
  const Experiment experiment = testing::read_experiment(resolve_trace(TraceKind::kExperiment, wanted.experiment));
  const std::string folder = wanted.results.empty() ? "results-" + experiment.name : wanted.results;
  require_writable_folder(folder);
  const DataPair data = read_data(wanted, experiment);
  fmt::print("{}: {} training images, accuracy in % on {} images\n\n", experiment.name, data.train.size(),
             data.test.size());
  fmt::print(
      "| row | network | seeds | accuracy | difference, by seed | loss of the last epoch | samples/s | saturated |\n");
  fmt::print("|---|---|---|---|---|---|---|---|\n");
  std::map<std::string, std::vector<Outcome>> all;
  for (const ExperimentRow& row : experiment.rows) {
    if (!chosen(wanted, row.name)) continue;
    for (int seed = 1; seed <= (wanted.seeds > 0 ? wanted.seeds : row.seeds); ++seed) {
      all[row.name].push_back(Run(wanted, row, seed, folder).outcome(data));
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
  CLI11_PARSE(app, argc, argv);
  try {
    install_handler();
    return print_table(options);
  } catch (const Interrupted&) {
    fmt::print(stderr, "interrupted; the same command goes on from the last finished epoch\n");
    return 130;
  } catch (const Error& error) {
    fmt::print(stderr, "{}\n", error.what());
    return 1;
  }
}
