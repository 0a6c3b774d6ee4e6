// Every line of docs/timing.md, measured: the formulas and recurrences of that page against the executions that the RTL
// reports.
#include <gtest/gtest.h>

#include <algorithm>
#include <deque>

#include "testbench/rtl/machine_case.hpp"

namespace bitloom {
namespace {

constexpr std::uint32_t kFrom = 0x10000, kTo = 0x80000;
using Edge = std::uint64_t;

/// The read channel of docs/timing.md without LOAD and fetch asking at once: burst by burst.
class Reads {
 public:
  Reads(const Hardware& hw, const DramTiming& timing) : hw_(hw), timing_(timing) {}
  /// A burst that is asked for in cycle `asked`; the edge of its last beat.
  Edge burst(Edge asked, int beats) {
    grant = std::max(asked, next_);
    if (static_cast<int>(last_.size()) >= hw_.max_outstanding) {
      grant = std::max(grant, last_[last_.size() - static_cast<std::size_t>(hw_.max_outstanding)]);
    }
    next_ = grant + 1;
    Edge last = 0;
    for (int i = 0; i < beats; ++i) last = timing_.read_beat(grant + 2);
    last_.push_back(last);
    return last;
  }
  Edge grant = 0;  ///< of the last burst

 private:
  const Hardware& hw_;
  DramTiming timing_;
  Edge next_ = 0;
  std::deque<Edge> last_;
};

DramTiming timing(const MachineCase& machine, int stall, std::uint64_t seed) {
  return {machine.hardware().dram_read_latency, machine.hardware().dram_write_latency, stall, seed};
}

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

    Reads reads(hw, timing(machine, stall, 3));
    const int beats = std::min(hw.max_burst, command_beats(hw));
    std::vector<Edge> dispatched, taken;
    Edge end = 0, whole = 0;
    for (std::size_t i = 0; i <= kNops; ++i) {
      Edge asked = i < 4 ? 0 : dispatched[i - 4] + 1;
      for (int part = 0; part < command_beats(hw) / beats; ++part) whole = reads.burst(asked, beats);
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

TEST_P(TimingTest, Load) {
  for (std::uint64_t seed = 1; seed <= 24; ++seed) {
    const int stall = seed % 2 == 0 ? 25 : 0;
    MachineCase machine(GetParam(), stall, seed);
    const Hardware& hw = machine.hardware();
    wait_for_fetch(machine);
    const int words = machine.uniform(1, std::min(hw.vin_words, 40)), rows = machine.uniform(1, hw.vin_words / words);
    const int pitch = machine.uniform(words, words + 8) * hw.axi_bytes;
    const std::uint32_t from = kFrom + static_cast<std::uint32_t>(machine.uniform(0, 600) * hw.axi_bytes);
    machine.load_vin(from, rows, words * hw.axi_bytes, pitch, 0, words);
    const RtlResult result = machine.run();
    const ExecutionRecord e = only(result, 1);

    DramTiming dram = timing(machine, stall, seed);
    for (int i = 0; i < 3 * command_beats(hw); ++i) dram.read_beat(0);
    Reads reads(hw, dram);
    Edge last = 0;
    int beats = 0;
    bool limited = false;
    for (int row = 0; row < rows; ++row) {
      std::uint32_t address = from + static_cast<std::uint32_t>(row * pitch);
      for (int left = words; left > 0;) {
        const int length = std::min({left, hw.max_burst, (4096 - static_cast<int>(address & 4095)) / hw.axi_bytes});
        const Edge before = reads.grant;
        last = reads.burst(e.start + 1, length);
        limited = limited || (beats > 0 && reads.grant != before + 1);
        left -= length;
        beats += length;
        address += static_cast<std::uint32_t>(length * hw.axi_bytes);
      }
    }
    ASSERT_EQ(e.end, last) << "seed " << seed << ": " << rows << " rows of " << words << " words";
    if (!limited && stall == 0) {
      ASSERT_EQ(e.end - e.start, static_cast<Edge>(hw.dram_read_latency + beats + 2));
    }
    EXPECT_EQ(result.cycles, e.end + 1);
  }
}

TEST_P(TimingTest, Store) {
  for (std::uint64_t seed = 1; seed <= 24; ++seed) {
    const int stall = seed % 2 == 0 ? 25 : 0;
    MachineCase machine(GetParam(), stall, seed);
    const Hardware& hw = machine.hardware();
    const int w = hw.axi_bytes;
    const int cols = machine.uniform(1, 6 * w), words = (cols + w - 1) / w;
    const int rows = machine.uniform(1, hw.vout_words / words), pitch = machine.uniform(cols, cols + 99);
    const std::uint32_t to = kTo + static_cast<std::uint32_t>(machine.uniform(0, 4095));
    machine.store_raw(to, rows, cols, pitch, 0, words);
    const RtlResult result = machine.run();
    const ExecutionRecord e = only(result, 0);

    DramTiming dram = timing(machine, stall, seed);
    Edge offer = e.start + 4, accepted = 0;
    Edge beats = 0;
    for (int row = 0; row < rows; ++row) {
      const auto offset = static_cast<int>((to + static_cast<std::uint32_t>(row * pitch)) % static_cast<unsigned>(w));
      for (int beat = 0; beat < (offset + cols + w - 1) / w; ++beat, ++beats) {
        accepted = dram.write_beat(offer);
        offer = accepted + 1;
      }
    }
    ASSERT_EQ(e.end, dram.write_response(accepted)) << "seed " << seed;
    if (stall == 0) {
      ASSERT_EQ(e.end - e.start, beats + static_cast<Edge>(hw.dram_write_latency) + 3);
    }
    EXPECT_EQ(result.dram.write_beats, beats);
  }
}

TEST_P(TimingTest, Gemm) {
  MachineCase machine(GetParam());
  const Hardware& hw = machine.hardware();
  const int longest = std::min(hw.spad_a_bytes, hw.spad_b_bytes);
  const std::vector<int> lengths = {1, hw.axi_bytes, hw.axi_bytes + 1, longest};
  for (const int length : lengths) machine.add_gemm(length);
  const RtlResult result = machine.run();
  for (std::size_t i = 0; i < lengths.size(); ++i) {
    const ExecutionRecord e = only(result, static_cast<std::uint32_t>(i));
    EXPECT_EQ(e.end - e.start, static_cast<Edge>(lengths[i] + hw.rows + 2));
  }
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
