#include "sim/cosim/rtl/cache.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <pwd.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <system_error>

#include "model/io/error.hpp"
#include "model/io/interrupt.hpp"
#include "model/io/output_file.hpp"

namespace bitloom {
namespace fs = std::filesystem;
namespace {

constexpr int kTickMilliseconds = 100;
constexpr std::uint64_t kFnvPrime = 1099511628211u;

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value != nullptr ? value : "";
}

fs::path home_folder() {
  if (const fs::path home = variable("HOME"); home.is_absolute()) return home;
  if (const passwd* user = getpwuid(geteuid()); user != nullptr && fs::path(user->pw_dir).is_absolute()) {
    return user->pw_dir;
  }
  throw Error("there is no home folder to keep the machine's library in: set BITLOOM_CACHE to a folder of your own");
}

std::string seal_text(const fs::path& file) { return fmt::format("{:016x}\n", file_hash(file)); }

fs::path seal_path(const fs::path& file) { return file.string() + ".sum"; }

}  // namespace

fs::path cache_path() {
  if (const std::string chosen = variable("BITLOOM_CACHE"); !chosen.empty()) return fs::absolute(chosen);
  if (const fs::path cache = variable("XDG_CACHE_HOME"); cache.is_absolute()) return cache / "bitloom";
  return home_folder() / ".cache" / "bitloom";
}

fs::path own_cache_folder() {
  const fs::path folder = cache_path();
  const auto refuse = [&](const std::string& reason) -> Error {
    return Error(fmt::format("{}: no cache for the machine's library: {}; set BITLOOM_CACHE to a folder of your own",
                             folder.string(), reason));
  };
  std::error_code error;
  fs::create_directories(folder.parent_path(), error);
  if (mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST) throw refuse(std::strerror(errno));
  struct stat status = {};
  if (stat(folder.c_str(), &status) != 0) throw refuse(std::strerror(errno));
  if (!S_ISDIR(status.st_mode)) throw refuse("it is not a folder");
  if (status.st_uid != geteuid()) throw refuse("it belongs to another user");
  if ((status.st_mode & 077) != 0 && chmod(folder.c_str(), 0700) != 0) throw refuse(std::strerror(errno));
  return folder;
}

std::uint64_t file_hash(const fs::path& file, std::uint64_t begin) {
  std::ifstream stream(file, std::ios::binary);
  if (!stream) return 0;
  std::uint64_t hash = begin;
  std::array<char, 65536> part;
  do {
    stream.read(part.data(), part.size());
    for (std::streamsize i = 0; i < stream.gcount(); ++i) {
      hash = (hash ^ static_cast<unsigned char>(part[static_cast<std::size_t>(i)])) * kFnvPrime;
    }
  } while (stream);
  return hash;
}

bool is_sealed(const fs::path& file) {
  std::error_code ignored;
  if (!fs::is_regular_file(file, ignored)) return false;
  std::ifstream stream(seal_path(file));
  std::string text;
  return std::getline(stream, text) && text + "\n" == seal_text(file);
}

void seal(const fs::path& file) { write_file(seal_path(file).string(), seal_text(file)); }

FileLock::FileLock(const fs::path& path, const std::function<void()>& tick) : path_(path) {
  while (!take()) {
    if (interrupted()) throw Interrupted{};
    if (tick) tick();
    poll(nullptr, 0, kTickMilliseconds);
  }
}

/// The file that was locked must still be the one under the name: its last holder removes it.
bool FileLock::take() {
  descriptor_ = open(path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (descriptor_ < 0) throw Error(fmt::format("{}: cannot be made: {}", path_.string(), std::strerror(errno)));
  struct stat locked = {}, named = {};
  const bool ours = flock(descriptor_, LOCK_EX | LOCK_NB) == 0 && fstat(descriptor_, &locked) == 0 &&
                    stat(path_.c_str(), &named) == 0 && locked.st_ino == named.st_ino;
  if (!ours) close(descriptor_);
  return ours;
}

FileLock::~FileLock() {
  unlink(path_.c_str());
  close(descriptor_);
}

}  // namespace bitloom
