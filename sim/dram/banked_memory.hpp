// Channels with banks at a machine's memory port. docs/dram.md, At the machine's port.
#pragma once
#include <cstddef>
#include <cstdint>
#include <functional>
#include <utility>
#include <vector>

#include "sim/dram/banks.hpp"
#include "sim/dram/channel.hpp"
#include "sim/dram/clocks.hpp"
#include "sim/dram/memory_port.hpp"

namespace bitloom::dram {

/// What a part of the reads and writes did.
struct Use {
  std::uint64_t activates = 0;
  std::uint64_t reads = 0, writes = 0;  ///< bursts
};

/// Tells that a channel's data bus moves a burst in its cycles [start, end), and at which edges of the machine these
/// cycles begin, which may lie between two.
struct BusSlice {
  std::size_t channel = 0;
  std::uint64_t start = 0, end = 0;
  double start_edge = 0, end_edge = 0;
};

/// A memory of several channels with the port of a machine, which counts in edges of its own clock. Reads and writes
/// share the channels, so they must be asked for in the order of their edges; of one edge, the read first. Copies are
/// snapshots.
///
/// Writes are answered when they are taken. They are gathered for each channel and asked for together, so that the bus
/// turns for many of them: when there are kGathered, or when a read comes to one that waits.
class BankedMemory {
 public:
  static constexpr std::size_t kGathered = 32;

  BankedMemory(const Banks& banks, const Port& port);

  /// Times a read burst whose address was accepted at `edge`; returns the edge of its last beat and appends all edges.
  std::uint64_t read(const ReadBurst& burst, std::uint64_t edge, std::vector<std::uint64_t>* edges);
  /// Returns the edge that accepts the next write beat, which is offered to `edge` and all after it. Reads of this edge
  /// must be asked for before.
  std::uint64_t offer(std::uint64_t edge) const;
  /// Takes a write beat at the edge that accepts it; returns the edge of its burst's response, which counts where the
  /// beat is the last.
  std::uint64_t take(const WriteBeat& beat, std::uint64_t edge);

  /// Has `watch` called after each burst; those of one channel come in the order of their cycles.
  void watch_bus(std::function<void(const BusSlice&)> watch) { watch_ = std::move(watch); }

  const Banks& banks() const { return banks_; }
  /// Returns what reads and writes did in all channels since this was asked last.
  Use take_use();
  /// Asks for all writes that wait, at an edge behind all reads and writes.
  void write_rest(std::uint64_t edge);
  /// Returns the sums over all channels for edges [0, end), where `end` lies behind all responses and read beats, or up
  /// to the end of the last write that was asked for.
  Counts counts(std::uint64_t end) const;

 private:
  /// The writes that wait for a channel, by their bursts' numbers in the address space.
  struct Waiting {
    std::vector<std::uint64_t> units;
    std::uint64_t written = 0;  ///< the edge from which those that were asked for are in the memory
  };
  std::size_t channel_of(std::uint64_t unit) const { return unit * unit_bytes_ / granule_ % channels_.size(); }
  /// Asks for the writes that wait for a channel.
  void write_all(Waiting& waiting, std::uint64_t edge);
  /// Reads or writes the burst of a channel that has number `unit` in the address space; returns the edge from which
  /// its data are there.
  std::uint64_t access(std::uint64_t unit, bool write, std::uint64_t edge);

  Banks banks_;
  Use use_;
  std::uint64_t word_, unit_bytes_, granule_;
  Clocks clocks_;
  std::vector<Channel> channels_;
  std::function<void(const BusSlice&)> watch_;                        ///< may be empty
  std::uint64_t read_last_ = 0, write_last_ = 0, response_last_ = 0;  ///< edges
  std::uint64_t open_ = 0, open_beats_ = 0;  ///< beats that were taken and are no whole write yet: address, number
  std::vector<Waiting> waiting_;             ///< by channel
};

}  // namespace bitloom::dram
