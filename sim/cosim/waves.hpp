#pragma once
#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "sim/simulator.hpp"

namespace bitloom::cosim {

/// Waves of the RTL in a file, and why these cycles of the step.
struct Waves {
  std::string file;        ///< FST; empty: none were written
  int step = 0;            ///< that the cycles belong to
  std::uint64_t from = 0;  ///< first cycle, from CONTROL.start on
  std::uint64_t to = 0;    ///< last cycle
  /// The end of the execution that gave the first differing element its value; where the machine hangs or stops, the
  /// cycle in which something happened last. −1: there is neither, or the host wrote the element.
  std::int64_t at = -1;
};

/// Says the window and the time in words.
std::string describe(const Waves& waves);

/// Cycles of a step, both ends included.
struct Window {
  std::uint64_t from = 0, to = 0;
};
inline constexpr std::uint64_t kWindowMargin = 200, kLongestWindow = 100000;

/// Returns the last cycles before `at`, and a few after it.
Window window_to(std::uint64_t at);

/// Returns the window from the first execution of the commands `writers` on, with some cycles before. Where `at` (−1:
/// unknown) would lie behind the longest window, the cycles before it; without an execution of theirs the step's start.
Window window_of(const std::set<int>& writers, const std::vector<ExecutionRecord>& executions, std::int64_t at);

}  // namespace bitloom::cosim
