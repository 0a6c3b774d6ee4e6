#pragma once
#include <cstddef>
#include <functional>
#include <string>

namespace bitloom::program {

/// What in_processes() calls.
struct ProcessWork {
  std::function<std::string(std::size_t)> make;  ///< in a process of its own
  std::function<void(std::size_t)> started;      ///< here, before make()
  std::function<void(std::size_t, const std::string&)>
      take;  ///< here, in any order, with what make() returned; empty: it ended without
};

/// Calls work.make(i) for i < count, each in a copy of this process, at most `at_once` at a time: SystemC has one
/// kernel a process, and a call that is ended for want of memory ends alone. An interrupt ends the copies and throws
/// Interrupted.
void in_processes(std::size_t count, int at_once, const ProcessWork& work);

}  // namespace bitloom::program
