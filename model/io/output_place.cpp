#include "model/io/output_place.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <filesystem>
#include <system_error>

#include "model/io/error.hpp"

namespace bitloom {
namespace fs = std::filesystem;
namespace {

constexpr int kMostLinks = 40;  // as Linux follows

[[noreturn]] void refuse(const std::string& path, const std::string& reason) {
  throw Error(fmt::format("{}: cannot write the file: {}", path, reason));
}

[[noreturn]] void refuse(const std::string& path, int error) { refuse(path, std::strerror(error)); }

/// Returns the number of the descriptor that an entry of /proc/self/fd stands for, or -1 for any other path.
int descriptor_of(const fs::path& folder, const std::string& name) {
  std::error_code ignored;
  if (folder != fs::canonical("/proc/self/fd", ignored)) {
    return -1;
  }
  int number = -1;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), number);
  return error == std::errc() && end == name.data() + name.size() ? number : -1;
}

OutputPlace descriptor_place(OutputPlace place, int descriptor) {
  const int flags = fcntl(descriptor, F_GETFL);
  if (flags < 0 || fstat(descriptor, &place.status) != 0) {
    refuse(place.path, "the descriptor is closed");
  }
  if ((flags & O_ACCMODE) == O_RDONLY || (flags & O_PATH) != 0) {
    refuse(place.path, "the descriptor is not open for writing");
  }
  place.kind = PlaceKind::kDescriptor;
  place.descriptor = descriptor;
  place.exists = true;
  return place;
}

/// Follows the links one by one. The kernel would follow them at once, but a descriptor must be seen on the way: opened
/// by its name, a file that it appends to would be overwritten.
OutputPlace follow_links(const std::string& path) {
  OutputPlace place;
  place.path = path;
  fs::path at = path;
  for (int links = 0; links < kMostLinks; ++links) {
    std::error_code error;
    const fs::path parent = at.has_parent_path() ? at.parent_path() : fs::path(".");
    const fs::path folder = fs::canonical(parent, error);
    if (error || !fs::is_directory(folder, error)) {
      refuse(path, fmt::format("{} is no folder", parent.string()));
    }
    if (const int descriptor = descriptor_of(folder, at.filename().string()); descriptor >= 0) {
      return descriptor_place(place, descriptor);
    }
    at = folder / at.filename();
    if (!fs::is_symlink(at, error)) {
      if (error && error != std::errc::no_such_file_or_directory) {
        refuse(path, error.value());
      }
      place.target = at.string();
      return place;
    }
    const fs::path next = fs::read_symlink(at, error);
    if (error) {
      refuse(path, error.value());
    }
    at = folder / next;
  }
  refuse(path, ELOOP);
}

/// Makes a file in the folder and removes it again.
void probe(const std::string& path, const std::string& folder) {
  std::string name;
  const int descriptor = make_temporary(folder, 0600, name);
  if (descriptor < 0) {
    throw Error(fmt::format("{}: cannot write into the output folder {}: {}", path, folder, std::strerror(errno)));
  }
  close(descriptor);
  unlink(name.c_str());
}

}  // namespace

OutputPlace output_place(const std::string& path) {
  if (path.empty()) {
    throw Error("an output's path is empty");
  }
  if (path.ends_with('/')) {
    refuse(path, "it is a folder");
  }
  OutputPlace place = follow_links(path);
  if (place.kind == PlaceKind::kDescriptor) {
    return place;
  }
  if (stat(place.target.c_str(), &place.status) != 0) {
    if (errno != ENOENT) {
      refuse(path, errno);
    }
    return place;
  }
  place.exists = true;
  if (S_ISDIR(place.status.st_mode)) {
    refuse(path, "it is a folder");
  }
  if (S_ISBLK(place.status.st_mode) || S_ISSOCK(place.status.st_mode)) {
    refuse(path, S_ISBLK(place.status.st_mode) ? "it is a block device" : "it is a socket");
  }
  if (access(place.target.c_str(), W_OK) != 0) {
    refuse(path, errno);
  }
  place.kind = S_ISREG(place.status.st_mode) ? PlaceKind::kFile : PlaceKind::kStream;
  return place;
}

void require_writable_target(const std::string& path) {
  const OutputPlace place = output_place(path);
  if (place.kind == PlaceKind::kFile) {
    probe(path, fs::path(place.target).parent_path().string());
  }
}

void require_regular_file(const std::string& path) {
  if (output_place(path).streams()) {
    refuse(path, "expected a regular file, got a pipe, device or descriptor");
  }
}

void require_writable_file(const std::string& path) {
  require_regular_file(path);
  require_writable_target(path);
}

void require_writable_folder(const std::string& folder) {
  std::error_code error;
  const fs::path slashless = fs::path(folder).has_filename() ? fs::path(folder) : fs::path(folder).parent_path();
  fs::create_directory(slashless, error);
  std::error_code ignored;
  if (error || !fs::is_directory(folder, ignored)) {
    const std::string reason = error ? error.message() : "it exists and is not a folder";
    throw Error(fmt::format("{}: cannot create the output folder: {}", folder, reason));
  }
  probe(folder, folder);
}

bool is_stream(const std::string& path) { return path.empty() || output_place(path).streams(); }

int make_temporary(const std::string& folder, mode_t mode, std::string& made) {
  static std::atomic<unsigned> counter{0};
  for (int attempt = 0; attempt < 1000; ++attempt) {
    // The name is short, so that the longest name that a file may have can be written too.
    const std::string name = fmt::format("{}/.bitloom-{}-{}", folder, getpid(), counter++);
    const int descriptor = open(name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
    if (descriptor < 0 && errno == EEXIST) {
      continue;
    }
    made = name;
    return descriptor;
  }
  return -1;
}

}  // namespace bitloom
