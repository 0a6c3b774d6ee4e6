#pragma once
#if defined(__SSE2__)
#include <immintrin.h>
#endif

#include "model/kernels.hpp"

namespace bitloom::kernel_tables {

/// The tables that kernels_*.cpp define. Code outside kernels.cpp asks kernels() for one.
extern const Kernels generic;
extern const Kernels avx2;
extern const Kernels avx512;
extern const Kernels avx512popcnt;

}  // namespace bitloom::kernel_tables
