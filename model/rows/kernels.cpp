#include "model/rows/kernels.hpp"

#include "model/rows/kernels_table.hpp"

namespace bitloom {

const Kernels& kernels(Isa isa) {
#if defined(__x86_64__)
  if (isa == Isa::kAvx512Popcnt) return kernel_tables::avx512popcnt;
  if (isa == Isa::kAvx512) return kernel_tables::avx512;
  if (isa == Isa::kAvx2) return kernel_tables::avx2;
#endif
  (void)isa;
  return kernel_tables::generic;
}

}  // namespace bitloom
