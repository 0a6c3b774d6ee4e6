#include "model/data/cifar.hpp"

#include <fmt/format.h>

#include <filesystem>
#include <set>
#include <string_view>

#include "model/data/data_file.hpp"
#include "model/data/idx.hpp"
#include "model/io/error.hpp"

namespace bitloom {

namespace {

constexpr int kExtent = 32;
constexpr int kChannels = 3;
constexpr int kClasses = 10;
constexpr std::size_t kPlane = std::size_t{kExtent} * kExtent;
constexpr std::size_t kRecord = 1 + kChannels * kPlane;
constexpr std::size_t kMaxRecords = 1'000'000;  // of one file; the original ones have 10,000

// Names in the folder of that beginning, "….bin" once whether it is there plain, as .gz or both, sorted.
std::set<std::string> batch_names(const std::string& folder, std::string_view beginning) {
  std::set<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    std::string name = entry.path().filename().string();
    if (name.ends_with(".gz")) name.resize(name.size() - 3);
    if (name.starts_with(beginning) && name.ends_with(".bin")) names.insert(name);
  }
  return names;
}

Dataset read_batches(const std::string& folder, std::string_view beginning) {
  std::vector<std::string> files;
  for (const std::string& name : batch_names(folder, beginning)) files.push_back(plain_or_gz(folder, name));
  if (files.empty()) throw Error(fmt::format("{}: no file {}*.bin or {}*.bin.gz", folder, beginning, beginning));
  return read_cifar(files);
}

void add_record(const std::uint8_t* record, std::uint8_t* image) {
  for (std::size_t pixel = 0; pixel < kPlane; ++pixel) {
    for (std::size_t channel = 0; channel < kChannels; ++channel) *image++ = record[1 + channel * kPlane + pixel];
  }
}

}  // namespace

Dataset read_cifar(const std::vector<std::string>& files) {
  Dataset data;
  data.rows = data.cols = kExtent;
  data.channels = kChannels;
  data.classes = kClasses;
  for (const std::string& name : files) {
    if (data.name.empty()) data.name = name;
    DataFile file(name);
    const std::vector<std::uint8_t> bytes = file.read_rest(kMaxRecords * kRecord, "records");
    if (bytes.empty() || bytes.size() % kRecord != 0) {
      file.fail(fmt::format("records: expected one or more of {} bytes, got {} and {} bytes", kRecord,
                            bytes.size() / kRecord, bytes.size() % kRecord));
    }
    for (std::size_t first = 0; first < bytes.size(); first += kRecord) {
      const std::uint8_t label = bytes[first];
      if (label >= kClasses) {
        file.fail(fmt::format("record {}: label: expected 0 to {}, got {}", first / kRecord, kClasses - 1, label));
      }
      data.labels.push_back(label);
      data.images.resize(data.images.size() + kRecord - 1);
      add_record(bytes.data() + first, data.images.data() + data.images.size() - (kRecord - 1));
    }
  }
  return data;
}

bool is_cifar_folder(const std::string& folder) {
  return std::filesystem::is_directory(folder) && !batch_names(folder, "data_batch_").empty();
}

DataPair read_cifar_folder(const std::string& folder) {
  if (!std::filesystem::is_directory(folder)) throw Error(fmt::format("{}: no such data folder", folder));
  return {read_batches(folder, "data_batch_"), read_batches(folder, "test_batch")};
}

DataPair read_image_folder(const std::string& folder) {
  return is_cifar_folder(folder) ? read_cifar_folder(folder) : read_idx_folder(folder);
}

}  // namespace bitloom
