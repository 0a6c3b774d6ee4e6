#pragma once
#include <string_view>

namespace bitloom {

/// Instruction sets that the golden model's kernels are compiled for. All give the same bits.
enum class Isa { kGeneric, kAvx2, kAvx512, kAvx512Popcnt };

/// Returns the word of BITLOOM_ISA for it.
std::string_view isa_name(Isa isa);

/// Says whether this machine can run it.
bool isa_supported(Isa isa);

/// Returns what the environment variable BITLOOM_ISA asks for: generic, avx2, avx512, avx512popcnt (with VPOPCNTDQ), or
/// auto (also when unset): the best that this machine has. Throws Error for any other value and for an instruction set
/// that this machine lacks.
Isa active_isa();

}  // namespace bitloom
