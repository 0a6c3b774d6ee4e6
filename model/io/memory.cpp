#include "model/io/memory.hpp"

#include <fmt/format.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <functional>
#include <limits>
#include <optional>
#include <sstream>

#include "model/io/error.hpp"

namespace bitloom {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kNoLimit = std::numeric_limits<std::uint64_t>::max();

/// Returns the number at the start of a file, or nothing ("max").
std::optional<std::uint64_t> number_in(const fs::path& file) {
  std::ifstream stream(file);
  std::uint64_t number = 0;
  return stream >> number ? std::optional(number) : std::nullopt;
}

/// Returns the number behind a word in a file of lines "word number".
std::optional<std::uint64_t> number_behind(const std::string& word, const fs::path& file) {
  std::ifstream stream(file);
  for (std::string line; std::getline(stream, line);) {
    std::istringstream parts(line);
    std::string first;
    std::uint64_t number = 0;
    if (parts >> first >> number && first == word) return number;
  }
  return std::nullopt;
}

std::uint64_t left(std::uint64_t limit, std::uint64_t used) { return used < limit ? limit - used : 0; }

std::uint64_t of_system() {
  constexpr std::uint64_t kKibi = 1024;
  const auto kibibytes = number_behind("MemAvailable:", "/proc/meminfo");
  return kibibytes ? *kibibytes * kKibi : kNoLimit;
}

/// How the two versions of control groups call their files.
struct GroupFiles {
  const char* mount;
  const char* limit;
  const char* used;
  const char* cache;  ///< in memory.stat: pages of files, which the kernel gives up first
};
constexpr GroupFiles kVersion1{"/sys/fs/cgroup/memory", "memory.limit_in_bytes", "memory.usage_in_bytes",
                               "total_inactive_file"};
constexpr GroupFiles kVersion2{"/sys/fs/cgroup", "memory.max", "memory.current", "inactive_file"};

/// Returns the least that a group and those above it leave. A container may see its own group as the top.
std::uint64_t of_groups(const GroupFiles& files, const fs::path& group) {
  std::uint64_t least = kNoLimit;
  fs::path at = group;
  while (true) {
    const fs::path folder = fs::path(files.mount) / at.relative_path();
    const auto limit = number_in(folder / files.limit), used = number_in(folder / files.used);
    if (limit && used) {
      const std::uint64_t cache = number_behind(files.cache, folder / "memory.stat").value_or(0);
      least = std::min(least, left(*limit, left(*used, cache)));
    }
    if (!at.has_relative_path()) return least;
    at = at.parent_path();
  }
}

std::uint64_t of_control_groups() {
  std::uint64_t least = kNoLimit;
  std::ifstream stream("/proc/self/cgroup");
  for (std::string line; std::getline(stream, line);) {  // "4:memory:/group", of version 2 "0::/group"
    const std::size_t first = line.find(':'), second = line.find(':', first + 1);
    if (second == std::string::npos) continue;
    const std::string controllers = line.substr(first + 1, second - first - 1), group = line.substr(second + 1);
    if (controllers == "memory") least = std::min(least, of_groups(kVersion1, group));
    if (controllers.empty()) least = std::min(least, of_groups(kVersion2, group));
  }
  return least;
}

std::uint64_t of_address_space() {
  rlimit limit = {};
  if (getrlimit(RLIMIT_AS, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) return kNoLimit;
  const std::uint64_t pages = number_in("/proc/self/statm").value_or(0);
  return left(limit.rlim_cur, pages * static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE)));
}

std::string size_text(double bytes) {
  constexpr std::array<const char*, 5> kUnits{"KB", "MB", "GB", "TB", "PB"};
  std::size_t unit = 0;
  for (bytes /= 1e3; bytes >= 999.95 && unit + 1 < kUnits.size(); bytes /= 1e3) ++unit;
  return fmt::format("{:.1f} {}", bytes, kUnits[unit]);
}

}  // namespace

std::uint64_t available_memory() { return std::min({of_system(), of_control_groups(), of_address_space()}); }

void require_memory(const std::string& task, std::vector<MemoryPart> parts) {
  double sum = 0;
  for (const MemoryPart& part : parts) sum += part.bytes;
  const auto available = static_cast<double>(available_memory());
  if (sum <= available) return;
  std::ranges::stable_sort(parts, std::greater{}, &MemoryPart::bytes);
  std::string needs, changes;
  for (const MemoryPart& part : parts) {
    if (part.bytes < sum / 100) continue;
    needs += fmt::format("{}{} for {}", needs.empty() ? "" : ", ", size_text(part.bytes), part.what);
    if (changes.find(part.change) == std::string::npos) changes += (changes.empty() ? "" : " or ") + part.change;
  }
  throw Error(fmt::format("{} would need about {} of memory ({}), {} are available: take {}", task, size_text(sum),
                          needs, size_text(available), changes));
}

}  // namespace bitloom
