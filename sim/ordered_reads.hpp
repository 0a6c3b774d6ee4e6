#pragma once
#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <vector>

#include "sim/load_bursts.hpp"
#include "sim/read_arbiter.hpp"
#include "sim/statistics.hpp"

namespace bitloom {

/// The read channel before a memory with banks, whose reads and writes must come in the order of time. So neither a
/// LOAD nor a fetch is planned ahead: until() grants what is certain by a cycle, burst by burst (docs/dram.md).
class OrderedReads {
 public:
  OrderedReads(const Hardware& hardware, const Memory& memory)
      : arbiter_(hardware, memory),
        word_(static_cast<std::uint32_t>(hardware.axi_bytes)),
        max_burst_(static_cast<std::uint32_t>(hardware.max_burst)) {}

  Memory& memory() { return arbiter_.timing; }
  /// Sets what is called before each read: it must ask the memory for all writes before this edge.
  void before_reads(std::function<void(std::uint64_t edge)> writes) { writes_ = std::move(writes); }

  /// Starts a LOAD, whose plan must stay. The LOAD before it must have asked for all and be open.
  void load(const LoadPlan& plan);
  /// Says in which cycle it opens, where the plan does not know.
  void open(std::uint64_t cycle);
  /// Sets where to count what the memory does for the next LOAD.
  void count_into(ActionCounts& counts) { counts_ = &counts; }
  /// Fetches as ReadChannel::fetch() does; fetches are numbered from 0 on. Returns fetch_end().
  std::uint64_t fetch(std::uint64_t ready, std::uint32_t bursts, const ReadBurst& first);
  /// Grants the bursts that are asked for before a cycle and come before others that could still be asked for.
  void until(std::uint64_t cycle);

  /// Returns the edge from which on the LOAD has asked for all, and that of its end; where bursts are left, a cycle for
  /// which until() will know more.
  std::uint64_t load_asked() const { return bursts_ ? next_ : load_asked_; }
  std::uint64_t load_end() const { return bursts_ ? next_ : load_end_; }
  /// Returns likewise the edge of a fetch's last beat.
  std::uint64_t fetch_end(std::size_t number) const {
    return number < fetch_ends_.size() ? fetch_ends_[number] : next_;
  }

 private:
  struct Fetch {
    std::uint64_t ready;
    std::uint32_t bursts;
    ReadBurst next;
  };
  void grant_fetch(std::uint64_t cycle);
  void grant_load(std::uint64_t cycle);
  void next_burst();
  void asked_all();

  ReadArbiter arbiter_;
  std::uint32_t word_, max_burst_;
  std::function<void(std::uint64_t)> writes_;
  ActionCounts* counts_ = nullptr;                    ///< of the LOAD; null: nobody wants to know
  std::optional<LoadBursts> bursts_;                  ///< of the LOAD, as long as some are left
  LoadBursts::Next state_ = LoadBursts::Next::kNone;  ///< of bursts_
  bool open_ = true;                                  ///< of the LOAD
  LoadRest before_;                                   ///< of the LOADs that have asked for all
  std::deque<Fetch> fetches_;                         ///< that are not over
  std::vector<std::uint64_t> fetch_ends_;
  std::uint64_t load_asked_ = 0, load_end_ = 0, next_ = 0;
};

}  // namespace bitloom
