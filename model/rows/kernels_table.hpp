#pragma once
#if defined(__SSE2__)
// GCC 12 takes the vectors that its own intrinsics leave undefined for variables of ours (GCC bug 105593).
#pragma GCC diagnostic push
#if !defined(__clang__)
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif
#pragma GCC diagnostic ignored "-Wuninitialized"
#include <immintrin.h>
#pragma GCC diagnostic pop
#endif

#include "model/rows/kernels.hpp"

namespace bitloom::kernel_tables {

/// The tables that kernels_*.cpp define. Code outside kernels.cpp asks kernels() for one.
extern const Kernels generic;
extern const Kernels avx2;
extern const Kernels avx512;
extern const Kernels avx512popcnt;

}  // namespace bitloom::kernel_tables
