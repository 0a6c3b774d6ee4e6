#include "model/io/json_reader.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <nlohmann/json.hpp>
#include <set>
#include <type_traits>

#include "model/io/error.hpp"
#include "model/io/input_file.hpp"
#include "model/io/suggest.hpp"

namespace bitloom {

using Json = nlohmann::ordered_json;

struct JsonObject::Impl {
  std::shared_ptr<const Json> root;  // keeps `value` alive
  const Json* value = nullptr;
  std::string file;
  std::string path;
  std::set<std::string, std::less<>> read;

  const Json& at(std::string_view key) {
    const auto found = value->find(std::string(key));
    if (found == value->end()) {
      throw Error(fmt::format("{}: {}: required key is missing", file, child(key)));
    }
    read.emplace(key);
    return *found;
  }
  std::string child(std::string_view key) const {
    return path.empty() ? std::string(key) : fmt::format("{}.{}", path, key);
  }
};

namespace {

std::string shown(const Json& value) {
  std::string text = value.dump(-1, ' ', false, Json::error_handler_t::replace);
  if (text.size() > 40) text = text.substr(0, 37) + "…";
  return text;
}

std::size_t line_of(std::string_view text, std::size_t byte) {
  const std::size_t end = std::min(byte, text.size());
  return 1 + static_cast<std::size_t>(std::count(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(end), '\n'));
}

constexpr int kDeepest = 64;

// nlohmann keeps the last of two equal keys silently; a strict file has none.
class DuplicateKeys {
 public:
  explicit DuplicateKeys(std::string name) : name_(std::move(name)) {}
  bool operator()(int depth, Json::parse_event_t event, Json& parsed) {
    // A value is destroyed by recursion, which a file of many brackets would let run out of stack.
    if (depth > kDeepest) throw Error(fmt::format("{}: more than {} levels of nesting", name_, kDeepest));
    if (event == Json::parse_event_t::object_start) {
      open_.emplace_back();
    } else if (event == Json::parse_event_t::object_end) {
      open_.pop_back();
    } else if (event == Json::parse_event_t::key) {
      const auto& key = parsed.get_ref<const std::string&>();
      if (!open_.back().insert(key).second) throw Error(fmt::format("{}: key '{}' is given twice", name_, key));
    }
    return true;
  }

 private:
  std::string name_;
  std::vector<std::set<std::string>> open_;
};

Json parse(std::string_view text, const std::string& name) {
  try {
    return Json::parse(text.begin(), text.end(), DuplicateKeys(name));
  } catch (const Json::parse_error& error) {
    const std::string what = error.what();
    const std::size_t detail = what.find("syntax error");
    throw Error(fmt::format("{}:{}: not valid JSON: {}", name, line_of(text, error.byte == 0 ? 0 : error.byte - 1),
                            detail == std::string::npos ? what : what.substr(detail)));
  } catch (const Json::exception& error) {  // for example a number beyond the range of double
    throw Error(fmt::format("{}: not valid JSON: {}", name, error.what()));
  }
}

template <class T>
std::string type_text() {
  if constexpr (std::is_same_v<T, bool>) {
    return "true or false";
  } else if constexpr (std::is_same_v<T, std::string>) {
    return "a string";
  } else if constexpr (std::is_same_v<T, double>) {
    return "a number";
  } else {
    return "an integer";
  }
}

template <class T>
bool holds(const Json& value) {
  if constexpr (std::is_same_v<T, bool>) {
    return value.is_boolean();
  } else if constexpr (std::is_same_v<T, std::string>) {
    return value.is_string();
  } else if constexpr (std::is_same_v<T, double>) {
    return value.is_number();
  } else {
    if (!value.is_number_integer()) return false;
    if (value.is_number_unsigned()) {
      return value.get<std::uint64_t>() <= static_cast<std::uint64_t>(std::numeric_limits<T>::max());
    }
    const auto number = value.get<std::int64_t>();  // negative, or a small literal
    if constexpr (std::is_unsigned_v<T>) {
      return number >= 0;
    } else {
      return number >= std::numeric_limits<T>::min();
    }
  }
}

template <class T>
T take(const Json& value, const std::string& file, const std::string& path) {
  if (!holds<T>(value))
    throw Error(fmt::format("{}: {}: expected {}, got {}", file, path, type_text<T>(), shown(value)));
  return value.get<T>();
}

template <class T>
T take(const Json& value, const std::string& file, const std::string& path, T min, T max) {
  if (!holds<T>(value) || value.get<T>() < min || value.get<T>() > max) {
    throw Error(
        fmt::format("{}: {}: expected {} from {} to {}, got {}", file, path, type_text<T>(), min, max, shown(value)));
  }
  return value.get<T>();
}

}  // namespace

JsonObject JsonObject::from_file(const std::string& file) {
  const std::string text = read_input(file, kLargestText);
  if (text.empty()) throw Error(fmt::format("{}: the file is empty; expected an object {{…}}", file));
  return from_text(text, file);
}

JsonObject JsonObject::from_text(std::string_view text, const std::string& name) {
  auto impl = std::make_shared<Impl>();
  impl->root = std::make_shared<const Json>(parse(text, name));
  impl->value = impl->root.get();
  impl->file = name;
  if (!impl->value->is_object()) {
    throw Error(fmt::format("{}: expected an object {{…}} at the top, got {}", name, shown(*impl->value)));
  }
  return JsonObject(std::move(impl));
}

bool JsonObject::has(std::string_view key) const { return impl_->value->contains(std::string(key)); }

template <class T>
T JsonObject::get(std::string_view key) const {
  return take<T>(impl_->at(key), impl_->file, impl_->child(key));
}

template <class T>
T JsonObject::get(std::string_view key, T min, T max) const {
  return take<T>(impl_->at(key), impl_->file, impl_->child(key), min, max);
}

template <class T>
std::vector<T> JsonObject::list(std::string_view key) const {
  const Json& array = impl_->at(key);
  if (!array.is_array()) fail(key, fmt::format("expected an array, got {}", shown(array)));
  std::vector<T> values;
  for (std::size_t i = 0; i < array.size(); ++i) {
    values.push_back(take<T>(array[i], impl_->file, fmt::format("{}[{}]", impl_->child(key), i)));
  }
  return values;
}

template <class T>
std::vector<T> JsonObject::list(std::string_view key, T min, T max) const {
  const Json& array = impl_->at(key);
  if (!array.is_array()) fail(key, fmt::format("expected an array, got {}", shown(array)));
  std::vector<T> values;
  for (std::size_t i = 0; i < array.size(); ++i) {
    values.push_back(take<T>(array[i], impl_->file, fmt::format("{}[{}]", impl_->child(key), i), min, max));
  }
  return values;
}

std::string JsonObject::choice(std::string_view key, const std::vector<std::string>& allowed) const {
  const Json& value = impl_->at(key);
  std::string text;
  if (value.is_string()) {
    text = value.get<std::string>();
    if (std::find(allowed.begin(), allowed.end(), text) != allowed.end()) return text;
  }
  std::string names;
  for (const std::string& name : allowed) {
    if (!names.empty()) names += ", ";
    names += fmt::format("\"{}\"", name);
  }
  fail(key, fmt::format("expected one of {}, got {}{}", names, shown(value), suggestion(text, allowed)));
}

JsonObject JsonObject::object(std::string_view key) const {
  const Json& value = impl_->at(key);
  if (!value.is_object()) fail(key, fmt::format("expected an object {{…}}, got {}", shown(value)));
  auto impl = std::make_shared<Impl>(Impl{impl_->root, &value, impl_->file, impl_->child(key), {}});
  return JsonObject(std::move(impl));
}

std::vector<JsonObject> JsonObject::objects(std::string_view key) const {
  const Json& array = impl_->at(key);
  if (!array.is_array()) fail(key, fmt::format("expected an array, got {}", shown(array)));
  std::vector<JsonObject> result;
  for (std::size_t i = 0; i < array.size(); ++i) {
    const std::string element = fmt::format("{}[{}]", key, i);
    if (!array[i].is_object()) fail(element, fmt::format("expected an object {{…}}, got {}", shown(array[i])));
    result.push_back(
        JsonObject(std::make_shared<Impl>(Impl{impl_->root, &array[i], impl_->file, impl_->child(element), {}})));
  }
  return result;
}

bool JsonObject::is_array(std::string_view key) const {
  const auto found = impl_->value->find(std::string(key));
  return found != impl_->value->end() && found->is_array();
}

bool JsonObject::is_text(std::string_view key) const {
  const auto found = impl_->value->find(std::string(key));
  return found != impl_->value->end() && found->is_string();
}

bool JsonObject::is_object(std::string_view key) const {
  const auto found = impl_->value->find(std::string(key));
  return found != impl_->value->end() && found->is_object();
}

std::string JsonObject::value_text(std::string_view key) const { return shown(impl_->at(key)); }

std::vector<std::string> JsonObject::keys() const {
  std::vector<std::string> names;
  for (const auto& item : impl_->value->items()) names.push_back(item.key());
  return names;
}

void JsonObject::finish() const {
  for (const std::string& key : keys()) {
    if (!impl_->read.contains(key)) fail(key, "unknown key");
  }
}

void JsonObject::fail(std::string_view key, const std::string& message) const {
  throw Error(fmt::format("{}: {}: {}", impl_->file, impl_->child(key), message));
}

void JsonObject::fail(const std::string& message) const {
  throw Error(impl_->path.empty() ? fmt::format("{}: {}", impl_->file, message)
                                  : fmt::format("{}: {}: {}", impl_->file, impl_->path, message));
}

const std::string& JsonObject::file() const { return impl_->file; }
const std::string& JsonObject::path() const { return impl_->path; }

template bool JsonObject::get<bool>(std::string_view) const;
template int JsonObject::get<int>(std::string_view) const;
template std::int64_t JsonObject::get<std::int64_t>(std::string_view) const;
template std::uint64_t JsonObject::get<std::uint64_t>(std::string_view) const;
template double JsonObject::get<double>(std::string_view) const;
template std::string JsonObject::get<std::string>(std::string_view) const;
template int JsonObject::get<int>(std::string_view, int, int) const;
template std::int64_t JsonObject::get<std::int64_t>(std::string_view, std::int64_t, std::int64_t) const;
template std::uint64_t JsonObject::get<std::uint64_t>(std::string_view, std::uint64_t, std::uint64_t) const;
template double JsonObject::get<double>(std::string_view, double, double) const;
template std::vector<bool> JsonObject::list<bool>(std::string_view) const;
template std::vector<int> JsonObject::list<int>(std::string_view) const;
template std::vector<std::int64_t> JsonObject::list<std::int64_t>(std::string_view) const;
template std::vector<std::uint64_t> JsonObject::list<std::uint64_t>(std::string_view) const;
template std::vector<double> JsonObject::list<double>(std::string_view) const;
template std::vector<std::string> JsonObject::list<std::string>(std::string_view) const;
template std::vector<int> JsonObject::list<int>(std::string_view, int, int) const;
template std::vector<std::int64_t> JsonObject::list<std::int64_t>(std::string_view, std::int64_t, std::int64_t) const;
template std::vector<std::uint64_t> JsonObject::list<std::uint64_t>(std::string_view, std::uint64_t,
                                                                    std::uint64_t) const;
template std::vector<double> JsonObject::list<double>(std::string_view, double, double) const;

}  // namespace bitloom
