#include "model/io/output_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <system_error>

#include "model/io/error.hpp"
#include "model/io/interrupt.hpp"

namespace bitloom {
namespace fs = std::filesystem;
namespace {

constexpr int kPollMilliseconds = 100;
constexpr mode_t kModeBits = 07777;

/// Gives the file behind the descriptor the mode and, where that is allowed, the owner of the one that it replaces.
int keep_mode(int descriptor, const struct stat& old) {
  // Only root may give a file away. A user who may write another's file gets the file's name, not its owner.
  if (fchown(descriptor, old.st_uid, old.st_gid) != 0 && errno != EPERM && errno != EINVAL) {
    return errno;
  }
  return fchmod(descriptor, old.st_mode & kModeBits) == 0 ? 0 : errno;
}

}  // namespace

OutputFile::OutputFile(const std::string& path) : place_(output_place(path)) {
  switch (place_.kind) {
    case PlaceKind::kFile:
      open_temporary();
      return;
    case PlaceKind::kStream:
      open_stream();
      return;
    case PlaceKind::kDescriptor:
      std::fflush(stdout);  // what was printed before comes first
      descriptor_ = fcntl(place_.descriptor, F_DUPFD_CLOEXEC, 3);
      if (descriptor_ < 0) fail("cannot open", errno);
      return;
  }
}

void OutputFile::open_temporary() {
  const std::string folder = fs::path(place_.target).parent_path().string();
  const mode_t mode = place_.exists ? 0600 : 0666;  // what replaces a private file is private at every moment
  descriptor_ = make_temporary(folder, mode, temporary_);
  if (descriptor_ < 0) fail("cannot create", errno);
}

/// Opens a stream. A named pipe without a reader is waited for, and an interrupt ends the waiting.
void OutputFile::open_stream() {
  while ((descriptor_ = open(place_.target.c_str(), O_WRONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK)) < 0) {
    if (errno != ENXIO || !S_ISFIFO(place_.status.st_mode)) fail("cannot open", errno);
    if (interrupted()) throw Interrupted{};
    poll(nullptr, 0, kPollMilliseconds);
  }
}

OutputFile::~OutputFile() {
  if (descriptor_ >= 0) {
    close(descriptor_);
  }
  if (!temporary_.empty()) {
    unlink(temporary_.c_str());
  }
}

void OutputFile::fail(const char* what, int error) {
  throw Error(fmt::format("{}: {} the file: {}", place_.path, what, std::strerror(error)));
}

void OutputFile::wait_until_writable() {
  pollfd wanted{descriptor_, POLLOUT, 0};
  while (poll(&wanted, 1, kPollMilliseconds) == 0) {
    if (interrupted()) throw Interrupted{};
  }
}

void OutputFile::write(const void* data, std::size_t bytes) {
  const char* at = static_cast<const char*>(data);
  while (bytes > 0) {
    std::size_t part = bytes;
    if (place_.streams()) {
      wait_until_writable();
      part = std::min<std::size_t>(part, PIPE_BUF);  // so many bytes a writable pipe takes without waiting
    }
    const ssize_t done = ::write(descriptor_, at, part);
    if (done < 0) {
      if (errno == EINTR || errno == EAGAIN) {
        continue;
      }
      fail("cannot write", errno);
    }
    at += done;
    bytes -= static_cast<std::size_t>(done);
  }
}

void OutputFile::commit() {
  if (!temporary_.empty() && place_.exists) {
    if (const int error = keep_mode(descriptor_, place_.status); error != 0) fail("cannot replace", error);
  }
  if (fsync(descriptor_) != 0 && errno != EINVAL && errno != EROFS) {  // what cannot be synchronised (a pipe) is fine
    fail("cannot write", errno);
  }
  const int closed = close(descriptor_);
  descriptor_ = -1;
  if (closed != 0) {
    fail("cannot write", errno);
  }
  if (!temporary_.empty() && std::rename(temporary_.c_str(), place_.target.c_str()) != 0) {
    fail("cannot replace", errno);
  }
  temporary_.clear();
}

void write_file(const std::string& path, std::string_view text) {
  OutputFile file(path);
  file.write(text);
  file.commit();
}

OutputByName::OutputByName(const std::string& path) {
  require_writable_file(path);
  place_ = output_place(path);
  // In the target's own folder, as only a rename within a file system takes the name at once; mkdtemp fills the X.
  std::string folder = (fs::path(place_.target).parent_path() / ".bitloom-XXXXXX").string();
  if (mkdtemp(folder.data()) == nullptr) {
    throw Error(fmt::format("{}: cannot create the file: {}", path, std::strerror(errno)));
  }
  folder_ = folder;
  name_ = folder_ + "/output";
}

OutputByName::~OutputByName() {
  std::error_code ignored;
  fs::remove_all(folder_, ignored);
}

void OutputByName::commit() {
  const auto fail = [&](int error) {
    throw Error(fmt::format("{}: cannot write the file: {}", place_.path, std::strerror(error)));
  };
  const int made = open(name_.c_str(), O_RDWR | O_CLOEXEC);
  if (made < 0) fail(errno);
  int error = place_.exists ? keep_mode(made, place_.status) : 0;
  if (error == 0 && fsync(made) != 0) error = errno;
  close(made);
  if (error != 0) fail(error);
  if (std::rename(name_.c_str(), place_.target.c_str()) != 0) fail(errno);
}

}  // namespace bitloom
