#include "sim/sequencer.hpp"

#include <fmt/format.h>

#include "sim/timing.hpp"

namespace bitloom {

Sequencer::Sequencer(const sc_core::sc_module_name& name, int queue) : sc_module(name), queue_(queue), wake_("wake") {
  SC_METHOD(step);
  sensitive << wake_;
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
  fifo_.clear();
  state_ = State::kTake;
  taken_ = 0;
  room_from_ = 0;
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
  if (state_ == State::kWait) wake_.notify(sc_core::SC_ZERO_TIME);
}

void Sequencer::end_moved(std::uint64_t end) {
  if (state_ != State::kRun) return;
  ends_ = end;
  wake_.cancel();
  wake_at(end);
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
      return try_start();
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
  statistics().overhead += timing::kTakeCommand;
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
    cycle += timing::kSkipStep;
    statistics().overhead += timing::kSkipStep;
    if (!loops_.advance()) {
      state_ = State::kTail;
      return wake_at(cycle);
    }
  }
  checked_ = cycle;
  try_start();
}

void Sequencer::try_start() {
  const Instruction& c = loops_.command();
  const std::array<bool, 3> applies{loops_.waits(c.waits[0]), loops_.waits(c.waits[1]), loops_.waits(c.waits[2])};
  const TokenCounters::Waits waits = run_->tokens.check(c.waits, applies);
  state_ = waits.satisfied ? State::kRun : State::kWait;
  if (!waits.satisfied) return;
  run_->tokens.take(c.waits, applies);
  if (waits.edge > checked_) {
    statistics().stalled_on[waits.id] += waits.edge - checked_;
    checked_ = waits.edge;
  }
  statistics().overhead += timing::kCheckWaits;
  started_ = checked_ + timing::kCheckWaits;
  execution_ = loops_.execution();
  ends_ = run_->execute(execution_, started_);
  wake_at(ends_);
}

void Sequencer::finish() {
  ends_ = run_->go_on(queue_, now(), ends_);
  if (ends_ > now()) return wake_at(ends_);
  run_->ended(execution_, started_, ends_);
  send_tokens();
  if (!loops_.advance()) return end_group();
  next_execution(ends_);
}

void Sequencer::send_tokens() {
  for (const TokenField& field : loops_.command().signals) {
    if (!loops_.signals(field)) continue;
    if (!run_->tokens.signal(field.id, ends_)) {
      throw Error(fmt::format("command {}: more than {} tokens of counter {}", execution_.command->position, kTokenMax,
                              field.id));
    }
    queues_[field.id >> 1 & 3u]->token();
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
  if (state_ == State::kWait) {
    const Instruction& c = loops_.command();
    const std::array<bool, 3> applies{loops_.waits(c.waits[0]), loops_.waits(c.waits[1]), loops_.waits(c.waits[2])};
    const auto id = static_cast<int>(run_->tokens.check(c.waits, applies).id);
    return fmt::format("{}: command {} waits for token {}", name, c.position, token_text({id, 0}));
  }
  if (taken_ != 0) return fmt::format("{}: the loop group of command {} is not complete", name, group_->position);
  return fmt::format("{}: idle", name);
}

}  // namespace bitloom
