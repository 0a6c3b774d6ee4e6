#pragma once
#include <functional>
#include <string>
#include <vector>

namespace bitloom {

/// Called now and then while something takes long, with what is being done.
using LongTask = std::function<void(const std::string&)>;

/// Runs a program to its end, in a process group of its own. `tick` is called about ten times a second. An interrupt
/// kills the whole group (a compiler's children too), waits for the program's end and throws Interrupted. Throws Error
/// with everything that the program printed where it cannot be run or fails.
void run_child(const std::vector<std::string>& command, const std::function<void()>& tick);

}  // namespace bitloom
