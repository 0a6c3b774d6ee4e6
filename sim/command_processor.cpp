#include "sim/command_processor.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "sim/timing.hpp"

namespace bitloom {

CommandProcessor::CommandProcessor(const sc_core::sc_module_name& name) : sc_module(name), wake_("wake") {
  SC_METHOD(step);
  sensitive << wake_;
  dont_initialize();
}

void CommandProcessor::start(Run& run, std::uint64_t origin, const std::array<Sequencer*, kQueues>& queues) {
  stop();
  run_ = &run;
  origin_ = origin;
  queues_ = queues;
  const Hardware& h = run.machine.hardware;
  const auto command_beats = static_cast<std::uint32_t>(kCommandBytes / h.axi_bytes);
  beats_ = std::min(command_beats, static_cast<std::uint32_t>(h.max_burst));
  bursts_ = command_beats / beats_;
  asked_ = dispatched_ = 0;
  here_.assign(run.instructions.size(), 0);
  next_ask_ = ready_ = 0;
  done_ = false;
  error_ = nullptr;
  wake_at(0);
}

void CommandProcessor::stop() { wake_.cancel(); }

void CommandProcessor::freed(std::uint64_t cycle) {
  if (!done_ && error_ == nullptr) wake_at(std::max(cycle, ready_));
}

void CommandProcessor::failed(std::exception_ptr error) {
  if (error_ == nullptr) error_ = error;
  for (Sequencer* queue : queues_) queue->stop();
  stop();
}

/// An earlier wake-up keeps its place: react() finds out by itself what can be done in a cycle.
void CommandProcessor::wake_at(std::uint64_t cycle) { wake_.notify(sc_core::sc_time::from_value(cycle - now())); }

void CommandProcessor::step() {
  try {
    react();
  } catch (...) {
    failed(std::current_exception());
  }
}

void CommandProcessor::react() {
  if (asked_ == 0) ask(0);
  if (dispatched_ < here_.size()) {
    here_[dispatched_] = run_->fetched(dispatched_, now(), here_[dispatched_]);
    if (now() < here_[dispatched_]) return wake_at(here_[dispatched_]);
    if (run_->instructions[dispatched_].OPCODE != static_cast<std::uint32_t>(Opcode::END)) return dispatch();
  }
  if (now() >= ready_) end();
}

/// Asks for commands while fewer than kFetchAhead are on their way or wait for their queue.
void CommandProcessor::ask(std::uint64_t cycle) {
  next_ask_ = std::max(next_ask_, cycle);
  while (asked_ < here_.size() && asked_ - dispatched_ < timing::kFetchAhead) {
    const std::uint64_t load_asked = run_->load.asked();
    const std::uint64_t address = run_->program.program_address + asked_ * kCommandBytes;
    here_[asked_] = run_->reads.fetch(next_ask_, bursts_, {address, beats_});
    next_ask_ = std::max(next_ask_, run_->reads.last_fetch_grant() + 1);
    ++asked_;
    if (run_->load.asked() != load_asked) queues_[kLoadQueue]->asked_moved(run_->load.asked());
  }
}

void CommandProcessor::dispatch() {
  const Instruction& c = run_->instructions[dispatched_];
  if (c.queue < 0 || c.queue >= kQueues) throw Error(fmt::format("command {}: no queue", dispatched_));
  Sequencer& queue = *queues_[static_cast<std::size_t>(c.queue)];
  if (!queue.has_room(now())) {  // freed() wakes, unless the room comes with the next cycle already
    if (queue.has_room(now() + 1)) wake_at(now() + 1);
    return;
  }
  const std::uint64_t here = here_[dispatched_];
  if (here > ready_) {
    run_->result.fetch_busy += here - ready_;
    if (run_->options.executed) run_->options.executed({kFetchTrack, c.position, ready_, here});
  }
  queue.push(&c, now() + timing::kDispatch);
  ++dispatched_;
  ready_ = now() + timing::kDispatch;
  ask(ready_);
  wake_at(dispatched_ < here_.size() ? std::max(ready_, here_[dispatched_]) : ready_);
}

/// Ends the run after the last command: done in the cycle in which all queues are idle.
void CommandProcessor::end() {
  if (!std::all_of(queues_.begin(), queues_.end(), [](const Sequencer* queue) { return queue->idle(); })) return;
  if (!run_->tokens.all_zero()) {
    for (std::uint32_t id = 0; id < kTokenCounters; ++id) {
      if (run_->tokens.count(id) == 0) continue;
      throw Error(fmt::format("program: {} tokens {} are left at its end", run_->tokens.count(id),
                              token_text({static_cast<int>(id), 0})));
    }
  }
  done_ = true;
  run_->finish(now() + timing::kEnd);
}

}  // namespace bitloom
