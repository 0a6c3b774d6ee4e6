#pragma once
#include <string>

namespace bitloom::cosim {

/// Reads waves back, since Verilator's writer of FST waves does not look whether the disk takes its bytes. It reads the
/// file's blocks one after the other and throws Error naming `path` where the file ends inside a block or lacks the
/// description of the signals. `file` is what was written and `path` what the user named.
void require_whole_fst(const std::string& file, const std::string& path);

}  // namespace bitloom::cosim
