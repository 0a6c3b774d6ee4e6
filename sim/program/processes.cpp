#include "sim/program/processes.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <list>
#include <vector>

#include "model/io/error.hpp"
#include "model/io/interrupt.hpp"

namespace bitloom::program {
namespace {

constexpr int kTickMilliseconds = 100;

void write_all(int to, const std::string& text) {
  for (std::size_t done = 0; done < text.size();) {
    const ssize_t written = write(to, text.data() + done, text.size() - done);
    if (written < 0 && errno != EINTR) return;  // who reads sees less than a whole result
    done += static_cast<std::size_t>(std::max<ssize_t>(written, 0));
  }
}

/// A copy of this process that makes one text. It is killed where it still runs at the object's end.
class Copy {
 public:
  Copy(std::size_t index, const std::function<std::string(std::size_t)>& make) : index_(index) {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) throw Error(fmt::format("cannot make a pipe: {}", std::strerror(errno)));
    const pid_t parent = getpid();
    pid_ = fork();
    if (pid_ == 0) {
      prctl(PR_SET_PDEATHSIG, SIGKILL);
      if (getppid() != parent) _exit(1);  // it ended before this could be asked for
      make_here(ends[1], make);
    }
    close(ends[1]);
    output_ = ends[0];
    if (pid_ < 0) {
      close(output_);
      throw Error(fmt::format("cannot make a process: {}", std::strerror(errno)));
    }
  }
  Copy(const Copy&) = delete;
  Copy& operator=(const Copy&) = delete;
  ~Copy() {
    if (!ended_) {
      kill(pid_, SIGKILL);
      waitpid(pid_, nullptr, 0);
    }
    close(output_);
  }

  std::size_t index() const { return index_; }
  const std::string& text() const { return text_; }
  int output() const { return output_; }

  /// Takes what was written; returns whether that was all. Nothing counts of a process that did not end well.
  bool read_some() {
    std::array<char, 4096> part;
    const ssize_t got = read(output_, part.data(), part.size());
    if (got > 0) text_.append(part.data(), static_cast<std::size_t>(got));
    if (got > 0 || (got < 0 && errno == EINTR)) return false;
    int status = 0;
    waitpid(pid_, &status, 0);
    ended_ = true;
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) text_.clear();
    return true;
  }

 private:
  /// What is thrown must not reach the callers of the process that was copied.
  [[noreturn]] void make_here(int to, const std::function<std::string(std::size_t)>& make) const {
    try {
      write_all(to, make(index_));
    } catch (...) {
      _exit(1);
    }
    _exit(0);
  }

  std::size_t index_;
  pid_t pid_ = -1;
  int output_ = -1;
  std::string text_;
  bool ended_ = false;
};

/// Waits a while for something to read.
std::vector<pollfd> wait_for(const std::list<Copy>& running) {
  std::vector<pollfd> wanted;
  for (const Copy& copy : running) wanted.push_back({copy.output(), POLLIN, 0});
  poll(wanted.data(), wanted.size(), kTickMilliseconds);
  return wanted;
}

}  // namespace

void in_processes(std::size_t count, int at_once, const ProcessWork& work) {
  std::list<Copy> running;
  for (std::size_t next = 0; next < count || !running.empty();) {
    if (interrupted()) throw Interrupted{};
    while (next < count && running.size() < static_cast<std::size_t>(at_once)) {
      work.started(next);
      running.emplace_back(next, work.make);
      ++next;
    }
    auto copy = running.begin();
    for (const pollfd& ready : wait_for(running)) {
      const bool all = ready.revents != 0 && copy->read_some();
      if (all) work.take(copy->index(), copy->text());
      copy = all ? running.erase(copy) : std::next(copy);
    }
  }
}

}  // namespace bitloom::program
