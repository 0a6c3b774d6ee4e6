// Prints the accuracy table of docs/accuracy.md: each recipe trained from several seeds, with its mean test accuracy,
// the standard error of that mean, and the difference from FP32 paired by seed.

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cmath>
#include <cstdio>
#include <map>
#include <numeric>

#include "model/error.hpp"
#include "model/idx.hpp"
#include "model/recipe.hpp"
#include "model/traces.hpp"
#include "model/trainer.hpp"

namespace {

using namespace bitloom;

struct Options {
  std::string data;
  std::string network = "mlp";
  std::string hyper = "hyper";
  std::vector<std::string> recipes{"fp32", "int8", "int8_hindsight", "int4", "int4_hindsight", "int4_last8"};
  int seeds = 3;
  int epochs = 0;
  int threads = 1;
  int held_out = 0;
};

struct Outcome {
  double accuracy = 0.0;  ///< percent
  double train_loss = 0.0;
  double samples_per_second = 0.0;
  long long saturated = 0;
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

Outcome run(const Network& network, const Recipe& recipe, const Hyper& hyper, const TrainOptions& options,
            const DataPair& data) {
  const auto trainer =
      recipe.fp32 ? make_fp32_trainer(network, hyper, options) : make_integer_trainer(network, recipe, hyper, options);
  Outcome outcome;
  double seconds = 0.0;
  std::int64_t samples = 0;
  for (int epoch = 0; epoch < options.epochs; ++epoch) {
    const EpochResult result = trainer->run_epoch(data.train, epoch, {});
    seconds += result.seconds;
    samples += result.samples;
    outcome.train_loss = result.loss;
    outcome.saturated += result.saturated;
  }
  outcome.accuracy = 100.0 * trainer->evaluate(data.test).accuracy;
  outcome.samples_per_second = static_cast<double>(samples) / seconds;
  return outcome;
}

void print_row(const std::string& name, const std::vector<Outcome>& outcomes, const std::vector<Outcome>& baseline) {
  std::vector<double> accuracies, differences, rates;
  for (std::size_t i = 0; i < outcomes.size(); ++i) {
    accuracies.push_back(outcomes[i].accuracy);
    rates.push_back(outcomes[i].samples_per_second);
    if (!baseline.empty()) differences.push_back(outcomes[i].accuracy - baseline[i].accuracy);
  }
  const Mean accuracy = mean_of(accuracies);
  std::string difference = "";
  if (!differences.empty()) {
    const Mean paired = mean_of(differences);
    difference = fmt::format("{:+.2f} ± {:.2f}", paired.mean, paired.error);
  }
  fmt::print("| {} | {:.2f} ± {:.2f} | {} | {:.4f} | {:.0f} | {} |\n", name, accuracy.mean, accuracy.error, difference,
             outcomes.back().train_loss, mean_of(rates).mean, outcomes.back().saturated);
  std::fflush(stdout);
}

int print_table(const Options& wanted) {
  const Network network = read_network(resolve_trace(TraceKind::kNetwork, wanted.network));
  const Hyper hyper = read_hyper(resolve_trace(TraceKind::kHyper, wanted.hyper));
  DataPair data = read_idx_folder(wanted.data);
  if (wanted.held_out > 0) data = hold_out(data.train, wanted.held_out);
  TrainOptions options = train_options(hyper);
  options.threads = wanted.threads;
  if (wanted.epochs > 0) options.epochs = wanted.epochs;
  fmt::print("{} of {} images, {} epochs, batch {}, {} seeds; accuracy in % on {} images\n\n", network.name,
             data.train.size(), options.epochs, options.batch, wanted.seeds, data.test.size());
  fmt::print("| recipe | accuracy | against fp32, by seed | loss of the last epoch | samples/s | saturated |\n");
  fmt::print("|---|---|---|---|---|---|\n");
  std::map<std::string, std::vector<Outcome>> all;
  for (const std::string& name : wanted.recipes) {
    const Recipe recipe = read_recipe(resolve_trace(TraceKind::kRecipe, name));
    for (int seed = 1; seed <= wanted.seeds; ++seed) {
      options.seed = static_cast<std::uint64_t>(seed);
      all[name].push_back(run(network, recipe, hyper, options, data));
    }
    print_row(recipe.name, all[name], all["fp32"]);
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  CLI::App app("Mean accuracy of recipes over seeds");
  app.add_option("--data", options.data, "folder of the IDX files")->required();
  app.add_option("--network", options.network, "network file or name");
  app.add_option("--hyper", options.hyper, "hyper-parameter file or name");
  app.add_option("--recipes", options.recipes, "recipe files or names; fp32 first, so that others compare with it");
  app.add_option("--seeds", options.seeds, "seeds 1 … N")->check(CLI::Range(1, 1000));
  app.add_option("--epochs", options.epochs, "instead of the hyper file's")->check(CLI::Range(1, 10000));
  app.add_option("--threads", options.threads, "threads")->check(CLI::Range(1, 1024));
  app.add_option("--held-out", options.held_out, "train without the last N training images and judge on those");
  CLI11_PARSE(app, argc, argv);
  try {
    return print_table(options);
  } catch (const bitloom::Error& error) {
    fmt::print(stderr, "{}\n", error.what());
    return 1;
  }
}
