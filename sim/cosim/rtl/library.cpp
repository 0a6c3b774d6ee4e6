// Finds or makes the shared library of a Verilated machine.
#include <dlfcn.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <system_error>

#include "kernels/package.hpp"
#include "model/io/error.hpp"
#include "model/io/output_file.hpp"
#include "model/io/traces.hpp"
#include "sim/cosim/rtl/cache.hpp"
#include "sim/cosim/rtl/harness.hpp"
#include "sim/cosim/rtl/places.hpp"

namespace bitloom {

namespace {

namespace fs = std::filesystem;

/// Returns the config_hash of a library, or nothing when it is none of ours.
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

/// Changes when any of the RTL or the wrapper does, so that a cached library is never an old one.
std::uint64_t source_hash(const fs::path& root) {
  std::vector<fs::path> files;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(root / "rtl", error)) files.push_back(entry.path());
  if (error)
    throw Error(fmt::format("{}: the RTL's sources are not there: {}", (root / "rtl").string(), error.message()));
  for (const char* name : {"wrapper.cpp", "abi.hpp"}) files.push_back(root / "sim" / "cosim" / "rtl" / name);
  std::sort(files.begin(), files.end());
  std::uint64_t hash = 1;
  for (const fs::path& path : files) hash = file_hash(path, hash);
  return hash;
}

/// A folder beside the library for everything on the way to it. It goes with the object, also after an interrupt.
class ScratchFolder {
 public:
  explicit ScratchFolder(const fs::path& library)
      : path_(library.parent_path() / fmt::format("{}.{}", library.stem().string(), getpid())) {
    std::error_code error;
    fs::create_directory(path_, error);
    if (error) throw Error(fmt::format("{}: cannot be made: {}", path_.string(), error.message()));
  }
  ScratchFolder(const ScratchFolder&) = delete;
  ScratchFolder& operator=(const ScratchFolder&) = delete;
  ~ScratchFolder() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  const fs::path& path() const { return path_; }

 private:
  fs::path path_;
};

/// Says how long the work has taken, once a tick.
std::function<void()> timed(const LongTask& progress, const std::string& what) {
  return [progress, what, begin = std::chrono::steady_clock::now()] {
    if (!progress) return;
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - begin;
    progress(fmt::format("{}: {:.0f} s", what, seconds.count()));
  };
}

/// What a library is made of: the package of the hardware, which is kept beside the library.
struct Order {
  fs::path library;
  fs::path package;
  std::string package_text;  ///< of a package that is not there yet
  bool waves = false;
  std::string name;  ///< for messages
};

void rename_to(const fs::path& from, const fs::path& to) {
  std::error_code error;
  fs::rename(from, to, error);
  if (error) throw Error(fmt::format("{}: cannot be made: {}", to.string(), error.message()));
}

/// More than the files of the largest machine take while it is made.
constexpr std::uintmax_t kMachineBytes = std::uintmax_t{48} << 20;

/// Runs the tools in the scratch folder. Where its disk has hardly any room they fail by whatever they meet first, a
/// text that was cut off perhaps, so the error says what is the matter.
void run_tools(const std::vector<std::string>& command, const fs::path& scratch, const std::function<void()>& tick) {
  try {
    run_child(command, tick);
  } catch (const Error& error) {
    std::error_code failed;
    const fs::space_info space = fs::space(scratch, failed);
    if (failed || space.available >= kMachineBytes) throw;
    throw Error(
        fmt::format("{}: the disk is full, or nearly: {} KiB are left, making a machine takes up to {} KiB; make "
                    "room or set BITLOOM_CACHE to another folder of your own\n{}",
                    scratch.parent_path().string(), space.available / 1024, kMachineBytes / 1024, error.what()));
  }
}

void make(const Order& order, const std::function<void()>& tick) {
  const RtlPlaces places = rtl_places();
  const ScratchFolder scratch(order.library);
  fs::path package = order.package;
  if (!order.package_text.empty()) {
    package = scratch.path() / "bl_pkg.sv";
    write_file(package.string(), order.package_text);
  }
  const fs::path made = scratch.path() / "made.so";
  const fs::path runtime = order.waves ? places.runtime_waves : places.runtime_fast;
  std::vector<std::string> command = build_command(places);
  for (const std::string& argument :
       {"-DPACKAGE=" + package.string(), "-DOUTPUT=" + made.string(), fmt::format("-DWAVES={:d}", order.waves),
        "-DFOLDER=" + (scratch.path() / "generated").string(), "-DRUNTIME=" + runtime.string(), std::string("-P"),
        (places.sources / "rtl" / "build_library.cmake").string()}) {
    command.push_back(argument);
  }
  run_tools(command, scratch.path(), tick);
  if (!order.package_text.empty()) rename_to(package, order.package);
  rename_to(made, order.library);
  seal(order.library);
}

/// Makes the library in the cache, unless another process has made it meanwhile.
void make_once(const Order& order, const LongTask& progress) {
  if (is_sealed(order.library)) return;
  const std::string what = fmt::format("building the RTL{} of {}", order.waves ? " with waves" : "", order.name);
  const FileLock lock(order.library.string() + ".lock", timed(progress, "waiting for a process that is " + what));
  if (is_sealed(order.library)) return;
  const auto tick = timed(progress, what);
  tick();
  make(order, tick);
}

/// Returns where the cache keeps the library of the hardware with this config_hash.
fs::path cached_library(std::uint32_t hash, const char* suffix) {
  return own_cache_folder() / fmt::format("librtl_{:08x}_{:016x}{}", hash, source_hash(rtl_places().sources), suffix);
}

/// Finds or makes in the cache the variant with waves of a library that the build made.
std::string trace_library_of_named(const fs::path& library, const LongTask& progress) {
  const std::string name = library.stem().string().substr(std::string_view("librtl_").size());
  const fs::path file = resolve_trace(TraceKind::kHardware, name);
  const std::uint32_t hash = hash_of(library);
  const Hardware hardware = read_hardware(file);
  if (config_hash(hardware) != hash) {
    throw Error(
        fmt::format("{}: was made for another hardware than {} tells; build again", library.string(), file.string()));
  }
  const fs::path waves = cached_library(hash, "_trace.so");
  make_once({waves, cached_library(hash, ".sv"), package_text(hardware), true, name}, progress);
  return waves.string();
}

}  // namespace

std::string rtl_library_path(const std::string& hardware_name) {
  const fs::path path = rtl_places().libraries / ("librtl_" + hardware_name + ".so");
  std::error_code ignored;
  if (!fs::exists(path, ignored)) {
    throw Error(path.string() + ": is not there; the build makes it for each named hardware");
  }
  return path.string();
}

std::string trace_library(const std::string& library, const LongTask& progress) {
  const fs::path path(library);
  const fs::path beside = path.parent_path() / (path.stem().string() + "_trace.so");
  if (is_sealed(path)) {
    make_once({beside, fs::path(path).replace_extension(".sv"), "", true, path.stem().string()}, progress);
    return beside.string();
  }
  std::error_code ignored;
  return fs::exists(beside, ignored) ? beside.string() : trace_library_of_named(path, progress);
}

std::string rtl_library(const Hardware& hardware, const LongTask& progress) {
  const std::uint32_t hash = config_hash(hardware);
  const RtlPlaces places = rtl_places();
  std::error_code ignored;
  const fs::path named = places.libraries / ("librtl_" + hardware.name + ".so");
  if (fs::exists(named, ignored) && hash_of(named) == hash) return named.string();

  const fs::path library = cached_library(hash, ".so");
  if (is_sealed(library) && hash_of(library) == hash) return library.string();
  make_once({library, cached_library(hash, ".sv"), package_text(hardware), false, hardware.name}, progress);
  return library.string();
}

}  // namespace bitloom
