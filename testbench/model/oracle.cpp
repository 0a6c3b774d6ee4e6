#include "testbench/model/oracle.hpp"

#include <cstring>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <stdexcept>

#include "testbench/model/support.hpp"

namespace bitloom::test {

namespace {

struct Files {
  nlohmann::json manifest;
  std::string bytes;
};

const Files& files() {
  static const Files loaded = [] {
    const std::string folder = source_file("traces/oracle/float/");
    std::ifstream manifest(folder + "manifest.json");
    std::ifstream binary(folder + "float.bin", std::ios::binary);
    if (!manifest || !binary) throw std::runtime_error(folder + ": cannot be read");
    return Files{nlohmann::json::parse(manifest),
                 {std::istreambuf_iterator<char>(binary), std::istreambuf_iterator<char>()}};
  }();
  return loaded;
}

const nlohmann::json& entry(const std::string& name) { return files().manifest.at("cases").at(name); }

template <class T>
std::vector<double> widen(std::size_t offset, std::size_t count) {
  std::vector<T> narrow(count);
  if (offset + count * sizeof(T) > files().bytes.size()) throw std::runtime_error("oracle: beyond the end of the file");
  std::memcpy(narrow.data(), files().bytes.data() + offset, count * sizeof(T));
  return {narrow.begin(), narrow.end()};
}

}  // namespace

OracleArray OracleArray::channels_last() const {
  const auto extent = [&](std::size_t i) { return static_cast<std::size_t>(shape.at(i)); };
  const std::size_t channels = extent(1);
  const std::size_t places = extent(2) * extent(3);
  OracleArray result{{shape[0], shape[2], shape[3], shape[1]}, std::vector<double>(values.size())};
  for (std::size_t i = 0; i < values.size(); ++i) {
    const std::size_t place = i % places;
    const std::size_t channel = i / places % channels;
    const std::size_t sample = i / places / channels;
    result.values[(sample * places + place) * channels + channel] = values[i];
  }
  return result;
}

OracleCase::OracleCase(const std::string& name) : name_(name) { entry(name); }

OracleArray OracleCase::operator[](const std::string& array) const {
  const nlohmann::json& facts = entry(name_).at("arrays").at(array);
  OracleArray result{facts.at("shape").get<std::vector<int>>(), {}};
  std::size_t count = 1;
  for (const int extent : result.shape) count *= static_cast<std::size_t>(extent);
  const auto offset = facts.at("offset").get<std::size_t>();
  const auto type = facts.at("dtype").get<std::string>();
  if (type == "float64") {
    result.values = widen<double>(offset, count);
  } else if (type == "int8") {
    result.values = widen<std::int8_t>(offset, count);
  } else if (type == "int32") {
    result.values = widen<std::int32_t>(offset, count);
  } else {
    throw std::runtime_error("oracle: unexpected dtype " + type);
  }
  return result;
}

std::vector<int> OracleCase::parameter(const std::string& key) const {
  const nlohmann::json& value = entry(name_).at("params").at(key);
  return value.is_array() ? value.get<std::vector<int>>() : std::vector<int>{value.get<int>()};
}

std::vector<std::string> OracleCase::names(const std::string& group) {
  std::vector<std::string> result;
  for (const auto& [name, unused] : files().manifest.at("cases").items()) {
    if (name.starts_with(group + ".")) result.push_back(name);
  }
  return result;
}

}  // namespace bitloom::test
