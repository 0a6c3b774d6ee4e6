#pragma once
#include <string>

namespace bitloom::program {

/// A file in memory with a path of its own, for code that reads and writes files by name. It goes with the object, and
/// with the process however that ends.
class MemoryFile {
 public:
  /// Throws Error where the system gives none, and where it has no room for the bytes.
  explicit MemoryFile(const std::string& bytes = "");
  ~MemoryFile();
  MemoryFile(const MemoryFile&) = delete;
  MemoryFile& operator=(const MemoryFile&) = delete;

  std::string path() const;
  std::string bytes() const;  ///< all that was written to the path

 private:
  int descriptor_ = -1;
};

}  // namespace bitloom::program
