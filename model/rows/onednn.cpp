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

std::string onednn_isa() {
  limit_onednn();
  switch (dnnl_get_effective_cpu_isa()) {
    case dnnl_cpu_isa_sse41:
      return "sse41";
    case dnnl_cpu_isa_avx:
      return "avx";
    case dnnl_cpu_isa_avx2:
      return "avx2";
    case dnnl_cpu_isa_avx2_vnni:
      return "avx2_vnni";
    case dnnl_cpu_isa_avx512_core:
      return "avx512_core";
    case dnnl_cpu_isa_avx512_core_vnni:
      return "avx512_core_vnni";
    case dnnl_cpu_isa_avx512_core_bf16:
      return "avx512_core_bf16";
    case dnnl_cpu_isa_avx512_core_amx:
      return "avx512_core_amx";
    default:  // not ours: oneDNN's enum
      return "another";
  }
}

}  // namespace bitloom
