#include "model/io/output_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <system_error>
#include <utility>

#include "model/io/error.hpp"

namespace bitloom {
namespace fs = std::filesystem;

OutputFile::OutputFile(std::string path) : path_(std::move(path)), target_(path_) {
  std::error_code ignored;
  const fs::file_status status = fs::status(path_, ignored);
  if (fs::exists(status) && !fs::is_regular_file(status) && !fs::is_directory(status)) {
    descriptor_ = open(path_.c_str(), O_WRONLY | O_CLOEXEC);
    if (descriptor_ < 0) {
      fail("cannot open", errno);
    }
    return;
  }
  if (const fs::path real = fs::canonical(path_, ignored); !real.empty()) {
    target_ = real.string();
  }
  std::string temporary = target_ + ".XXXXXX";
  descriptor_ = mkostemp(temporary.data(), O_CLOEXEC);
  if (descriptor_ < 0) {
    fail("cannot create", errno);
  }
  temporary_ = temporary;
  fchmod(descriptor_, 0644);  // mkostemp makes it private, but a result is for others to read
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
  throw Error(fmt::format("{}: {} the file: {}", path_, what, std::strerror(error)));
}

void OutputFile::write(const void* data, std::size_t bytes) {
  const char* at = static_cast<const char*>(data);
  while (bytes > 0) {
    const ssize_t done = ::write(descriptor_, at, bytes);
    if (done < 0) {
      if (errno == EINTR) {
        continue;
      }
      fail("cannot write", errno);
    }
    at += done;
    bytes -= static_cast<std::size_t>(done);
  }
}

void OutputFile::commit() {
  if (fsync(descriptor_) != 0 && errno != EINVAL && errno != EROFS) {  // what cannot be synchronised (a pipe) is fine
    fail("cannot write", errno);
  }
  const int closed = close(descriptor_);
  descriptor_ = -1;
  if (closed != 0) {
    fail("cannot write", errno);
  }
  if (!temporary_.empty() && std::rename(temporary_.c_str(), target_.c_str()) != 0) {
    fail("cannot replace", errno);
  }
  temporary_.clear();
}

void write_file(const std::string& path, std::string_view text) {
  OutputFile file(path);
  file.write(text);
  file.commit();
}

void require_writable_folder(const std::string& folder) {
  std::error_code error;
  const fs::path slashless = fs::path(folder).has_filename() ? fs::path(folder) : fs::path(folder).parent_path();
  fs::create_directory(slashless, error);
  if (error || !fs::is_directory(folder)) {
    const std::string reason = error ? error.message() : "it exists and is not a folder";
    throw Error(fmt::format("{}: cannot create the output folder: {}", folder, reason));
  }
  std::string probe = (fs::path(folder) / ".bitloom-probe.XXXXXX").string();
  const int descriptor = mkostemp(probe.data(), O_CLOEXEC);
  if (descriptor < 0) {
    throw Error(fmt::format("{}: cannot write into the output folder: {}", folder, std::strerror(errno)));
  }
  close(descriptor);
  unlink(probe.c_str());
}

void require_writable_target(const std::string& path) {
  if (fs::is_directory(path)) {
    throw Error(fmt::format("{}: cannot write the file: it is a folder", path));
  }
  const fs::path parent = fs::path(path).parent_path();
  const fs::path folder = parent.empty() ? "." : parent;
  if (!fs::is_directory(folder)) {
    throw Error(fmt::format("{}: cannot write the file: {} is no folder", path, folder.string()));
  }
  require_writable_folder(folder.string());
}

}  // namespace bitloom
