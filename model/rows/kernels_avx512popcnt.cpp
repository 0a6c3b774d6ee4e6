#include "model/rows/kernels_table.hpp"

#define BITLOOM_KERNELS avx512popcnt
#include "model/rows/kernels_table.inc"
