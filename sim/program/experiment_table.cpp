#include "sim/program/experiment_table.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <optional>

namespace bitloom::program {
namespace {

/// A mean over seeds. `error` is the standard error of the mean, which one seed does not give.
struct Mean {
  double mean = 0.0;
  std::optional<double> error;
};

std::optional<Mean> mean_of(const std::vector<double>& values) {
  if (values.empty()) return std::nullopt;
  const auto n = static_cast<double>(values.size());
  const double mean = std::accumulate(values.begin(), values.end(), 0.0) / n;
  if (values.size() < 2) return Mean{mean, std::nullopt};
  double squares = 0.0;
  for (const double value : values) squares += (value - mean) * (value - mean);
  return Mean{mean, std::sqrt(squares / (n - 1) / n)};
}

bool is_done(const RunOutcome& run) { return run.record.status == RunStatus::kDone; }

std::vector<double> accuracies(const RowOutcome& outcome) {
  std::vector<double> all;
  for (const RunOutcome& run : outcome.runs) {
    if (is_done(run)) all.push_back(100.0 * run.record.test_accuracy.value());
  }
  return all;
}

std::vector<double> differences(const RowOutcome& outcome) {
  std::vector<double> all;
  if (outcome.against == nullptr) return all;
  for (const RunOutcome& run : outcome.runs) {
    const auto same_seed = [&](const RunOutcome& other) { return other.record.seed == run.record.seed; };
    const auto other = std::ranges::find_if(*outcome.against, same_seed);
    if (!is_done(run) || other == outcome.against->end() || !is_done(*other)) continue;
    all.push_back(100.0 * run.record.test_accuracy.value() - 100.0 * other->record.test_accuracy.value());
  }
  return all;
}

std::string with_error(const std::string& number, const Mean& mean) {
  return mean.error ? fmt::format("{} ± {:.2f}", number, *mean.error) : number;
}

Json fraction(const std::optional<double>& percent) { return percent ? Json(*percent / 100.0) : Json(nullptr); }

template <class T>
Json or_null(const std::optional<T>& value) {
  return value ? Json(*value) : Json(nullptr);
}

Json to_json(const RunOutcome& run) {
  const RunRecord& record = run.record;
  Json json;
  json["seed"] = record.seed;
  json["config_hash"] = record.config_hash;
  json["status"] = status_name(record.status);
  if (!record.error.empty()) json["error"] = record.error;
  json["remembered"] = run.remembered;
  json["epochs_done"] = record.epochs_done;
  json["test_accuracy"] = or_null(record.test_accuracy);
  json["test_loss"] = or_null(record.test_loss);
  json["train_loss"] = or_null(record.train_loss);
  json["train_accuracy"] = or_null(record.train_accuracy);
  json["train_seconds"] = or_null(record.train_seconds);
  json["saturated_values"] = or_null(record.saturated_values);
  return json;
}

}  // namespace

std::string table_head() {
  return "| row | network | seeds | accuracy | difference, by seed | loss of the last epoch | saturated |\n"
         "|---|---|---|---|---|---|---|\n";
}

std::string table_row(const RowOutcome& outcome) {
  const std::vector<double> all = accuracies(outcome);
  const std::string head = fmt::format("| {} | {} | {} |", outcome.row->name, outcome.row->network, all.size());
  if (all.empty()) return head + " failed |  |  |  |\n";
  const Mean accuracy = *mean_of(all);
  std::string difference;
  if (const std::optional<Mean> paired = mean_of(differences(outcome))) {
    difference =
        fmt::format("{} to {}", with_error(fmt::format("{:+.2f}", paired->mean), *paired), outcome.row->against);
  }
  const RunRecord& last = std::find_if(outcome.runs.rbegin(), outcome.runs.rend(), is_done)->record;
  return fmt::format("{} {} | {} | {:.4f} | {} |\n", head, with_error(fmt::format("{:.2f}", accuracy.mean), accuracy),
                     difference, last.train_loss.value(), last.saturated_values.value());
}

Json to_json(const RowOutcome& outcome) {
  const ExperimentRow& row = *outcome.row;
  const RunRecord& first = outcome.runs.front().record;
  Json json;
  json["name"] = row.name;
  json["network"] = row.network;
  json["recipe"] = row.recipe;
  json["hyper"] = row.hyper;
  if (!row.init.empty()) json["init"] = row.init;
  if (!row.against.empty()) json["against"] = row.against;
  json["batch"] = first.batch;
  json["epochs"] = first.epochs;
  const Mean none;
  const std::optional<Mean> accuracy = mean_of(accuracies(outcome)), difference = mean_of(differences(outcome));
  json["test_accuracy"] = accuracy ? fraction(accuracy->mean) : Json(nullptr);
  json["test_accuracy_error"] = fraction(accuracy.value_or(none).error);
  json["difference"] = difference ? fraction(difference->mean) : Json(nullptr);
  json["difference_error"] = fraction(difference.value_or(none).error);
  json["runs"] = Json::array();
  for (const RunOutcome& run : outcome.runs) json["runs"].push_back(to_json(run));
  return json;
}

}  // namespace bitloom::program
