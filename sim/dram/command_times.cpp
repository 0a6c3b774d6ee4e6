#include "sim/dram/command_times.hpp"

#include <algorithm>
#include <utility>

namespace bitloom::dram {

namespace {

std::size_t index_of(Command command) { return static_cast<std::size_t>(command); }

}  // namespace

CommandTimes::CommandTimes(const Organisation& organisation, const Timing& timing)
    : banks_in_group_(organisation.banks),
      banks_in_rank_(organisation.rank_banks()),
      bank_(static_cast<std::size_t>(organisation.all_banks())),
      group_(static_cast<std::size_t>(organisation.ranks * organisation.bank_groups)),
      rank_(static_cast<std::size_t>(organisation.ranks)),
      history_(static_cast<std::size_t>(organisation.ranks)) {
  ByFirst behind;
  for (const Constraint& constraint : constraints_of(timing, organisation.burst_cycles())) {
    behind[index_of(constraint.from)].push_back(constraint);
  }
  behind_ = std::make_shared<const ByFirst>(std::move(behind));
}

std::uint64_t CommandTimes::earliest(Command command, int bank) const {
  const std::size_t i = index_of(command);
  return std::max({rank_[rank_of(bank)][i], group_[group_of(bank)][i], bank_[static_cast<std::size_t>(bank)][i]});
}

void CommandTimes::forbid(const Constraint& constraint, int bank, std::uint64_t before) {
  const std::size_t to = index_of(constraint.to), rank = rank_of(bank);
  const auto raise = [&](ByCommand& of) { of[to] = std::max(of[to], before); };
  switch (constraint.scope) {
    case Scope::kBank:
      return raise(bank_[static_cast<std::size_t>(bank)]);
    case Scope::kGroup:
      return raise(group_[group_of(bank)]);
    case Scope::kRank:
      return raise(rank_[rank]);
    case Scope::kOtherRank:
      for (std::size_t other = 0; other < rank_.size(); ++other) {
        if (other != rank) raise(rank_[other]);
      }
  }
}

void CommandTimes::issue(Command command, int bank, std::uint64_t cycle) {
  const std::size_t i = index_of(command);
  History& of = history_[rank_of(bank)];
  of.last[i][of.issued[i]++ % kLongestCount] = cycle;
  for (const Constraint& constraint : (*behind_)[i]) {
    const auto count = static_cast<std::uint64_t>(constraint.count);
    if (of.issued[i] < count) continue;
    const std::uint64_t from = of.last[i][(of.issued[i] - count) % kLongestCount];
    forbid(constraint, bank, from + static_cast<std::uint64_t>(constraint.cycles));
  }
}

}  // namespace bitloom::dram
