#include "model/io/zip.hpp"

#include <fmt/format.h>
#include <zlib.h>

#include <cstdint>
#include <limits>

#include "model/io/error.hpp"

namespace bitloom {

namespace {

// Record layouts are those of PKWARE's APPNOTE 4.3: local header, central directory header, end of central directory.
constexpr std::uint32_t kLocal = 0x04034b50;
constexpr std::uint32_t kCentral = 0x02014b50;
constexpr std::uint32_t kEnd = 0x06054b50;
constexpr std::size_t kLocalSize = 30;
constexpr std::size_t kCentralSize = 46;
constexpr std::size_t kEndSize = 22;
constexpr std::uint32_t kVersion = 20;
constexpr std::uint32_t kDate = 0x21;  // 1980-01-01: equal state gives equal bytes

class Writer {
 public:
  void u16(std::uint32_t value) {
    bytes.push_back(static_cast<std::byte>(value & 0xff));
    bytes.push_back(static_cast<std::byte>((value >> 8) & 0xff));
  }
  void u32(std::uint32_t value) {
    u16(value & 0xffff);
    u16(value >> 16);
  }
  void raw(std::span<const std::byte> data) { bytes.insert(bytes.end(), data.begin(), data.end()); }
  void text(const std::string& value) { raw(std::as_bytes(std::span(value))); }

  std::vector<std::byte> bytes;
};

class Reader {
 public:
  Reader(std::span<const std::byte> content, const std::string& name) : content_(content), name_(name) {}

  std::span<const std::byte> part(std::size_t at, std::size_t size) const {
    if (at + size > content_.size()) fail("a record lies beyond the file's end");
    return content_.subspan(at, size);
  }
  std::uint32_t u16(std::size_t at) const {
    const auto two = part(at, 2);
    return static_cast<std::uint32_t>(two[0]) | (static_cast<std::uint32_t>(two[1]) << 8);
  }
  std::uint32_t u32(std::size_t at) const { return u16(at) | (u16(at + 2) << 16); }
  [[noreturn]] void fail(const std::string& message) const { throw Error(fmt::format("{}: zip: {}", name_, message)); }

 private:
  std::span<const std::byte> content_;
  const std::string& name_;
};

std::uint32_t crc_of(std::span<const std::byte> data) {
  return static_cast<std::uint32_t>(crc32_z(0, reinterpret_cast<const Bytef*>(data.data()), data.size()));
}

// The fields that local and central headers share, from "version needed" to "extra length".
void shared_fields(Writer& out, std::uint32_t crc, std::size_t size, const std::string& name) {
  out.u16(kVersion);
  out.u16(0);  // flags
  out.u16(0);  // stored
  out.u16(0);  // time
  out.u16(kDate);
  out.u32(crc);
  out.u32(static_cast<std::uint32_t>(size));
  out.u32(static_cast<std::uint32_t>(size));
  out.u16(static_cast<std::uint32_t>(name.size()));
  out.u16(0);
}

}  // namespace

std::vector<std::byte> encode_zip(const ZipEntries& entries) {
  Writer out;
  Writer directory;
  for (const auto& [name, data] : entries) {
    const std::size_t offset = out.bytes.size();
    if (offset + data.size() > std::numeric_limits<std::uint32_t>::max() - 65536 || entries.size() > 65534) {
      throw Error(fmt::format("zip: {} would exceed the format's 4 GiB", name));
    }
    const std::uint32_t crc = crc_of(data);
    out.u32(kLocal);
    shared_fields(out, crc, data.size(), name);
    out.text(name);
    out.raw(data);
    directory.u32(kCentral);
    directory.u16(kVersion);
    shared_fields(directory, crc, data.size(), name);
    directory.u16(0);  // comment
    directory.u16(0);  // disk
    directory.u16(0);  // internal attributes
    directory.u32(0);  // external attributes
    directory.u32(static_cast<std::uint32_t>(offset));
    directory.text(name);
  }
  const std::size_t offset = out.bytes.size();
  out.raw(directory.bytes);
  out.u32(kEnd);
  out.u32(0);  // disk numbers
  out.u16(static_cast<std::uint32_t>(entries.size()));
  out.u16(static_cast<std::uint32_t>(entries.size()));
  out.u32(static_cast<std::uint32_t>(directory.bytes.size()));
  out.u32(static_cast<std::uint32_t>(offset));
  out.u16(0);  // comment
  return out.bytes;
}

ZipEntries decode_zip(std::span<const std::byte> content, const std::string& name) {
  const Reader in(content, name);
  if (content.size() < kEndSize || in.u32(content.size() - kEndSize) != kEnd) {
    in.fail("expected an archive without comment; the file is truncated or of another kind");
  }
  const std::size_t end = content.size() - kEndSize;
  const std::uint32_t count = in.u16(end + 10);
  std::size_t at = in.u32(end + 16);
  ZipEntries entries;
  for (std::uint32_t i = 0; i < count; ++i) {
    if (in.u32(at) != kCentral) in.fail("expected a central directory header");
    const std::size_t name_length = in.u16(at + 28);
    const auto name_bytes = in.part(at + kCentralSize, name_length);
    const std::string entry(reinterpret_cast<const char*>(name_bytes.data()), name_bytes.size());
    if (in.u16(at + 10) != 0) in.fail(fmt::format("{}: expected a stored file, got a compressed one", entry));
    const std::size_t size = in.u32(at + 20);
    const std::size_t local = in.u32(at + 42);
    if (in.u32(local) != kLocal) in.fail(fmt::format("{}: expected a local header", entry));
    const auto data = in.part(local + kLocalSize + in.u16(local + 26) + in.u16(local + 28), size);
    if (crc_of(data) != in.u32(at + 16)) in.fail(fmt::format("{}: checksum differs", entry));
    const bool is_new = entries.emplace(entry, std::vector<std::byte>(data.begin(), data.end())).second;
    if (!is_new) in.fail(fmt::format("{}: given twice", entry));
    at += kCentralSize + name_length + in.u16(at + 30) + in.u16(at + 32);
  }
  return entries;
}

}  // namespace bitloom
