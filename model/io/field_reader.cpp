#include "model/io/field_reader.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <stdexcept>

#include "model/io/suggest.hpp"

namespace bitloom {

namespace {

bool names(const FileField& field, std::string_view key) { return field.key == key || field.key == "*"; }

/// Returns a default as an object of one key, so that it is read like a value of a file.
JsonObject fallback_of(const FileField& field) {
  return JsonObject::from_text(fmt::format(R"({{"value": {}}})", field.fallback), "default of " + field.key);
}

}  // namespace

FieldReader::FieldReader(JsonObject json, const FileSection& section) : json_(std::move(json)), section_(&section) {
  check();
}

std::vector<std::string> FieldReader::keys() const {
  std::vector<std::string> keys = json_.keys();
  if (json_.path().empty()) std::erase(keys, "$schema");
  return keys;
}

void FieldReader::check() const {
  for (const std::string& key : keys()) {
    const bool known = std::ranges::any_of(section_->fields, [&](const FileField& field) { return names(field, key); });
    if (!known) refuse_key(key);
  }
  for (const FileField& field : section_->fields) {
    if (field.key == "*") continue;
    const bool given = has(field.key);
    if (given && active(field.key) == nullptr) refuse_key(field.key);
    if (!holds(field)) continue;
    if (given) {
      check_value(field, field.key);
    } else if (!field.optional) {
      fail(field.key, "required key is missing");
    }
  }
  for (const std::string& key : keys()) {
    const FileField* field = active(key);
    if (field->key == "*") check_value(*field, key);
  }
}

void FieldReader::refuse_key(const std::string& key) const {
  std::vector<std::string> known;
  std::vector<std::string> conditions;
  for (const FileField& field : section_->fields) {
    if (field.key == key) conditions.push_back(condition_text(field));
    if (holds(field) && !has(field.key)) known.push_back(field.key);
  }
  if (conditions.empty()) fail(key, "unknown key" + suggestion(key, known));
  fail(key, fmt::format("has no effect here; it counts only {}", joined_by_or(conditions)));
}

void FieldReader::check_value(const FileField& field, const std::string& key) const {
  switch (field.type) {
    case FieldType::kFlag:
      json_.get<bool>(key);
      return;
    case FieldType::kInteger:
      check_integer(field, key);
      return;
    case FieldType::kNumber:
      json_.get<double>(key, field.min, field.max);
      return;
    case FieldType::kText:
      json_.get<std::string>(key);
      return;
    case FieldType::kChoice:
      json_.choice(key, words_of(field));
      return;
    case FieldType::kIntegers:
      json_.list<int>(key, static_cast<int>(field.min), static_cast<int>(field.max));
      return;
    case FieldType::kTexts:
      json_.list<std::string>(key);
      return;
    case FieldType::kPair:
      check_pair(field, key);
      return;
    case FieldType::kObject:
      json_.object(key);
      return;
    case FieldType::kObjects:
      json_.objects(key);
      return;
  }
}

void FieldReader::check_integer(const FileField& field, const std::string& key) const {
  if (!field.values.empty()) {
    const auto value = json_.get<std::int64_t>(key);
    if (std::ranges::find(field.values, value) == field.values.end()) {
      fail(key, fmt::format("expected {}, got {}", values_text(field), value));
    }
    return;
  }
  const auto value =
      json_.get<std::int64_t>(key, static_cast<std::int64_t>(field.min), static_cast<std::int64_t>(field.max));
  if (field.power_of_two && (value & (value - 1)) != 0) {
    fail(key, fmt::format("expected a power of two, got {}", value));
  }
}

void FieldReader::check_pair(const FileField& field, const std::string& key) const {
  if (json_.is_text(key) && !field.choices.empty()) {
    json_.choice(key, words_of(field));
  } else if (json_.is_array(key)) {
    const std::vector<int> values = json_.list<int>(key, static_cast<int>(field.min), static_cast<int>(field.max));
    if (values.size() != 2) fail(key, fmt::format("expected an integer or [rows, columns], got {}", values));
  } else {
    check_integer(field, key);
  }
}

bool FieldReader::holds(const FileField& field) const {
  return std::ranges::all_of(field.when, [&](const FieldCondition& condition) {
    const std::string word = word_of(condition.key);
    return (std::ranges::find(condition.words, word) != condition.words.end()) != condition.unless;
  });
}

const FileField* FieldReader::active(std::string_view key) const {
  for (const FileField& field : section_->fields) {
    if (names(field, key) && holds(field)) return &field;
  }
  return nullptr;
}

std::string FieldReader::word_of(std::string_view key) const {
  const FileField* field = active(key);
  if (field == nullptr) return "";
  if (has(key)) return json_.is_text(key) ? json_.get<std::string>(key) : "";
  return field->fallback.starts_with('"') ? fallback_of(*field).get<std::string>("value") : "";
}

const FileField& FieldReader::described(std::string_view key) const {
  const FileField* field = active(key);
  if (field == nullptr) throw std::logic_error(fmt::format("{}: no field {}", section_->name, key));
  return *field;
}

template <class T>
T FieldReader::get(std::string_view key) const {
  const FileField& field = described(key);
  return has(key) ? json_.get<T>(key) : fallback_of(field).get<T>("value");
}

std::pair<int, int> FieldReader::pair(std::string_view key) const {
  if (json_.is_array(key)) {
    const std::vector<int> values = json_.list<int>(key);
    return {values[0], values[1]};
  }
  const int both = get<int>(key);
  return {both, both};
}

FieldReader FieldReader::object(std::string_view key) const {
  return FieldReader(json_.object(key), *described(key).section);
}

std::vector<FieldReader> FieldReader::objects(std::string_view key) const {
  std::vector<FieldReader> result;
  for (const JsonObject& each : json_.objects(key)) result.emplace_back(each, *described(key).section);
  return result;
}

template bool FieldReader::get<bool>(std::string_view) const;
template int FieldReader::get<int>(std::string_view) const;
template std::int64_t FieldReader::get<std::int64_t>(std::string_view) const;
template std::uint64_t FieldReader::get<std::uint64_t>(std::string_view) const;
template double FieldReader::get<double>(std::string_view) const;
template std::string FieldReader::get<std::string>(std::string_view) const;

}  // namespace bitloom
