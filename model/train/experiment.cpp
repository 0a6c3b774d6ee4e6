#include "model/train/experiment.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "model/io/field_reader.hpp"
#include "model/train/experiment_fields.hpp"

namespace bitloom {
namespace {

void require_earlier(const FieldReader& json, const Experiment& experiment, const char* key, const std::string& name) {
  const auto is_it = [&](const ExperimentRow& row) { return row.name == name; };
  if (name.empty() || std::any_of(experiment.rows.begin(), experiment.rows.end(), is_it)) return;
  json.fail(key, fmt::format("expected the name of a row above, got \"{}\"", name));
}

/// Names stand in tables and in scripts, so they are words and never paths.
void require_word(const FieldReader& json, const std::string& name) {
  const std::string inside = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-+.";
  const bool good = !name.empty() && name[0] != '.' && name[0] != '-';
  if (good && name.find_first_not_of(inside) == std::string::npos) return;
  json.fail("name", fmt::format("expected letters, digits, \"_\", \"-\", \"+\" and \".\", the first neither \"-\" nor "
                                "\".\", got \"{}\"",
                                name));
}

}  // namespace

Experiment read_experiment(const std::string& file) {
  const FieldReader json(JsonObject::from_file(file), experiment_fields());
  Experiment experiment;
  experiment.name = json.get<std::string>("name");
  experiment.train_limit = json.get<int>("train_limit");
  const int seeds = json.get<int>("seeds");
  for (const FieldReader& each : json.objects("rows")) {
    ExperimentRow row;
    row.name = each.get<std::string>("name");
    require_word(each, row.name);
    row.network = each.get<std::string>("network");
    row.recipe = each.get<std::string>("recipe");
    row.hyper = each.get<std::string>("hyper");
    if (each.has("against")) row.against = each.get<std::string>("against");
    if (each.has("init")) row.init = each.get<std::string>("init");
    row.epochs = each.get<int>("epochs");
    row.batch = each.get<int>("batch");
    row.seeds = each.has("seeds") ? each.get<int>("seeds") : seeds;
    require_earlier(each, experiment, "against", row.against);
    require_earlier(each, experiment, "init", row.init);
    const auto taken = [&](const ExperimentRow& other) { return other.name == row.name; };
    if (std::any_of(experiment.rows.begin(), experiment.rows.end(), taken)) {
      each.fail("name", fmt::format("\"{}\" is already taken", row.name));
    }
    experiment.rows.push_back(row);
  }
  return experiment;
}

}  // namespace bitloom
