#pragma once
#include <cstdint>
#include <vector>

namespace bitloom {

/// What LOADs that have asked leave to those after them (docs/timing.md, LOAD): cycles, in order.
struct LoadRest {
  std::vector<std::uint64_t> consumed;  ///< in which a beat of theirs is consumed
  std::vector<std::uint64_t> left;      ///< in which a piece of theirs leaves the FIFO
  std::uint64_t next_step = 0;          ///< the first without a step of theirs
};

}  // namespace bitloom
