#pragma once
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>

#include "sim/text_table.hpp"

namespace bitloom::program {

using Json = nlohmann::ordered_json;

/// Makes the head of every JSON output: version, commit, build, command and its configuration.
Json report_head(const std::string& command, Json configuration);

/// Writes a report as a whole (model/io/output_file.hpp), or to standard output for "-". Does nothing for an empty
/// path.
void write_report(const std::string& path, const Json& report);

/// Says whether a command may print its tables to standard output: not where the JSON goes there, and not with --quiet.
bool prints_tables(const std::string& json_path, bool quiet);

/// One line on the terminal that is rewritten in place; silent where standard error is not a terminal. The line is
/// refreshed at most ten times a second.
class ProgressLine {
 public:
  explicit ProgressLine(bool enabled);
  ~ProgressLine() { clear(); }
  ProgressLine(const ProgressLine&) = delete;
  ProgressLine& operator=(const ProgressLine&) = delete;
  void show(const std::string& text);
  void clear();

 private:
  bool enabled_;
  bool visible_ = false;
  std::int64_t last_ms_ = 0;
};

}  // namespace bitloom::program
