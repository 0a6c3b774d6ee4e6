#include "sim/dram/banked_memory.hpp"

#include <algorithm>
#include <utility>

namespace bitloom::dram {

BankedMemory::BankedMemory(const Banks& banks, const Port& port)
    : banks_(banks),
      word_(static_cast<std::uint64_t>(port.bytes)),
      unit_bytes_(banks.device.organisation.burst_bytes()),
      granule_(banks.granule()),
      clocks_(port.khz, static_cast<std::uint64_t>(banks.device.timing.clock_ps)),
      channels_(static_cast<std::size_t>(banks.channels), Channel(banks.device)),
      waiting_(channels_.size()) {}

std::uint64_t BankedMemory::access(std::uint64_t unit, bool write, std::uint64_t edge) {
  const std::uint64_t address = unit * unit_bytes_, granule = address / granule_;
  Channel& channel = channels_[channel_of(unit)];
  const std::uint64_t local = granule / channels_.size() * granule_ + address % granule_;
  const std::uint64_t activates = channel.activates();
  const DataSpan data = channel.request({local, unit_bytes_, write, clocks_.cycle_at(edge)});
  use_.activates += channel.activates() - activates;
  if (watch_) {
    const std::uint64_t end = data.last + 1;
    watch_({granule % channels_.size(), data.first, end, clocks_.exact_edge(data.first), clocks_.exact_edge(end)});
  }
  return clocks_.edge_at(data.last + 1);
}

std::uint64_t BankedMemory::read(const ReadBurst& burst, std::uint64_t edge, std::vector<std::uint64_t>* edges) {
  std::uint64_t unit = burst.address / unit_bytes_;
  for (std::uint64_t beat = 0; beat < burst.beats; ++beat) {
    const std::uint64_t end = burst.address + (beat + 1) * word_;
    ++read_last_;  // one beat a cycle
    for (; unit * unit_bytes_ < end; ++unit) {
      Waiting& waiting = waiting_[channel_of(unit)];
      if (std::ranges::find(waiting.units, unit) != waiting.units.end()) write_all(waiting, edge);
      read_last_ = std::max(read_last_, access(unit, false, edge));
      ++use_.reads;
    }
    if (edges != nullptr) edges->push_back(read_last_);
  }
  return read_last_;
}

void BankedMemory::write_all(Waiting& waiting, std::uint64_t edge) {
  for (const std::uint64_t unit : waiting.units) waiting.written = std::max(waiting.written, access(unit, true, edge));
  waiting.units.clear();
}

std::uint64_t BankedMemory::offer(std::uint64_t edge) const {
  const std::uint64_t most = std::max<std::uint64_t>(1, word_ / unit_bytes_);  // writes of a beat
  edge = std::max(edge, write_last_ + 1);
  for (const Waiting& waiting : waiting_) {
    if (waiting.units.size() + most >= kGathered) edge = std::max(edge, waiting.written);
  }
  return edge;
}

std::uint64_t BankedMemory::take(const WriteBeat& beat, std::uint64_t edge) {
  write_last_ = edge;
  if (open_beats_++ == 0) open_ = beat.address;
  const std::uint64_t end = open_ + open_beats_ * word_;
  if (!beat.last && end % unit_bytes_ != 0) return edge;
  for (std::uint64_t unit = open_ / unit_bytes_; unit * unit_bytes_ < end; ++unit) {
    Waiting& waiting = waiting_[channel_of(unit)];
    waiting.units.push_back(unit);
    ++use_.writes;
    if (waiting.units.size() >= kGathered) write_all(waiting, edge);
  }
  open_beats_ = 0;
  if (beat.last) response_last_ = std::max(response_last_, edge) + 1;
  return response_last_;
}

Use BankedMemory::take_use() { return std::exchange(use_, Use{}); }

void BankedMemory::write_rest(std::uint64_t edge) {
  for (Waiting& waiting : waiting_) write_all(waiting, edge);
}

Counts BankedMemory::counts(std::uint64_t end) const {
  for (const Waiting& waiting : waiting_) end = std::max(end, waiting.written);
  Counts sum;
  for (const Channel& channel : channels_) sum += channel.counts(clocks_.cycle_at(end));
  return sum;
}

}  // namespace bitloom::dram
