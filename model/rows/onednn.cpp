#include "model/rows/onednn.hpp"

#include <dnnl.h>

#include <cstdlib>

#include "model/rows/isa.hpp"

namespace bitloom {

void limit_onednn() {
  static const bool done = [] {
    const auto limit = isa_supported(Isa::kAvx512) ? dnnl_cpu_isa_avx512_core_bf16 : dnnl_cpu_isa_avx;
    if (std::getenv("DNNL_MAX_CPU_ISA") == nullptr) dnnl_set_max_cpu_isa(limit);
    return true;
  }();
  static_cast<void>(done);
}

}  // namespace bitloom
