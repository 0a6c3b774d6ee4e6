#pragma once
#include <cstddef>
#include <string>
#include <string_view>

#include "model/io/output_place.hpp"

namespace bitloom {

/// A file that appears under its name only when it is complete: bytes go to a temporary file in the target's folder,
/// which commit() flushes to the disk and renames. A reader, or a run stopped half-way, never meets half a file. A link
/// stays, and the file behind it is written. A file that exists keeps its mode and, where this user may give it away,
/// its owner; a new one has the mode that the umask leaves. A pipe, device or descriptor gets the bytes directly; it is
/// never removed or truncated, and Interrupted is thrown where it takes no bytes after an interrupt. Every failure
/// throws Error naming the path and the system's reason (no such folder, permission denied, no space left on device).
class OutputFile {
 public:
  explicit OutputFile(const std::string& path);
  OutputFile(const OutputFile&) = delete;
  OutputFile& operator=(const OutputFile&) = delete;
  ~OutputFile();  ///< removes the temporary file where commit() did not run

  void write(const void* data, std::size_t bytes);
  void write(std::string_view text) { write(text.data(), text.size()); }
  void commit();

 private:
  void open_stream();
  void open_temporary();
  void wait_until_writable();
  [[noreturn]] void fail(const char* what, int error);

  OutputPlace place_;
  std::string temporary_;  ///< empty where the target is written directly, and after commit()
  int descriptor_ = -1;
};

/// Writes the whole text to the path as OutputFile does.
void write_file(const std::string& path, std::string_view text);

/// A file that a library writes by its name (waves). The library gets a name in a private folder beside the target, so
/// that nothing of it lies under the target's name until commit(); libraries may remove and make files there as they
/// like.
class OutputByName {
 public:
  /// Throws Error where the path cannot become a regular file.
  explicit OutputByName(const std::string& path);
  OutputByName(const OutputByName&) = delete;
  OutputByName& operator=(const OutputByName&) = delete;
  ~OutputByName();  ///< removes the private folder

  const std::string& name() const { return name_; }  ///< what the library is to write
  /// Puts the file under its name; throws Error where the library made none or the disk does not take it.
  void commit();

 private:
  OutputPlace place_;
  std::string folder_;
  std::string name_;
};

}  // namespace bitloom
