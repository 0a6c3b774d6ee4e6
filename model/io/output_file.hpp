#pragma once
#include <cstddef>
#include <string>
#include <string_view>

namespace bitloom {

/// A file that appears under its name only when it is complete: bytes go to a temporary file beside the target, which
/// commit() flushes to the disk and renames. A reader, or a run stopped half-way, never meets half a file. Every
/// failure throws Error naming the path and the system's reason (no such folder, permission denied, no space left on
/// device).
class OutputFile {
 public:
  explicit OutputFile(std::string path);
  OutputFile(const OutputFile&) = delete;
  OutputFile& operator=(const OutputFile&) = delete;
  ~OutputFile();  ///< removes the temporary file where commit() did not run

  void write(const void* data, std::size_t bytes);
  void write(std::string_view text) { write(text.data(), text.size()); }
  void commit();

 private:
  [[noreturn]] void fail(const char* what, int error);

  std::string path_;
  std::string target_;     ///< path_ with links followed
  std::string temporary_;  ///< empty where the target is written directly, and after commit()
  int descriptor_ = -1;
};

/// Writes the whole text to the path as OutputFile does.
void write_file(const std::string& path, std::string_view text);

/// Makes the folder where its parent exists (a misspelt path makes no tree) and proves that a file can be written in
/// it, so that a long run fails at its start and not at its end. Throws Error naming the folder and the reason.
void require_writable_folder(const std::string& folder);

/// Proves that a file can be written at the path: its folder exists (it is not made), the path is not a folder. Throws
/// Error naming the path and the reason.
void require_writable_target(const std::string& path);

}  // namespace bitloom
