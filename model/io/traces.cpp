#include "model/io/traces.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cstdlib>
#include <filesystem>
#include <set>
#include <system_error>

#include "model/io/error.hpp"

namespace bitloom {
namespace fs = std::filesystem;
namespace {

std::vector<fs::path> trace_roots() {
  std::vector<fs::path> roots;
  if (const char* chosen = std::getenv("BITLOOM_TRACES"); chosen != nullptr && *chosen != '\0') {
    roots.emplace_back(chosen);
  }
  roots.emplace_back(BITLOOM_SOURCE_TRACES);
  std::error_code error;
  const fs::path self = fs::read_symlink("/proc/self/exe", error);
  if (!error) {  // an installation that was moved as a whole
    roots.push_back(self.parent_path().parent_path() / "share" / "bitloom");
  }
  roots.emplace_back(BITLOOM_INSTALLED_TRACES);
  return roots;
}

std::string singular(TraceKind kind) {
  switch (kind) {
    case TraceKind::kNetwork:
      return "network";
    case TraceKind::kRecipe:
      return "recipe";
    case TraceKind::kHardware:
      return "hardware";
    case TraceKind::kHyper:
      return "hyper-parameter file";
    case TraceKind::kEnergy:
      return "energy table";
    case TraceKind::kExperiment:
      return "experiment";
    case TraceKind::kDram:
      return "DRAM file";
  }
  throw Error("unknown kind of named file");
}

/// Returns the name that a file has today. Hyper-parameter files were once named hyper and hyper_sign instead of
/// default and sign; scripts that say so go on working.
std::string current_name(TraceKind kind, const std::string& name) {
  const std::string old_prefix = "hyper_";
  if (kind != TraceKind::kHyper) {
    return name;
  }
  if (name == "hyper") {
    return "default";
  }
  return name.starts_with(old_prefix) ? name.substr(old_prefix.size()) : name;
}

}  // namespace

std::string folder_of(TraceKind kind) {
  switch (kind) {
    case TraceKind::kNetwork:
      return "networks";
    case TraceKind::kRecipe:
      return "recipes";
    case TraceKind::kHardware:
      return "hardware";
    case TraceKind::kHyper:
      return "hyper";
    case TraceKind::kEnergy:
      return "energy";
    case TraceKind::kExperiment:
      return "experiments";
    case TraceKind::kDram:
      return "dram";
  }
  throw Error("unknown kind of named file");
}

std::vector<std::string> known_traces(TraceKind kind) {
  std::set<std::string> names;
  for (const fs::path& root : trace_roots()) {
    std::error_code error;
    for (const auto& entry : fs::directory_iterator(root / folder_of(kind), error)) {
      if (entry.path().extension() == ".json") {
        names.insert(entry.path().stem().string());
      }
    }
  }
  return {names.begin(), names.end()};
}

std::string resolve_trace(TraceKind kind, const std::string& path_or_name) {
  // A bare name means traces/, even where a file or folder of that name happens to lie in the current directory
  // ("mlp").
  const bool is_bare = path_or_name.find('/') == std::string::npos && !path_or_name.ends_with(".json");
  if (is_bare && !path_or_name.empty()) {
    for (const fs::path& root : trace_roots()) {
      for (const std::string& name : {path_or_name, current_name(kind, path_or_name)}) {
        const fs::path candidate = root / folder_of(kind) / (name + ".json");
        if (fs::is_regular_file(candidate)) {
          return candidate.string();
        }
      }
    }
  }
  std::error_code error;
  const fs::file_status status = fs::status(path_or_name, error);
  if (fs::is_directory(status)) {
    throw Error(fmt::format("{} '{}': it is a folder", singular(kind), path_or_name));
  }
  if (fs::exists(status)) {  // pipes too
    return path_or_name;
  }
  if (error && status.type() != fs::file_type::not_found) {
    throw Error(fmt::format("{} '{}': {}", singular(kind), path_or_name, error.message()));
  }
  const std::string problem = is_bare ? "is neither a known name nor a file" : "no such file";
  throw Error(fmt::format("{} '{}': {}; known names: {}", singular(kind), path_or_name, problem,
                          fmt::join(known_traces(kind), ", ")));
}

std::string find_page(const std::string& name) {
  for (const fs::path& root : trace_roots()) {
    for (const fs::path& folder : {root / "docs", root.parent_path() / "docs"}) {
      std::error_code error;
      if (fs::exists(folder / name, error)) return (folder / name).string();
    }
  }
  return "";
}

}  // namespace bitloom
