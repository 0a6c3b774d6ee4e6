// One channel of a DRAM with banks: requests in, cycles of their data out. It has no SystemC types, so that the SystemC
// model and the Verilator harness can use the same class.
#pragma once
#include <cstdint>
#include <vector>

#include "sim/dram/address.hpp"
#include "sim/dram/command_times.hpp"
#include "sim/dram/device.hpp"

namespace bitloom::dram {

/// Asks for bytes [address, address + bytes), at least one; they are moved as the whole bursts in which they lie.
struct Request {
  std::uint64_t address = 0;
  std::uint64_t bytes = 0;
  bool write = false;
  std::uint64_t earliest = 0;  ///< the cycle at which it arrives; one that arrives before its predecessor waits for it
};

/// Holds the cycles in which the first and the last data are on the bus.
struct DataSpan {
  std::uint64_t first = 0;
  std::uint64_t last = 0;
  bool operator==(const DataSpan&) const = default;
};

/// Tells of one command; `bank` and `row` count only where the command has one.
struct Issued {
  std::uint64_t cycle = 0;
  Command command = Command::kRefresh;
  int bank = 0;
  std::uint64_t row = 0;
};

/// Counts what a channel did.
struct Counts {
  std::uint64_t activates = 0;
  std::uint64_t reads = 0, writes = 0;            ///< bursts
  std::uint64_t read_bytes = 0, write_bytes = 0;  ///< of whole bursts
  std::uint64_t refreshes = 0;
  std::uint64_t busy_cycles = 0;        ///< of the data bus
  std::uint64_t active_cycles = 0;      ///< from the first activate behind a refresh to the next refresh's precharge
  std::uint64_t precharged_cycles = 0;  ///< the others; both are summed over the ranks
  Counts& operator+=(const Counts& other);
  bool operator==(const Counts&) const = default;
};

/// Serves requests in their order. The row of a bank stays open until another one is needed or a refresh comes. Rows of
/// the next `window` bursts are opened ahead of the bursts before them, so each kind of command is in the order of the
/// bursts, but not all commands. All banks of a rank are refreshed at once every refi cycles, as soon as the burst
/// that is under way then has its command; rank 0 counts them from cycle 0, the others are spread evenly behind it.
/// Copies are snapshots.
class Channel {
 public:
  static constexpr int kWindow = 32;

  /// Makes a channel that nobody has used, at cycle 0; window >= 1.
  explicit Channel(const Device& device, int window = kWindow);

  /// Times a request in cycles of the memory's clock and appends its commands, with the refreshes before it, to
  /// `commands`, not always in the order of cycles. Throws std::out_of_range beyond the memory's last byte.
  DataSpan request(const Request& request, std::vector<Issued>* commands = nullptr);

  /// Returns the activates so far.
  std::uint64_t activates() const { return counts_.activates; }
  /// Returns the counts of cycles [0, end), where `end` lies behind all data so far, with the refreshes that fall due
  /// until then.
  Counts counts(std::uint64_t end) const;

 private:
  using Log = std::vector<Issued>*;  // null: nobody wants to know the commands

  /// Issues a command at the first free cycle from `from` on that no constraint forbids; returns it.
  std::uint64_t issue(Command command, const Place& place, std::uint64_t from, Log log);
  std::uint64_t free_cycle(std::uint64_t from) const;
  /// Returns the cycle of a burst's read or write.
  std::uint64_t burst(const Place& place, bool write, Log log);
  void open(const Place& place, std::uint64_t from, Log log);
  void refresh(int rank, Log log);
  /// Finds the rank whose refresh is due first.
  int next_due() const;

  /// Holds what a rank does of its own.
  struct Rank {
    std::uint64_t due = 0;  ///< when its next refresh is
    bool active = false;
    std::uint64_t active_since = 0;
    std::uint64_t closed = 0;  ///< cycle of the last precharge of all banks
  };

  Organisation organisation_;
  Timing timing_;
  CommandTimes times_;
  Counts counts_;
  std::vector<std::uint64_t> rows_;    // open row + 1 of each bank, 0: none
  std::vector<std::uint64_t> window_;  // cycles of the reads and writes of the last bursts, as a ring
  std::size_t oldest_ = 0;             // in window_
  std::vector<std::uint64_t> taken_;   // ascending cycles of commands, all that a later one could meet
  std::uint64_t arrival_ = 0;          // of the last request
  std::uint64_t last_column_ = 0;      // cycle of the last read or write
  std::vector<Rank> ranks_;
};

}  // namespace bitloom::dram
