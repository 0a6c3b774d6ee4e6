#include "model/io/checkpoint.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <string_view>

#include "model/io/input_file.hpp"
#include "model/io/json_reader.hpp"
#include "model/io/output_file.hpp"
#include "model/io/zip.hpp"

namespace bitloom {

namespace {

constexpr const char* kMeta = "meta.json";
constexpr const char* kFormat = "bitloom checkpoint 2";
constexpr const char* kFormatWithoutContent = "bitloom checkpoint 1";
constexpr std::string_view kSuffix = ".npy";

std::string hash_of(const JsonObject& json, const char* key) {
  std::string hash = json.get<std::string>(key);
  const bool digits = hash.find_first_not_of("0123456789abcdef") == std::string::npos;
  if (!digits || hash.size() != 64) json.fail(key, fmt::format("expected a SHA-256 of 64 digits, got \"{}\"", hash));
  return hash;
}

RunContent read_content(const JsonObject& json) {
  RunContent content;
  content.network = hash_of(json, "network");
  content.recipe = hash_of(json, "recipe");
  content.hyper = hash_of(json, "hyper");
  if (json.has("data")) content.data = hash_of(json, "data");
  content.epochs = json.get<int>("epochs", 0, std::numeric_limits<int>::max());
  content.numerics = json.get<int>("numerics", 0, std::numeric_limits<int>::max());
  json.finish();
  return content;
}

nlohmann::ordered_json content_json(const RunContent& content) {
  nlohmann::ordered_json json{
      {"network", content.network}, {"recipe", content.recipe}, {"hyper", content.hyper}, {"data", content.data}};
  if (content.data.empty()) json.erase("data");
  json["epochs"] = content.epochs;
  json["numerics"] = content.numerics;
  return json;
}

void read_meta(const std::vector<std::byte>& bytes, const std::string& file, Checkpoint& checkpoint) {
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  const JsonObject meta = JsonObject::from_text(text, file + ": " + kMeta);
  const bool has_content = meta.choice("format", {kFormat, kFormatWithoutContent}) == kFormat;
  checkpoint.recipe = meta.get<std::string>("recipe");
  checkpoint.network = meta.get<std::string>("network");
  checkpoint.seed = meta.get<std::uint64_t>("seed");
  checkpoint.epoch = meta.get<int>("epoch", 0, std::numeric_limits<int>::max());
  checkpoint.step = meta.get<std::int64_t>("step", 0, std::numeric_limits<std::uint32_t>::max());
  checkpoint.batch = meta.get_or<int>("batch", 0, 0, std::numeric_limits<int>::max());
  checkpoint.train_images = meta.get_or<std::int64_t>("train_images", 0, 0, std::numeric_limits<std::int64_t>::max());
  if (has_content) checkpoint.content = read_content(meta.object("content"));
  meta.finish();
}

}  // namespace

void write_checkpoint(const std::string& file, const Checkpoint& checkpoint) {
  nlohmann::ordered_json meta{{"format", checkpoint.content ? kFormat : kFormatWithoutContent},
                              {"recipe", checkpoint.recipe},
                              {"network", checkpoint.network},
                              {"seed", checkpoint.seed},
                              {"epoch", checkpoint.epoch},
                              {"step", checkpoint.step},
                              {"batch", checkpoint.batch},
                              {"train_images", checkpoint.train_images}};
  if (checkpoint.content) meta["content"] = content_json(*checkpoint.content);
  const std::string text = meta.dump(2) + "\n";
  ZipEntries entries;
  const auto bytes = std::as_bytes(std::span(text));
  entries[kMeta].assign(bytes.begin(), bytes.end());
  for (const auto& [name, array] : checkpoint.tensors) entries[name + std::string(kSuffix)] = encode_npy(array);
  const std::vector<std::byte> content = encode_zip(entries);
  OutputFile output(file);
  output.write(content.data(), content.size());
  output.commit();
}

Checkpoint read_checkpoint(const std::string& file) {
  const std::string content = read_input(file, kLargestState);
  const ZipEntries entries = decode_zip(std::as_bytes(std::span(content)), file);
  const auto meta = entries.find(kMeta);
  if (meta == entries.end()) throw Error(fmt::format("{}: expected a bitloom checkpoint with {}", file, kMeta));
  Checkpoint checkpoint;
  read_meta(meta->second, file, checkpoint);
  for (const auto& [name, bytes] : entries) {
    if (name == kMeta) continue;
    if (!name.ends_with(kSuffix)) throw Error(fmt::format("{}: {}: expected only .npy arrays", file, name));
    const std::string tensor = name.substr(0, name.size() - kSuffix.size());
    checkpoint.tensors[tensor] = decode_npy(bytes, file + ": " + name);
  }
  return checkpoint;
}

const NpyArray& checkpoint_tensor(const Checkpoint& checkpoint, const std::string& file, const std::string& name,
                                  NpyType type, const std::vector<std::int64_t>& shape) {
  const auto found = checkpoint.tensors.find(name);
  if (found == checkpoint.tensors.end()) throw Error(fmt::format("{}: tensor {} is missing", file, name));
  const NpyArray& array = found->second;
  if (array.type != type || array.shape != shape) {
    throw Error(fmt::format("{}: tensor {}: expected {} [{}], got {} [{}]", file, name, npy_descr(type),
                            fmt::join(shape, ", "), npy_descr(array.type), fmt::join(array.shape, ", ")));
  }
  return array;
}

std::vector<float> checkpoint_reals(const Checkpoint& checkpoint, const std::string& file, const std::string& name,
                                    const std::vector<std::int64_t>& shape) {
  std::vector<float> values =
      npy_values<float>(checkpoint_tensor(checkpoint, file, name, NpyType::kFloat32, shape), name);
  const auto bad = std::find_if(values.begin(), values.end(), [](float value) { return !std::isfinite(value); });
  if (bad != values.end()) {
    throw Error(fmt::format("{}: tensor {}: element {}: expected a finite number, got {}", file, name,
                            bad - values.begin(), *bad));
  }
  return values;
}

void require_variance(const std::vector<float>& values, const std::string& file, const std::string& name) {
  const auto bad = std::find_if(values.begin(), values.end(), [](float value) { return value < 0.0F; });
  if (bad == values.end()) return;
  throw Error(fmt::format("{}: tensor {}: element {}: expected a variance of at least 0, got {}", file, name,
                          bad - values.begin(), *bad));
}

}  // namespace bitloom
