#pragma once
#include <cstdint>

#include "testbench/model/numerics/sweep.hpp"
#include "testbench/rtl/units/engine_reference.hpp"

namespace bitloom::testing {

inline std::int64_t lanes(const Hardware& hw) { return hw.lanes; }
inline std::int64_t groups(const Command& c, const Hardware& hw) {
  return (c.get(Field::COLS) + lanes(hw) - 1) / lanes(hw);
}
inline bool chance(Sweep& sweep, int percent) { return sweep.in(0, 99) < percent; }

/// How many words a command reads and writes.
struct Needs {
  std::int64_t full = 0;     ///< full-tile inputs
  std::int64_t vectors = 0;  ///< coefficient vectors
  std::int64_t outputs = 0;
};

Needs needs_of(const Command& command);

std::uint32_t random_real(Sweep& sweep);
/// Fills ACC and the sections of VIN that an execution reads.
void fill(const Execution& e, Sweep& sweep, const Hardware& hw, Pair& pair);

}  // namespace bitloom::testing
