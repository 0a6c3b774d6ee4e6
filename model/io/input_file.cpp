#include "model/io/input_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "model/io/error.hpp"
#include "model/io/interrupt.hpp"

namespace bitloom {
namespace {

constexpr int kPollMilliseconds = 100;
constexpr std::size_t kChunk = 1 << 20;

/// An input that is open for reading.
class Input {
 public:
  explicit Input(const std::string& path) : path_(path), descriptor_(open_waiting(path)) {}
  Input(const Input&) = delete;
  Input& operator=(const Input&) = delete;
  ~Input() {
    if (descriptor_ >= 0) close(descriptor_);
  }

  std::string read_all(std::size_t limit) {
    if (descriptor_ < 0 || fstat(descriptor_, &status_) != 0) fail(std::strerror(errno));
    if (S_ISDIR(status_.st_mode)) fail("it is a folder");
    if (S_ISCHR(status_.st_mode)) limit = std::min(limit, kLargestText);  // some devices never end
    std::string content;
    while (true) {
      const std::size_t size = content.size();
      // The first byte beyond the limit is asked for, so that a file of exactly the limit is known to end.
      const std::size_t part = std::min(kChunk, limit - size + 1);
      content.resize(size + part);
      const std::size_t got = read_some(content.data() + size, part);
      content.resize(size + got);
      if (got == 0) return content;
      if (content.size() > limit) fail(fmt::format("expected at most {} bytes", limit));
    }
  }

 private:
  /// Opens a file or pipe without blocking: opening a named pipe would wait for a writer without heeding an interrupt.
  static int open_waiting(const std::string& path) {
    return open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
  }

  std::size_t read_some(char* to, std::size_t count) {
    while (true) {
      if (!S_ISREG(status_.st_mode)) wait();
      const ssize_t got = ::read(descriptor_, to, count);
      if (got >= 0) return static_cast<std::size_t>(got);
      if (errno != EINTR && errno != EAGAIN) fail(std::strerror(errno));
    }
  }

  /// Waits until there are bytes, or a pipe's last writer has gone. A pipe that no writer has opened yet is waited for.
  void wait() const {
    pollfd wanted{descriptor_, POLLIN, 0};
    do {
      if (interrupted()) throw Interrupted{};
    } while (poll(&wanted, 1, kPollMilliseconds) == 0);
  }

  [[noreturn]] void fail(const std::string& reason) const {
    throw Error(fmt::format("{}: cannot read the file: {}", path_, reason));
  }

  std::string path_;
  int descriptor_ = -1;
  struct stat status_ = {};
};

}  // namespace

std::string read_input(const std::string& path, std::size_t limit) { return Input(path).read_all(limit); }

}  // namespace bitloom
