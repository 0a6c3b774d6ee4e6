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
      due_(static_cast<std::uint64_t>(timing_.refi)) {}

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
  while (due_ <= std::max(entry, last_column_)) refresh(log);
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
  if (!active_) active_since_ = cycle;
  active_ = true;
}

void Channel::refresh(Log log) {
  if (active_) {
    closed_ = issue(Command::kPrechargeAll, {}, due_, log);
    counts_.active_cycles += closed_ - active_since_;
    active_ = false;
    std::ranges::fill(rows_, 0);
  }
  issue(Command::kRefresh, {}, due_, log);
  ++counts_.refreshes;
  due_ += static_cast<std::uint64_t>(timing_.refi);
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
  while (later.due_ < end) later.refresh(nullptr);
  Counts counts = later.counts_;
  if (later.active_) counts.active_cycles += end - later.active_since_;
  if (later.closed_ > end) counts.active_cycles -= later.closed_ - end;  // the refresh is due before the end, but late
  counts.precharged_cycles = end - counts.active_cycles;
  return counts;
}

}  // namespace bitloom::dram
