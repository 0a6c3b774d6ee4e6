#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace bitloom {

/// One object of a JSON file, read strictly. Every key must be read exactly as the format says: a missing key, a wrong
/// type, a value out of range and (in finish()) a key that nobody asked for are errors that name the file and the key's
/// path, for example `hyper.json: input.offset: expected an integer from 0 to 254, got 300`.
///
///   JsonObject file = JsonObject::from_file("hyper.json");
///   hyper.batch = file.get<int>("batch", 1, 65536);
///   file.finish();
///
/// Copies refer to the same object: a key that one copy read counts as read for all.
class JsonObject {
 public:
  /// Reads a file's top value, which must be an object. Syntax errors name `file:line`; a key given twice is an error.
  static JsonObject from_file(const std::string& file);
  /// Does the same with a text; `name` stands for the file in messages.
  static JsonObject from_text(std::string_view text, const std::string& name);

  bool has(std::string_view key) const;

  /// Returns the value of a required key; T is bool, int, std::int64_t, std::uint64_t, double or std::string.
  template <class T>
  T get(std::string_view key) const;
  /// Returns the value of a required key in [min, max]; T is int, std::int64_t, std::uint64_t or double.
  template <class T>
  T get(std::string_view key, T min, T max) const;
  /// Returns the value, or `fallback` when the key is absent.
  template <class T>
  T get_or(std::string_view key, T fallback) const {
    return has(key) ? get<T>(key) : fallback;
  }
  template <class T>
  T get_or(std::string_view key, T fallback, T min, T max) const {
    return has(key) ? get<T>(key, min, max) : fallback;
  }

  /// Returns a required string that is one of `allowed`; the error says which one a misspelt word probably means.
  std::string choice(std::string_view key, const std::vector<std::string>& allowed) const;

  /// Returns the object of a required key.
  JsonObject object(std::string_view key) const;
  /// Returns a required array of objects; element paths are `key[0]`, `key[1]`, …
  std::vector<JsonObject> objects(std::string_view key) const;
  /// Returns a required array; T as in get().
  template <class T>
  std::vector<T> list(std::string_view key) const;
  /// Returns a required array whose elements are in [min, max].
  template <class T>
  std::vector<T> list(std::string_view key, T min, T max) const;

  /// Is the value of the present key an array (for keys that take one value or several)?
  bool is_array(std::string_view key) const;
  /// Is the value of the present key a string?
  bool is_text(std::string_view key) const;
  /// Is the value of the present key an object?
  bool is_object(std::string_view key) const;

  /// Returns the value of a required key as JSON on one line, cut after 40 characters.
  std::string value_text(std::string_view key) const;

  /// Returns the keys in file order, without marking them as read.
  std::vector<std::string> keys() const;

  /// Throws when the object has a key that was not read. Call it for each object, after its last get.
  void finish() const;

  /// Throws an Error at `key`: "<file>: <path of key>: <message>".
  [[noreturn]] void fail(std::string_view key, const std::string& message) const;
  /// Throws an Error at this object.
  [[noreturn]] void fail(const std::string& message) const;

  const std::string& file() const;
  /// Returns the path of this object from the top of the file, empty for the top itself.
  const std::string& path() const;

 private:
  struct Impl;
  explicit JsonObject(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}
  std::shared_ptr<Impl> impl_;
};

}  // namespace bitloom
