#include "sim/sequencer.hpp"

#include <fmt/format.h>

#include "sim/timing.hpp"

namespace bitloom {

Sequencer::Sequencer(const sc_core::sc_module_name& name, int queue)
    : sc_module(name), queue_(queue), wake_("wake"), load_over_("load_over") {
  SC_METHOD(step);
  sensitive << wake_;
  dont_initialize();
  SC_METHOD(end_load);
  sensitive << load_over_;
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
  load_over_.cancel();
  fifo_.clear();
  state_ = State::kTake;
  taken_ = 0;
  room_from_ = 0;
  ahead_ = 0;
  busy_until_ = noted_ = 0;
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
  statistics().overhead += not_busy(cycle, room_from_);
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
    statistics().overhead += not_busy(cycle, cycle + timing::kSkipStep);
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

/// Returns the edge from which on the LOADs under way leave room for one more, or for an execution that is alone.
std::uint64_t Sequencer::room_edge() const {
  if (ahead_ == 0) return 0;
  if (!DmaLoad::overlaps(execution_)) return busy_until_;
  return ahead_ == timing::kLoadsAhead ? loads_[oldest_].end : 0;
}

/// Returns the cycles of [from, to) in which no execution runs.
std::uint64_t Sequencer::not_busy(std::uint64_t from, std::uint64_t to) const {
  return to - std::min(to, std::max(from, busy_until_));
}

void Sequencer::try_start() {
  const std::uint64_t room = room_edge();
  if (room > checked_) {
    checked_ = room;
    if (room > now()) {
      state_ = State::kFull;
      return wake_at(room);
    }
  }
  const Instruction& c = loops_.command();
  std::array<bool, 3> takes{loops_.waits(c.waits[0]), loops_.waits(c.waits[1]), loops_.waits(c.waits[2])};
  const bool asks = queue_ == kLoadQueue && DmaLoad::overlaps(execution_);
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
  statistics().stalled_on[waits.id] += not_busy(checked_, waits.edge);
  checked_ = waits.edge;
}

/// Runs the execution, whose tokens were all there in cycle checked_.
void Sequencer::run() {
  state_ = State::kRun;
  started_ = checked_ + timing::kCheckWaits;
  statistics().overhead += not_busy(checked_, started_);
  ends_ = run_->execute(execution_, started_);
  wake_at(ends_);
}

void Sequencer::finish() {
  ends_ = run_->go_on(queue_, now(), ends_);
  if (ends_ > now()) return wake_at(ends_);
  const auto& signals = loops_.command().signals;
  const std::array<bool, 3> sends{loops_.signals(signals[0]), loops_.signals(signals[1]), loops_.signals(signals[2])};
  if (queue_ == kLoadQueue && DmaLoad::overlaps(execution_)) {
    busy_until_ = run_->reads.load_end();
    loads_[(oldest_ + ahead_) % loads_.size()] = {execution_, sends, started_, busy_until_};
    if (++ahead_ == 1) load_over_.notify(sc_core::sc_time::from_value(busy_until_ - now()));
  } else {
    busy_until_ = ends_;
    note({execution_, sends, started_, ends_});
  }
  if (!loops_.advance()) return end_group();
  next_execution(ends_);
}

/// Ends the oldest LOAD under way.
void Sequencer::end_load() {
  try {
    note(loads_[oldest_]);
    oldest_ = (oldest_ + 1) % loads_.size();
    if (--ahead_ > 0) load_over_.notify(sc_core::sc_time::from_value(loads_[oldest_].end - now()));
    if (idle()) listener_->freed(now());
  } catch (...) {
    listener_->failed(std::current_exception());
  }
}

/// Notes an execution and sends its tokens. What the one before it still did does not count twice.
void Sequencer::note(const Finished& of) {
  run_->ended(of.execution, std::max(of.start, noted_), of.end);
  noted_ = of.end;
  for (std::size_t k = 0; k < of.signals.size(); ++k) {
    if (!of.signals[k]) continue;
    const std::uint32_t id = of.execution.command->signals[k].id;
    if (!run_->tokens.signal(id, of.end)) {
      throw Error(
          fmt::format("command {}: more than {} tokens of counter {}", of.execution.command->position, kTokenMax, id));
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
