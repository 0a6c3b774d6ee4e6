#include "model/io/fields.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <utility>

namespace bitloom {

FileField&& FileField::in(std::string name) && {
  unit = std::move(name);
  return std::move(*this);
}

FileField&& FileField::or_else(std::string value) && {
  optional = true;
  fallback = std::move(value);
  return std::move(*this);
}

FileField&& FileField::may_be_absent() && {
  optional = true;
  return std::move(*this);
}

FileField&& FileField::powers_of_two() && {
  power_of_two = true;
  return std::move(*this);
}

FileField&& FileField::checked(std::string sentence) && {
  limit = std::move(sentence);
  return std::move(*this);
}

FileField&& FileField::by(std::string number) && {
  rule = std::move(number);
  return std::move(*this);
}

FileField&& FileField::only_with(std::string name, std::vector<std::string> words) && {
  when.push_back({std::move(name), std::move(words), false});
  return std::move(*this);
}

FileField&& FileField::unless(std::string name, std::vector<std::string> words) && {
  when.push_back({std::move(name), std::move(words), true});
  return std::move(*this);
}

namespace fields {

namespace {

FileField of_type(FieldType type, std::string key, std::string meaning) {
  FileField field;
  field.key = std::move(key);
  field.type = type;
  field.meaning = std::move(meaning);
  return field;
}

FileField ranged(FieldType type, std::string key, double min, double max, std::string meaning) {
  FileField field = of_type(type, std::move(key), std::move(meaning));
  field.min = min;
  field.max = max;
  return field;
}

FileField nested(FieldType type, std::string key, const FileSection& section, std::string meaning) {
  FileField field = of_type(type, std::move(key), std::move(meaning));
  field.section = &section;
  return field;
}

}  // namespace

FileField flag(std::string key, std::string meaning) {
  return of_type(FieldType::kFlag, std::move(key), std::move(meaning));
}

FileField integer(std::string key, std::int64_t min, std::int64_t max, std::string meaning) {
  return ranged(FieldType::kInteger, std::move(key), static_cast<double>(min), static_cast<double>(max),
                std::move(meaning));
}

FileField one_of(std::string key, std::vector<std::int64_t> values, std::string meaning) {
  FileField field = of_type(FieldType::kInteger, std::move(key), std::move(meaning));
  field.values = std::move(values);
  return field;
}

FileField number(std::string key, double min, double max, std::string meaning) {
  return ranged(FieldType::kNumber, std::move(key), min, max, std::move(meaning));
}

FileField text(std::string key, std::string meaning) {
  return of_type(FieldType::kText, std::move(key), std::move(meaning));
}

FileField choice(std::string key, std::vector<FieldChoice> choices, std::string meaning) {
  FileField field = of_type(FieldType::kChoice, std::move(key), std::move(meaning));
  field.choices = std::move(choices);
  return field;
}

FileField integers(std::string key, std::int64_t min, std::int64_t max, std::string meaning) {
  return ranged(FieldType::kIntegers, std::move(key), static_cast<double>(min), static_cast<double>(max),
                std::move(meaning));
}

FileField texts(std::string key, std::string meaning) {
  return of_type(FieldType::kTexts, std::move(key), std::move(meaning));
}

FileField pair(std::string key, std::int64_t min, std::int64_t max, std::string meaning) {
  return ranged(FieldType::kPair, std::move(key), static_cast<double>(min), static_cast<double>(max),
                std::move(meaning));
}

FileField object(std::string key, const FileSection& section, std::string meaning) {
  return nested(FieldType::kObject, std::move(key), section, std::move(meaning));
}

FileField objects(std::string key, const FileSection& section, std::string meaning) {
  return nested(FieldType::kObjects, std::move(key), section, std::move(meaning));
}

}  // namespace fields

namespace {

std::vector<std::string> quoted(const std::vector<std::string>& words) {
  std::vector<std::string> result;
  for (const std::string& word : words) result.push_back(fmt::format("\"{}\"", word));
  return result;
}

std::string integer_text(const FileField& field) {
  if (!field.values.empty()) {
    std::vector<std::string> numbers;
    for (const std::int64_t value : field.values) numbers.push_back(fmt::format("{}", value));
    return joined_by_or(numbers);
  }
  return fmt::format("{} from {} to {}", field.power_of_two ? "a power of two" : "an integer",
                     static_cast<std::int64_t>(field.min), static_cast<std::int64_t>(field.max));
}

}  // namespace

std::vector<std::string> words_of(const FileField& field) {
  std::vector<std::string> words;
  for (const FieldChoice& choice : field.choices) words.push_back(choice.word);
  return words;
}

std::string joined_by_or(const std::vector<std::string>& words) {
  if (words.size() < 2) return words.empty() ? "" : words.front();
  const std::vector<std::string> head(words.begin(), words.end() - 1);
  return fmt::format("{} or {}", fmt::join(head, ", "), words.back());
}

std::string values_text(const FileField& field) {
  switch (field.type) {
    case FieldType::kFlag:
      return "true or false";
    case FieldType::kInteger:
      return integer_text(field);
    case FieldType::kNumber:
      return fmt::format("a number from {} to {}", field.min, field.max);
    case FieldType::kText:
      return "a string";
    case FieldType::kChoice:
      return joined_by_or(quoted(words_of(field)));
    case FieldType::kIntegers:
      return fmt::format("a list of integers from {} to {}", field.min, field.max);
    case FieldType::kTexts:
      return "a list of strings";
    case FieldType::kPair: {
      const std::string numbers = integer_text(field) + ", or [rows, columns] of such";
      return field.choices.empty() ? numbers : fmt::format("{}, or {}", numbers, joined_by_or(quoted(words_of(field))));
    }
    case FieldType::kObject:
      return "an object";
    case FieldType::kObjects:
      return "a list of objects";
  }
  return "";
}

std::string condition_text(const FileField& field) {
  std::vector<std::string> parts;
  for (const FieldCondition& condition : field.when) {
    const std::string words = joined_by_or(quoted(condition.words));
    parts.push_back(condition.unless ? fmt::format("where {} is not {}", condition.key, words)
                                     : fmt::format("with {} {}", condition.key, words));
  }
  return fmt::format("{}", fmt::join(parts, " and "));
}

}  // namespace bitloom
