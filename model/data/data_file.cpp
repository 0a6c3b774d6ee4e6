#include "model/data/data_file.hpp"

#include <fmt/format.h>
#include <zlib.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <system_error>

#include "model/io/error.hpp"

namespace bitloom {

namespace {

constexpr std::size_t kChunk = 1U << 24;

gzFile file_of(void* stream) { return static_cast<gzFile>(stream); }

}  // namespace

void DataFile::Close::operator()(void* file) const { gzclose_r(file_of(file)); }

DataFile::DataFile(std::string name) : name_(std::move(name)) {
  std::error_code error;
  const std::filesystem::file_status status = std::filesystem::status(name_, error);
  if (error) fail(fmt::format("cannot read the file: {}", error.message()));
  if (std::filesystem::is_directory(status)) fail("cannot read the file: it is a folder");
  // zlib would wait for a pipe's writer without heeding an interrupt.
  if (!std::filesystem::is_regular_file(status)) fail("cannot read the file: expected a regular file, plain or gzip");
  errno = 0;
  stream_.reset(gzopen(name_.c_str(), "rb"));
  if (!stream_) fail(fmt::format("cannot read the file: {}", std::strerror(errno)));
  gzbuffer(file_of(stream_.get()), 1U << 18);
}

// Fewer bytes than asked for only at the file's end.
std::size_t DataFile::read_some(std::uint8_t* to, std::size_t count) {
  std::size_t done = 0;
  while (done < count) {
    const auto part = static_cast<unsigned>(std::min(count - done, kChunk));
    const int got = gzread(file_of(stream_.get()), to + done, part);
    if (got > 0) done += static_cast<std::size_t>(got);
    if (got < static_cast<int>(part)) check_stream();
    if (got <= 0) break;
  }
  return done;
}

void DataFile::read(std::uint8_t* to, std::size_t count, const char* field) {
  const std::size_t done = read_some(to, count);
  if (done < count) fail(fmt::format("{}: truncated: expected {} bytes, got {}", field, count, done));
}

std::vector<std::uint8_t> DataFile::read_data(std::size_t count, const char* field) {
  std::vector<std::uint8_t> bytes;
  while (bytes.size() < count) {
    const std::size_t old_size = bytes.size();
    bytes.resize(std::min(count, old_size + kChunk));
    read(bytes.data() + old_size, bytes.size() - old_size, field);
  }
  return bytes;
}

std::vector<std::uint8_t> DataFile::read_rest(std::size_t limit, const char* field) {
  std::vector<std::uint8_t> bytes;
  std::size_t size = 0;
  do {
    size = bytes.size();
    bytes.resize(size + kChunk);
    bytes.resize(size + read_some(bytes.data() + size, kChunk));
    if (bytes.size() > limit) fail(fmt::format("{}: expected at most {} bytes", field, limit));
  } while (bytes.size() == size + kChunk);
  return bytes;
}

void DataFile::finish() {
  std::uint8_t extra = 0;
  const int got = gzread(file_of(stream_.get()), &extra, 1);
  check_stream();
  if (got > 0) fail("expected the file's end after the data that the header announces, got extra bytes");
}

void DataFile::fail(const std::string& message) const { throw Error(name_ + ": " + message); }

void DataFile::check_stream() {
  int code = Z_OK;
  const char* text = gzerror(file_of(stream_.get()), &code);
  if (code == Z_BUF_ERROR) fail("gzip data: truncated: expected the end of the compressed stream, got the file's end");
  if (code != Z_OK && code != Z_STREAM_END) {
    fail(fmt::format("gzip data: {}", code == Z_ERRNO ? std::strerror(errno) : text));
  }
}

bool is_image_file(const std::string& name) {
  const std::string plain = name.ends_with(".gz") ? name.substr(0, name.size() - 3) : name;
  return plain.ends_with(".bin") || plain.ends_with("-ubyte");
}

std::string plain_or_gz(const std::string& folder, const std::string& name) {
  std::string plain = (std::filesystem::path(folder) / name).string();
  std::string packed = plain + ".gz";
  std::error_code ignored;
  if (std::filesystem::exists(plain, ignored)) return plain;
  if (std::filesystem::exists(packed, ignored)) return packed;
  throw Error(fmt::format("{}: no such file, nor {}.gz beside it", plain, name));
}

}  // namespace bitloom
