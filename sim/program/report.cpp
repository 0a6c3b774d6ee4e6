#include "sim/program/report.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <utility>

#include "model/io/output_file.hpp"
#include "model/io/version.hpp"

namespace bitloom::program {

Json report_head(const std::string& command, Json configuration) {
  const Version v = version();
  Json head;
  head["version"] = v.version;
  head["commit"] = v.commit;
  head["build"] = fmt::format("{}, {}", v.build, v.compiler);
  head["command"] = command;
  head["configuration"] = std::move(configuration);
  return head;
}

void write_report(const std::string& path, const Json& report) {
  if (path.empty()) {
    return;
  }
  // A path in the configuration may be no UTF-8.
  const std::string text = report.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
  if (path == "-") {
    std::fputs(text.c_str(), stdout);
  } else {
    write_file(path, text);
  }
}

bool prints_tables(const std::string& json_path, bool quiet) { return !quiet && json_path != "-"; }

ProgressLine::ProgressLine(bool enabled) : enabled_(enabled && isatty(STDERR_FILENO) == 1) {}

void ProgressLine::show(const std::string& text) {
  using std::chrono::milliseconds;
  using std::chrono::steady_clock;
  if (!enabled_) {
    return;
  }
  const auto now = std::chrono::duration_cast<milliseconds>(steady_clock::now().time_since_epoch()).count();
  if (visible_ && now - last_ms_ < 100) {
    return;
  }
  last_ms_ = now;
  visible_ = true;
  std::fputs(("\r\033[K" + text).c_str(), stderr);
  std::fflush(stderr);
}

void ProgressLine::clear() {
  if (visible_) {
    std::fputs("\r\033[K", stderr);
    std::fflush(stderr);
    visible_ = false;
  }
}

}  // namespace bitloom::program
