#pragma once
#include <cstdint>
#include <optional>
#include <vector>

#include "kernels/hardware.hpp"
#include "sim/load_memo.hpp"
#include "sim/load_plan.hpp"
#include "sim/ordered_reads.hpp"
#include "sim/read_state.hpp"

namespace bitloom {

/// The read channel that command fetch and the load DMA share, with the arbiter in front of it: one burst is granted a
/// cycle, fetch first, and at most max_outstanding are granted and not finished. docs/timing.md, Reads and LOAD.
///
/// A LOAD starts when that before it has asked for all its bursts, whose beats may still be on their way. It may open
/// later, which must be said before the next one starts.
///
/// Before a flat memory a LOAD is planned as a whole when it opens. A fetch that comes after its start takes the
/// channel back to the LOAD's start and plans again with the fetch in it, which moves only this LOAD. Without stalls, a
/// LOAD takes what one of the same signature took before it that found the same left at its start. Before a memory with
/// banks nothing is planned ahead (OrderedReads): the edges that are returned may be cycles in which to ask again.
class ReadChannel {
 public:
  /// Makes a channel; remembers: LOADs may be taken from those before them, which changes no cycle.
  ReadChannel(const Hardware& hardware, const Memory& memory, bool remembers = true);

  /// Returns the reads before a memory with banks, null before a flat one.
  OrderedReads* ordered() { return ordered_ ? &*ordered_ : nullptr; }

  /// Starts a LOAD at an edge, after load_asked(). `shape` is its descriptor, null where it is not shaped; it and the
  /// execution's command must stay.
  void load(const Execution& e, const Instruction* shape, std::uint64_t start);
  /// Says in which cycle it opens.
  void open(std::uint64_t cycle);
  /// Starts a LOAD by its plan, and opens it where the plan says when.
  void load(LoadPlan plan);
  /// Returns the edge from which on the LOAD that was opened last has asked for all, and that of its end. Fetches that
  /// come before the former move both.
  std::uint64_t load_asked() const { return ordered_ ? ordered_->load_asked() : load_asked_; }
  std::uint64_t load_end() const { return ordered_ ? ordered_->load_end() : load_end_; }
  /// Returns the numbers of beats that it moves.
  const LoadBeats& load_beats() const { return load_beats_; }
  /// Empties the line buffer, before a LOAD starts.
  void forget_lines() { lines_.clear(); }

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
    std::uint64_t opens = kUnknownCycle;
  };

  void begin_load();
  void take(const LoadOutcome& outcome);
  void remember(const LoadSignature& signature, const LoadOrigin& origin, const Unplanned& load);
  void fetch_burst(const Fetch& fetch, std::uint32_t number, std::uint64_t grant_cycle);
  void fetch_now(const Fetch& fetch);
  void fetches_until(Interruptions& at, ReadArbiter& arbiter, std::uint64_t asked);
  void plan_again();

  const Hardware& hardware_;
  ReadState state_, before_load_;
  std::optional<OrderedReads> ordered_;
  std::uint32_t word_, max_burst_;
  LineWindow lines_, lines_before_;  ///< behind the last LOAD, and before it
  bool remembers_;
  LoadMemo memo_;
  std::optional<Unplanned> unplanned_;  ///< plan_ is made from it when it is needed
  LoadPlan plan_;
  std::vector<Fetch> during_load_;  ///< fetches since the LOAD started
  bool loading_ = false, closed_ = false;
  LoadBeats load_beats_;
  std::uint64_t load_asked_ = 0, load_end_ = 0, last_load_grant_ = 0, fetch_end_ = 0, last_fetch_grant_ = 0;
};

}  // namespace bitloom
