// What the files that users write may say: one table for each kind of JSON object, in the room that owns the type. The
// readers' checks (field_reader.hpp), the JSON Schema files and the reference pages come from these tables.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

namespace bitloom {

struct FileSection;

/// What kind of value a key takes.
enum class FieldType {
  kFlag,      ///< true or false
  kInteger,   ///< in [min, max], or one of `values`
  kNumber,    ///< in [min, max]
  kText,      ///< a string
  kChoice,    ///< one of the words in `choices`
  kIntegers,  ///< a list of integers in [min, max]
  kTexts,     ///< a list of strings
  kPair,      ///< an integer in [min, max] for both directions or [rows, columns]; or one of `choices`
  kObject,    ///< an object that `section` describes
  kObjects,   ///< a list of such objects
};

/// A word that a field takes.
struct FieldChoice {
  std::string word;
  std::string meaning;  ///< one plain sentence
  std::string rule;     ///< of the numerics, for example "N6.2"; may be empty
};

/// The field counts only where another field of its object has one of these words, or (`unless`) has none of them.
struct FieldCondition {
  std::string key;
  std::vector<std::string> words;
  bool unless = false;
};

/// One key of a JSON object. Several fields of a section may share a key when their conditions exclude each other.
struct FileField {
  std::string key;  ///< "*": any name that the user chooses
  FieldType type = FieldType::kText;
  std::string meaning;  ///< one plain sentence
  std::string unit;     ///< empty where the value has none
  double min = 0;
  double max = 0;
  std::vector<std::int64_t> values;
  std::vector<FieldChoice> choices;
  const FileSection* section = nullptr;
  std::string fallback;  ///< the value where an optional key is absent, as JSON; may be empty (then `meaning` says it)
  bool optional = false;
  bool power_of_two = false;
  std::vector<FieldCondition> when;
  std::string limit;  ///< what else is checked, and against which field; a plain sentence
  std::string rule;   ///< of the numerics

  FileField&& in(std::string name) &&;           ///< sets the unit
  FileField&& or_else(std::string value) &&;     ///< makes the key optional; the value is JSON
  FileField&& may_be_absent() &&;                ///< makes the key optional without a value for its place
  FileField&& powers_of_two() &&;                ///< allows powers of two only
  FileField&& checked(std::string sentence) &&;  ///< sets the limit
  FileField&& by(std::string number) &&;         ///< sets the rule
  FileField&& only_with(std::string name, std::vector<std::string> words) &&;  ///< adds a condition
  FileField&& unless(std::string name, std::vector<std::string> words) &&;     ///< adds a condition
};

/// One kind of JSON object.
struct FileSection {
  std::string name;     ///< for messages and headings: "hyper", "learning_rate"
  std::string meaning;  ///< one plain sentence
  std::vector<FileField> fields;
};

/// The ways to write a field into a table.
namespace fields {

FileField flag(std::string key, std::string meaning);
FileField integer(std::string key, std::int64_t min, std::int64_t max, std::string meaning);
FileField one_of(std::string key, std::vector<std::int64_t> values, std::string meaning);
FileField number(std::string key, double min, double max, std::string meaning);
FileField text(std::string key, std::string meaning);
FileField choice(std::string key, std::vector<FieldChoice> choices, std::string meaning);
FileField integers(std::string key, std::int64_t min, std::int64_t max, std::string meaning);
FileField texts(std::string key, std::string meaning);
FileField pair(std::string key, std::int64_t min, std::int64_t max, std::string meaning);
FileField object(std::string key, const FileSection& section, std::string meaning);
FileField objects(std::string key, const FileSection& section, std::string meaning);

}  // namespace fields

/// Returns the words that a field takes, in the table's order.
std::vector<std::string> words_of(const FileField& field);
/// Returns the values that a field takes, in words: "an integer from 1 to 65535", "4 or 8", `"exact" or "hindsight"`.
std::string values_text(const FileField& field);
/// Says a field's condition in words: `with quantizer "max" or "sawb"`, `where kernel is not "all"`; several are joined
/// by "and".
std::string condition_text(const FileField& field);
/// Joins words for a sentence: `a`, `a or b`, `a, b or c`.
std::string joined_by_or(const std::vector<std::string>& words);

}  // namespace bitloom
