// Every field of every shipped recipe and hyper-parameter file has an effect: another legal value, or the field put
// where it is absent, is refused as without effect or changes what a short training computes. What changes it changes
// the content by which finished runs are found again, too.
#include <gtest/gtest.h>

#include <cstdio>
#include <filesystem>
#include <functional>
#include <nlohmann/json.hpp>
#include <random>

#include "model/io/field_reader.hpp"
#include "model/train/content.hpp"
#include "model/train/trainer.hpp"
#include "testbench/model/support.hpp"

namespace bitloom {
namespace {

using Json = nlohmann::ordered_json;

/// What a file makes of training, exactly; throws Error where it is refused.
using Outcome = std::function<std::vector<double>(const Json&)>;
/// Returns the content by which a run with the file is found again.
using Content = std::function<std::string(const Json&)>;

/// A first, a middle, a shortcut and a last layer, biases and norms, ReLUs, a sum of branches and a pool.
constexpr const char* kNetwork = R"({"name": "all_kinds", "input": [1, 8, 8], "layers": [
  {"name": "conv1", "op": "conv2d", "out": 4, "kernel": 3, "padding": 1, "bias": false},
  {"name": "bn1", "op": "batch_norm"}, {"name": "relu1", "op": "relu"},
  {"name": "conv2", "op": "conv2d", "out": 4, "kernel": 3, "padding": 1, "bias": true},
  {"name": "shortcut", "op": "conv2d", "inputs": ["relu1"], "out": 4, "kernel": 1, "bias": true},
  {"name": "sum", "op": "add", "inputs": ["conv2", "shortcut"]}, {"name": "relu2", "op": "relu"},
  {"name": "pool", "op": "average_pool", "kernel": 2}, {"name": "flatten", "op": "flatten"},
  {"name": "fc1", "op": "linear", "out": 6, "bias": true}, {"name": "relu3", "op": "relu"},
  {"name": "fc2", "op": "linear", "out": 4, "bias": true},
  {"name": "loss", "op": "softmax_cross_entropy"}]})";

Dataset images() {
  Dataset data;
  data.name = "noise";
  data.rows = data.cols = 8;
  data.classes = 4;
  std::mt19937 random(3);
  for (int i = 0; i < 16; ++i) {
    data.labels.push_back(static_cast<std::uint8_t>(random() % 4));
    for (int p = 0; p < 64; ++p) data.images.push_back(static_cast<std::uint8_t>(random() % 256));
  }
  return data;
}

/// Losses of two epochs of four steps and the parameters after them.
std::vector<double> trained(const Json& recipe_file) {
  static const test::TemporaryFolder folder;
  static const Network network = read_network(JsonObject::from_text(kNetwork, "all_kinds"));
  static const Dataset data = images();
  const Recipe recipe = read_recipe(JsonObject::from_text(recipe_file.dump(), "recipe"));
  Hyper hyper;
  hyper.learning_rate.base = recipe.update.optimizer == Optimizer::kAdam ? 0.0005 : 0.02;
  hyper.input.standard_deviation = 0.3;
  const TrainOptions options{2, 4, 1, 1};
  const std::unique_ptr<Trainer> trainer = recipe.fp32
                                               ? make_fp32_trainer(network, hyper, options, recipe.normalization)
                                               : make_integer_trainer(network, recipe, hyper, options);
  std::vector<double> all;
  for (int epoch = 0; epoch < options.epochs; ++epoch) all.push_back(trainer->run_epoch(data, epoch, {}).loss);
  trainer->save(folder / "state");
  for (const auto& [name, array] : read_checkpoint(folder / "state").tensors) {
    const bool parameter = name.ends_with(".weight") || name.ends_with(".bias") || name.ends_with(".gamma") ||
                           name.ends_with(".beta") || name.ends_with(".running_mean");
    if (!parameter) continue;
    for (const float value : npy_values<float>(array, name)) all.push_back(value);
  }
  return all;
}

/// All numbers that hyper-parameters give to a run of at most 40 epochs, and to one of 4 by --epochs.
std::vector<double> rates(const Json& hyper_file) {
  const Hyper hyper = read_hyper(JsonObject::from_text(hyper_file.dump(), "hyper"));
  std::vector<double> all{static_cast<double>(hyper.batch), static_cast<double>(hyper.epochs),
                          static_cast<double>(momentum16(hyper)), static_cast<double>(hyper.input.offset),
                          input_code_value(hyper.input, 127)};
  for (const int epochs : {std::min(hyper.epochs, 40), 4}) {
    for (int epoch = 0; epoch < epochs; ++epoch) {
      for (int step = 0; step < 3; ++step) {
        all.push_back(learning_rate_at(hyper.learning_rate, epoch, epochs, step, 3));
      }
    }
  }
  return all;
}

std::string recipe_content(const Json& file) {
  RunConfiguration run;
  run.recipe = content_hash(read_recipe(JsonObject::from_text(file.dump(), "recipe")));
  return config_hash(run);
}

std::string hyper_content(const Json& file) {
  const Hyper hyper = read_hyper(JsonObject::from_text(file.dump(), "hyper"));
  RunConfiguration run;
  run.hyper = content_hash(hyper);
  run.batch = hyper.batch;
  run.epochs = hyper.epochs;
  return config_hash(run);
}

/// Values of a field that is no object: those of its table, or its limits, values in between and the neighbours of the
/// present one.
std::vector<Json> values_of(const FileField& field, const Json& present) {
  std::vector<Json> values;
  const auto add_integers = [&](const std::function<void(std::int64_t)>& add) {
    const auto min = static_cast<std::int64_t>(field.min), max = static_cast<std::int64_t>(field.max);
    if (present.is_number_integer()) {
      const auto at = present.get<std::int64_t>();
      if (at > min) add(at - 1);
      if (at < max) add(at + 1);
    }
    for (const std::int64_t value : {min, max, (min + max) / 2}) add(value);
  };
  switch (field.type) {
    case FieldType::kFlag:
      return {false, true};
    case FieldType::kInteger:
      if (field.values.empty()) add_integers([&](std::int64_t value) { values.push_back(value); });
      for (const std::int64_t value : field.values) values.push_back(value);
      return values;
    case FieldType::kIntegers:
      add_integers([&](std::int64_t value) { values.push_back(Json::array({value})); });
      return values;
    case FieldType::kNumber:
      if (present.is_number()) values.push_back(std::max(field.min, present.get<double>() / 2));
      values.insert(values.end(), {field.min, field.max, (field.min + field.max) / 2});
      return values;
    case FieldType::kChoice:
      for (const std::string& word : words_of(field)) values.push_back(word);
      return values;
    case FieldType::kText:
    case FieldType::kTexts:
    case FieldType::kPair:
    case FieldType::kObject:
    case FieldType::kObjects:
      return {};
  }
  return {};
}

constexpr const char* kAnyName = "conv2";  ///< for keys that the user chooses

const std::string& key_of(const FileField& field) {
  static const std::string any = kAnyName;
  return field.key == "*" ? any : field.key;
}

/// An object of a section, drawn at random; keys whose conditions do not hold are left out.
Json sample(const FileSection& section, std::mt19937& random) {
  Json object = Json::object();
  for (const FileField& field : section.fields) {
    // Which place a named layer has is not known from the file: any may be meant.
    const char* const kNames[] = {"conv1", kAnyName, "shortcut", "fc2"};
    const std::string key = field.key == "*" ? kNames[random() % 4] : field.key;
    if ((field.optional && random() % 2 == 0) || object.contains(key)) continue;
    const bool holds = std::ranges::all_of(field.when, [&](const FieldCondition& condition) {
      const Json word = object.value(condition.key, Json("max"));  // the quantizer that is not named
      const auto& words = condition.words;
      return (std::ranges::find(words, word.get<std::string>()) != words.end()) != condition.unless;
    });
    if (!holds) continue;
    if (field.type == FieldType::kObject) {
      object[key] = sample(*field.section, random);
    } else if (const std::vector<Json> values = values_of(field, {}); !values.empty()) {
      object[key] = values[random() % values.size()];
    }
  }
  return object;
}

/// What became of the fields of some files.
class Walk {
 public:
  Walk(Outcome outcome, Content content) : outcome_(std::move(outcome)), content_(std::move(content)) {}

  void file(const std::string& name, const FileSection& section) {
    name_ = name;
    file_ = Json::parse(std::ifstream(name));
    before_ = outcome_(file_);
    object(section, Json::json_pointer());
    ++files_;
  }

  void report(const char* what) const {
    std::printf(
        "%d %s files, %d values tried: fields that have an effect %d, refused as without effect %d, with one "
        "value only %d, bound to other fields %d:%s\n",
        files_, what, tried_, effective_, refused_, single_, bound_, bound_names_.c_str());
    EXPECT_GT(files_, 0);
    EXPECT_GT(effective_, files_);
  }
  int refused() const { return refused_; }

 private:
  void object(const FileSection& section, const Json::json_pointer& at) {
    for (const FileField& field : section.fields) {
      const Json::json_pointer place = at / key_of(field);
      if (field.type == FieldType::kText) continue;  // names, which only reports show
      if (field.type == FieldType::kObject && file_.contains(place)) {
        object(*field.section, place);
      } else {
        vary(field, place);
      }
    }
  }

  /// Other values than the present one or the one that counts where the field is absent.
  std::vector<Json> others(const FileField& field, const Json::json_pointer& place) const {
    std::vector<Json> values;
    if (field.type == FieldType::kObject) {
      std::mt19937 random(5);
      for (int i = 0; i < 400; ++i) values.push_back(sample(*field.section, random));
      return values;
    }
    const Json fallback = field.fallback.empty() ? Json() : Json::parse(field.fallback);
    const Json present = file_.contains(place) ? file_.at(place) : fallback;
    values = values_of(field, present);
    std::erase(values, present);
    return values;
  }

  void vary(const FileField& field, const Json::json_pointer& place) {
    const std::vector<Json> values = others(field, place);
    int without_effect = 0, otherwise_refused = 0;
    for (const Json& value : values) {
      Json changed = file_;
      changed[place] = value;
      ++tried_;
      try {
        if (outcome_(changed) != before_) {
          EXPECT_NE(content_(changed), content_(file_)) << name_ << ": " << place.to_string() << ": " << value;
          ++effective_;
          return;
        }
      } catch (const Error& error) {
        const std::string text = error.what();
        (text.find("has no effect") != std::string::npos ? without_effect : otherwise_refused) += 1;
      }
    }
    settle(place, static_cast<int>(values.size()), without_effect, otherwise_refused);
  }

  void settle(const Json::json_pointer& place, int values, int without_effect, int otherwise_refused) {
    if (values == 0) {
      ++single_;
    } else if (without_effect == values) {
      ++refused_;
    } else if (without_effect + otherwise_refused == values) {
      ++bound_;
      if (bound_names_.find(" " + place.to_string() + " ") == std::string::npos)
        bound_names_ += " " + place.to_string() + " ";
    } else {
      ADD_FAILURE() << name_ << ": " << place.to_string() << " has no effect and is not refused";
    }
  }

  Outcome outcome_;
  Content content_;
  std::string name_;
  Json file_;
  std::vector<double> before_;
  int files_ = 0, tried_ = 0, effective_ = 0, refused_ = 0, single_ = 0, bound_ = 0;
  std::string bound_names_;
};

void walk_folder(Walk& walk, const char* folder, const FileSection& section) {
  for (const auto& entry : std::filesystem::directory_iterator(test::source_file(folder))) {
    walk.file(entry.path().string(), section);
  }
}

TEST(FieldEffect, OfRecipes) {
  Walk walk(trained, recipe_content);
  walk_folder(walk, "traces/recipes", recipe_fields());
  walk.report("recipe");
  EXPECT_GT(walk.refused(), 0);
}

TEST(FieldEffect, OfHyperParameters) {
  Walk walk(rates, hyper_content);
  walk_folder(walk, "traces/hyper", hyper_fields());
  walk.report("hyper-parameter");
}

}  // namespace
}  // namespace bitloom
