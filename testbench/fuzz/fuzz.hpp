#pragma once
#include <cstddef>
#include <cstdint>
#include <string>

namespace bitloom::fuzz {

/// A file without a name that holds these bytes, for readers that want a path. It is gone with the object.
class MemoryFile {
 public:
  MemoryFile(const std::uint8_t* data, std::size_t size);
  ~MemoryFile();
  MemoryFile(const MemoryFile&) = delete;
  MemoryFile& operator=(const MemoryFile&) = delete;
  std::string path() const { return "/proc/self/fd/" + std::to_string(descriptor_); }

 private:
  int descriptor_;
};

}  // namespace bitloom::fuzz
