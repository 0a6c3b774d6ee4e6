// What the machine's memory port asks for. The SystemC model and the Verilator harness ask the same memories in the
// same way: a read when its address is accepted, a write beat when it is offered and again when it is accepted.
#pragma once
#include <cstdint>

namespace bitloom {

/// A read burst: whole beats from an address on that is a multiple of their width.
struct ReadBurst {
  std::uint64_t address = 0;
  std::uint32_t beats = 0;
};

/// One beat of a write burst.
struct WriteBeat {
  std::uint64_t address = 0;
  bool last = false;  ///< of its burst
};

}  // namespace bitloom
