// `bitloom explain`: what a word of the project's files, rules and units means.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <memory>
#include <string>
#include <vector>

#include "kernels/hardware.hpp"
#include "model/io/error.hpp"
#include "model/io/field_reader.hpp"
#include "model/io/fields_page.hpp"
#include "model/io/fields_schema.hpp"
#include "model/io/suggest.hpp"
#include "model/io/traces.hpp"
#include "model/network/hyper.hpp"
#include "model/network/network.hpp"
#include "model/network/recipe.hpp"
#include "model/train/experiment_fields.hpp"
#include "sim/dram/device.hpp"
#include "sim/energy.hpp"
#include "sim/program/explain_pages.hpp"
#include "sim/program/options.hpp"
#include "sim/program/program.hpp"

namespace bitloom::program {
namespace {

struct Kind {
  const char* title;
  TraceKind trace;
  const FileSection& (*fields)();
};

constexpr std::array<Kind, 7> kKinds{{{"Network files", TraceKind::kNetwork, network_fields},
                                      {"Recipe files", TraceKind::kRecipe, recipe_fields},
                                      {"Hardware files", TraceKind::kHardware, hardware_fields},
                                      {"Hyper-parameter files", TraceKind::kHyper, hyper_fields},
                                      {"Energy tables", TraceKind::kEnergy, energy_fields},
                                      {"Experiment files", TraceKind::kExperiment, experiment_fields},
                                      {"DRAM files", TraceKind::kDram, dram::device_fields}}};

const Kind* kind_of(const std::string& word) {
  const auto found = std::ranges::find_if(kKinds, [&](const Kind& kind) { return kind.fields().name == word; });
  return found == kKinds.end() ? nullptr : found;
}

std::vector<std::string> kind_names() {
  std::vector<std::string> names;
  for (const Kind& kind : kKinds) names.push_back(kind.fields().name);
  return names;
}

void add_sections(const FileSection& section, std::vector<const FileSection*>& into) {
  if (std::ranges::find(into, &section) != into.end()) return;
  into.push_back(&section);
  for (const FileField& field : section.fields) {
    if (field.section != nullptr) add_sections(*field.section, into);
  }
}

bool takes(const FileField& field, const std::string& word) {
  return std::ranges::any_of(field.choices, [&](const FieldChoice& choice) { return choice.word == word; });
}

/// Fields of this key ("binades", "gradient.binades") and fields that take this word, by section.
std::string of_fields(const Kind& kind, const std::string& word) {
  std::vector<const FileSection*> sections;
  add_sections(kind.fields(), sections);
  std::string text;
  for (const FileSection* section : sections) {
    std::string found = section->name == word ? section_text(*section, "##") : "";
    for (const FileField& field : section->fields) {
      const bool named = field.key == word || section->name + "." + field.key == word;
      if (section->name != word && (named || takes(field, word))) found += field_text(field);
    }
    if (found.empty()) continue;
    text += fmt::format("In a {} file, {}:\n{}\n", kind.fields().name, section->name, found);
  }
  return text;
}

void walk(const FieldReader& json, std::string& text) {
  for (const std::string& key : json.keys()) {
    const FileField& field = json.described(key);
    const std::string path = json.json().path().empty() ? key : json.json().path() + "." + key;
    if (field.type == FieldType::kObject) {
      walk(json.object(key), text);
    } else if (field.type == FieldType::kObjects) {
      for (const FieldReader& each : json.objects(key)) walk(each, text);
    } else {
      std::string line = fmt::format("{} = {}: {}", path, json.json().value_text(key), field.meaning);
      for (const FieldChoice& choice : field.choices) {
        if (json.is(key, choice.word)) line += " " + choice.meaning;
      }
      text += wrapped(line, 120, "    ");
    }
  }
}

/// Explains a file of traces/ of this name, value by value.
std::string of_file(const Kind& kind, const std::string& word) {
  const std::vector<std::string> known = known_traces(kind.trace);
  if (std::ranges::find(known, word) == known.end()) return "";
  const std::string file = resolve_trace(kind.trace, word);
  std::string text = fmt::format("The {} {} ({}):\n", kind.fields().name, word, file);
  walk(FieldReader(JsonObject::from_file(file), kind.fields()), text);
  return text + "\n";
}

std::vector<std::string> known_words() {
  std::vector<std::string> words = kind_names();
  for (const Kind& kind : kKinds) {
    std::vector<const FileSection*> sections;
    add_sections(kind.fields(), sections);
    for (const FileSection* section : sections) {
      words.push_back(section->name);
      for (const FileField& field : section->fields) {
        words.push_back(field.key);
        for (const FieldChoice& choice : field.choices) words.push_back(choice.word);
      }
    }
    for (const std::string& name : known_traces(kind.trace)) words.push_back(name);
  }
  for (const std::string& name : unit_names()) words.push_back(name);
  return words;
}

std::string explanation(const std::string& word) {
  if (const Kind* kind = kind_of(word)) return reference_page(kind->fields(), kind->title);
  if (is_rule(word)) return rule_page(word);
  std::string text;
  for (const Kind& kind : kKinds) text += of_fields(kind, word);
  for (const Kind& kind : kKinds) text += of_file(kind, word);
  return text + unit_page(word);
}

int run(const ExplainCommand& command) {
  if (!command.schema.empty()) {
    const Kind* kind = kind_of(command.schema);
    if (kind == nullptr) {
      throw Error(fmt::format("explain --schema: expected one of {}, got {}{}", fmt::join(kind_names(), ", "),
                              command.schema, suggestion(command.schema, kind_names())));
    }
    fmt::print("{}", json_schema(kind->fields()));
    return kOk;
  }
  if (command.word.empty()) throw Error("explain: expected a word or --schema KIND");
  const std::string text = explanation(command.word);
  if (text.empty()) {
    throw Error(fmt::format("explain: no field, word, file, rule or unit is called \"{}\"{}", command.word,
                            suggestion(command.word, known_words())));
  }
  fmt::print("{}", text);
  return kOk;
}

}  // namespace

void add_explain(CLI::App& app, Action& action) {
  const auto options = std::make_shared<ExplainCommand>();
  CLI::App* sub = app.add_subcommand("explain", "say what a word of a file, a rule or a unit means");
  sub->add_option("word", options->word,
                  "a kind of file (network, recipe, hardware, hyper, energy, experiment, dram), a field, a word that a "
                  "field takes, the name of a file in traces/, a rule (N23.6) or a unit");
  sub->add_option("--schema", options->schema, "print the JSON Schema of a kind of file");
  sub->footer(
      "Examples: bitloom explain recipe; bitloom explain gradient.binades; bitloom explain luq; bitloom explain N19.2\n"
      "An editor checks a file by its schema when the file says, for example, \"$schema\": \"../schema/recipe.json\".");
  sub->callback([options, &action] { action = [options] { return run(*options); }; });
}

}  // namespace bitloom::program
