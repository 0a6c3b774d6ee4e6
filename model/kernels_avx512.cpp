#include "model/kernels_table.hpp"

#define BITLOOM_KERNELS avx512
#include "model/kernels_table.inc"
