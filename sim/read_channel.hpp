#pragma once
#include <cstdint>
#include <optional>
#include <vector>

#include "kernels/hardware.hpp"
#include "sim/load_memo.hpp"
#include "sim/load_plan.hpp"
#include "sim/ordered_reads.hpp"
#include "sim/read_arbiter.hpp"

namespace bitloom {

/// The read channel that command fetch and the load DMA share, with the arbiter in front of it: one burst is granted a
/// cycle, fetch first, and at most max_outstanding are granted and not finished. docs/timing.md, Reads and LOAD.
///
/// Before a flat memory a LOAD is planned as a whole when it starts. A fetch that comes in between takes the channel
/// back to the LOAD's start and plans again with the fetch in it, which moves only the LOAD's end. A LOAD that starts
/// at a channel at rest, without stalls, takes what one of the same signature took before it. Before a memory with
/// banks nothing is planned ahead (OrderedReads): the ends that are returned may be cycles in which to ask again.
class ReadChannel {
 public:
  /// Makes a channel; remembers: LOADs may be taken from those before them, which changes no cycle.
  ReadChannel(const Hardware& hardware, const Memory& memory, bool remembers = true);

  /// Returns the reads before a memory with banks, null before a flat one.
  OrderedReads* ordered() { return ordered_ ? &*ordered_ : nullptr; }

  /// Starts a LOAD at an edge; returns the edge of its end. The LOAD before it must be over. `shape` is its descriptor,
  /// null where it is not shaped; it and the execution's command must stay.
  std::uint64_t load(const Execution& e, const Instruction* shape, std::uint64_t start);
  /// Starts a LOAD by its plan.
  std::uint64_t load(LoadPlan plan);
  /// Returns the end of the LOAD that load() started last, after the fetches since then.
  std::uint64_t load_end() const { return ordered_ ? ordered_->load_end() : load_end_; }
  /// Returns the number of beats that it reads.
  std::uint64_t load_beats() const { return load_beats_; }

  /// Fetches a command of `bursts` bursts like `first`, one behind the other in memory. The first is asked for in cycle
  /// `ready`, each other in the cycle after the grant before it; returns the edge of the last beat. Calls come in the
  /// order of `ready`.
  std::uint64_t fetch(std::uint64_t ready, std::uint32_t bursts, const ReadBurst& first);
  /// Returns the cycle of the last fetch burst's grant.
  std::uint64_t last_fetch_grant() const { return last_fetch_grant_; }

 private:
  struct Fetch {
    std::uint64_t ready;
    std::uint32_t bursts;
    ReadBurst first;
  };
  /// The fetches that come into a LOAD, one after the other.
  struct Interruptions {
    std::size_t next = 0;
    std::uint32_t burst = 0;
    std::uint64_t ready = 0;
  };

  /// A LOAD whose plan may not be needed.
  struct Unplanned {
    Execution execution;
    const Instruction* shape = nullptr;
    std::uint64_t start = 0;
  };

  FlatMemory& flat() { return *state_.timing.flat(); }
  bool at_rest(std::uint64_t edge);
  void begin_load();
  LoadOutcome outcome(std::uint64_t start);
  void take(const LoadOutcome& outcome, std::uint64_t start);
  void fetch_burst(const Fetch& fetch, std::uint32_t number, std::uint64_t grant_cycle);
  void fetch_now(const Fetch& fetch);
  void fetches_until(Interruptions& at, std::uint64_t asked);
  void plan_again();

  const Hardware& hardware_;
  ReadArbiter state_, before_load_;
  std::optional<OrderedReads> ordered_;
  std::uint32_t word_, max_burst_;
  bool remembers_;
  LoadMemo memo_;
  std::optional<Unplanned> unplanned_;  ///< plan_ is made from it when it is needed
  LoadPlan plan_;
  std::vector<Fetch> during_load_;  ///< fetches since the LOAD started
  bool loading_ = false;
  std::uint64_t load_end_ = 0, load_beats_ = 0, last_load_grant_ = 0, fetch_end_ = 0, last_fetch_grant_ = 0;
};

}  // namespace bitloom
