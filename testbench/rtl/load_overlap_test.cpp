// LOADs that overlap, by docs/timing.md: random load queues, cycle by cycle, against the recurrences of
// timing_model.hpp, and the page's formula for a row of small LOADs.
#include <gtest/gtest.h>

#include <algorithm>

#include "testbench/rtl/queue_case.hpp"

namespace bitloom {
namespace {

constexpr std::uint32_t kFrom = 0x10000;

/// A command of the load queue.
struct Queued {
  Opcode opcode = Opcode::LOAD;
  int level = 0;  ///< EXEC_LEVEL
  TransferCase transfer;
  int local_bits = 8;
  std::uint32_t index = 0;
};

using Group = QueueGroup<Queued>;

/// A LOAD of any widths. Most are small, some fill the beat FIFO, some the piece FIFO, some are nothing but padding.
Queued random_load(MachineCase& machine, const std::optional<ShapeCase>& shape, int shape_bits) {
  const Hardware& hw = machine.hardware();
  static constexpr int kBits[] = {1, 4, 8, 16, 32};
  Queued q;
  TransferCase& t = q.transfer;
  t.bits = kBits[machine.uniform(0, 4)];
  if (shape && machine.uniform(0, 1) == 0) t.shape = shape, t.bits = shape_bits;
  q.local_bits = t.bits >= 16 || machine.uniform(0, 1) == 0 ? 32 : std::max(t.bits, kBits[machine.uniform(0, 2)]);
  t.address = kFrom + static_cast<std::uint32_t>(machine.uniform(0, 9000));
  const int size = machine.uniform(0, 9);
  const int most = std::min(hw.vin_words, size == 0 ? 300 : size == 1 ? 60 : 8) * hw.axi_bytes * 8 / q.local_bits;
  if (t.shape) {
    t.cols = std::min(t.shape->segment * t.shape->taps_x * t.shape->taps_y, most);
  } else {
    t.cols = machine.uniform(1, machine.uniform(0, 3) == 0 ? 3 * hw.lanes : most);
    t.pitch = machine.uniform(0, 1) == 0 ? (t.cols * t.bits + 7) / 8 : machine.uniform(0, 300);
  }
  t.rows = machine.uniform(1, std::clamp(most / t.cols, 1, size == 1 ? 200 : 6));
  t.cols_last = t.cols;
  t.rows_last = t.rows;
  t.lines = t.shape && hw.line_buffer_bytes > 0 && machine.uniform(0, 3) > 0;
  if (t.lines) t.address = kFrom + static_cast<std::uint32_t>(machine.uniform(0, 200));  // near what is held
  t.strides[1] = machine.uniform(0, 70);
  t.strides[2] = machine.uniform(0, 70);
  align(t);
  return q;
}

/// A LOAD of a few rows by the line buffer, near those before it.
Queued random_lines(MachineCase& machine, const ShapeCase& shape, int shape_bits) {
  Queued q;
  TransferCase& t = q.transfer;
  t.shape = shape;
  t.lines = true;
  t.bits = shape_bits;
  q.local_bits = machine.uniform(0, 1) == 0 ? 32 : 8;
  t.address = kFrom + static_cast<std::uint32_t>(machine.uniform(0, 30));
  t.cols = t.cols_last = machine.uniform(1, shape.segment * shape.taps_x * shape.taps_y);
  t.rows = t.rows_last = machine.uniform(1, 12);
  t.strides[2] = machine.uniform(0, 20);
  return q;
}

Queued random_command(MachineCase& machine, const std::optional<ShapeCase>& shape, int shape_bits, bool lines) {
  const int kind = machine.uniform(0, 19);
  if (kind == 0) return {Opcode::LOAD_NOP, 0, {}, 8, 0};
  Queued q = lines ? random_lines(machine, *shape, shape_bits) : random_load(machine, shape, shape_bits);
  if (kind == 1) q.transfer.rows = q.transfer.rows_last = 0;
  return q;
}

/// Adds what another queue does with the token of a group: it waits a while and sends one back.
void add_answer(MachineCase& machine, int queue, int delay) {
  const Opcode nop = queue == kArrayQueue ? Opcode::ARRAY_NOP : Opcode::STORE_NOP;
  machine.add(nop)
      .set(Field::N1, delay)
      .wait(make_token(kLoadQueue, queue, 0, 3))
      .signal(make_token(queue, kLoadQueue, 0, 3));
}

/// Adds a group and what the other queue does for it.
void add(MachineCase& machine, Group& group, int queue, int delay) {
  const Token wait = make_token(queue, kLoadQueue, 0, 3), signal = make_token(kLoadQueue, queue, 0, 3);
  for (Queued& q : group.body) {
    Command& command = machine.add(q.opcode);
    q.index = command.get(Field::INDEX);
    if (q.opcode == Opcode::LOAD) {
      set_transfer(command, q.transfer);
      command.set(Field::LOCAL_BITS, static_cast<int>(width_of(q.local_bits)));
      // Words beyond a scratchpad's buffer are those of another row: the timing does not change.
      command.set(Field::TARGET, static_cast<int>(q.local_bits == 32 ? LoadTarget::VIN : LoadTarget::SPAD_A));
      if (q.local_bits < 32) command.set(Field::TRANSPOSE, machine.uniform(0, 1));
    }
    command.set(Field::EXEC_LEVEL, q.level);
    group.place(command, q, wait, signal);
  }
  if (group.signals) add_answer(machine, queue, delay);
}

/// What docs/timing.md says about a load queue from the cycle on in which its first group is taken.
class Predicted {
 public:
  /// `queue` answers tokens after `delay` NOPs.
  Predicted(Loads& loads, Edge taken, int queue, int delay)
      : loads_(loads), cycle_(taken), queue_(queue), delay_(static_cast<Edge>(delay)) {}

  void group(const Group& group) {
    cycle_ += group.body.size();
    const std::vector<std::vector<Iteration>> iterations_of = group.iterations_of_body();
    for (std::size_t i = 0; i < iterations_of[0].size(); ++i) {
      const bool first_of_i2 = i % static_cast<std::size_t>(group.counts[2]) == 0;
      for (std::size_t b = 0; b < group.body.size(); ++b) {
        const Queued& q = group.body[b];
        if (q.level == 1 && !first_of_i2) {
          ++cycle_;
          continue;
        }
        execute(q, iterations_of[b][i], group.waits && b == 0 && i == 0 ? token_ : 0);
      }
    }
    if (group.signals)
      token_ = end_ + 2 * delay_;  // each NOP starts at the edge after the one before it, or the token's
  }
  const std::vector<ExecutionRecord>& records() const { return records_; }

 private:
  void execute(const Queued& q, const Iteration& at, Edge token) {
    Loads::Times times{};
    if (q.opcode == Opcode::LOAD && at.rows > 0) {
      const bool early = queue_ == kStoreQueue;  // what the array says only matters where the LOAD fills
      times = loads_.looked_at(cycle_, early ? token : 0, early ? 0 : token, q.transfer, at, q.local_bits);
    } else {
      if (q.opcode == Opcode::LOAD_SHAPE) loads_.shape();
      times.open = loads_.alone(std::max(cycle_, token)) + 1;
      times.goes_on = times.end = times.open + 1;
    }
    records_.push_back({kLoadQueue, q.index, std::max(times.open, end_), times.end});
    cycle_ = times.goes_on;
    end_ = times.end;
  }

  Loads& loads_;
  Edge cycle_;  ///< in which the queue can go on
  int queue_;
  Edge delay_;
  Edge end_ = 0, token_ = 0;
  std::vector<ExecutionRecord> records_;
};

/// Draws the groups of a queue; with `lines` all LOADs go by the line buffer, and mostly by one shape.
std::vector<Group> random_groups(MachineCase& machine, int commands, bool lines) {
  std::vector<Group> groups;
  std::optional<ShapeCase> shape;
  const int bits = machine.uniform(0, 1) == 0 ? 8 : 4;
  while (commands > 0) {
    Group group;
    if ((lines && !shape) || machine.uniform(0, shape ? 5 : 2) == 0) {
      const bool same = lines && shape && machine.uniform(0, 3) > 0;
      if (!same) shape = random_shape(machine, bits, 3, 20, 1);
      shape->image_pitch = std::min(shape->image_pitch, 1000);
      if (!lines && machine.uniform(0, 2) == 0) shape->offset_y = -40;  // padding, and nothing else
      group.body.push_back({Opcode::LOAD_SHAPE, 0, {}, 8, 0});
      group.body.back().transfer.shape = shape;
    } else {
      const int body = std::min(commands, machine.uniform(1, 3));
      group.counts[1] = machine.uniform(1, 2);
      group.counts[2] = machine.uniform(1, 4);
      for (int b = 0; b < body; ++b) group.body.push_back(random_command(machine, shape, bits, lines));
      for (int b = 0; b + 1 < body; ++b) group.body[static_cast<std::size_t>(b)].level = machine.uniform(0, 1);
    }
    commands -= static_cast<int>(group.body.size());
    groups.push_back(group);
  }
  if (groups.size() > 1 && machine.uniform(0, 1) == 0) {
    const int last = static_cast<int>(groups.size()) - 1, from = machine.uniform(0, last - 1);
    groups[static_cast<std::size_t>(from)].signals = true;
    groups[static_cast<std::size_t>(machine.uniform(from + 1, last))].waits = true;
  }
  return groups;
}

/// A random load queue on the RTL and by the recurrences.
void compare_queue(const std::string& hardware, std::uint64_t seed, bool lines) {
  const int stall = seed % 2 == 0 ? 25 : 0;
  MachineCase machine(hardware, stall, seed);
  const Hardware& hw = machine.hardware();
  machine.add(Opcode::LOAD_NOP).set(Field::N1, kWaitForFetch);
  std::vector<Group> groups = random_groups(machine, machine.uniform(2, hw.queue_depth), lines);
  const int queue = machine.uniform(0, 2) == 0 ? kStoreQueue : kArrayQueue;
  const int delay = machine.uniform(0, 1) == 0 ? 1 : machine.uniform(1, 200);
  Edge commands = 2;  // with END
  for (Group& group : groups) {
    if (group.body[0].opcode == Opcode::LOAD_SHAPE) {
      Command& command = machine.add(Opcode::LOAD_SHAPE);
      group.body[0].index = command.get(Field::INDEX);
      set_shape(command, *group.body[0].transfer.shape, 0);
      if (group.waits) command.wait(make_token(queue, kLoadQueue, 0));
      if (!group.signals) {
        ++commands;
        continue;
      }
      command.signal(make_token(kLoadQueue, queue, 0));
      add_answer(machine, queue, delay);
    } else {
      add(machine, group, queue, delay);
    }
    commands += group.body.size() + (group.signals ? 1 : 0);
  }
  const RtlResult result = machine.run();
  ASSERT_EQ(result.error_code, 0u) << "seed " << seed;

  const auto [taken, found] = QueueRecord(result, kLoadQueue);
  DramTiming dram = dram_timing(hw, stall, seed);
  const Edge beats = commands * static_cast<Edge>(kCommandBytes / hw.axi_bytes);
  for (Edge beat = 0; beat < beats; ++beat) dram.read_beat(0);
  Reads reads(hw, dram);
  Loads loads(hw, reads);
  Predicted predicted(loads, taken, queue, delay);
  for (const Group& group : groups) predicted.group(group);
  ASSERT_EQ(found.size(), predicted.records().size()) << "seed " << seed;
  for (std::size_t i = 0; i < found.size(); ++i) {
    ASSERT_EQ(found[i].command, predicted.records()[i].command) << "seed " << seed << " execution " << i;
    ASSERT_EQ(found[i].start, predicted.records()[i].start) << "seed " << seed << " execution " << i;
    ASSERT_EQ(found[i].end, predicted.records()[i].end) << "seed " << seed << " execution " << i;
  }
  EXPECT_EQ(result.cycles, result.executions.back().end + 1);
}

class LoadOverlapTest : public ::testing::TestWithParam<std::string> {};

TEST_P(LoadOverlapTest, RandomQueues) {
  for (std::uint64_t seed = 1; seed <= 300; ++seed) ASSERT_NO_FATAL_FAILURE(compare_queue(GetParam(), seed, false));
}

TEST_P(LoadOverlapTest, RandomQueuesOfLines) {
  if (MachineCase(GetParam()).hardware().line_buffer_bytes == 0) return;
  for (std::uint64_t seed = 1; seed <= 300; ++seed) ASSERT_NO_FATAL_FAILURE(compare_queue(GetParam(), seed, true));
}

/// LOADs of one burst start 6 cycles apart, until four of them are under way or MAX_OUTSTANDING bursts.
TEST_P(LoadOverlapTest, SmallLoadsHideTheLatency) {
  MachineCase machine(GetParam());
  const Hardware& hw = machine.hardware();
  const int count = 12, beats = std::min(4, hw.max_burst);
  machine.add(Opcode::LOAD_NOP).set(Field::N1, kWaitForFetch);
  machine.load_vin(kFrom, 1, beats * hw.axi_bytes / 4, 0, 0, 0).set(Field::N2, count);
  const RtlResult result = machine.run();
  const auto latency = static_cast<Edge>(hw.dram_read_latency), b = static_cast<Edge>(beats);
  std::vector<ExecutionRecord> found;
  std::copy_if(result.executions.begin(), result.executions.end(), std::back_inserter(found),
               [](const ExecutionRecord& e) { return e.command == 1; });
  ASSERT_EQ(found.size(), static_cast<std::size_t>(count));
  std::vector<Edge> first_beat, end;
  Edge start = found[0].start;
  for (std::size_t i = 0; i < found.size(); ++i) {
    const auto before = [&](std::size_t back, const std::vector<Edge>& of) { return i < back ? 0 : of[i - back]; };
    if (i >= 4) start = std::max(start, end[i - 4] + 1);
    Edge granted = start + 4;
    const auto most = static_cast<std::size_t>(hw.max_outstanding);
    if (i >= most) granted = std::max(granted, before(most, first_beat) + b - 1);
    first_beat.push_back(std::max(granted + 2 + latency, i == 0 ? 0 : before(1, first_beat) + b));
    end.push_back(first_beat[i] + b);
    ASSERT_EQ(found[i].start, std::max(start, before(1, end))) << "execution " << i;
    ASSERT_EQ(found[i].end, end[i]) << "execution " << i;
    start = granted + 2;
  }
  EXPECT_LT(found.back().end - found.front().start, static_cast<Edge>(count) * (latency + b + 6) / 2);
}

/// A LOAD that asked long before it opens for one beat and 8 in front of it: they move when it is open.
TEST_P(LoadOverlapTest, LinesMoveWhenALoadIsOpen) {
  MachineCase machine(GetParam());
  const Hardware& hw = machine.hardware();
  if (hw.line_buffer_bytes == 0) return;
  ShapeCase shape;  // pixels of a beat, one behind the other
  shape.extent_x = shape.limit_x = 20;
  shape.segment = shape.pixel_pitch = hw.axi_bytes;
  TransferCase t;
  t.shape = shape;
  t.lines = true;
  t.cols = t.cols_last = hw.axi_bytes;
  machine.add(Opcode::LOAD_NOP).set(Field::N1, kWaitForFetch);
  machine.add(Opcode::ARRAY_NOP).set(Field::N1, 2 * kWaitForFetch).signal(make_token(kArrayQueue, kLoadQueue, 0, 3));
  set_shape(machine.add(Opcode::LOAD_SHAPE), shape, 0);
  const auto add_load = [&](int beat, int beats) -> Command& {
    t.address = kFrom + static_cast<std::uint32_t>(beat * hw.axi_bytes);
    t.rows = t.rows_last = beats;
    Command& load = machine.add(Opcode::LOAD);
    set_transfer(load, t);
    return load.set(Field::LOCAL_BITS, static_cast<int>(Width::BITS8));
  };
  add_load(0, 2);
  add_load(10, 1).wait(make_token(kArrayQueue, kLoadQueue, 0));
  const RtlResult result = machine.run();
  ASSERT_EQ(result.error_code, 0u);
  Edge open = 0, end = 0;
  for (const ExecutionRecord& e : result.executions) {
    if (e.queue == kArrayQueue) open = e.end;
    if (e.queue == kLoadQueue) end = e.end;
  }
  EXPECT_EQ(end, open + 9 + 1);
  EXPECT_EQ(result.dram.read_beats, 11 + 6 * static_cast<Edge>(kCommandBytes / hw.axi_bytes));
}

INSTANTIATE_TEST_SUITE_P(All, LoadOverlapTest, ::testing::ValuesIn(all_hardware()),
                         [](const auto& each) { return each.param; });

}  // namespace
}  // namespace bitloom
