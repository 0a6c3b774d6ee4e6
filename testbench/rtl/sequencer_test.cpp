// Loop groups against an enumerator of its own: the order of executions, effective addresses, rows, columns, buffer
// parity, and how many tokens are sent and taken at each level. Observed through stores: what they write, where, and in
// which order.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>

#include "testbench/rtl/machine_case.hpp"

namespace bitloom {
namespace {

constexpr std::uint32_t kFrom = 0x10000, kTo = 0x40000;

/// One store of a group, drawn at random.
struct Body {
  int level, parity_level, rows, rows_last, rows_dim, cols, cols_last, cols_dim, col_base;  // cols: int32
  int strides[3];
  int signal_level, pitch;
  std::uint32_t address;
  int local_base, local_stride;
};

struct Group {
  int counts[3];
  std::vector<Body> bodies;
};

Group random_group(MachineCase& machine) {
  Group group{};
  for (int& count : group.counts) count = machine.uniform(1, 4);
  const int bodies = machine.uniform(1, kGroupMax);
  for (int b = 0; b < bodies; ++b) {
    Body body{};
    body.level = machine.uniform(0, 3);
    body.parity_level = machine.uniform(0, 3);
    body.rows = machine.uniform(1, 4);
    body.rows_last = machine.uniform(1, 4);
    body.rows_dim = machine.uniform(0, 3);
    body.cols = machine.uniform(1, 6);
    body.col_base = machine.uniform(0, 1) * machine.uniform(1, 9);
    body.cols_last = machine.uniform(1, 6);
    body.cols_dim = machine.uniform(0, 3);
    for (int& stride : body.strides) stride = machine.uniform(-300, 300);
    body.signal_level = machine.uniform(0, 3);
    body.pitch = machine.uniform(20, 60);
    body.address = kTo + 0x4000 + static_cast<std::uint32_t>(machine.uniform(0, 2000));
    body.local_base = machine.uniform(0, 8);
    body.local_stride = machine.uniform(0, 12);
    group.bodies.push_back(body);
  }
  return group;
}

void add(MachineCase& machine, const Group& group, int local_pitch) {
  for (std::size_t b = 0; b < group.bodies.size(); ++b) {
    const Body& body = group.bodies[b];
    Command& command = machine.store_vout(body.address, body.rows, body.cols, body.pitch, body.local_base, local_pitch);
    command.set(Field::ROWS_LAST, body.rows_last).set(Field::ROWS_DIM, body.rows_dim);
    command.set(Field::COLS_LAST, body.cols_last).set(Field::COLS_DIM, body.cols_dim);
    command.set(Field::COL_BASE, body.col_base);
    command.set(Field::STRIDE0, body.strides[0]).set(Field::STRIDE1, body.strides[1]);
    command.set(Field::STRIDE2, body.strides[2]).set(Field::EXEC_LEVEL, body.level);
    command.set(Field::PARITY0, body.parity_level).set(Field::LOCAL_STRIDE, body.local_stride);
    command.signal(make_token(kStoreQueue, kLoadQueue, 1, body.signal_level));
    if (b == 0) {
      command.set(Field::GROUP, static_cast<int>(group.bodies.size()) - 1);
      command.set(Field::N0, group.counts[0]).set(Field::N1, group.counts[1]).set(Field::N2, group.counts[2]);
    }
  }
}

/// What docs/commands.md says, straight from its text.
struct Expected {
  std::vector<std::uint32_t> order;  ///< INDEX of each execution
  int signals = 0;
};

Expected enumerate(const Group& group, int first_index, int word_bytes, int local_pitch, const std::uint8_t* raw,
                   std::vector<std::uint8_t>& memory) {
  Expected expected;
  const int* n = group.counts;
  for (int i0 = 0; i0 < n[0]; ++i0) {
    for (int i1 = 0; i1 < n[1]; ++i1) {
      for (int i2 = 0; i2 < n[2]; ++i2) {
        for (std::size_t b = 0; b < group.bodies.size(); ++b) {
          const Body& body = group.bodies[b];
          const bool runs[] = {true, i2 == 0, i2 == 0 && i1 == 0, i2 == 0 && i1 == 0 && i0 == 0};
          if (!runs[body.level]) continue;
          expected.order.push_back(static_cast<std::uint32_t>(first_index) + static_cast<std::uint32_t>(b));
          const int parities[] = {((i0 * n[1] + i1) * n[2] + i2) % 2, (i0 * n[1] + i1) % 2, i0 % 2, 0};
          const int index[] = {i0, i1, i2};
          const auto last = [&](int dim) { return dim < 3 && index[dim] == n[dim] - 1; };
          const int rows = last(body.rows_dim) ? body.rows_last : body.rows;
          const int cols = last(body.cols_dim) ? body.cols_last : body.cols;
          const int col0 = body.col_base + (body.cols_dim < 3 ? index[body.cols_dim] * body.cols : 0);
          const int address =
              static_cast<int>(body.address) + i0 * body.strides[0] + i1 * body.strides[1] + i2 * body.strides[2];
          for (int r = 0; r < rows; ++r) {
            const int word = body.local_base + parities[body.parity_level] * body.local_stride + r * local_pitch;
            std::copy_n(raw + word * word_bytes, 4 * cols, memory.begin() + address + r * body.pitch + 4 * col0);
          }
          const bool ends[] = {true, last(2), last(2) && last(1), last(2) && last(1) && last(0)};
          expected.signals += ends[body.signal_level];
        }
      }
    }
  }
  return expected;
}

class SequencerTest : public ::testing::TestWithParam<std::string> {};

TEST_P(SequencerTest, RandomGroups) {
  for (std::uint64_t seed = 1; seed <= 150; ++seed) {
    MachineCase machine(GetParam(), seed % 5 == 0 ? 50 : 0, seed);
    const Hardware& hw = machine.hardware();
    const int words = std::min({hw.vin_words, hw.vout_words, 100}), local_pitch = 20 / hw.vector_word() + 1;
    machine.fill_random(kFrom, static_cast<std::size_t>(words * hw.vector_word()));
    const std::vector<std::uint8_t> raw(machine.memory().begin() + kFrom,
                                        machine.memory().begin() + kFrom + words * hw.vector_word());
    machine.fill_vout(kFrom, words);
    const Group first = random_group(machine), second = random_group(machine);
    add(machine, first, local_pitch);
    add(machine, second, local_pitch);
    std::vector<std::uint8_t> memory = machine.memory();
    const int index = 3;  // commands of fill_vout
    Expected expected = enumerate(first, index, hw.vector_word(), local_pitch, raw.data(), memory);
    const Expected more = enumerate(second, index + static_cast<int>(first.bodies.size()), hw.vector_word(),
                                    local_pitch, raw.data(), memory);
    expected.order.insert(expected.order.end(), more.order.begin(), more.order.end());
    expected.signals += more.signals;
    // One token too many hangs, one too few is left at END. At once taken, so that no counter overflows.
    if (expected.signals > 0) {
      machine.add(Opcode::LOAD_NOP).set(Field::N1, expected.signals).wait(make_token(kStoreQueue, kLoadQueue, 1));
    }
    const RtlResult result = machine.run();
    ASSERT_EQ(result.error_code, 0u) << "seed " << seed;

    std::vector<std::uint32_t> order;
    for (const ExecutionRecord& e : result.executions) {
      if (e.queue == kStoreQueue && e.command >= 3) order.push_back(e.command);
    }
    ASSERT_EQ(order, expected.order) << "seed " << seed;
    const auto begin = machine.memory().begin();
    const auto difference = std::mismatch(begin, begin + MachineCase::kProgram, memory.begin());
    ASSERT_EQ(difference.first - begin, MachineCase::kProgram) << "first wrong byte; seed " << seed;
  }
}

/// Waits apply where the loops inside their level are at 0, and those of one execution are taken together.
TEST_P(SequencerTest, WaitsByLevel) {
  for (int level = 0; level < 4; ++level) {
    for (int exec_level = 0; exec_level <= level; ++exec_level) {
      MachineCase machine(GetParam());
      const int counts[] = {2, 3, 4};
      const int tokens[] = {24, 6, 2, 1};
      const Token token = make_token(kLoadQueue, kStoreQueue, 1);
      machine.add(Opcode::LOAD_NOP).set(Field::N1, 2 * tokens[level]).signal(token);
      Command& nop = machine.add(Opcode::STORE_NOP);
      nop.set(Field::N0, counts[0]).set(Field::N1, counts[1]).set(Field::N2, counts[2]);
      nop.set(Field::EXEC_LEVEL, exec_level);
      // Twice the same token: one alone must not start it.
      nop.wait(make_token(kLoadQueue, kStoreQueue, 1, level)).wait(make_token(kLoadQueue, kStoreQueue, 1, level));
      const RtlResult result = machine.run();
      EXPECT_EQ(result.error_code, 0u) << "level " << level << " exec level " << exec_level;
      std::vector<std::uint64_t> sent;
      for (const ExecutionRecord& e : result.executions) {
        if (e.queue == kLoadQueue) sent.push_back(e.end);
        if (e.queue == kStoreQueue && e.command == 1 && sent.size() < 2)
          ADD_FAILURE() << "started with one token of two";
      }
    }
  }
}

/// Every queue signals every other one on both channels.
TEST_P(SequencerTest, EveryToken) {
  const std::array<Opcode, kQueues> nops = {Opcode::LOAD_NOP, Opcode::ARRAY_NOP, Opcode::VECTOR_NOP, Opcode::STORE_NOP};
  for (std::size_t from = 0; from < kQueues; ++from) {
    for (std::size_t to = 0; to < kQueues; ++to) {
      for (int channel = 0; channel < 2; ++channel) {
        if (from == to) continue;
        MachineCase machine(GetParam());
        const Token token = make_token(static_cast<int>(from), static_cast<int>(to), channel);
        machine.add(nops[to]).wait(token);
        machine.add(nops[from]).set(Field::N0, 30).set(Field::INDEX, 100);
        machine.add(nops[from]).signal(token);
        const RtlResult result = machine.run();
        ASSERT_EQ(result.error_code, 0u);
        ASSERT_EQ(result.executions.size(), 32u);
        EXPECT_EQ(result.executions.back().command, 0u) << "the waiting command runs last";
        EXPECT_GT(result.queues[to].waiting_for[static_cast<std::size_t>(token.id)], 50u);
      }
    }
  }
}

/// ROW_STEP0 counts in row0 as ROWS_DIM 0 does: seen by the random words of stochastic rounding.
TEST_P(SequencerTest, RowStep) {
  std::vector<std::vector<std::uint8_t>> results;
  for (const int variant : {0, 1, 2}) {
    MachineCase machine(GetParam());
    const Hardware& hw = machine.hardware();
    const int lanes = hw.lanes, rows = 6, bytes = rows * hw.vector_word();
    for (std::uint32_t i = 0; i < 3 * static_cast<std::uint32_t>(rows * lanes); ++i) {
      machine.put_word(kFrom + 4 * i, machine.uniform(-700, 700));
    }
    const Token loaded = make_token(kLoadQueue, kVectorQueue, 0), stored = make_token(kStoreQueue, kVectorQueue, 0);
    const Token made = make_token(kVectorQueue, kStoreQueue, 0);
    machine.load_vin(kFrom, 1, 3 * rows * lanes, 0, 0, 0).signal(loaded);
    machine.add(Opcode::VECTOR_NOP).wait(loaded);
    machine.add(Opcode::STORE_NOP).signal(stored);
    Command& tile = machine.add_shaped(Opcode::TILE, rows, lanes);
    tile.set_flag(Flag::FROM_VIN).set_flag(Flag::CODES_OUT).set(Field::QMAX, 127).set(Field::N0, 3);
    tile.set(Field::RATIO, kTableLearningRate).set(Field::ROUNDING, static_cast<int>(RoundingMode::STOCHASTIC));
    if (variant == 0) tile.set(Field::ROWS_DIM, 0);
    if (variant == 1) tile.set(Field::ROW_STEP0, rows);
    tile.wait(stored).signal(made);
    machine.store_vout(kTo, rows, lanes, hw.vector_word(), 0, 1)
        .set(Field::N0, 3)
        .set(Field::STRIDE0, bytes)
        .wait(made)
        .signal(stored);
    machine.add(Opcode::VECTOR_NOP).wait(stored);
    machine.machine().write_register(Register::LEARNING_RATE, 32768 | 18 << 16);  // 1/8
    ASSERT_EQ(machine.run().error_code, 0u);
    results.emplace_back(machine.memory().begin() + kTo, machine.memory().begin() + kTo + 3 * bytes);
  }
  EXPECT_EQ(results[0], results[1]);
  EXPECT_NE(results[0], results[2]) << "the rows' words do not differ";
}

INSTANTIATE_TEST_SUITE_P(All, SequencerTest, ::testing::ValuesIn(all_hardware()),
                         [](const auto& each) { return each.param; });

}  // namespace
}  // namespace bitloom
