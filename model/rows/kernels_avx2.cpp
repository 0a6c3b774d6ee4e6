#include "model/rows/kernels_table.hpp"

#define BITLOOM_KERNELS avx2
#include "model/rows/kernels_table.inc"
