#pragma once
#include <array>
#include <cstddef>
#include <cstdint>

#include "kernels/compulsory.hpp"
#include "kernels/hardware.hpp"

namespace bitloom {

/// The one list of what may bind a layer's phase, in the order of the queues, scalars apart from the rest of theirs:
/// X(enumerator, word).
#define BITLOOM_ENGINES(X) \
  X(kLoad, "load")         \
  X(kArray, "array")       \
  X(kVector, "vector")     \
  X(kScalar, "scalar")     \
  X(kStore, "store")

#define BITLOOM_ENUMERATOR(engine, word) engine,
enum class Engine : std::size_t { BITLOOM_ENGINES(BITLOOM_ENUMERATOR) };
#undef BITLOOM_ENUMERATOR

inline constexpr std::array kEngineWords{
#define BITLOOM_WORD(engine, word) word,
    BITLOOM_ENGINES(BITLOOM_WORD)
#undef BITLOOM_WORD
};
inline constexpr std::size_t kEngines = kEngineWords.size();

/// Cycles in which each engine is busy.
using EngineCycles = std::array<std::uint64_t, kEngines>;

/// Which engine is busy longest, and which after it.
struct Busiest {
  const char* first = "";   ///< empty: none is ever busy
  const char* second = "";  ///< empty: no other is
  double share = 0;         ///< the second's cycles over the first's
};

/// Returns the busiest two; of equal ones the earlier of the list.
Busiest busiest(const EngineCycles& busy);

/// Returns the roofline of one operation on this hardware, in whole cycles (docs/counters.md, Roofline): the largest of
/// the floors of the array, `array_cycles`, of DRAM in each direction, and of the vector unit's lanes.
std::uint64_t bound_cycles(const OperationBytes& operation, double array_cycles, const Hardware& hardware);

}  // namespace bitloom
