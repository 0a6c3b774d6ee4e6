#include "model/data/idx.hpp"

#include <fmt/format.h>

#include <array>
#include <filesystem>

#include "model/data/data_file.hpp"
#include "model/io/error.hpp"

namespace bitloom {

namespace {

constexpr std::uint32_t kImagesMagic = 0x00000803;  // unsigned bytes, three dimensions
constexpr std::uint32_t kLabelsMagic = 0x00000801;  // unsigned bytes, one dimension
constexpr std::uint32_t kMaxCount = 100'000'000;
constexpr std::uint32_t kMaxExtent = 4096;

std::uint32_t read_u32(DataFile& file, const char* field) {
  std::array<std::uint8_t, 4> bytes{};
  file.read(bytes.data(), bytes.size(), field);
  return (std::uint32_t{bytes[0]} << 24) | (std::uint32_t{bytes[1]} << 16) | (std::uint32_t{bytes[2]} << 8) | bytes[3];
}

void check_magic(DataFile& file, std::uint32_t expected) {
  const std::uint32_t magic = read_u32(file, "magic number");
  if (magic != expected) file.fail(fmt::format("magic number: expected 0x{:08x}, got 0x{:08x}", expected, magic));
}

std::uint32_t read_extent(DataFile& file, const char* field, std::uint32_t max) {
  const std::uint32_t value = read_u32(file, field);
  if (value < 1 || value > max) file.fail(fmt::format("{}: expected 1 to {}, got {}", field, max, value));
  return value;
}

}  // namespace

Dataset read_idx(const std::string& images_file, const std::string& labels_file, int classes) {
  Dataset data;
  data.name = images_file;
  data.classes = classes;

  DataFile images(images_file);
  check_magic(images, kImagesMagic);
  const std::uint32_t count = read_extent(images, "image count", kMaxCount);
  data.rows = static_cast<int>(read_extent(images, "row count", kMaxExtent));
  data.cols = static_cast<int>(read_extent(images, "column count", kMaxExtent));
  data.images = images.read_data(std::size_t{count} * static_cast<std::size_t>(data.pixels()), "pixels");
  images.finish();

  DataFile labels(labels_file);
  check_magic(labels, kLabelsMagic);
  const std::uint32_t label_count = read_u32(labels, "label count");
  if (label_count != count) {
    labels.fail(fmt::format("label count: expected {} as in {}, got {}", count, images_file, label_count));
  }
  data.labels = labels.read_data(count, "labels");
  labels.finish();
  for (std::size_t i = 0; i < data.labels.size(); ++i) {
    if (data.labels[i] >= classes) {
      labels.fail(fmt::format("label {}: expected 0 to {}, got {}", i, classes - 1, data.labels[i]));
    }
  }
  return data;
}

DataPair read_idx_folder(const std::string& folder) {
  if (!std::filesystem::is_directory(folder)) throw Error(fmt::format("{}: no such data folder", folder));
  const auto read = [&](const char* images, const char* labels) {
    return read_idx(plain_or_gz(folder, images), plain_or_gz(folder, labels));
  };
  DataPair pair{read("train-images-idx3-ubyte", "train-labels-idx1-ubyte"),
                read("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte")};
  if (pair.train.rows != pair.test.rows || pair.train.cols != pair.test.cols) {
    throw Error(fmt::format("{}: images of {}×{} pixels, expected {}×{} as in {}", pair.test.name, pair.test.rows,
                            pair.test.cols, pair.train.rows, pair.train.cols, pair.train.name));
  }
  return pair;
}

}  // namespace bitloom
