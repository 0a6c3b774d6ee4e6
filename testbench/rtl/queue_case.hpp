// What tests of whole queues of transfers share: loop groups, and what the RTL has recorded of a queue.
#pragma once
#include <algorithm>
#include <vector>

#include "testbench/rtl/timing_model.hpp"

namespace bitloom {

inline constexpr int kWaitForFetch = 1500;  ///< NOPs, until every command is fetched

/// A loop group of the queue under test; `Queued` is a command of it, with its transfer and index.
template <typename Queued>
struct QueueGroup {
  int counts[3] = {1, 1, 1};
  std::vector<Queued> body;
  bool signals = false, waits = false;  ///< through another queue

  /// Sets the loops of command `q` of the body, and the tokens of the group's first and last one.
  void place(Command& command, const Queued& q, const Token& wait, const Token& signal) const {
    command.set(Field::N0, 1).set(Field::N1, counts[1]).set(Field::N2, counts[2]);
    if (&q == &body.front()) command.set(Field::GROUP, static_cast<int>(body.size()) - 1);
    if (&q == &body.front() && waits) command.wait(wait);
    if (&q == &body.back() && signals) command.signal(signal);
  }

  /// Returns the iterations of each command's transfer.
  std::vector<std::vector<Iteration>> iterations_of_body() const {
    std::vector<std::vector<Iteration>> all;
    for (const Queued& q : body) {
      TransferCase t = q.transfer;
      std::copy_n(counts, 3, t.counts);
      all.push_back(iterations(t));
    }
    return all;
  }
};

/// The executions of a queue behind command 0, a NOP that waits until all is fetched.
struct QueueRecord {
  Edge taken = 0;  ///< end of the NOP
  std::vector<ExecutionRecord> executions;

  QueueRecord(const RtlResult& result, int queue) {
    for (const ExecutionRecord& e : result.executions) {
      if (e.queue != queue) continue;
      if (e.command == 0) taken = e.end;
      if (e.command != 0) executions.push_back(e);
    }
  }
};

}  // namespace bitloom
