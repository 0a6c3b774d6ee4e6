#include "testbench/program/spawn.hpp"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <thread>

namespace bitloom::testing {
namespace fs = std::filesystem;
namespace {

fs::path make_folder() {
  std::string name = (fs::temp_directory_path() / "bitloom-test.XXXXXX").string();
  if (mkdtemp(name.data()) == nullptr) {
    throw std::runtime_error("cannot make a scratch folder: " + std::string(std::strerror(errno)));
  }
  return name;
}

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  if (value == nullptr) {
    throw std::runtime_error(std::string(name) + " is not set: run this test through ctest");
  }
  return value;
}

}  // namespace

Running::Running(const std::vector<std::string>& arguments) : folder_(make_folder()) {
  const std::string program = environment("BITLOOM_BINARY_DIR") + "/bitloom";
  std::vector<char*> argv{const_cast<char*>(program.c_str())};
  for (const std::string& argument : arguments) {
    argv.push_back(const_cast<char*>(argument.c_str()));
  }
  argv.push_back(nullptr);
  const std::string output = (folder_ / "output").string();
  const std::string errors = (folder_ / "errors").string();
  pid_ = fork();
  if (pid_ < 0) {
    throw std::runtime_error("cannot fork");
  }
  if (pid_ == 0) {
    const int out = open(output.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
    const int err = open(errors.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
    dup2(out, STDOUT_FILENO);
    dup2(err, STDERR_FILENO);
    execv(program.c_str(), argv.data());
    _exit(127);
  }
}

Running::~Running() {
  if (!ended_) {
    kill(pid_, SIGKILL);
    waitpid(pid_, &status_, 0);
  }
  std::error_code ignored;
  fs::remove_all(folder_, ignored);
}

void Running::send(int signal) const { kill(pid_, signal); }

bool Running::ended() {
  if (!ended_) {
    ended_ = waitpid(pid_, &status_, WNOHANG) == pid_;
  }
  return ended_;
}

Outcome Running::finish(int seconds) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(seconds);
  while (!ended()) {
    if (std::chrono::steady_clock::now() > deadline) {
      throw std::runtime_error("the program did not end in time");
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  Outcome outcome;
  outcome.code = WIFEXITED(status_) ? WEXITSTATUS(status_) : 128 + WTERMSIG(status_);
  outcome.output = read_text((folder_ / "output").string());
  outcome.errors = read_text((folder_ / "errors").string());
  return outcome;
}

Outcome run_program(const std::vector<std::string>& arguments) { return Running(arguments).finish(); }

ScratchFolder::ScratchFolder() : path_(make_folder()) {}

ScratchFolder::~ScratchFolder() {
  std::error_code ignored;
  fs::remove_all(path_, ignored);
}

std::string read_text(const std::string& file) {
  std::ifstream stream(file, std::ios::binary);
  if (!stream) {
    throw std::runtime_error("cannot read " + file);
  }
  std::ostringstream text;
  text << stream.rdbuf();
  return text.str();
}

void write_text(const std::string& file, const std::string& text) {
  std::ofstream stream(file, std::ios::binary);
  stream << text;
  if (!stream.flush()) {
    throw std::runtime_error("cannot write " + file);
  }
}

nlohmann::json read_json(const std::string& file) { return nlohmann::json::parse(read_text(file)); }

std::string source_trace(const std::string& name) { return environment("BITLOOM_SOURCE_DIR") + "/traces/" + name; }

}  // namespace bitloom::testing
