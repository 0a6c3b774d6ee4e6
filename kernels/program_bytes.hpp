#pragma once
#include <vector>

#include "kernels/program.hpp"
#include "model/golden/memory_kind.hpp"

namespace bitloom {

/// Returns for each command the kind of the tensor that it loads or stores; kOther for commands that transfer nothing.
/// Throws Error naming a command whose address lies in no tensor.
std::vector<MemoryKind> transfer_kinds(const Program& program);

/// Returns the bytes of DRAM that the program's layout takes, which add up to Program::total_bytes. kOther has the
/// tensors of that kind, the gaps of alignment and the commands.
KindBytes reserved_bytes(const Program& program);

}  // namespace bitloom
