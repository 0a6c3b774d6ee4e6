#pragma once
#include <cstdint>
#include <string>
#include <vector>

namespace bitloom {

/// Returns how many bytes this process may still take without pushing out others: the least of what the system has
/// available, what the process's control groups leave (version 1 or 2; a container's limit is one) and what the limit
/// of its address space (ulimit -v) leaves. What cannot be read counts as no limit.
std::uint64_t available_memory();

/// A part of what a command is going to need.
struct MemoryPart {
  std::string what;    ///< "generated images"
  double bytes = 0;    ///< a double, as products of what users ask for can pass 64 bits
  std::string change;  ///< what makes it smaller: "--train-limit"
};

/// Throws Error where the parts together exceed available_memory(). The message begins with `task` and says the
/// estimate and its parts, what is available, and what to change, the largest part first. Parts below a hundredth of
/// the sum are not named.
void require_memory(const std::string& task, std::vector<MemoryPart> parts);

}  // namespace bitloom
