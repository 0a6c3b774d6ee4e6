#include "model/rows/isa.hpp"

#include <cstdlib>
#include <string>

#include "model/io/error.hpp"

namespace bitloom {

std::string_view isa_name(Isa isa) {
  switch (isa) {
    case Isa::kAvx512Popcnt:
      return "avx512popcnt";
    case Isa::kAvx512:
      return "avx512";
    case Isa::kAvx2:
      return "avx2";
    case Isa::kGeneric:
      break;
  }
  return "generic";
}

bool isa_supported([[maybe_unused]] Isa isa) {
#if defined(__x86_64__)
  switch (isa) {
    case Isa::kAvx512Popcnt:
      return isa_supported(Isa::kAvx512) && __builtin_cpu_supports("avx512vpopcntdq");
    case Isa::kAvx512:
      return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
             __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
    case Isa::kAvx2:
      return __builtin_cpu_supports("avx2");
    case Isa::kGeneric:
      break;
  }
  return true;
#else
  return isa == Isa::kGeneric;
#endif
}

Isa active_isa() {
  const char* wanted = std::getenv("BITLOOM_ISA");
  const std::string name = wanted == nullptr ? "auto" : wanted;
  for (const Isa isa : {Isa::kAvx512Popcnt, Isa::kAvx512, Isa::kAvx2, Isa::kGeneric}) {
    if (name == "auto" && isa_supported(isa)) return isa;
    if (name != isa_name(isa)) continue;
    if (!isa_supported(isa)) throw Error("BITLOOM_ISA: this machine cannot run " + name);
    return isa;
  }
  throw Error("BITLOOM_ISA: expected generic, avx2, avx512, avx512popcnt or auto, got '" + name + "'");
}

}  // namespace bitloom
