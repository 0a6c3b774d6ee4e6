#pragma once
#include <cstdint>
#include <filesystem>
#include <functional>

namespace bitloom {

/// Returns the folder in which libraries that were made at run time are kept: $BITLOOM_CACHE, else bitloom in
/// $XDG_CACHE_HOME, else .cache/bitloom in the home folder. An empty variable is none; a relative XDG_CACHE_HOME or
/// HOME is ignored, as the XDG rules say; a relative BITLOOM_CACHE means the current folder. Throws Error where there
/// is no home folder.
std::filesystem::path cache_path();

/// Makes that folder (mode 0700) and proves that nobody else can write into it: what lies there is loaded as code.
/// Throws Error naming the folder where another user owns it or it cannot be made.
std::filesystem::path own_cache_folder();

/// Returns a number that changes with any byte of the file (64-bit FNV-1a); 0 where it cannot be read.
std::uint64_t file_hash(const std::filesystem::path& file, std::uint64_t begin = 14695981039346656037u);

/// Does the seal beside the file (its name and ".sum") hold the file's hash? Damage, or a half-written file, breaks it.
bool is_sealed(const std::filesystem::path& file);
/// Writes the seal. A file without one counts as not there, so it is written last.
void seal(const std::filesystem::path& file);

/// Keeps other processes from making the same file at the same time. The constructor waits for its turn, calls `tick`
/// about ten times a second and throws Interrupted after an interrupt.
class FileLock {
 public:
  FileLock(const std::filesystem::path& path, const std::function<void()>& tick);
  FileLock(const FileLock&) = delete;
  FileLock& operator=(const FileLock&) = delete;
  ~FileLock();  ///< removes the lock's file

 private:
  bool take();

  std::filesystem::path path_;
  int descriptor_ = -1;
};

}  // namespace bitloom
