#include "sim/cosim/rtl/child.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>

#include "model/io/error.hpp"
#include "model/io/interrupt.hpp"

extern char** environ;

namespace bitloom {
namespace {

constexpr int kTickMilliseconds = 100;

/// A program in a process group of its own, whose output comes through a pipe. It is killed with its group where it
/// still runs at the object's end.
class Child {
 public:
  explicit Child(const std::vector<std::string>& command) : name_(command.front()) {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) throw Error(fmt::format("{}: cannot be run: {}", name_, std::strerror(errno)));
    output_ = ends[0];
    const int failed = spawn(command, ends[1]);
    close(ends[1]);
    if (failed != 0) {
      close(output_);
      throw Error(fmt::format("{}: cannot be run: {}", name_, std::strerror(failed)));
    }
  }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  ~Child() {
    if (!ended_) {
      kill(-pid_, SIGKILL);
      waitpid(pid_, &status_, 0);
    }
    close(output_);
  }

  /// Takes what was printed; false once the pipe is at its end, which it is when all that may write have ended.
  bool read_some() {
    pollfd wanted{output_, POLLIN, 0};
    if (poll(&wanted, 1, kTickMilliseconds) <= 0) return true;
    std::array<char, 4096> part;
    const ssize_t got = read(output_, part.data(), part.size());
    if (got > 0) text_.append(part.data(), static_cast<std::size_t>(got));
    return got > 0 || (got < 0 && errno == EINTR);
  }

  void finish() {
    if (waitpid(pid_, &status_, 0) != pid_) status_ = -1;
    ended_ = true;
    if (!WIFEXITED(status_) || WEXITSTATUS(status_) != 0) throw Error(fmt::format("{} failed:\n{}", name_, text_));
  }

 private:
  /// This process blocks the signals that end it (model/io/interrupt.cpp); a child must not inherit that.
  int spawn(const std::vector<std::string>& command, int output) {
    std::vector<char*> arguments;
    for (const std::string& argument : command) arguments.push_back(const_cast<char*>(argument.c_str()));
    arguments.push_back(nullptr);
    sigset_t none;
    sigemptyset(&none);
    posix_spawnattr_t attributes;
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK);
    posix_spawnattr_setpgroup(&attributes, 0);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
    posix_spawn_file_actions_adddup2(&actions, output, STDERR_FILENO);
    const int failed = posix_spawnp(&pid_, arguments[0], &actions, &attributes, arguments.data(), environ);
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
    return failed;
  }

  std::string name_;
  std::string text_;
  pid_t pid_ = 0;
  int output_ = -1;
  int status_ = 0;
  bool ended_ = false;
};

}  // namespace

void run_child(const std::vector<std::string>& command, const std::function<void()>& tick) {
  Child child(command);
  while (child.read_some()) {
    if (interrupted()) throw Interrupted{};
    if (tick) tick();
  }
  child.finish();
}

}  // namespace bitloom
