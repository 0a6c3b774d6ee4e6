#pragma once
#include <cstdint>
#include <optional>
#include <string>

#include "kernels/hardware.hpp"
#include "kernels/loops.hpp"

namespace bitloom {

/// What commands of the vector queue leave in its engine to those after them: statistics in a slot (STAT_KEEP), and
/// sums of raw views (SUMS).
class KeptResults {
 public:
  /// Takes the next command of the program, in its group alone or not, with its group's loop counts. Returns what is
  /// wrong with it; nothing where it finds what it goes on with.
  std::string next(const Command& command, bool alone, const LoopIndex& counts, const Hardware& hardware);

 private:
  struct Sums {
    std::uint32_t kind;
    bool all;
    std::int64_t words;  ///< of columns that have sums
  };
  std::string statistics(const Command& c, bool alone);
  std::string sums(const Command& c, bool alone, const LoopIndex& counts, const Hardware& hardware);

  std::uint32_t stat_ = 0;    ///< STAT of the last command with a slot
  std::optional<Sums> sums_;  ///< of the commands with SUMS before
};

}  // namespace bitloom
