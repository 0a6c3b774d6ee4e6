#include "testbench/model/train/experiment.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "model/io/json_reader.hpp"

namespace bitloom::testing {
namespace {

void require_earlier(const JsonObject& json, const Experiment& experiment, const char* key, const std::string& name) {
  const auto is_it = [&](const ExperimentRow& row) { return row.name == name; };
  if (name.empty() || std::any_of(experiment.rows.begin(), experiment.rows.end(), is_it)) return;
  json.fail(key, fmt::format("expected the name of a row above, got \"{}\"", name));
}

}  // namespace

Experiment read_experiment(const std::string& file) {
  const JsonObject json = JsonObject::from_file(file);
  Experiment experiment;
  experiment.name = json.get<std::string>("name");
  experiment.train_limit = json.get_or<int>("train_limit", 0, 0, 100000000);
  const int seeds = json.get<int>("seeds", 1, 1000);
  for (const JsonObject& each : json.objects("rows")) {
    ExperimentRow row;
    row.name = each.get<std::string>("name");
    row.network = each.get<std::string>("network");
    row.recipe = each.get<std::string>("recipe");
    row.hyper = each.get_or<std::string>("hyper", "default");
    row.against = each.get_or<std::string>("against", "");
    row.init = each.get_or<std::string>("init", "");
    row.epochs = each.get_or<int>("epochs", 0, 0, 100000);
    row.batch = each.get_or<int>("batch", 0, 0, 65535);
    row.seeds = each.get_or<int>("seeds", seeds, 1, 1000);
    each.finish();
    require_earlier(each, experiment, "against", row.against);
    require_earlier(each, experiment, "init", row.init);
    const auto taken = [&](const ExperimentRow& other) { return other.name == row.name; };
    if (std::any_of(experiment.rows.begin(), experiment.rows.end(), taken)) {
      each.fail("name", fmt::format("\"{}\" is already taken", row.name));
    }
    experiment.rows.push_back(row);
  }
  json.finish();
  return experiment;
}

}  // namespace bitloom::testing
