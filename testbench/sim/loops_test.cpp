// The loop groups against an enumerator written from docs/commands.md alone: nested loops, no shared code.
#include <gtest/gtest.h>

#include <random>
#include <vector>

#include "sim/execution.hpp"

namespace bitloom {
namespace {

struct Expected {
  std::uint32_t command;
  std::uint64_t address;
  std::uint32_t rows, cols, row0, col0, parity0, parity1, parity_level0, parity_level1;
  bool first, last;
  std::array<bool, 3> waits, signals;
  bool operator==(const Expected&) const = default;
};

std::uint32_t parity(std::uint32_t level, std::uint32_t i0, std::uint32_t i1, std::uint32_t i2, const Instruction& g) {
  const std::uint32_t iteration[4] = {(i0 * g.N1 + i1) * g.N2 + i2, i0 * g.N1 + i1, i0, 0};
  return iteration[level] % 2;
}

/// Lists every execution of a group, in order.
std::vector<Expected> nested_loops(const std::vector<Instruction>& group, std::uint64_t base, std::uint64_t batch) {
  std::vector<Expected> all;
  const Instruction& g = group.front();
  std::vector<int> seen(group.size(), 0);
  for (std::uint32_t i0 = 0; i0 < g.N0; ++i0) {
    for (std::uint32_t i1 = 0; i1 < g.N1; ++i1) {
      for (std::uint32_t i2 = 0; i2 < g.N2; ++i2) {
        const bool zero[4] = {true, i2 == 0, i2 == 0 && i1 == 0, i2 == 0 && i1 == 0 && i0 == 0};
        const bool l2 = i2 == g.N2 - 1, l1 = l2 && i1 == g.N1 - 1;
        const bool end[4] = {true, l2, l1, l1 && i0 == g.N0 - 1};
        for (std::uint32_t k = 0; k < group.size(); ++k) {
          const Instruction& c = group[k];
          if (!zero[c.EXEC_LEVEL]) continue;
          const std::uint32_t index[4] = {i0, i1, i2, 0}, count[4] = {g.N0, g.N1, g.N2, 0};
          const std::uint32_t r = c.ROWS_DIM, q = c.COLS_DIM;
          Expected e{};
          e.command = k;
          if (c.queue == 0 || c.queue == 3) {  // transfers
            const auto moved = [](std::int64_t by, std::uint32_t stride) {
              return by * static_cast<std::int32_t>(stride);
            };
            const std::uint64_t address =
                (c.BATCH_BASE != 0 ? batch : base) + (std::uint64_t{c.ADDR_HIGH} << 32) + c.ADDR;
            e.address = address +
                        static_cast<std::uint64_t>(moved(i0, c.STRIDE0) + moved(i1, c.STRIDE1) + moved(i2, c.STRIDE2));
          }
          e.rows = r != 3 && index[r] == count[r] - 1 ? c.ROWS_LAST : c.ROWS;
          e.cols = q != 3 && index[q] == count[q] - 1 ? c.COLS_LAST : c.COLS;
          e.row0 = r == 3 ? 0 : index[r] * c.ROWS;
          if (c.queue == 2) e.row0 += i0 * c.ROW_STEP0;
          e.col0 = c.COL_BASE + (q == 3 ? 0 : index[q] * c.COLS);
          e.parity0 = parity(c.PARITY0, i0, i1, i2, g);
          e.parity1 = parity(c.PARITY1, i0, i1, i2, g);
          e.parity_level0 = parity(0, i0, i1, i2, g);
          e.parity_level1 = parity(1, i0, i1, i2, g);
          e.first = seen[k]++ == 0;
          for (std::size_t t = 0; t < 3; ++t) {
            e.waits[t] = c.waits[t].valid && zero[c.waits[t].level];
            e.signals[t] = c.signals[t].valid && end[c.signals[t].level];
          }
          all.push_back(e);
        }
      }
    }
  }
  std::vector<int> left(group.size(), 0);
  for (std::size_t n = all.size(); n-- > 0;) all[n].last = left[all[n].command]++ == 0;
  return all;
}

std::vector<Expected> enumerated(const std::vector<Instruction>& group, std::uint64_t base, std::uint64_t batch) {
  std::vector<Expected> all;
  LoopGroup loops;
  loops.start(group.data(), static_cast<std::uint32_t>(group.size()), base, batch);
  do {
    if (!loops.executes()) continue;
    const Execution e = loops.execution();
    Expected x{static_cast<std::uint32_t>(e.command - group.data()),
               e.address,
               e.rows,
               e.cols,
               e.row0,
               e.col0,
               e.parity0,
               e.parity1,
               e.parity_level0,
               e.parity_level1,
               e.first,
               e.last,
               {},
               {}};
    for (std::size_t t = 0; t < 3; ++t) {
      x.waits[t] = loops.waits(e.command->waits[t]);
      x.signals[t] = loops.signals(e.command->signals[t]);
    }
    all.push_back(x);
  } while (loops.advance());
  return all;
}

Instruction random_instruction(std::mt19937& random) {
  const auto below = [&](std::uint32_t n) { return static_cast<std::uint32_t>(random()) % n; };
  Instruction c;
  c.queue = static_cast<int>(below(4));
  c.N0 = 1 + below(4);
  c.N1 = 1 + below(4);
  c.N2 = 1 + below(4);
  c.EXEC_LEVEL = below(4);
  c.BATCH_BASE = below(2);
  c.ADDR = static_cast<std::uint32_t>(random());
  c.ADDR_HIGH = static_cast<std::uint32_t>(random());
  c.STRIDE0 = static_cast<std::uint32_t>(random());
  c.STRIDE1 = static_cast<std::uint32_t>(random());
  c.STRIDE2 = static_cast<std::uint32_t>(random());
  c.ROWS = 1 + below(9);
  c.ROWS_LAST = 1 + below(9);
  c.COLS = 1 + below(9);
  c.COLS_LAST = 1 + below(9);
  c.ROW_STEP0 = static_cast<std::uint32_t>(random());
  c.COL_BASE = below(100);
  c.ROWS_DIM = below(4);
  c.COLS_DIM = below(4);
  c.PARITY0 = below(4);
  c.PARITY1 = below(4);
  for (auto* fields : {&c.waits, &c.signals}) {
    for (TokenField& field : *fields) {
      field = {below(2) != 0, static_cast<std::uint8_t>(below(32)), static_cast<std::uint8_t>(below(4))};
    }
  }
  return c;
}

TEST(Loops, EveryExecutionOfRandomGroups) {
  std::mt19937 random(1);
  for (int n = 0; n < 500; ++n) {
    std::vector<Instruction> group(1 + random() % 4);
    for (Instruction& c : group) c = random_instruction(random);
    const auto expected = nested_loops(group, 0x1000, 0xFFFF0000u);
    ASSERT_EQ(enumerated(group, 0x1000, 0xFFFF0000u) == expected, true) << "group " << n;
  }
}

TEST(Loops, ExecuteAtLevelTwoOnlyWhereBothInnerIndicesAreZero) {
  Instruction c;
  c.N0 = 3;
  c.N1 = 4;
  c.N2 = 5;
  c.EXEC_LEVEL = 2;
  EXPECT_EQ(enumerated({c}, 0, 0).size(), 3u);
}

TEST(Loops, DecodesEveryFieldOfACommand) {
  std::array<std::uint32_t, kCommandWords> words{};
  words[0] = 0x00050281;  // INDEX 0x502, TILE
  words[1] = 0x40000;     // N1
  words[2] = 3;           // N0
  // WAIT0: id 17 at level 2; GROUP 2, BATCH_BASE
  words[3] = 0x80u | 2u << 5 | 17u | 2u << 24 | 1u << 30;
  words[4] = (0x80u | 1u << 5 | 3u) << 16;  // SIGNAL2: id 3 at level 1
  words[13] = 0x9123u | 0x8456u << 16;
  const Instruction c = decode_instruction(words);
  EXPECT_EQ(c.queue, 2);
  EXPECT_EQ(c.GROUP, 2u);
  EXPECT_EQ(c.BATCH_BASE, 1u);
  EXPECT_EQ(c.INDEX, 0x502u);
  EXPECT_EQ(c.N0, 3u);
  EXPECT_EQ(c.N1, 0x40000u);
  EXPECT_TRUE(c.waits[0].valid);
  EXPECT_EQ(c.waits[0].id, 17);
  EXPECT_EQ(c.waits[0].level, 2);
  EXPECT_FALSE(c.waits[1].valid);
  EXPECT_EQ(c.signals[2].id, 3);
  EXPECT_EQ(c.signals[2].level, 1);
  EXPECT_EQ(c.RATIO, 0x9123u);
  EXPECT_EQ(c.STAT, 0x8456u);
}

}  // namespace
}  // namespace bitloom
