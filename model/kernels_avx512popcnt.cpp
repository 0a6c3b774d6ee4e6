#include "model/kernels_table.hpp"

#define BITLOOM_KERNELS avx512popcnt
#include "model/kernels_table.inc"
