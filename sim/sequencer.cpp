#include "sim/sequencer.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "sim/timing.hpp"

namespace bitloom {
namespace {

/// Returns the cycles of [from, to) that are not before the end of an execution.
std::uint64_t cycles_behind(std::uint64_t end, std::uint64_t from, std::uint64_t to) {
  return to - std::min(to, std::max(from, end));
}

}  // namespace

Sequencer::Sequencer(const sc_core::sc_module_name& name, int queue)
    : sc_module(name), queue_(queue), wake_("wake"), over_("over") {
  SC_METHOD(step);
  sensitive << wake_;
  dont_initialize();
  SC_METHOD(end_oldest);
  sensitive << over_;
  dont_initialize();
}

void Sequencer::start(Run& run, std::uint64_t origin, const std::array<Sequencer*, kQueues>& queues,
                      QueueListener& listener) {
  stop();
  run_ = &run;
  origin_ = origin;
  queues_ = queues;
  listener_ = &listener;
}

void Sequencer::stop() {
  wake_.cancel();
  over_.cancel();
  fifo_.clear();
  state_ = State::kTake;
  taken_ = 0;
  room_from_ = 0;
  ahead_ = 0;
  noted_ = 0;
}

bool Sequencer::has_room(std::uint64_t cycle) const {
  const std::size_t not_counted = room_from_ > cycle ? 1 : 0;  // popped in this very cycle
  return fifo_.size() + not_counted < static_cast<std::size_t>(run_->machine.hardware.queue_depth);
}

void Sequencer::push(const Instruction* command, std::uint64_t cycle) {
  fifo_.push_back({command, cycle});
  if (state_ == State::kTake && fifo_.size() == 1) wake_at(cycle);
}

void Sequencer::token() {
  if (state_ == State::kWait || state_ == State::kClosed) wake_.notify(sc_core::SC_ZERO_TIME);
}

void Sequencer::asked_moved(std::uint64_t asked) {
  if (state_ != State::kRun) return;
  ends_ = asked;
  wake_.cancel();
  wake_at(asked);
}

void Sequencer::wake_at(std::uint64_t cycle) { wake_.notify(sc_core::sc_time::from_value(cycle - now())); }

void Sequencer::step() {
  try {
    react();
  } catch (...) {
    listener_->failed(std::current_exception());
  }
}

void Sequencer::react() {
  switch (state_) {
    case State::kTake:
      return take();
    case State::kWait:
    case State::kFull:
      return try_start();
    case State::kClosed:
      return try_open();
    case State::kRun:
      return finish();
    case State::kTail:
      return end_group();
  }
}

/// Takes one command a cycle, until the group is complete.
void Sequencer::take() {
  if (fifo_.empty()) return;
  const std::uint64_t cycle = now();
  if (fifo_.front().from > cycle) return wake_at(fifo_.front().from);
  const Instruction* command = fifo_.front().command;
  fifo_.pop_front();
  room_from_ = cycle + timing::kTakeCommand;
  count_idle(statistics().overhead, cycle, room_from_);
  if (taken_ == 0) group_ = command;
  if (command != group_ + taken_) {
    throw Error(fmt::format("command {}: its loop group of {} commands is cut by command {}", group_->position,
                            group_->GROUP + 1, command->position));
  }
  listener_->freed(room_from_);
  if (++taken_ <= group_->GROUP) return wake_at(room_from_);
  const StepRegisters& registers = run_->machine.registers;
  loops_.start(group_, taken_, registers.base, registers.batch);
  next_execution(room_from_);
}

/// From the loops' position in cycle `cycle` to the next command that executes.
void Sequencer::next_execution(std::uint64_t cycle) {
  while (!loops_.executes()) {
    count_idle(statistics().overhead, cycle, cycle + timing::kSkipStep);
    cycle += timing::kSkipStep;
    if (!loops_.advance()) {
      state_ = State::kTail;
      return wake_at(cycle);
    }
  }
  checked_ = cycle;
  execution_ = loops_.execution();
  try_start();
}

/// Do the executions under way leave room for this one? One that does not overlap is alone.
bool Sequencer::room() const { return overlaps(execution_) ? ahead_ < under_way_.size() : ahead_ == 0; }

/// Counts cycles [from, to) but those in which an execution is under way, whose end may not be known yet.
void Sequencer::count_idle(std::uint64_t& counter, std::uint64_t from, std::uint64_t to) {
  if (ahead_ == 0) {
    counter += cycles_behind(noted_, from, to);
  } else {
    under_way_[(oldest_ + ahead_ - 1) % under_way_.size()].idle.push_back({&counter, from, to});
  }
}

void Sequencer::try_start() {
  if (state_ == State::kFull) checked_ = std::max(checked_, now());
  if (!room()) {
    state_ = State::kFull;  // the end of one wakes
    return;
  }
  const Instruction& c = loops_.command();
  std::array<bool, 3> takes{loops_.waits(c.waits[0]), loops_.waits(c.waits[1]), loops_.waits(c.waits[2])};
  const bool asks = queue_ == kLoadQueue && overlaps(execution_);
  TokenCounters::Waits waits = run_->tokens.check(c.waits, takes);
  late_ = {};
  if (!waits.satisfied && asks) {  // some may be late
    for (std::size_t k = 0; k < takes.size(); ++k) {
      late_[k] = takes[k] && frees_buffer(c.waits[k].id);
      takes[k] = takes[k] && !late_[k];
    }
    waits = run_->tokens.check(c.waits, takes);
  }
  state_ = State::kWait;
  if (!waits.satisfied) return;
  run_->tokens.take(c.waits, takes);
  stall_until(waits);
  if (asks) run_->ask(execution_, checked_ + timing::kCheckWaits);
  if (late_ == std::array<bool, 3>{}) return run();
  state_ = State::kClosed;
}

/// Opens a LOAD that asks for its data, if it has the tokens for that.
void Sequencer::try_open() {
  const auto& fields = loops_.command().waits;
  const TokenCounters::Waits waits = run_->tokens.check(fields, late_);
  if (!waits.satisfied) return;
  run_->tokens.take(fields, late_);
  stall_until(waits);
  run();
}

/// Goes on to the cycle in which the last token has come.
void Sequencer::stall_until(const TokenCounters::Waits& waits) {
  if (waits.edge <= checked_) return;
  count_idle(statistics().stalled_on[waits.id], checked_, waits.edge);
  checked_ = waits.edge;
}

/// Runs the execution, whose tokens were all there in cycle checked_.
void Sequencer::run() {
  state_ = State::kRun;
  started_ = checked_ + timing::kCheckWaits;
  count_idle(statistics().overhead, checked_, started_);
  ends_ = run_->execute(execution_, started_);
  wake_at(ends_);
}

void Sequencer::finish() {
  ends_ = run_->go_on(queue_, now(), ends_);
  if (ends_ > now()) return wake_at(ends_);
  const auto& signals = loops_.command().signals;
  const std::array<bool, 3> sends{loops_.signals(signals[0]), loops_.signals(signals[1]), loops_.signals(signals[2])};
  if (overlaps(execution_)) {
    stay_under_way(sends);
  } else {
    note(execution_, started_, ends_);
    send(execution_, sends, ends_);
  }
  if (!loops_.advance()) return end_group();
  next_execution(ends_);
}

/// Keeps a LOAD or STORE that lets the queue go on. A STORE's tokens to the vector queue say that VOUT is read.
void Sequencer::stay_under_way(const std::array<bool, 3>& sends) {
  std::array<bool, 3> now_sends{}, later{};
  for (std::size_t k = 0; k < sends.size(); ++k) {
    const bool read = queue_ == kStoreQueue && frees_vout(execution_.command->signals[k].id);
    (read ? now_sends : later)[k] = sends[k];
  }
  Finished& of = under_way_[(oldest_ + ahead_) % under_way_.size()];
  of.execution = execution_;
  of.signals = later;
  of.start = started_;
  of.end = run_->reads.load_end();  // of a STORE it is asked for
  of.idle.clear();
  if (++ahead_ == 1) over_.notify(sc_core::sc_time::from_value(run_->oldest_end(queue_, now(), of.end) - now()));
  send(execution_, now_sends, ends_);
}

/// Ends the oldest LOAD or STORE under way.
void Sequencer::end_oldest() {
  try {
    Finished& of = under_way_[oldest_];
    of.end = run_->oldest_end(queue_, now(), of.end);
    if (of.end > now()) return over_.notify(sc_core::sc_time::from_value(of.end - now()));
    if (queue_ == kStoreQueue) run_->store.retire();
    note(of.execution, of.start, of.end);
    for (const Idle& idle : of.idle) *idle.counter += cycles_behind(of.end, idle.from, idle.to);
    oldest_ = (oldest_ + 1) % under_way_.size();
    if (--ahead_ > 0) {
      const std::uint64_t next = run_->oldest_end(queue_, now(), under_way_[oldest_].end);
      over_.notify(sc_core::sc_time::from_value(next - now()));
    }
    send(of.execution, of.signals, of.end);
    if (state_ == State::kFull) wake_.notify(sc_core::SC_ZERO_TIME);
    if (idle()) listener_->freed(now());
  } catch (...) {
    listener_->failed(std::current_exception());
  }
}

/// Notes an execution. What the one before it still did does not count twice.
void Sequencer::note(const Execution& e, std::uint64_t start, std::uint64_t end) {
  run_->ended(e, std::max(start, noted_), end);
  noted_ = end;
}

void Sequencer::send(const Execution& e, const std::array<bool, 3>& signals, std::uint64_t edge) {
  for (std::size_t k = 0; k < signals.size(); ++k) {
    if (!signals[k]) continue;
    const std::uint32_t id = e.command->signals[k].id;
    if (!run_->tokens.signal(id, edge)) {
      throw Error(fmt::format("command {}: more than {} tokens of counter {}", e.command->position, kTokenMax, id));
    }
    queues_[id >> 1 & 3u]->token();
  }
}

void Sequencer::end_group() {
  state_ = State::kTake;
  taken_ = 0;
  if (fifo_.empty()) {
    listener_->freed(now());
  } else {
    take();
  }
}

std::string Sequencer::situation() const {
  static constexpr const char* kNames[] = {"load", "array", "vector", "store"};
  const char* name = kNames[queue_];
  if (state_ == State::kFull) return fmt::format("{}: command {} runs", name, loops_.command().position);
  if (state_ == State::kWait || state_ == State::kClosed) {
    const Instruction& c = loops_.command();
    std::array<bool, 3> applies{loops_.waits(c.waits[0]), loops_.waits(c.waits[1]), loops_.waits(c.waits[2])};
    if (state_ == State::kClosed) applies = late_;
    const auto id = static_cast<int>(run_->tokens.check(c.waits, applies).id);
    return fmt::format("{}: command {} waits for token {}", name, c.position, token_text({id, 0}));
  }
  if (taken_ != 0) return fmt::format("{}: the loop group of command {} is not complete", name, group_->position);
  return fmt::format("{}: idle", name);
}

}  // namespace bitloom
