#pragma once
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace bitloom::testing {

/// How a run of the program ended. `code` is 128 + signal where a signal ended it.
struct Outcome {
  int code = -1;
  std::string output;  ///< standard output
  std::string errors;  ///< standard error
};

/// A run of build/bitloom in the background. The outcome is taken once, by finish(), which throws after `seconds`.
class Running {
 public:
  explicit Running(const std::vector<std::string>& arguments);
  ~Running();
  Running(const Running&) = delete;
  Running& operator=(const Running&) = delete;
  void send(int signal) const;
  bool ended();
  Outcome finish(int seconds = 600);

 private:
  int pid_ = -1;
  int status_ = 0;
  bool ended_ = false;
  std::filesystem::path folder_;
};

Outcome run_program(const std::vector<std::string>& arguments);

/// A folder that is removed with everything in it at the end of the test.
class ScratchFolder {
 public:
  ScratchFolder();
  ~ScratchFolder();
  ScratchFolder(const ScratchFolder&) = delete;
  ScratchFolder& operator=(const ScratchFolder&) = delete;
  std::string operator/(const std::string& name) const { return (path_ / name).string(); }
  std::string path() const { return path_.string(); }

 private:
  std::filesystem::path path_;
};

std::string read_text(const std::string& file);
void write_text(const std::string& file, const std::string& text);
nlohmann::json read_json(const std::string& file);

/// Returns the path of a file of traces/, for example source_trace("networks/mlp.json").
std::string source_trace(const std::string& name);

}  // namespace bitloom::testing
