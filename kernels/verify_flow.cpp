// An abstract run of a program: tokens, FIFOs and the order of executions, without data or time.
//
// Every token counter has one queue that signals and one that waits, and a queue never chooses between commands. So
// what can run at all does not depend on the order in which the queues take their turns, and one run decides about
// deadlock. A counter is highest, and a tensor's stores are least complete, when one queue is as lazy as it can be: it
// takes a turn only when no other can. One run for each lazy queue therefore decides about overflow and about the order
// of memory.
//
// LOADs overlap (docs/timing.md, Sequencer), which these runs need not know but for one thing. A LOAD that starts
// before the end of the one before it takes its waits earlier and sends no signal earlier, so no counter gets higher.
// It always ends by itself, so nothing gets stuck. But it reads memory as soon as it has the tokens of the store queue,
// whatever others it waits for: then must its tensor be stored. A LOAD with LINES may have been served since the last
// LOAD_SHAPE, which emptied the line buffer: then, already.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <deque>
#include <vector>

#include "kernels/loops.hpp"
#include "kernels/verify.hpp"
#include "model/io/error.hpp"

namespace bitloom {

namespace {

constexpr int kWrites = kQueues;  ///< what ends STOREs, as if it were a queue

/// What a token or execution level of a command needs, decoded once.
struct Step {
  int command = 0;
  int exec_level = 0;
  bool stores = false;  ///< it is a STORE
  std::vector<Token> waits;
  std::vector<Token> signals;
  std::vector<int> needs;  ///< store commands that must be complete before this LOAD
  bool shape = false;      ///< a LOAD_SHAPE
  bool lines = false;      ///< a LOAD with LINES
};

struct Group {
  LoopIndex counts{1, 1, 1};
  std::vector<Step> steps;
};

std::string at(const Program& program, int command) {
  const auto index = static_cast<std::size_t>(command);
  const std::string phase = index < program.info.size() ? program.info[index].phase : "";
  return fmt::format("command {} ({}): {}", command, phase, disassemble(program.commands[index]));
}

/// Returns the STOREs before this LOAD that write the tensor it reads; verify_places() proves that it stays in that
/// tensor.
std::vector<int> earlier_writers(const Program& program, int load) {
  const Command& command = program.commands[static_cast<std::size_t>(load)];
  const std::uint64_t address = command.address();
  const bool in_batch = command.get(Field::BATCH_BASE) != 0;
  std::vector<int> result;
  for (const TensorPlacement& tensor : program.tensors) {
    const bool inside = address >= tensor.address && address - tensor.address < tensor.bytes;
    if (tensor.in_batch != in_batch || !inside) continue;
    for (const int writer : tensor.writers) {
      if (writer < load) result.push_back(writer);
    }
  }
  return result;
}

class Flow {
 public:
  Flow(const Program& program, int lazy)
      : program_(program), lazy_(lazy), complete_(program.commands.size(), false), complete_at_shape_(complete_) {}

  void run() {
    for (;;) {
      bool moved = dispatch();
      for (int queue = 0; queue < kQueues; ++queue) {
        if (queue != lazy_) moved = drain(queue) || moved;
      }
      if (lazy_ != kWrites) moved = end_write() || moved;
      if (moved) continue;
      if (lazy_ == kWrites ? !end_write() : !step(lazy_)) break;
    }
    finish();
  }

 private:
  struct Runner {
    std::deque<int> fifo;  ///< a group's commands stay in the FIFO until the group is done
    Group group;
    LoopIndex index{};
    std::size_t next = 0;  ///< step of the iteration
    bool running = false;
  };
  /// What happens when a STORE, or another command of its queue, has ended.
  struct Write {
    int command = 0;
    std::vector<Token> signals;
    std::vector<int> completes;  ///< commands that have ended then
  };

  /// Moves commands from the program into the FIFOs, in order, until one is full.
  bool dispatch() {
    bool moved = false;
    while (next_command_ < program_.commands.size()) {
      const Opcode opcode = program_.commands[next_command_].opcode();
      if (opcode == Opcode::END) break;
      std::deque<int>& fifo = queues_[static_cast<std::size_t>(queue_of(opcode))].fifo;
      if (static_cast<int>(fifo.size()) >= program_.hardware.queue_depth) break;
      fifo.push_back(static_cast<int>(next_command_++));
      moved = true;
    }
    return moved;
  }

  bool drain(int queue) {
    bool moved = false;
    while (step(queue)) moved = true;
    return moved;
  }

  /// Starts the FIFO's next group if it is there as a whole.
  bool start(Runner& runner) {
    if (runner.fifo.empty()) return false;
    const auto first = static_cast<std::size_t>(runner.fifo.front());
    const std::size_t size = program_.commands[first].get(Field::GROUP) + 1;
    if (size > kGroupMax) throw Error("program: more than four commands in a group, " + at(program_, runner.fifo[0]));
    if (runner.fifo.size() < size) return false;
    runner.group = {loop_counts(program_.commands[first]), {}};
    for (const int count : runner.group.counts) {
      if (count < 1) throw Error("program: a loop count is 0, " + at(program_, runner.fifo[0]));
    }
    for (std::size_t i = 0; i < size; ++i) add_step(runner, runner.fifo[i]);
    runner.index = {0, 0, 0};
    runner.next = 0;
    runner.running = true;
    return true;
  }

  void add_step(Runner& runner, int command) {
    const Command& each = program_.commands[static_cast<std::size_t>(command)];
    const int level = static_cast<int>(each.get(Field::EXEC_LEVEL));
    Step step{command, level, each.opcode() == Opcode::STORE, each.waits(), each.signals(), {}};
    if (each.opcode() == Opcode::LOAD) step.needs = earlier_writers(program_, command);
    step.shape = each.opcode() == Opcode::LOAD_SHAPE;
    step.lines = each.opcode() == Opcode::LOAD && each.get(Field::LINES) != 0;
    if (step.lines) require_lines(each, command);
    runner.group.steps.push_back(std::move(step));
  }

  /// Makes one execution of a queue; returns false when it has none that can run.
  bool step(int queue) {
    Runner& runner = queues_[static_cast<std::size_t>(queue)];
    for (;;) {
      if (!runner.running && !start(runner)) return false;
      const Step& step = runner.group.steps[runner.next];
      const bool runs = at_first(runner.index, step.exec_level);
      if (runs && !execute(step, queue, runner)) return false;
      proceed(runner);
      if (runs) return true;
    }
  }

  /// Takes the waits of an execution and sends its signals; false when a wait is not satisfied.
  bool execute(const Step& step, int queue, const Runner& runner) {
    // What is complete once stays so.
    if (!step.needs.empty() && at_first(runner.index, 3) && may_ask(step, runner.index)) require_written(step);
    if (!take_waits(step, queue, runner.index)) return false;
    if (step.shape) complete_at_shape_ = complete_;
    if (queue == kStoreQueue) writes_.emplace_back().command = step.command;
    for (const Token& token : step.signals) {
      if (!at_last(runner.index, runner.group.counts, token.level)) continue;
      require_end(token, token.id >> 3, queue, step.command, "signals");
      if (queue == kStoreQueue && !(step.stores && frees_vout(token.id))) {
        writes_.back().signals.push_back(token);
      } else {
        send(token, step.command);
      }
    }
    return true;
  }

  void send(const Token& token, int command) {
    if (++counters_[static_cast<std::size_t>(token.id)] <= kTokenMax) return;
    throw Error(
        fmt::format("program: token {} may exceed {}, {}", token_text(token), kTokenMax, at(program_, command)));
  }

  /// Ends the oldest write; returns false when there is none.
  bool end_write() {
    if (writes_.empty()) return false;
    const Write& write = writes_.front();
    for (const Token& token : write.signals) send(token, write.command);
    for (const int command : write.completes) complete_[static_cast<std::size_t>(command)] = true;
    writes_.pop_front();
    return true;
  }

  /// Are the tokens there with which a LOAD may ask for its data?
  bool may_ask(const Step& step, const LoopIndex& index) const {
    std::array<int, kTokenCounters> left = counters_;
    return std::all_of(step.waits.begin(), step.waits.end(), [&](const Token& token) {
      return frees_buffer(token.id) || !at_first(index, token.level) || --left[static_cast<std::size_t>(token.id)] >= 0;
    });
  }

  /// Takes all tokens that an execution waits for, or none; a command may wait twice for one counter.
  bool take_waits(const Step& step, int queue, const LoopIndex& index) {
    for (std::size_t i = 0; i < step.waits.size(); ++i) {
      const Token& token = step.waits[i];
      if (!at_first(index, token.level)) continue;
      require_end(token, token.id >> 1 & 3, queue, step.command, "waits for");
      if (--counters_[static_cast<std::size_t>(token.id)] >= 0) continue;
      for (std::size_t back = 0; back <= i; ++back) {
        if (at_first(index, step.waits[back].level)) ++counters_[static_cast<std::size_t>(step.waits[back].id)];
      }
      return false;
    }
    return true;
  }

  void require_lines(const Command& load, int command) const {
    const bool taps = load.get(Field::SHAPED) != 0 && load.get(Field::TAP_LOOP) == 0;
    if (taps && program_.hardware.line_buffer_bytes > 0) return;
    throw Error("program: LINES asks for a shape without TAP_LOOP, and for a line buffer, " + at(program_, command));
  }

  void require_written(const Step& step) const {
    const std::vector<bool>& complete = step.lines ? complete_at_shape_ : complete_;
    for (const int writer : step.needs) {
      if (complete[static_cast<std::size_t>(writer)]) continue;
      throw Error(fmt::format("program: {} may run before command {} has stored what it reads",
                              at(program_, step.command), writer));
    }
  }

  void require_end(const Token& token, int expected, int queue, int command, const char* verb) const {
    if (expected == queue) return;
    throw Error(
        fmt::format("program: {} {} a token of another queue, {}", at(program_, command), verb, token_text(token)));
  }

  void proceed(Runner& runner) {
    if (++runner.next < runner.group.steps.size()) return;
    runner.next = 0;
    if (advance(runner.index, runner.group.counts)) return;
    const bool writes = &runner == &queues_[kStoreQueue] && !writes_.empty();
    for (const Step& step : runner.group.steps) {
      if (writes) {
        writes_.back().completes.push_back(step.command);
      } else {
        complete_[static_cast<std::size_t>(step.command)] = true;
      }
      runner.fifo.pop_front();
    }
    runner.running = false;
  }

  void finish() const {
    for (const Runner& runner : queues_) {
      if (runner.fifo.empty()) continue;
      const int command = runner.running ? runner.group.steps[runner.next].command : runner.fifo.front();
      std::string counters;
      for (const Token& token : program_.commands[static_cast<std::size_t>(command)].waits()) {
        counters += fmt::format(" {}={}", token_text(token), counters_[static_cast<std::size_t>(token.id)]);
      }
      throw Error(fmt::format("program: deadlock at {}; counters{}", at(program_, command), counters));
    }
    if (next_command_ + 1 != program_.commands.size()) throw Error("program: END is not its last command");
    for (std::size_t id = 0; id < counters_.size(); ++id) {
      if (counters_[id] == 0) continue;
      throw Error(fmt::format("program: {} token(s) {} are left at the end", counters_[id],
                              token_text({static_cast<int>(id), 0})));
    }
  }

  const Program& program_;
  int lazy_;
  std::vector<bool> complete_;           ///< of each command
  std::vector<bool> complete_at_shape_;  ///< likewise, when the last LOAD_SHAPE ran
  std::size_t next_command_ = 0;
  std::array<Runner, kQueues> queues_;
  std::deque<Write> writes_;  ///< that have not ended
  std::array<int, kTokenCounters> counters_{};
};

}  // namespace

void verify_flow(const Program& program) {
  for (const int lazy : {+kStoreQueue, +kVectorQueue, +kArrayQueue, +kLoadQueue, kWrites}) Flow(program, lazy).run();
}

void verify(const Program& program) {
  verify_places(program);
  verify_flow(program);
}

}  // namespace bitloom
