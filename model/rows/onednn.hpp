#pragma once
#include <string>

namespace bitloom {

/// Keeps oneDNN, before its first use in this process, from the instruction sets that it uses wrongly or slowly:
/// from AMX, whose packing of 8-bit operands took a third of a training run (8.2 s against 4.4 s for an epoch of
/// resnet8), and, where the machine has no AVX-512, from AVX2, with which oneDNN 2.6 adds a wrong gradient to the
/// weights of 1x1 convolutions with a stride (fp32_residual_test). DNNL_MAX_CPU_ISA, where it is set, is stronger.
void limit_onednn();

/// Names the instruction set that oneDNN uses in this process after that: "avx512_core_vnni", …
std::string onednn_isa();

}  // namespace bitloom
