#include "model/idx.hpp"

#include <fmt/format.h>
#include <zlib.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <memory>

#include "model/error.hpp"

namespace bitloom {

namespace {

constexpr std::uint32_t kImagesMagic = 0x00000803;  // unsigned bytes, three dimensions
constexpr std::uint32_t kLabelsMagic = 0x00000801;  // unsigned bytes, one dimension
constexpr std::uint32_t kMaxCount = 100'000'000;
constexpr std::uint32_t kMaxExtent = 4096;

// A file read from its start, plain or gzip: zlib tells by the first bytes.
class IdxFile {
 public:
  explicit IdxFile(std::string name) : name_(std::move(name)) {
    errno = 0;
    stream_.reset(gzopen(name_.c_str(), "rb"));
    if (!stream_ || std::filesystem::is_directory(name_)) {
      fail(fmt::format("cannot read the file: {}", errno != 0 ? std::strerror(errno) : "it is a folder"));
    }
    gzbuffer(stream_.get(), 1U << 18);
  }

  std::uint32_t read_u32(const char* field) {
    std::array<std::uint8_t, 4> bytes{};
    read(bytes.data(), bytes.size(), field);
    return (std::uint32_t{bytes[0]} << 24) | (std::uint32_t{bytes[1]} << 16) | (std::uint32_t{bytes[2]} << 8) |
           bytes[3];
  }

  void read(std::uint8_t* to, std::size_t count, const char* field) {
    std::size_t done = 0;
    while (done < count) {
      const auto part = static_cast<unsigned>(std::min<std::size_t>(count - done, 1U << 24));
      const int got = gzread(stream_.get(), to + done, part);
      if (got > 0) done += static_cast<std::size_t>(got);
      if (got < static_cast<int>(part)) check_stream();
      if (got <= 0) fail(fmt::format("{}: truncated: expected {} bytes, got {}", field, count, done));
    }
  }

  // Grows with what the file holds, so that a damaged count cannot ask for more memory than there is data.
  std::vector<std::uint8_t> read_data(std::size_t count, const char* field) {
    constexpr std::size_t kChunk = 1U << 24;
    std::vector<std::uint8_t> bytes;
    while (bytes.size() < count) {
      const std::size_t old_size = bytes.size();
      bytes.resize(std::min(count, old_size + kChunk));
      read(bytes.data() + old_size, bytes.size() - old_size, field);
    }
    return bytes;
  }

  void finish() {
    std::uint8_t extra = 0;
    const int got = gzread(stream_.get(), &extra, 1);
    check_stream();
    if (got > 0) fail("expected the file's end after the data that the header announces, got extra bytes");
  }

  [[noreturn]] void fail(const std::string& message) const { throw Error(name_ + ": " + message); }

 private:
  void check_stream() {
    int code = Z_OK;
    const char* text = gzerror(stream_.get(), &code);
    if (code == Z_BUF_ERROR)
      fail("gzip data: truncated: expected the end of the compressed stream, got the file's end");
    if (code != Z_OK && code != Z_STREAM_END)
      fail(fmt::format("gzip data: {}", code == Z_ERRNO ? std::strerror(errno) : text));
  }

  struct Close {
    void operator()(gzFile file) const { gzclose_r(file); }
  };
  std::string name_;
  std::unique_ptr<std::remove_pointer_t<gzFile>, Close> stream_;
};

void check_magic(IdxFile& file, std::uint32_t expected) {
  const std::uint32_t magic = file.read_u32("magic number");
  if (magic != expected) file.fail(fmt::format("magic number: expected 0x{:08x}, got 0x{:08x}", expected, magic));
}

std::uint32_t read_extent(IdxFile& file, const char* field, std::uint32_t max) {
  const std::uint32_t value = file.read_u32(field);
  if (value < 1 || value > max) file.fail(fmt::format("{}: expected 1 to {}, got {}", field, max, value));
  return value;
}

std::string plain_or_gz(const std::string& folder, const char* name) {
  const std::string plain = (std::filesystem::path(folder) / name).string();
  const std::string packed = plain + ".gz";
  if (std::filesystem::exists(plain)) return plain;
  if (std::filesystem::exists(packed)) return packed;
  throw Error(fmt::format("{}: no such file, nor {}.gz beside it", plain, name));
}

}  // namespace

Dataset read_idx(const std::string& images_file, const std::string& labels_file, int classes) {
  Dataset data;
  data.name = images_file;
  data.classes = classes;

  IdxFile images(images_file);
  check_magic(images, kImagesMagic);
  const std::uint32_t count = read_extent(images, "image count", kMaxCount);
  data.rows = static_cast<int>(read_extent(images, "row count", kMaxExtent));
  data.cols = static_cast<int>(read_extent(images, "column count", kMaxExtent));
  data.images = images.read_data(std::size_t{count} * static_cast<std::size_t>(data.pixels()), "pixels");
  images.finish();

  IdxFile labels(labels_file);
  check_magic(labels, kLabelsMagic);
  const std::uint32_t label_count = labels.read_u32("label count");
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
