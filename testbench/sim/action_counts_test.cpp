// What the vector unit's commands count as read from VIN, worked out by hand: tiles word by word, and a coefficient
// vector once for all rows.
#include "sim/action_counts.hpp"

#include <gtest/gtest.h>

namespace bitloom {
namespace {

constexpr std::uint32_t bit(Flag flag) { return 1u << static_cast<int>(flag); }

/// Three rows of five columns on two lanes of 4 bytes: 9 words of 8 bytes in a tile, 3 in a coefficient vector.
Instruction command(Opcode opcode, std::uint32_t flags) {
  Instruction c;
  c.OPCODE = static_cast<std::uint32_t>(opcode);
  c.ROWS = 3;
  c.COLS = 5;
  c.FLAGS = flags;
  return c;
}

ActionCounts counted(const Instruction& c) {
  Hardware hardware;
  hardware.axi_bytes = 8;
  hardware.lanes = 2;
  Execution e;
  e.command = &c;
  e.counts = {1, 1, 1};
  e.rows = c.ROWS;
  e.cols = c.COLS;
  e.first = e.last = true;
  ActionCounts counts;
  count_vector(hardware, e, counts);
  return counts;
}

std::uint64_t read_words(const Instruction& c) {
  const std::uint64_t bytes = counted(c)[Action::vin_read_bytes];
  EXPECT_EQ(bytes % 8, 0u);
  return bytes / 8;
}

TEST(ActionCounts, AffineReadsACoefficientVectorOnceForAllRows) {
  Instruction c = command(Opcode::AFFINE, bit(Flag::RAW_OUT));
  EXPECT_EQ(read_words(c), 9u);
  c.FLAGS |= bit(Flag::V_IN) | bit(Flag::MASK_IN);
  EXPECT_EQ(read_words(c), 3u * 9);
  c.FLAGS |= bit(Flag::A_VECTOR) | bit(Flag::B_VECTOR) | bit(Flag::C_VECTOR);
  EXPECT_EQ(read_words(c), 3u * 9 + 3 * 3);
  c.COEF_SCALAR = 1;
  EXPECT_EQ(read_words(c), 3u * 9 + 3);
}

TEST(ActionCounts, TileReadsTheCoefficientsOfGroupsOnceForAllRows) {
  Instruction c = command(Opcode::TILE, bit(Flag::FROM_VIN) | bit(Flag::CODES_OUT));
  EXPECT_EQ(read_words(c), 9u);
  c.QUANTIZER = static_cast<std::uint32_t>(QuantizerKind::GROUP);
  EXPECT_EQ(read_words(c), 9u + 2 * 3);
  c.COEF_SCALAR = 1;
  EXPECT_EQ(read_words(c), 9u + 2);
  c.FLAGS = bit(Flag::CODES_OUT);
  EXPECT_EQ(read_words(c), 2u);
}

TEST(ActionCounts, AdamReadsItsFourVectorsOnceForAllRows) {
  Instruction c = command(Opcode::ADAM, 0);
  EXPECT_EQ(read_words(c), 3u * 9 + 4 * 3);
  c.FLAGS = bit(Flag::CODES_OUT) | bit(Flag::LWQ);
  EXPECT_EQ(read_words(c), 2u * 9 + 4 * 3);
  c.COEF_SCALAR = 1;
  EXPECT_EQ(read_words(c), 2u * 9 + 4);
}

TEST(ActionCounts, ReduceAndPoolReadTheirTiles) {
  EXPECT_EQ(read_words(command(Opcode::REDUCE, 0)), 9u);
  EXPECT_EQ(read_words(command(Opcode::REDUCE, bit(Flag::V_IN))), 2u * 9);
  Instruction c = command(Opcode::POOL, bit(Flag::MASK_IN));
  c.POOL_OP = static_cast<std::uint32_t>(PoolOp::MAX_BACKWARD);
  EXPECT_EQ(read_words(c), 3u * 9);
}

/// A raw view that is summed up on the way costs the sums of REDUCE, and of CROSS one more input.
TEST(ActionCounts, SumsOnTheWayCountAsReduce) {
  for (const Opcode opcode : {Opcode::TILE, Opcode::AFFINE}) {
    Instruction c = command(opcode, bit(Flag::RAW_OUT));
    const std::uint64_t elements = std::uint64_t{c.ROWS} * c.COLS, reads = read_words(c);
    EXPECT_EQ(counted(c)[Action::reduce_add], 0u);
    EXPECT_EQ(counted(c)[Action::reduce_product], 0u);
    c.SUMS = 1;
    EXPECT_EQ(counted(c)[Action::reduce_add], 2 * elements);
    EXPECT_EQ(counted(c)[Action::reduce_product], elements);
    EXPECT_EQ(read_words(c), reads);
    c.REDUCE_KIND = static_cast<std::uint32_t>(ReduceKind::CROSS);
    EXPECT_EQ(read_words(c), reads + 9);
  }
  Instruction c = command(Opcode::REDUCE, 0);
  EXPECT_EQ(counted(c)[Action::reduce_add], 2 * std::uint64_t{c.ROWS} * c.COLS);
  c.SUMS = 1;
  EXPECT_EQ(counted(c)[Action::reduce_add], 0u);
  EXPECT_EQ(counted(c)[Action::table_read_bytes], 0u);
  EXPECT_EQ(read_words(c), 0u);
  EXPECT_EQ(counted(c)[Action::vout_write_bytes], 4u * 3 * 8);
}

}  // namespace
}  // namespace bitloom
