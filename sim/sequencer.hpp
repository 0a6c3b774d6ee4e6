#pragma once
#include <array>
#include <deque>
#include <exception>
#include <string>
#include <systemc>
#include <vector>

#include "sim/engines.hpp"
#include "sim/timing.hpp"

namespace bitloom {

/// What a queue tells the rest of the machine.
class QueueListener {
 public:
  virtual ~QueueListener() = default;
  /// From cycle `cycle` on the FIFO has room for one more command, or the queue is idle.
  virtual void freed(std::uint64_t cycle) = 0;
  /// Says that the run cannot go on.
  virtual void failed(std::exception_ptr error) = 0;
};

/// The FIFO and the sequencer of one queue: takes a loop group, walks its iterations, waits for tokens, hands
/// executions to the engine one at a time and signals. One event an execution, and one more where it had to wait. LOADs
/// that have asked for their data and STOREs that have read VOUT stay under way; another event ends each.
class Sequencer : public sc_core::sc_module {
 public:
  SC_HAS_PROCESS(Sequencer);
  Sequencer(const sc_core::sc_module_name& name, int queue);

  /// Begins a run whose cycle 0 is the SystemC time `origin`; `queues` receive this one's tokens.
  void start(Run& run, std::uint64_t origin, const std::array<Sequencer*, kQueues>& queues, QueueListener& listener);
  /// Forgets everything under way.
  void stop();

  /// Says whether the FIFO has room for one more command in cycle `cycle`.
  bool has_room(std::uint64_t cycle) const;
  /// Takes a command that is in the FIFO from cycle `cycle` on.
  void push(const Instruction* command, std::uint64_t cycle);
  /// Says whether no command is in the FIFO and none under way.
  bool idle() const { return state_ == State::kTake && taken_ == 0 && fifo_.empty() && ahead_ == 0; }
  /// Says that a token for this queue has come.
  void token();
  /// Says that the edge has moved from which on the LOAD that runs has asked for all.
  void asked_moved(std::uint64_t asked);
  /// Says what it does, for messages.
  std::string situation() const;

 private:
  enum class State {
    kTake,    ///< takes the next group from the FIFO
    kWait,    ///< waits for tokens
    kFull,    ///< waits for the end of LOADs or STOREs under way
    kClosed,  ///< a LOAD asks for its data and waits for the tokens with which it may fill
    kRun,     ///< an execution is under way
    kTail,    ///< walks over the last iterations of a group, in which nothing executes
  };
  struct Entry {
    const Instruction* command;
    std::uint64_t from;  ///< first cycle in which it can be taken
  };
  /// Cycles [from, to) that count where no execution is under way.
  struct Idle {
    std::uint64_t* counter;
    std::uint64_t from, to;
  };
  /// An execution as it will be noted and signalled.
  struct Finished {
    Execution execution;
    std::array<bool, 3> signals{};  ///< which of them it still sends
    std::uint64_t start = 0, end = 0;
    std::vector<Idle> idle;  ///< between its going on and the start of the next one
  };

  std::uint64_t now() const { return sc_core::sc_time_stamp().value() - origin_; }
  void wake_at(std::uint64_t cycle);
  void step();
  void react();
  void take();
  void next_execution(std::uint64_t cycle);
  void try_start();
  void try_open();
  void stall_until(const TokenCounters::Waits& waits);
  void run();
  void finish();
  void stay_under_way(const std::array<bool, 3>& sends);
  void end_oldest();
  void note(const Execution& e, std::uint64_t start, std::uint64_t end);
  void send(const Execution& e, const std::array<bool, 3>& signals, std::uint64_t edge);
  void end_group();
  bool room() const;
  void count_idle(std::uint64_t& counter, std::uint64_t from, std::uint64_t to);
  QueueStatistics& statistics() { return run_->result.queues[static_cast<std::size_t>(queue_)]; }

  const int queue_;
  sc_core::sc_event wake_, over_;
  Run* run_ = nullptr;
  std::uint64_t origin_ = 0;
  std::array<Sequencer*, kQueues> queues_{};
  QueueListener* listener_ = nullptr;

  State state_ = State::kTake;
  std::deque<Entry> fifo_;
  std::uint64_t room_from_ = 0;  ///< the cycle from which the FIFO's last pop counts
  const Instruction* group_ = nullptr;
  std::uint32_t taken_ = 0;  ///< commands of the group that are here
  LoopGroup loops_;
  Execution execution_;
  std::uint64_t checked_ = 0, started_ = 0, ends_ = 0;
  std::array<bool, 3> late_{};                      ///< waits of a closed LOAD
  std::array<Finished, timing::kAhead> under_way_;  ///< ring: LOADs and STOREs that let the queue go on
  std::size_t oldest_ = 0, ahead_ = 0;              ///< the first of them, and how many
  std::uint64_t noted_ = 0;                         ///< the end of the last execution that was noted
};

}  // namespace bitloom
