#include "model/rows/kernels_table.hpp"

#define BITLOOM_KERNELS avx512
#include "model/rows/kernels_table.inc"
