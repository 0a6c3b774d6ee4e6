// STOREs that overlap, by docs/timing.md: random store queues, cycle by cycle, against the recurrences of
// timing_model.hpp; the page's formula for a row of small STOREs; what they leave in memory, and whom errors name.
#include <gtest/gtest.h>

#include <algorithm>

#include "testbench/rtl/queue_case.hpp"

namespace bitloom {
namespace {

constexpr std::uint32_t kFrom = 0x10000, kTo = 0x40000;

/// A command of the store queue.
struct Queued {
  Opcode opcode = Opcode::STORE;
  TransferCase transfer;
  std::uint32_t index = 0;
};

using Group = QueueGroup<Queued>;

/// A STORE of any width. Most are small, some have rows of several beats, some have one VOUT word.
Queued random_store(MachineCase& machine, const std::optional<ShapeCase>& shape) {
  const Hardware& hw = machine.hardware();
  static constexpr int kBits[] = {1, 4, 8, 16, 32};
  Queued q;
  TransferCase& t = q.transfer;
  t.bits = kBits[machine.uniform(0, 4)];
  if (shape && machine.uniform(0, 1) == 0) t.shape = shape;
  t.address = kTo + static_cast<std::uint32_t>(machine.uniform(0, 9000));
  const int size = machine.uniform(0, 9);
  t.cols = machine.uniform(1, size == 0 ? 40 * hw.lanes : size < 4 ? hw.lanes : 4 * hw.lanes);
  t.rows = machine.uniform(1, size == 1 ? 30 : size < 4 ? 1 : 5);
  t.cols_last = t.cols;
  t.rows_last = t.rows;
  t.pitch = machine.uniform(0, 1) == 0 ? (t.cols * t.bits + 7) / 8 : machine.uniform(0, 300);
  t.strides[1] = machine.uniform(0, 70);
  t.strides[2] = machine.uniform(0, 70);
  return q;
}

Queued random_command(MachineCase& machine, const std::optional<ShapeCase>& shape) {
  const int kind = machine.uniform(0, 19);
  if (kind == 0) return {Opcode::STORE_NOP, {}, 0};
  Queued q = random_store(machine, shape);
  if (kind == 1) q.transfer.rows = q.transfer.rows_last = 0;
  return q;
}

std::vector<Group> random_groups(MachineCase& machine, int commands) {
  std::vector<Group> groups;
  std::optional<ShapeCase> shape;
  while (commands > 0) {
    Group group;
    if (!shape && machine.uniform(0, 2) == 0) {
      shape = random_shape(machine, 32, 1, 20, 1);
      shape->segment_base = 0;
      shape->image_pitch = std::min(shape->image_pitch, 1000);
      group.body.push_back({Opcode::STORE_SHAPE, {}, 0});
      group.body.back().transfer.shape = shape;
    } else {
      const int body = std::min(commands, machine.uniform(1, 3));
      group.counts[1] = machine.uniform(1, 2);
      group.counts[2] = machine.uniform(1, 4);
      for (int b = 0; b < body; ++b) group.body.push_back(random_command(machine, shape));
    }
    commands -= static_cast<int>(group.body.size());
    groups.push_back(group);
  }
  if (groups.size() > 1) {
    const int last = static_cast<int>(groups.size()) - 1, from = machine.uniform(0, last - 1);
    groups[static_cast<std::size_t>(from)].signals = true;
    groups[static_cast<std::size_t>(machine.uniform(from + 1, last))].waits = true;
  }
  return groups;
}

/// Adds a group, and what another queue does with its token: it waits a while and sends one back.
void add(MachineCase& machine, Group& group, int queue, int delay) {
  const Token wait = make_token(queue, kStoreQueue, 0, 3), signal = make_token(kStoreQueue, queue, 0, 3);
  for (Queued& q : group.body) {
    Command& command = machine.add(q.opcode);
    q.index = command.get(Field::INDEX);
    if (q.opcode == Opcode::STORE_SHAPE) set_shape(command, *q.transfer.shape, 0);
    if (q.opcode == Opcode::STORE) set_transfer(command, q.transfer);
    group.place(command, q, wait, signal);
  }
  if (!group.signals) return;
  const Opcode nop = queue == kLoadQueue ? Opcode::LOAD_NOP : Opcode::VECTOR_NOP;
  machine.add(nop).set(Field::N1, delay).wait(signal).signal(wait);
}

/// What docs/timing.md says about a store queue from the cycle on in which its first group is taken.
class Predicted {
 public:
  /// `queue` answers tokens after `delay` NOPs.
  Predicted(Stores& stores, Edge taken, int queue, int delay)
      : stores_(stores), cycle_(taken), queue_(queue), delay_(static_cast<Edge>(delay)) {}

  void group(const Group& group) {
    cycle_ += group.body.size();
    const std::vector<std::vector<Iteration>> iterations_of = group.iterations_of_body();
    for (std::size_t i = 0; i < iterations_of[0].size(); ++i) {
      for (std::size_t b = 0; b < group.body.size(); ++b) {
        execute(group.body[b], iterations_of[b][i], group.waits && b == 0 && i == 0 ? answer_ : 0);
      }
    }
    // Each NOP starts at the edge after the one before it, or the token's.
    if (group.signals) answer_ = (queue_ == kVectorQueue ? cycle_ : end_) + 2 * delay_;
  }
  const std::vector<ExecutionRecord>& records() const { return records_; }

 private:
  void execute(const Queued& q, const Iteration& at, Edge token) {
    Stores::Times times{};
    if (q.opcode == Opcode::STORE && at.rows > 0) {
      times = stores_.looked_at(cycle_, token, q.transfer, at);
    } else {
      times.start = stores_.alone(std::max(cycle_, token)) + 1;
      times.read = times.end = times.start + 1;
    }
    records_.push_back({kStoreQueue, q.index, std::max(times.start, end_), times.end});
    cycle_ = times.read;
    end_ = times.end;
  }

  Stores& stores_;
  Edge cycle_;  ///< in which the queue can go on
  int queue_;
  Edge delay_;
  Edge end_ = 0, answer_ = 0;
  std::vector<ExecutionRecord> records_;
};

class StoreOverlapTest : public ::testing::TestWithParam<std::string> {};

TEST_P(StoreOverlapTest, RandomQueues) {
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    const int stall = seed % 3 == 0 ? 80 : seed % 3 == 1 ? 25 : 0;
    MachineCase machine(GetParam(), stall, seed);
    const Hardware& hw = machine.hardware();
    machine.add(Opcode::STORE_NOP).set(Field::N1, 4 * kWaitForFetch);
    std::vector<Group> groups = random_groups(machine, machine.uniform(2, hw.queue_depth));
    const int queue = machine.uniform(0, 1) == 0 ? kLoadQueue : kVectorQueue;
    const int delay = machine.uniform(0, 1) == 0 ? 1 : machine.uniform(1, 200);
    for (Group& group : groups) add(machine, group, queue, delay);
    const RtlResult result = machine.run();
    ASSERT_EQ(result.error_code, 0u) << "seed " << seed;

    const auto [taken, found] = QueueRecord(result, kStoreQueue);
    Stores stores(hw, dram_timing(hw, stall, seed));
    Predicted predicted(stores, taken, queue, delay);
    for (const Group& group : groups) predicted.group(group);
    ASSERT_EQ(found.size(), predicted.records().size()) << "seed " << seed;
    for (std::size_t i = 0; i < found.size(); ++i) {
      ASSERT_EQ(found[i].command, predicted.records()[i].command) << "seed " << seed << " execution " << i;
      ASSERT_EQ(found[i].start, predicted.records()[i].start) << "seed " << seed << " execution " << i;
      ASSERT_EQ(found[i].end, predicted.records()[i].end) << "seed " << seed << " execution " << i;
    }
    EXPECT_EQ(result.dram.write_beats, stores.beats());
    EXPECT_EQ(result.cycles, result.executions.back().end + 1);
  }
}

/// STOREs of one VOUT word start 5 cycles apart, until four of them are under way.
TEST_P(StoreOverlapTest, SmallStoresHideTheLatency) {
  MachineCase machine(GetParam());
  const Hardware& hw = machine.hardware();
  const int count = 12;
  machine.add(Opcode::STORE_NOP).set(Field::N1, kWaitForFetch);
  machine.store_vout(kTo, 1, 1, 0, 0, 0).set(Field::N2, count);
  const RtlResult result = machine.run();
  const auto latency = static_cast<Edge>(hw.dram_write_latency);
  std::vector<ExecutionRecord> found;
  std::copy_if(result.executions.begin(), result.executions.end(), std::back_inserter(found),
               [](const ExecutionRecord& e) { return e.command == 1; });
  ASSERT_EQ(found.size(), static_cast<std::size_t>(count));
  std::vector<Edge> start, end;
  for (std::size_t i = 0; i < found.size(); ++i) {
    start.push_back(i == 0 ? found[0].start : start.back() + 5);
    if (i >= 4) start.back() = std::max(start.back(), end[i - 4] + 1);
    end.push_back(start.back() + 6 + latency);
    ASSERT_EQ(found[i].start, i == 0 ? start[0] : std::max(start[i], end[i - 1])) << "execution " << i;
    ASSERT_EQ(found[i].end, end[i]) << "execution " << i;
  }
}

/// The vector engine fills the one buffer of VOUT again as soon as it is read, while its beats still wait.
TEST_P(StoreOverlapTest, VoutIsFilledBehindTheRead) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    MachineCase machine(GetParam(), seed % 2 == 0 ? 90 : 0, seed);
    const Hardware& hw = machine.hardware();
    const int lanes = hw.lanes, words = machine.uniform(1, std::min({hw.vin_words, hw.vout_words, 12})), count = 9;
    const int bytes = words * hw.vector_word(), bits = machine.uniform(0, 1) == 0 ? 32 : 8;
    const auto stored = static_cast<std::uint32_t>(words * lanes * bits / 8);
    machine.fill_random(kFrom, static_cast<std::size_t>(count * bytes));
    machine.load_vin(kFrom, 1, words * lanes, 0, 0, 0)
        .set(Field::N2, count)
        .set(Field::STRIDE2, bytes)
        .wait(make_token(kVectorQueue, kLoadQueue, 0))
        .signal(make_token(kLoadQueue, kVectorQueue, 0));
    machine.add(Opcode::VECTOR_NOP).signal(make_token(kVectorQueue, kLoadQueue, 0));
    machine.add(Opcode::STORE_NOP).signal(make_token(kStoreQueue, kVectorQueue, 0));
    machine.copy(words)
        .set(Field::N2, count)
        .wait(make_token(kLoadQueue, kVectorQueue, 0))
        .wait(make_token(kStoreQueue, kVectorQueue, 0))
        .signal(make_token(kVectorQueue, kLoadQueue, 0))
        .signal(make_token(kVectorQueue, kStoreQueue, 0));
    machine.store_vout(kTo, 1, words * lanes, 0, 0, 0)
        .set(Field::MEMORY_BITS, static_cast<int>(width_of(bits)))
        .set(Field::N2, count)
        .set(Field::STRIDE2, stored)
        .wait(make_token(kVectorQueue, kStoreQueue, 0))
        .signal(make_token(kStoreQueue, kVectorQueue, 0));
    machine.add(Opcode::LOAD_NOP).wait(make_token(kVectorQueue, kLoadQueue, 0));
    machine.add(Opcode::VECTOR_NOP).wait(make_token(kStoreQueue, kVectorQueue, 0));
    ASSERT_EQ(machine.run().error_code, 0u);
    for (int i = 0; i < count * words * lanes; ++i) {
      const std::int32_t value = machine.word_at(kFrom + 4 * static_cast<std::uint32_t>(i));
      if (bits == 32) {
        ASSERT_EQ(machine.word_at(kTo + 4 * static_cast<std::uint32_t>(i)), value) << "seed " << seed << ", " << i;
      } else {
        ASSERT_EQ(machine.memory()[kTo + static_cast<std::size_t>(i)], value & 255) << "seed " << seed << ", " << i;
      }
    }
  }
}

/// A bad response names the STORE that it belongs to, whichever makes beats meanwhile.
TEST_P(StoreOverlapTest, WriteResponseOfAnEarlierStore) {
  for (std::uint32_t bad = 0; bad < 6; ++bad) {
    MachineCase machine(GetParam());
    const auto line = static_cast<std::uint32_t>(machine.hardware().axi_bytes);
    for (std::uint32_t i = 0; i < 6; ++i) {
      machine.store_vout(kTo + i * line, 1, 1, 0, 0, 0).set(Field::INDEX, 100 + static_cast<int>(i));
    }
    machine.machine().dram().fail_writes({kTo + bad * line, kTo + bad * line + 1});
    const RtlResult result = machine.run();
    EXPECT_EQ(result.error_code, static_cast<std::uint32_t>(ErrorCode::WRITE_RESPONSE));
    EXPECT_EQ(result.error_index, 100 + bad);
  }
}

/// A token to the vector queue overflows where VOUT is read, another one at the STORE's end; both name the STORE.
TEST_P(StoreOverlapTest, TokenOverflow) {
  for (const int queue : {kVectorQueue, kLoadQueue}) {
    MachineCase machine(GetParam());
    machine.add(Opcode::STORE_NOP).set(Field::N2, kTokenMax).signal(make_token(kStoreQueue, queue, 1));
    machine.store_vout(kTo, 1, 1, 0, 0, 0).set(Field::INDEX, 50).signal(make_token(kStoreQueue, queue, 1));
    machine.store_vout(kTo, 1, 1, 0, 0, 0).set(Field::INDEX, 51);
    const RtlResult result = machine.run();
    EXPECT_EQ(result.error_code, static_cast<std::uint32_t>(ErrorCode::TOKEN_OVERFLOW));
    EXPECT_EQ(result.error_index, 50u);
  }
}

INSTANTIATE_TEST_SUITE_P(All, StoreOverlapTest, ::testing::ValuesIn(all_hardware()),
                         [](const auto& each) { return each.param; });

}  // namespace
}  // namespace bitloom
