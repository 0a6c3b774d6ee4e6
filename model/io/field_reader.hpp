#pragma once
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "model/io/fields.hpp"
#include "model/io/json_reader.hpp"

namespace bitloom {

/// Reads a JSON object by the table that describes it. Making a reader checks the object: each key must be a field of
/// the table whose conditions hold, each value must be of its type and range, and no required key may be missing. The
/// errors name file, path and expectation, and what a misspelt key or word probably means. Objects inside are checked
/// when their own readers are made. Afterwards the values are only fetched:
///
///   const FieldReader file(JsonObject::from_file("hyper.json"), hyper_fields());
///   hyper.batch = file.get<int>("batch");
///   hyper.learning_rate.base = file.object("learning_rate").get<double>("base");
class FieldReader {
 public:
  FieldReader(JsonObject json, const FileSection& section);

  bool has(std::string_view key) const { return json_.has(key); }
  /// Returns the value of a key, or its field's value for an absent one; T is bool, int, std::int64_t, std::uint64_t,
  /// double or std::string.
  template <class T>
  T get(std::string_view key) const;
  /// Does the same with limits that depend on other values; only for keys that are present.
  template <class T>
  T get(std::string_view key, T min, T max) const {
    return json_.get<T>(key, min, max);
  }
  /// Returns a list likewise, of int or std::string.
  template <class T>
  std::vector<T> list(std::string_view key) const {
    return json_.list<T>(key);
  }
  /// Returns rows and columns of a pair; only for keys that are present.
  std::pair<int, int> pair(std::string_view key) const;
  /// Is this key's value, given or by default, this word?
  bool is(std::string_view key, std::string_view word) const { return word_of(key) == word; }

  /// Returns what describes the present or absent key.
  const FileField& described(std::string_view key) const;

  FieldReader object(std::string_view key) const;
  std::vector<FieldReader> objects(std::string_view key) const;
  /// Returns the keys in file order, without the `$schema` by which a file tells an editor its schema.
  std::vector<std::string> keys() const;

  /// Throws an Error at `key`: "<file>: <path of key>: <message>".
  [[noreturn]] void fail(std::string_view key, const std::string& message) const { json_.fail(key, message); }
  /// Throws an Error at this object.
  [[noreturn]] void fail(const std::string& message) const { json_.fail(message); }
  const JsonObject& json() const { return json_; }

 private:
  void check() const;
  void check_value(const FileField& field, const std::string& key) const;
  void check_integer(const FileField& field, const std::string& key) const;
  void check_pair(const FileField& field, const std::string& key) const;
  [[noreturn]] void refuse_key(const std::string& key) const;
  const FileField* active(std::string_view key) const;
  bool holds(const FileField& field) const;
  std::string word_of(std::string_view key) const;

  JsonObject json_;
  const FileSection* section_;
};

}  // namespace bitloom
