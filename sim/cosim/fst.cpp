#include "sim/cosim/fst.hpp"

#include <fmt/format.h>

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <system_error>

#include "model/io/error.hpp"

namespace bitloom::cosim {
namespace {

// Types of blocks, by the format's description in GTKWave's manual. A block is a byte of type, eight bytes of length
// (the largest byte first; they count themselves) and its content.
constexpr int kHeader = 0;
constexpr int kGeometry = 3;
constexpr int kFirstHierarchy = 4, kHierarchyLz4 = 6, kHierarchyLz4Duo = 7;
constexpr std::uintmax_t kLengthBytes = 8;

bool is_hierarchy(int type) { return type == kFirstHierarchy || type == kHierarchyLz4 || type == kHierarchyLz4Duo; }

std::uintmax_t block_length(std::ifstream& stream) {
  std::uintmax_t length = 0;
  for (std::uintmax_t byte = 0; byte < kLengthBytes; ++byte) {
    length = length << 8 | static_cast<std::uintmax_t>(stream.get() & 0xff);
  }
  return length;
}

bool is_whole(const std::string& file) {
  std::error_code error;
  const std::uintmax_t size = std::filesystem::file_size(file, error);
  std::ifstream stream(file, std::ios::binary);
  bool header = false, geometry = false, hierarchy = false;
  std::uintmax_t at = 0;
  while (!error && at < size) {
    stream.seekg(static_cast<std::streamoff>(at));
    const int type = stream.get();
    const std::uintmax_t length = block_length(stream);
    if (!stream || length < kLengthBytes || length > size - at - 1) return false;
    header = header || type == kHeader;
    geometry = geometry || type == kGeometry;
    hierarchy = hierarchy || is_hierarchy(type);
    at += 1 + length;
  }
  return header && geometry && hierarchy;
}

}  // namespace

void require_whole_fst(const std::string& file, const std::string& path) {
  if (!is_whole(file)) {
    throw Error(fmt::format("{}: the waves could not be written whole: is the disk full?", path));
  }
}

}  // namespace bitloom::cosim
