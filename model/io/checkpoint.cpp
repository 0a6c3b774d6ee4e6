#include "model/io/checkpoint.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

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
constexpr const char* kFormat = "bitloom checkpoint 1";
constexpr std::string_view kSuffix = ".npy";

void read_meta(const std::vector<std::byte>& bytes, const std::string& file, Checkpoint& checkpoint) {
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  const JsonObject meta = JsonObject::from_text(text, file + ": " + kMeta);
  meta.choice("format", {kFormat});
  checkpoint.recipe = meta.get<std::string>("recipe");
  checkpoint.network = meta.get<std::string>("network");
  checkpoint.seed = meta.get<std::uint64_t>("seed");
  checkpoint.epoch = meta.get<int>("epoch", 0, std::numeric_limits<int>::max());
  checkpoint.step = meta.get<std::int64_t>("step", 0, std::numeric_limits<std::int64_t>::max());
  checkpoint.batch = meta.get_or<int>("batch", 0, 0, std::numeric_limits<int>::max());
  checkpoint.train_images = meta.get_or<std::int64_t>("train_images", 0, 0, std::numeric_limits<std::int64_t>::max());
  meta.finish();
}

}  // namespace

void write_checkpoint(const std::string& file, const Checkpoint& checkpoint) {
  const nlohmann::ordered_json meta{{"format", kFormat},
                                    {"recipe", checkpoint.recipe},
                                    {"network", checkpoint.network},
                                    {"seed", checkpoint.seed},
                                    {"epoch", checkpoint.epoch},
                                    {"step", checkpoint.step},
                                    {"batch", checkpoint.batch},
                                    {"train_images", checkpoint.train_images}};
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

void require_same_run(const Checkpoint& checkpoint, const std::string& file, std::uint64_t seed, int batch) {
  if (checkpoint.seed != seed) {
    throw Error(
        fmt::format("{}: --seed: expected {}, of the run that is resumed, got {}", file, checkpoint.seed, seed));
  }
  if (checkpoint.batch != 0 && checkpoint.batch != batch) {
    throw Error(
        fmt::format("{}: --batch: expected {}, of the run that is resumed, got {}", file, checkpoint.batch, batch));
  }
}

void require_same_images(std::int64_t known, std::int64_t got) {
  if (known == 0 || known == got) return;
  throw Error(
      fmt::format("--train-limit, --hold-out or --data: expected {} training images, of the run that is resumed, "
                  "got {}",
                  known, got));
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

}  // namespace bitloom
