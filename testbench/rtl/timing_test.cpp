// Every line of docs/timing.md, measured: the formulas and recurrences of that page against the executions that the RTL
// reports.
#include <gtest/gtest.h>

#include <algorithm>

#include "testbench/rtl/timing_model.hpp"

namespace bitloom {
namespace {

constexpr std::uint32_t kFrom = 0x10000, kTo = 0x80000;
int command_beats(const Hardware& hw) { return kCommandBytes / hw.axi_bytes; }

/// Keeps the load queue busy until all commands are fetched, so that nothing disturbs what comes after it.
void wait_for_fetch(MachineCase& machine) { machine.add(Opcode::LOAD_NOP).set(Field::N2, 1000); }

ExecutionRecord only(const RtlResult& result, std::uint32_t command) {
  std::vector<ExecutionRecord> found;
  std::copy_if(result.executions.begin(), result.executions.end(), std::back_inserter(found),
               [&](const ExecutionRecord& e) { return e.command == command; });
  EXPECT_EQ(found.size(), 1u);
  return found.empty() ? ExecutionRecord{} : found.front();
}

class TimingTest : public ::testing::TestWithParam<std::string> {};

TEST_P(TimingTest, AnEmptyProgram) {
  MachineCase machine(GetParam());
  const Hardware& hw = machine.hardware();
  EXPECT_EQ(machine.run().cycles, static_cast<Edge>(2 + hw.dram_read_latency + command_beats(hw)));
}

/// Fetch slots, bursts of a command, dispatch order, FIFO room, taking, NOPs, END.
TEST_P(TimingTest, FetchAndDispatchOfNops) {
  constexpr int kNops = 60;
  for (const int stall : {0, 25}) {
    MachineCase machine(GetParam(), stall, 3);
    const Hardware& hw = machine.hardware();
    for (int i = 0; i < kNops; ++i) machine.add(Opcode::LOAD_NOP);
    const RtlResult result = machine.run();

    Reads reads(hw, dram_timing(hw, stall, 3));
    const int beats = std::min(hw.max_burst, command_beats(hw));
    std::vector<Edge> dispatched, taken;
    Edge end = 0, whole = 0;
    for (std::size_t i = 0; i <= kNops; ++i) {
      Edge asked = i < 4 ? 0 : dispatched[i - 4] + 1;
      for (int part = 0; part < command_beats(hw) / beats; ++part) whole = reads.burst(asked, beats).back();
      if (i == kNops) break;  // END
      Edge cycle = std::max(whole, i == 0 ? 0 : dispatched[i - 1] + 1);
      const auto depth = static_cast<std::size_t>(hw.queue_depth);
      if (i >= depth) cycle = std::max(cycle, taken[i - depth] + 1);
      dispatched.push_back(cycle);
      taken.push_back(std::max(cycle + 1, end));
      const Edge start = taken.back() + 2;
      end = start + 1;
      const ExecutionRecord e = only(result, static_cast<std::uint32_t>(i));
      ASSERT_EQ(e.start, start) << "NOP " << i << " stall " << stall;
      ASSERT_EQ(e.end, end);
    }
    EXPECT_EQ(result.cycles, std::max(whole, end) + 1);
  }
}

/// Random transfers, shaped or not, of any width to any other.
TEST_P(TimingTest, Load) {
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    const int stall = seed % 2 == 0 ? 25 : 0;
    MachineCase machine(GetParam(), stall, seed);
    const Hardware& hw = machine.hardware();
    wait_for_fetch(machine);
    static constexpr int kBits[] = {1, 4, 8, 16, 32};
    TransferCase t;
    t.bits = kBits[machine.uniform(0, 4)];
    const int local = t.bits >= 16 || machine.uniform(0, 1) == 0 ? 32 : t.bits;
    const bool long_rows = seed % 4 == 0;  // which fill the beat FIFO
    const bool many_rows = seed % 4 == 1;  // which fill the piece FIFO
    const int words = std::min(hw.vin_words, long_rows || many_rows ? 1000 : machine.uniform(1, 400));
    const int most = std::min(words * hw.axi_bytes * 8 / local, 60000);
    t.address = kFrom + static_cast<std::uint32_t>(machine.uniform(0, 9000));
    if (machine.uniform(0, 1) == 0) {
      t.shape = random_shape(machine, t.bits, 4, std::min(80, most), 1);
      t.cols = std::min(t.shape->segment * t.shape->taps_x * t.shape->taps_y, most);
      t.shape->image_pitch = std::min(t.shape->image_pitch, 1000);
    } else {
      t.cols = long_rows ? most : machine.uniform(1, many_rows ? 4 * hw.lanes : machine.uniform(1, most));
      t.pitch = machine.uniform(0, 1) == 0 ? (t.cols * t.bits + 7) / 8 : machine.uniform(0, 900);
    }
    t.rows = t.rows_last = machine.uniform(1, std::min(hw.rows, most / t.cols));
    if (local == 32)
      t.rows = t.rows_last =
          machine.uniform(many_rows ? std::min(200, most / t.cols) : 1, std::min(200, most / t.cols));
    t.cols_last = t.cols;
    t.counts[2] = machine.uniform(1, 3);
    t.strides[2] = machine.uniform(0, 70);
    align(t);
    if (t.shape) set_shape(machine.add(Opcode::LOAD_SHAPE), *t.shape, 0);
    Command& load = machine.add(Opcode::LOAD);
    set_transfer(load, t);
    // Scratchpad words beyond the buffer are those of another row: the timing does not change.
    load.set(Field::TARGET, static_cast<int>(local == 32 ? LoadTarget::VIN : LoadTarget::SPAD_A));
    load.set(Field::LOCAL_BITS, static_cast<int>(width_of(local)));
    const RtlResult result = machine.run();
    const auto number = static_cast<std::uint32_t>(t.shape ? 2 : 1);

    DramTiming dram = dram_timing(hw, stall, seed);
    for (std::uint32_t i = 0; i < (number + 2) * static_cast<std::uint32_t>(command_beats(hw)); ++i) dram.read_beat(0);
    Reads reads(hw, dram);
    Loads loads(hw, reads);
    const std::vector<Iteration> all = iterations(t);
    std::size_t execution = 0;
    Edge asked = 0, end = 0;
    for (const ExecutionRecord& e : result.executions) {
      if (e.command != number) continue;
      const Loads::Times times = execution == 0 ? loads.from(e.start, e.start - 1, t, all.at(execution), local)
                                                : loads.looked_at(asked, 0, 0, t, all.at(execution), local);
      ASSERT_EQ(e, (ExecutionRecord{kLoadQueue, number, std::max(times.open, end), times.end}))
          << "seed " << seed << ": " << t.rows << " rows of " << t.cols << " x " << t.bits << " bits to " << local;
      asked = times.goes_on;
      end = times.end;
      ++execution;
    }
    ASSERT_EQ(execution, all.size());
    EXPECT_EQ(result.cycles, result.executions.back().end + 1);
  }
}

/// The page's formula for the plainest LOAD, and the shapes' commands.
TEST_P(TimingTest, PlainLoadAndShapes) {
  MachineCase machine(GetParam());
  const Hardware& hw = machine.hardware();
  wait_for_fetch(machine);
  const int beats = std::min(hw.max_burst * 2, 40);
  machine.load_vin(kFrom, 1, beats * hw.axi_bytes / 4, 0, 0, 0);
  set_shape(machine.add(Opcode::LOAD_SHAPE), {}, 0);
  set_shape(machine.add(Opcode::STORE_SHAPE), {}, 0);
  const RtlResult result = machine.run();
  const ExecutionRecord load = only(result, 1);
  EXPECT_EQ(load.end - load.start, static_cast<Edge>(hw.dram_read_latency + beats + 6));
  for (const std::uint32_t shape : {2u, 3u}) EXPECT_EQ(only(result, shape).end - only(result, shape).start, 1u);
}

TEST_P(TimingTest, Store) {
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    const int stall = seed % 2 == 0 ? 25 : 0;
    MachineCase machine(GetParam(), stall, seed);
    const Hardware& hw = machine.hardware();
    const int w = hw.axi_bytes;
    static constexpr int kBits[] = {1, 4, 8, 16, 32};
    TransferCase t;
    t.bits = kBits[machine.uniform(0, 4)];
    t.cols = t.cols_last = machine.uniform(1, machine.uniform(1, 40 * hw.lanes));
    t.rows = t.rows_last = machine.uniform(1, 20);
    t.pitch = (t.cols * t.bits + 7) / 8 + machine.uniform(0, 99);
    t.address = kTo + static_cast<std::uint32_t>(machine.uniform(0, 4095));
    set_transfer(machine.add(Opcode::STORE), t);
    const RtlResult result = machine.run();
    const ExecutionRecord e = only(result, 0);

    Stores stores(hw, dram_timing(hw, stall, seed));
    ASSERT_EQ(e.end, stores.from(e.start, t, iterations(t)[0]).end) << "seed " << seed;
    ASSERT_EQ(result.dram.write_beats, stores.beats());
    if (stall == 0 && t.bits == 32 && t.address % static_cast<unsigned>(w) == 0 && t.rows == 1) {
      EXPECT_EQ(e.end - e.start, stores.beats() + static_cast<Edge>(hw.dram_write_latency) + 5);
    }
  }
}

TEST_P(TimingTest, Gemm) {
  MachineCase machine(GetParam());
  const Hardware& hw = machine.hardware();
  const int longest = std::min(hw.spad_a_bytes, hw.spad_b_bytes);
  const std::vector<int> lengths = {1,           2,       std::max(1, hw.rows - 3), hw.rows - 2,
                                    hw.rows - 1, hw.rows, hw.axi_bytes + 1,         longest};
  std::vector<int> all;  // of each execution
  for (const int length : lengths) {
    for (const int last : lengths) {
      machine.add_gemm(length).set(Field::COLS_DIM, 2).set(Field::COLS_LAST, last).set(Field::N2, 3);
      all.insert(all.end(), {length, length, last});
    }
    machine.add(Opcode::ARRAY_NOP).set(Field::N2, 3 * hw.rows);  // the rows are read long before the next one
    all.insert(all.end(), static_cast<std::size_t>(3 * hw.rows), 0);
  }
  const RtlResult result = machine.run();
  ASSERT_EQ(result.executions.size(), all.size());
  Edge drained = 0;
  int waits = 0, waits_not = 0;
  for (std::size_t i = 0; i < all.size(); ++i) {
    const ExecutionRecord& e = result.executions[i];
    if (all[i] == 0) continue;
    const Edge multiplied = e.start + 1 + static_cast<Edge>(all[i]);
    ASSERT_EQ(e.end, std::max(multiplied, drained)) << "execution " << i << " of " << all[i] << " bytes";
    (multiplied < drained ? waits : waits_not) += 1;
    drained = e.end + static_cast<Edge>(hw.rows);
  }
  EXPECT_GT(waits, 0);
  EXPECT_GT(waits_not, 0);
}

/// They come at its end, whatever its rows still do.
TEST_P(TimingTest, TokensOfAGemm) {
  MachineCase machine(GetParam());
  machine.add(Opcode::VECTOR_NOP).wait(make_token(kArrayQueue, kVectorQueue, 0));
  machine.add(Opcode::LOAD_NOP).wait(make_token(kArrayQueue, kLoadQueue, 0));
  machine.add_gemm(1).signal(make_token(kArrayQueue, kVectorQueue, 0)).signal(make_token(kArrayQueue, kLoadQueue, 0));
  const RtlResult result = machine.run();
  for (const std::uint32_t waits : {0u, 1u}) EXPECT_EQ(only(result, waits).start, only(result, 2).end + 1);
}

/// Gaps between executions, steps that do not execute, groups one after the other, tokens between queues.
TEST_P(TimingTest, StepsAndTokens) {
  MachineCase machine(GetParam());
  wait_for_fetch(machine);
  machine.add(Opcode::LOAD_NOP).set(Field::GROUP, 1).set(Field::N1, 3).set(Field::N2, 4);
  machine.add(Opcode::LOAD_NOP).set(Field::EXEC_LEVEL, 1);
  machine.add(Opcode::LOAD_NOP).signal(make_token(kLoadQueue, kVectorQueue, 0));
  machine.add(Opcode::VECTOR_NOP).wait(make_token(kLoadQueue, kVectorQueue, 0));
  const RtlResult result = machine.run();

  std::vector<ExecutionRecord> load;
  std::copy_if(result.executions.begin(), result.executions.end(), std::back_inserter(load),
               [](const ExecutionRecord& e) { return e.queue == kLoadQueue && e.command > 0; });
  ASSERT_EQ(load.size(), 12u + 3u + 1u);
  // The group of two is taken in the two cycles after the long NOP's end.
  Edge looked = 0;
  for (const ExecutionRecord& e : result.executions) {
    if (e.command == 0) looked = e.end + 2;
  }
  std::size_t next = 0;
  for (int i = 0; i < 12; ++i) {
    ASSERT_EQ(load[next].command, 1u);
    ASSERT_EQ(load[next].start, looked + 1);
    ASSERT_EQ(load[next].end, looked + 2);
    looked += 2;
    ++next;
    if (i % 4 == 0) {
      ASSERT_EQ(load[next].command, 2u);
      ASSERT_EQ(load[next].start, looked + 1);
      looked += 2;
      ++next;
    } else {
      looked += 1;  // a step that does not execute
    }
  }
  // The last step of the group did not execute; the next group is taken in the cycle after it.
  ASSERT_EQ(load[next].start, looked + 2);
  EXPECT_EQ(only(result, 4).start, load[next].end + 1);
  EXPECT_EQ(result.cycles, only(result, 4).end + 1);
}

/// A queue holds QUEUE_DEPTH commands besides the group that runs; one more blocks what comes behind it.
TEST_P(TimingTest, QueueDepth) {
  for (const int more : {0, 1}) {
    MachineCase machine(GetParam());
    const int depth = machine.hardware().queue_depth;
    machine.add(Opcode::VECTOR_NOP).wait(make_token(kLoadQueue, kVectorQueue, 0));
    for (int i = 0; i < depth + more; ++i) machine.add(Opcode::VECTOR_NOP);
    machine.add(Opcode::LOAD_NOP).signal(make_token(kLoadQueue, kVectorQueue, 0));
    if (more == 0) {
      EXPECT_EQ(machine.run().error_code, 0u);
    } else {
      EXPECT_ANY_THROW(machine.run());
    }
  }
}

INSTANTIATE_TEST_SUITE_P(All, TimingTest, ::testing::ValuesIn(all_hardware()),
                         [](const auto& each) { return each.param; });

}  // namespace
}  // namespace bitloom
