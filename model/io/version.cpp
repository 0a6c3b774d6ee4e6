#include "model/io/version.hpp"

#include <fmt/format.h>

#include "bitloom_version.hpp"

namespace bitloom {

Version version() { return {BITLOOM_VERSION, BITLOOM_COMMIT, BITLOOM_BUILD, BITLOOM_COMPILER}; }

std::string version_line() {
  const Version v = version();
  return fmt::format("bitloom {} (commit {}, {}, {})", v.version, v.commit, v.build, v.compiler);
}

}  // namespace bitloom
