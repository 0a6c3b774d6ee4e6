#include "sim/program/report.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
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

std::string Table::text() const {
  std::vector<std::size_t> widths;
  for (const auto& cells : rows_) {
    widths.resize(std::max(widths.size(), cells.size()));
    for (std::size_t i = 0; cells.size() > 1 && i < cells.size(); ++i) {
      widths[i] = std::max(widths[i], cells[i].size());
    }
  }
  std::string text;
  for (std::size_t r = 0; r < rows_.size(); ++r) {
    std::string line;
    for (std::size_t i = 0; i < rows_[r].size(); ++i) {
      line += i == 0 ? fmt::format("{:<{}}", rows_[r][i], widths[i]) : fmt::format("  {:>{}}", rows_[r][i], widths[i]);
    }
    line.erase(line.find_last_not_of(' ') + 1);
    text += line + "\n";
    if (r == 0) {
      std::size_t total = 0;
      for (const std::size_t width : widths) {
        total += width + 2;
      }
      text += std::string(total - 2, '-') + "\n";
    }
  }
  return text;
}

std::string grouped(std::int64_t value) {
  std::string digits = std::to_string(value);
  const std::ptrdiff_t first = value < 0 ? 1 : 0;
  for (std::ptrdiff_t at = std::ssize(digits) - 3; at > first; at -= 3) {
    digits.insert(static_cast<std::size_t>(at), " ");
  }
  return digits;
}

std::string percent(double fraction, int decimals) { return fmt::format("{:.{}f} %", 100.0 * fraction, decimals); }

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
