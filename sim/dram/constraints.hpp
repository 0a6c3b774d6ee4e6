// The commands of a DRAM and the distances between them, as data.
#pragma once
#include <cstddef>
#include <vector>

#include "sim/dram/device.hpp"

namespace bitloom::dram {

/// The commands of a channel. kPrechargeAll and kRefresh are for all banks of a rank, the others for one.
enum class Command { kActivate, kPrecharge, kPrechargeAll, kRead, kWrite, kRefresh };
inline constexpr std::size_t kCommands = 6;

/// Says between which banks a constraint holds: of one bank, group or rank, or of different ranks.
enum class Scope { kBank, kGroup, kRank, kOtherRank };

/// Says that `to` may come `cycles` after the last `from` at the earliest; `count` 4: after the fourth last.
struct Constraint {
  Command from;
  Command to;
  Scope scope;
  int cycles = 0;
  int count = 1;
};
inline constexpr int kLongestCount = 4;

/// Lists all constraints of a channel whose bursts take `burst` cycles. The list is the same for every standard; only
/// the cycles differ.
std::vector<Constraint> constraints_of(const Timing& timing, int burst);

}  // namespace bitloom::dram
