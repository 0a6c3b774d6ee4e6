#include "sim/dram/channel.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>

namespace bitloom::dram {

namespace {

void check(const Request& request, const Organisation& organisation) {
  const std::uint64_t size = organisation.bytes();
  if (request.bytes >= 1 && request.bytes <= size && request.address <= size - request.bytes) return;
  throw std::out_of_range(fmt::format("DRAM request: expected at least 1 byte within {}, got {} from {} on", size,
                                      request.bytes, request.address));
}

}  // namespace

Counts& Counts::operator+=(const Counts& other) {
  activates += other.activates;
  reads += other.reads;
  writes += other.writes;
  read_bytes += other.read_bytes;
  write_bytes += other.write_bytes;
  refreshes += other.refreshes;
  busy_cycles += other.busy_cycles;
  active_cycles += other.active_cycles;
  precharged_cycles += other.precharged_cycles;
  return *this;
}

Channel::Channel(const Device& device, int window)
    : organisation_(device.organisation),
      timing_(device.timing),
      times_(organisation_, timing_),
      rows_(static_cast<std::size_t>(organisation_.all_banks())),
      window_(static_cast<std::size_t>(window)),
      ranks_(static_cast<std::size_t>(organisation_.ranks)) {
  const auto refi = static_cast<std::uint64_t>(timing_.refi);
  for (std::size_t rank = 0; rank < ranks_.size(); ++rank) ranks_[rank].due = refi + rank * refi / ranks_.size();
}

DataSpan Channel::request(const Request& request, std::vector<Issued>* commands) {
  check(request, organisation_);
  arrival_ = std::max(arrival_, request.earliest);
  const std::uint64_t size = organisation_.burst_bytes();
  const std::uint64_t first = request.address / size, last = (request.address + request.bytes - 1) / size;
  const int delay = request.write ? timing_.cwl + timing_.dqss : timing_.cl + timing_.dqsck;
  DataSpan span;
  for (std::uint64_t n = first; n <= last; ++n) {
    const std::uint64_t column = burst(place_of(n * size, organisation_), request.write, commands);
    span.last = column + static_cast<std::uint64_t>(delay + organisation_.burst_cycles() - 1);
    if (n == first) span.first = column + static_cast<std::uint64_t>(delay);
  }
  return span;
}

std::uint64_t Channel::burst(const Place& place, bool write, Log log) {
  const std::uint64_t entry = std::max(arrival_, window_[oldest_]);
  const std::uint64_t now = std::max(entry, last_column_);
  for (int rank = next_due(); ranks_[static_cast<std::size_t>(rank)].due <= now; rank = next_due()) refresh(rank, log);
  taken_.erase(taken_.begin(), std::ranges::lower_bound(taken_, entry));
  open(place, entry, log);
  last_column_ = issue(write ? Command::kWrite : Command::kRead, place, entry, log);
  window_[oldest_] = last_column_;
  oldest_ = (oldest_ + 1) % window_.size();
  ++(write ? counts_.writes : counts_.reads);
  (write ? counts_.write_bytes : counts_.read_bytes) += organisation_.burst_bytes();
  counts_.busy_cycles += static_cast<std::uint64_t>(organisation_.burst_cycles());
  return last_column_;
}

void Channel::open(const Place& place, std::uint64_t from, Log log) {
  std::uint64_t& row = rows_[static_cast<std::size_t>(place.bank)];
  if (row == place.row + 1) return;
  if (row != 0) issue(Command::kPrecharge, place, from, log);
  const std::uint64_t cycle = issue(Command::kActivate, place, from, log);
  row = place.row + 1;
  ++counts_.activates;
  Rank& rank = ranks_[static_cast<std::size_t>(place.bank / organisation_.rank_banks())];
  if (!rank.active) rank.active_since = cycle;
  rank.active = true;
}

int Channel::next_due() const {
  return static_cast<int>(std::ranges::min_element(ranks_, {}, &Rank::due) - ranks_.begin());
}

void Channel::refresh(int number, Log log) {
  Rank& rank = ranks_[static_cast<std::size_t>(number)];
  const int banks = organisation_.rank_banks();
  const Place any{.bank = number * banks};
  if (rank.active) {
    rank.closed = issue(Command::kPrechargeAll, any, rank.due, log);
    counts_.active_cycles += rank.closed - rank.active_since;
    rank.active = false;
    std::fill_n(rows_.begin() + any.bank, banks, 0);
  }
  issue(Command::kRefresh, any, rank.due, log);
  ++counts_.refreshes;
  rank.due += static_cast<std::uint64_t>(timing_.refi);
}

std::uint64_t Channel::free_cycle(std::uint64_t from) const {
  for (auto taken = std::ranges::lower_bound(taken_, from); taken != taken_.end() && *taken == from; ++taken) ++from;
  return from;
}

std::uint64_t Channel::issue(Command command, const Place& place, std::uint64_t from, Log log) {
  const std::uint64_t cycle = free_cycle(std::max(from, times_.earliest(command, place.bank)));
  taken_.insert(std::ranges::upper_bound(taken_, cycle), cycle);
  times_.issue(command, place.bank, cycle);
  if (log != nullptr) log->push_back({cycle, command, place.bank, place.row});
  return cycle;
}

Counts Channel::counts(std::uint64_t end) const {
  Channel later = *this;
  const auto due = [&](int rank) { return later.ranks_[static_cast<std::size_t>(rank)].due; };
  for (int rank = later.next_due(); due(rank) < end; rank = later.next_due()) later.refresh(rank, nullptr);
  Counts counts = later.counts_;
  for (const Rank& rank : later.ranks_) {
    if (rank.active) counts.active_cycles += end - rank.active_since;
    if (rank.closed > end) counts.active_cycles -= rank.closed - end;  // the refresh is due before the end, but late
  }
  counts.precharged_cycles = end * later.ranks_.size() - counts.active_cycles;
  return counts;
}

}  // namespace bitloom::dram
