#include "model/kernels_table.hpp"

#define BITLOOM_KERNELS avx2
#include "model/kernels_table.inc"
