#pragma once
#include <filesystem>
#include <string>
#include <vector>

namespace bitloom {

/// Where a machine's parts lie: in the build's folder for a program of the build, else where the program is installed.
/// An installed program never looks into the folder that it was built in, which may by then be someone else's.
struct RtlPlaces {
  std::filesystem::path libraries;      ///< librtl_<hardware>.so of the named hardware
  std::filesystem::path sources;        ///< holds rtl/ and sim/cosim/rtl/
  std::filesystem::path runtime_fast;   ///< Verilator's runtime
  std::filesystem::path runtime_waves;  ///< the same with waves
};

/// Finds them by the path of the running program.
RtlPlaces rtl_places();

/// Returns the start of the command that makes a library: CMake with the build's tools.
std::vector<std::string> build_command(const RtlPlaces& places);

}  // namespace bitloom
