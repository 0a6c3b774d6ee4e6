// Finds or makes the shared library of a Verilated machine. Compiled with the places of the build's tools.
#include <dlfcn.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <iterator>

#include "model/io/error.hpp"
#include "sim/cosim/rtl/harness.hpp"

extern char** environ;

namespace bitloom {

namespace {

namespace fs = std::filesystem;

fs::path build_folder() {
  const char* chosen = std::getenv("BITLOOM_RTL_DIR");
  return chosen != nullptr ? fs::path(chosen) : fs::path(BITLOOM_RTL_LIBRARIES);
}

/// Runs a program with its output in `log`. Throws Error with the log's text when it fails.
void run(const std::vector<std::string>& command, const fs::path& log) {
  std::vector<char*> arguments;
  for (const std::string& each : command) arguments.push_back(const_cast<char*>(each.c_str()));
  arguments.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 1, log.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0644);
  posix_spawn_file_actions_adddup2(&actions, 1, 2);
  pid_t child = 0;
  const int failed = posix_spawnp(&child, arguments[0], &actions, nullptr, arguments.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  if (failed != 0) throw Error(fmt::format("{}: cannot be run", command[0]));
  int status = 0;
  if (waitpid(child, &status, 0) != child || !WIFEXITED(status) || WEXITSTATUS(status) != 0) {
    std::ifstream file(log);
    const std::string text{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
    throw Error(fmt::format("{} failed:\n{}", command[0], text));
  }
}

/// config_hash of a library, or nothing when it is none of ours.
std::uint32_t hash_of(const fs::path& library) {
  void* handle = dlopen(library.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (handle == nullptr) return 0;
  std::uint32_t hash = 0;
  if (const auto function = reinterpret_cast<RtlApiFunction>(dlsym(handle, "bitloom_rtl_api"))) {
    if (function()->version == kRtlAbiVersion) hash = function()->config_hash;
  }
  dlclose(handle);
  return hash;
}

fs::path cache_folder() {
  if (const char* chosen = std::getenv("BITLOOM_CACHE")) return chosen;
  if (const char* cache = std::getenv("XDG_CACHE_HOME")) return fs::path(cache) / "bitloom";
  if (const char* home = std::getenv("HOME")) return fs::path(home) / ".cache" / "bitloom";
  return fs::temp_directory_path() / "bitloom";
}

/// Changes when any of the RTL or the wrapper does, so that a cached library is never an old one.
std::uint64_t source_hash() {
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(fs::path(BITLOOM_ROOT) / "rtl")) files.push_back(entry.path());
  for (const char* name : {"wrapper.cpp", "abi.hpp"}) {
    files.push_back(fs::path(BITLOOM_ROOT) / "sim" / "cosim" / "rtl" / name);
  }
  std::sort(files.begin(), files.end());
  std::uint64_t hash = 14695981039346656037u;
  for (const fs::path& path : files) {
    std::ifstream file(path, std::ios::binary);
    for (std::istreambuf_iterator<char> at(file), end; at != end; ++at) {
      hash = (hash ^ static_cast<unsigned char>(*at)) * 1099511628211u;
    }
  }
  return hash;
}

void make(const fs::path& package, const fs::path& library, bool waves) {
  const fs::path scratch = library.parent_path() / fmt::format("{}.{}", library.stem().string(), getpid());
  fs::create_directories(scratch);
  std::vector<std::string> command = {BITLOOM_CMAKE};
  std::string tools = BITLOOM_RTL_TOOLS;
  for (std::size_t from = 0; from < tools.size();) {
    const std::size_t to = std::min(tools.find('|', from), tools.size());
    command.push_back(tools.substr(from, to - from));
    from = to + 1;
  }
  const std::string runtime = waves ? BITLOOM_RUNTIME_WAVES : BITLOOM_RUNTIME_FAST;
  for (const std::string& each :
       {"-DPACKAGE=" + package.string(), "-DOUTPUT=" + (scratch / "made.so").string(),
        fmt::format("-DWAVES={:d}", waves), "-DFOLDER=" + (scratch / "generated").string(), "-DRUNTIME=" + runtime,
        std::string("-P"), std::string(BITLOOM_ROOT "/rtl/build_library.cmake")}) {
    command.push_back(each);
  }
  run(command, scratch / "log");
  fs::rename(scratch / "made.so", library);
  fs::remove_all(scratch);
}

}  // namespace

std::string rtl_library_path(const std::string& hardware_name) {
  const fs::path path = build_folder() / ("librtl_" + hardware_name + ".so");
  if (!fs::exists(path)) throw Error(path.string() + ": is not there; the build makes it for each named hardware");
  return path.string();
}

std::string trace_library(const std::string& library) {
  const fs::path path(library);
  const fs::path waves = path.parent_path() / (path.stem().string() + "_trace.so");
  if (fs::exists(waves)) return waves.string();
  fs::path package = path;
  package.replace_extension(".sv");
  if (!fs::exists(package)) throw Error(waves.string() + ": is not there; the build makes it with the library");
  make(package, waves, true);
  return waves.string();
}

std::string rtl_library(const fs::path& hardware_file) {
  const Hardware hardware = read_hardware(hardware_file);
  const std::uint32_t hash = config_hash(hardware);
  const fs::path named = build_folder() / ("librtl_" + hardware.name + ".so");
  if (fs::exists(named) && hash_of(named) == hash) return named.string();

  const fs::path folder = cache_folder();
  const fs::path library = folder / fmt::format("librtl_{:08x}_{:016x}.so", hash, source_hash());
  if (fs::exists(library) && hash_of(library) == hash) return library.string();
  std::error_code error;
  fs::create_directories(folder, error);
  if (error) throw Error(fmt::format("{}: cannot be made: {}", folder.string(), error.message()));
  fs::path package = library;
  package.replace_extension(".sv");
  run({BITLOOM_GEN_PACKAGE, hardware_file.string(), package.string()}, package.string() + ".log");
  fs::remove(package.string() + ".log");
  make(package, library, false);
  return library.string();
}

}  // namespace bitloom
