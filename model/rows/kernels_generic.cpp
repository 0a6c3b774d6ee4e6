#include "model/rows/kernels_table.hpp"

#define BITLOOM_KERNELS generic
#include "model/rows/kernels_table.inc"
