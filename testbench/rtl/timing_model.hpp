// For tests: the recurrences of docs/timing.md for reads and LOAD.
#pragma once
#include <algorithm>
#include <cstdint>
#include <deque>
#include <vector>

#include "testbench/rtl/transfer.hpp"

namespace bitloom {

using Edge = std::uint64_t;

inline DramTiming dram_timing(const Hardware& hw, int stall, std::uint64_t seed) {
  return {hw.dram_read_latency, hw.dram_write_latency, stall, seed};
}

/// The read channel of docs/timing.md without LOAD and fetch asking at once: burst by burst.
class Reads {
 public:
  Reads(const Hardware& hw, const DramTiming& timing) : hw_(hw), timing_(timing) {}
  /// A burst that is asked for in cycle `asked`; the edges of its beats.
  std::vector<Edge> burst(Edge asked, int beats) {
    grant = std::max(asked, next_);
    if (static_cast<int>(last_.size()) >= hw_.max_outstanding) {
      grant = std::max(grant, last_[last_.size() - static_cast<std::size_t>(hw_.max_outstanding)]);
    }
    next_ = grant + 1;
    std::vector<Edge> edges;
    for (int i = 0; i < beats; ++i) edges.push_back(timing_.read_beat(grant + 2));
    last_.push_back(edges.back());
    return edges;
  }
  Edge grant = 0;  ///< of the last burst

 private:
  const Hardware& hw_;
  DramTiming timing_;
  Edge next_ = 0;
  std::deque<Edge> last_;
};

/// A run of neighbouring taps of one row.
struct Piece {
  std::int64_t bit;  ///< of its start in DRAM
  int bits, walk;    ///< walk: cycles that walking its taps takes
  bool padding, ends_row;
};
std::vector<Piece> pieces(const TransferCase& transfer, const Iteration& at);

/// The edge at which a LOAD ends that starts at edge `start`.
Edge load_end(const Hardware& hw, Reads& reads, const TransferCase& transfer, const Iteration& at, int local_bits,
              Edge start);

}  // namespace bitloom
