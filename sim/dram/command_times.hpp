#pragma once
#include <array>
#include <cstdint>
#include <memory>
#include <vector>

#include "sim/dram/constraints.hpp"

namespace bitloom::dram {

/// Remembers when each command may be issued next in each bank, by the constraints of the commands before it. It knows
/// no rows: whether a bank is open is the caller's to know. Copies are snapshots.
///
/// A command may be told after one of another kind that has a later cycle, but commands of one kind and rank come in
/// the order of their cycles.
class CommandTimes {
 public:
  CommandTimes(const Organisation& organisation, const Timing& timing);

  /// Returns the first cycle that no constraint forbids. Banks are numbered rank by rank, and in them group by group. A
  /// command of all banks names any bank of its rank.
  std::uint64_t earliest(Command command, int bank) const;
  /// Takes note of a command.
  void issue(Command command, int bank, std::uint64_t cycle);

 private:
  using ByCommand = std::array<std::uint64_t, kCommands>;

  /// Forbids a constraint's second command before a cycle, in its scope around a bank.
  void forbid(const Constraint& constraint, int bank, std::uint64_t before);
  std::size_t group_of(int bank) const { return static_cast<std::size_t>(bank / banks_in_group_); }

  std::size_t rank_of(int bank) const { return static_cast<std::size_t>(bank / banks_in_rank_); }

  int banks_in_group_, banks_in_rank_;
  using ByFirst = std::array<std::vector<Constraint>, kCommands>;
  std::shared_ptr<const ByFirst> behind_;  // the constraints by the command that comes first; copies share them
  std::vector<ByCommand> bank_, group_, rank_;
  struct History {
    ByCommand issued{};                                                      // how many of each
    std::array<std::array<std::uint64_t, kLongestCount>, kCommands> last{};  // cycles of the last of each, as a ring
  };
  std::vector<History> history_;  // by rank
};

}  // namespace bitloom::dram
