#include "model/kernels_table.hpp"

#define BITLOOM_KERNELS generic
#include "model/kernels_table.inc"
