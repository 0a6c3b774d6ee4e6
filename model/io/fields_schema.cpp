#include "model/io/fields_schema.hpp"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

namespace bitloom {

namespace {

using Json = nlohmann::ordered_json;

std::string description(const FileField& field) {
  std::string text = field.meaning;
  if (!field.unit.empty()) text += fmt::format(" Unit: {}.", field.unit);
  if (!field.limit.empty()) text += " " + field.limit;
  for (const FieldChoice& choice : field.choices) text += fmt::format("\n\"{}\": {}", choice.word, choice.meaning);
  return text;
}

Json integer_schema(const FileField& field) {
  const auto min = static_cast<std::int64_t>(field.min);
  const auto max = static_cast<std::int64_t>(field.max);
  if (!field.values.empty()) return {{"type", "integer"}, {"enum", field.values}};
  if (!field.power_of_two) return {{"type", "integer"}, {"minimum", min}, {"maximum", max}};
  Json powers = Json::array();
  for (std::int64_t power = 1; power <= max; power *= 2) {
    if (power >= min) powers.push_back(power);
  }
  return {{"type", "integer"}, {"enum", powers}};
}

Json reference(const FileSection& section) { return {{"$ref", "#/definitions/" + section.name}}; }

Json list_of(const Json& element) { return {{"type", "array"}, {"items", element}}; }

Json pair_schema(const FileField& field) {
  Json both = list_of(integer_schema(field));
  both["minItems"] = 2;
  both["maxItems"] = 2;
  Json ways = Json::array({integer_schema(field), both});
  if (!field.choices.empty()) ways.push_back({{"enum", words_of(field)}});
  return {{"anyOf", ways}};
}

Json value_schema(const FileField& field) {
  switch (field.type) {
    case FieldType::kFlag:
      return {{"type", "boolean"}};
    case FieldType::kInteger:
      return integer_schema(field);
    case FieldType::kNumber:
      return {{"type", "number"}, {"minimum", field.min}, {"maximum", field.max}};
    case FieldType::kText:
      return {{"type", "string"}};
    case FieldType::kChoice:
      return {{"enum", words_of(field)}};
    case FieldType::kIntegers:
      return list_of(integer_schema(field));
    case FieldType::kTexts:
      return list_of({{"type", "string"}});
    case FieldType::kPair:
      return pair_schema(field);
    case FieldType::kObject:
      return {{"allOf", Json::array({reference(*field.section)})}};
    case FieldType::kObjects:
      return list_of(reference(*field.section));
  }
  return true;
}

Json field_schema(const FileField& field) {
  Json schema = value_schema(field);
  schema["description"] = description(field);
  if (!field.fallback.empty()) schema["default"] = Json::parse(field.fallback);
  return schema;
}

/// Is `word` what the key means where it is absent?
bool is_default(const FileSection& section, const FieldCondition& condition) {
  for (const FileField& field : section.fields) {
    if (field.key != condition.key || field.fallback.empty()) continue;
    const Json word = Json::parse(field.fallback);
    for (const std::string& each : condition.words) {
      if (word == each) return true;
    }
  }
  return false;
}

Json condition_schema(const FileSection& section, const FieldCondition& condition) {
  Json schema = {{"properties", {{condition.key, {{"enum", condition.words}}}}}};
  if (condition.unless) {
    schema["required"] = {condition.key};
    return {{"not", schema}};
  }
  if (!is_default(section, condition)) schema["required"] = {condition.key};
  return schema;
}

/// "If the first field's conditions hold, the key is this; else if the second's hold, that; else it must be absent."
Json variants_schema(const FileSection& section, const std::vector<const FileField*>& variants) {
  Json chain = {{"properties", {{variants.front()->key, false}}}};
  for (auto at = variants.rbegin(); at != variants.rend(); ++at) {
    const FileField& field = **at;
    Json all = Json::array();
    for (const FieldCondition& condition : field.when) all.push_back(condition_schema(section, condition));
    Json then = {{"properties", {{field.key, field_schema(field)}}}};
    if (!field.optional) then["required"] = {field.key};
    chain = {{"if", {{"allOf", all}}}, {"then", then}, {"else", chain}};
  }
  return chain;
}

Json object_schema(const FileSection& section) {
  Json schema = {{"type", "object"}, {"description", section.meaning}, {"properties", Json::object()}};
  Json required = Json::array();
  Json conditional = Json::array();
  Json others = false;
  for (const FileField& field : section.fields) {
    if (field.key == "*") {
      others = field_schema(field);
    } else if (field.when.empty()) {
      schema["properties"][field.key] = field_schema(field);
      if (!field.optional) required.push_back(field.key);
    } else if (!schema["properties"].contains(field.key)) {
      schema["properties"][field.key] = true;
      std::vector<const FileField*> variants;
      for (const FileField& each : section.fields) {
        if (each.key == field.key) variants.push_back(&each);
      }
      conditional.push_back(variants_schema(section, variants));
    }
  }
  if (!required.empty()) schema["required"] = required;
  schema["additionalProperties"] = others;
  if (!conditional.empty()) schema["allOf"] = conditional;
  return schema;
}

void add_definitions(const FileSection& section, Json& definitions) {
  for (const FileField& field : section.fields) {
    if (field.section == nullptr || definitions.contains(field.section->name)) continue;
    definitions[field.section->name] = object_schema(*field.section);
    add_definitions(*field.section, definitions);
  }
}

}  // namespace

std::string json_schema(const FileSection& file) {
  Json schema = {{"$schema", "http://json-schema.org/draft-07/schema#"}, {"title", "Bitloom: " + file.name}};
  schema.update(object_schema(file));
  schema["properties"]["$schema"] = {{"type", "string"}, {"description", "Where an editor finds this schema."}};
  Json definitions = Json::object();
  add_definitions(file, definitions);
  if (!definitions.empty()) schema["definitions"] = definitions;
  return schema.dump(1) + "\n";
}

}  // namespace bitloom
