// Compiled with the places of the build's tools.
#include "sim/cosim/rtl/places.hpp"

#include <algorithm>
#include <cstdlib>
#include <system_error>

namespace bitloom {
namespace fs = std::filesystem;
namespace {

RtlPlaces of_the_build() { return {BITLOOM_RTL_LIBRARIES, BITLOOM_ROOT, BITLOOM_RUNTIME_FAST, BITLOOM_RUNTIME_WAVES}; }

RtlPlaces installed(const fs::path& prefix) {
  const fs::path libraries = prefix / BITLOOM_INSTALLED_LIBRARIES;
  return {libraries, prefix / "share/bitloom/sources", libraries / "libverilated_fast.a",
          libraries / "libverilated_waves.a"};
}

}  // namespace

RtlPlaces rtl_places() {
  std::error_code error;
  const fs::path self = fs::canonical("/proc/self/exe", error);
  const fs::path prefix = self.parent_path().parent_path();
  const bool is_installed = !error && fs::is_directory(installed(prefix).sources, error);
  RtlPlaces places = is_installed ? installed(prefix) : of_the_build();
  if (const char* chosen = std::getenv("BITLOOM_RTL_DIR"); chosen != nullptr && *chosen != '\0') {
    places.libraries = chosen;
  }
  return places;
}

std::vector<std::string> build_command(const RtlPlaces& places) {
  std::vector<std::string> command = {BITLOOM_CMAKE, "-DROOT=" + places.sources.string()};
  const std::string tools = BITLOOM_RTL_TOOLS;
  for (std::size_t from = 0; from < tools.size();) {
    const std::size_t to = std::min(tools.find('|', from), tools.size());
    command.push_back(tools.substr(from, to - from));
    from = to + 1;
  }
  // The build's compiler cache is the builder's; another user may have none.
  if (places.sources != fs::path(BITLOOM_ROOT)) command.push_back("-DLAUNCHER=");
  return command;
}

}  // namespace bitloom
