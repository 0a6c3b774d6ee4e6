#include "sim/cosim/waves.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

namespace bitloom::cosim {
namespace {

std::uint64_t before(std::uint64_t cycle, std::uint64_t cycles) { return cycle > cycles ? cycle - cycles : 0; }

}  // namespace

std::string describe(const Waves& waves) {
  const std::string time = waves.at < 0 ? "" : fmt::format(", where it happens at cycle {}", waves.at);
  return fmt::format("waves in {}: step {}, cycles {} to {}{}", waves.file, waves.step, waves.from, waves.to, time);
}

Window window_to(std::uint64_t at) { return {before(at + kWindowMargin, kLongestWindow), at + kWindowMargin}; }

Window window_of(const std::set<int>& writers, const std::vector<ExecutionRecord>& executions, std::int64_t at) {
  std::optional<std::uint64_t> start;
  for (const ExecutionRecord& e : executions) {
    if (writers.count(static_cast<int>(e.command)) != 0) start = std::min(start.value_or(e.start), e.start);
  }
  const std::uint64_t from = before(start.value_or(0), kWindowMargin);
  if (at >= 0 && static_cast<std::uint64_t>(at) + kWindowMargin > from + kLongestWindow) {
    return window_to(static_cast<std::uint64_t>(at));
  }
  return {from, from + kLongestWindow};
}

}  // namespace bitloom::cosim
