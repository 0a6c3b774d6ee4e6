#pragma once
#include <string>

namespace bitloom {

/// What every output carries: the release, the commit it was built from ("unknown" outside a git checkout), how it was
/// built.
struct Version {
  std::string version;
  std::string commit;
  std::string build;
  std::string compiler;
};

/// Returns those of this program.
Version version();

/// Returns one line: "bitloom 0.1.0 (commit d549242, Release, GNU-12.2.0)".
std::string version_line();

}  // namespace bitloom
