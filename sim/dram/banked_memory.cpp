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
      leave_(kWrites) {}

std::uint64_t BankedMemory::access(std::uint64_t unit, bool write, std::uint64_t edge) {
  const std::uint64_t address = unit * unit_bytes_, granule = address / granule_;
  Channel& channel = channels_[granule % channels_.size()];
  const std::uint64_t local = granule / channels_.size() * granule_ + address % granule_;
  const std::uint64_t activates = channel.activates();
  const DataSpan data = channel.request({local, unit_bytes_, write, clocks_.cycle_at(edge)});
  use_.activates += channel.activates() - activates;
  ++(write ? use_.writes : use_.reads);
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
    for (; unit * unit_bytes_ < end; ++unit) read_last_ = std::max(read_last_, access(unit, false, edge));
    if (edges != nullptr) edges->push_back(read_last_);
  }
  return read_last_;
}

std::uint64_t BankedMemory::offer(std::uint64_t edge) const {
  return std::max({edge, write_last_ + 1, leave_[oldest_]});
}

std::uint64_t BankedMemory::take(const WriteBeat& beat, std::uint64_t edge) {
  write_last_ = edge;
  if (open_beats_++ == 0) open_ = beat.address;
  const std::uint64_t end = open_ + open_beats_ * word_;
  if (!beat.last && end % unit_bytes_ != 0) return edge;
  for (std::uint64_t unit = open_ / unit_bytes_; unit * unit_bytes_ < end; ++unit) {
    leave_[oldest_] = access(unit, true, edge);
    written_ = std::max(written_, leave_[oldest_]);
    oldest_ = (oldest_ + 1) % leave_.size();
  }
  open_beats_ = 0;
  if (beat.last) response_last_ = std::max({written_, response_last_ + 1, edge + 1});
  return response_last_;
}

Use BankedMemory::take_use() { return std::exchange(use_, Use{}); }

Counts BankedMemory::counts(std::uint64_t end) const {
  Counts sum;
  for (const Channel& channel : channels_) sum += channel.counts(clocks_.cycle_at(end));
  return sum;
}

}  // namespace bitloom::dram
