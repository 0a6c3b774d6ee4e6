#include "sim/dram/command_times.hpp"

#include <algorithm>
#include <utility>

namespace bitloom::dram {

namespace {

std::size_t index_of(Command command) { return static_cast<std::size_t>(command); }

}  // namespace

CommandTimes::CommandTimes(const Organisation& organisation, const Timing& timing)
    : banks_in_group_(organisation.banks),
      bank_(static_cast<std::size_t>(organisation.all_banks())),
      group_(static_cast<std::size_t>(organisation.bank_groups)) {
  ByFirst behind;
  for (const Constraint& constraint : constraints_of(timing, organisation.burst_cycles())) {
    behind[index_of(constraint.from)].push_back(constraint);
  }
  behind_ = std::make_shared<const ByFirst>(std::move(behind));
}

std::uint64_t CommandTimes::earliest(Command command, int bank) const {
  const std::size_t i = index_of(command);
  return std::max({rank_[i], group_[group_of(bank)][i], bank_[static_cast<std::size_t>(bank)][i]});
}

std::uint64_t& CommandTimes::ready(const Constraint& constraint, int bank) {
  const std::size_t to = index_of(constraint.to);
  switch (constraint.scope) {
    case Scope::kBank:
      return bank_[static_cast<std::size_t>(bank)][to];
    case Scope::kGroup:
      return group_[group_of(bank)][to];
    case Scope::kRank:
      break;
  }
  return rank_[to];
}

void CommandTimes::issue(Command command, int bank, std::uint64_t cycle) {
  const std::size_t i = index_of(command);
  last_[i][issued_[i]++ % kLongestCount] = cycle;
  for (const Constraint& constraint : (*behind_)[i]) {
    const auto count = static_cast<std::uint64_t>(constraint.count);
    if (issued_[i] < count) continue;
    const std::uint64_t from = last_[i][(issued_[i] - count) % kLongestCount];
    std::uint64_t& next = ready(constraint, bank);
    next = std::max(next, from + static_cast<std::uint64_t>(constraint.cycles));
  }
}

}  // namespace bitloom::dram
