#include "sim/execution.hpp"

#include "kernels/command.hpp"

namespace bitloom {
namespace {

TokenField token_field(std::uint32_t byte) {
  return {(byte >> 7) != 0, static_cast<std::uint8_t>(byte & 31u), static_cast<std::uint8_t>((byte >> 5) & 3u)};
}

std::uint32_t bits(std::uint32_t word, int lsb, int width) {
  return width == 32 ? word : (word >> lsb) & ((std::uint32_t{1} << width) - 1);
}

/// Returns how far an index moves an address: strides have a sign.
std::uint64_t moved(std::uint32_t index, std::uint32_t stride) {
  return static_cast<std::uint64_t>(std::int64_t{static_cast<std::int32_t>(stride)} * index);
}

}  // namespace

Instruction decode_instruction(const std::array<std::uint32_t, kCommandWords>& words) {
  Instruction c;
#define BITLOOM_MEMBER(name, word, lsb, width) c.name = bits(words[word], lsb, width);
  BITLOOM_COMMON_FIELDS(BITLOOM_MEMBER)
  BITLOOM_SPECIAL_FIELDS(BITLOOM_MEMBER)
#undef BITLOOM_MEMBER
  c.queue = static_cast<int>(c.OPCODE >> 6);
  c.waits = {token_field(c.WAIT0), token_field(c.WAIT1), token_field(c.WAIT2)};
  c.signals = {token_field(c.SIGNAL0), token_field(c.SIGNAL1), token_field(c.SIGNAL2)};
  return c;
}

void LoopGroup::start(const Instruction* commands, std::uint32_t count, std::uint64_t base, std::uint64_t batch) {
  commands_ = commands;
  count_ = count;
  current_ = 0;
  base_ = base;
  batch_ = batch;
  limit_ = {commands->N0, commands->N1, commands->N2};
  index_ = {0, 0, 0};
  locate();
}

void LoopGroup::locate() {
  first_[0] = last_[0] = true;
  first_[3] = index_[0] == 0 && index_[1] == 0 && index_[2] == 0;
  first_[2] = index_[1] == 0 && index_[2] == 0;
  first_[1] = index_[2] == 0;
  last_[1] = index_[2] + 1 == limit_[2];
  last_[2] = last_[1] && index_[1] + 1 == limit_[1];
  last_[3] = last_[2] && index_[0] + 1 == limit_[0];
}

bool LoopGroup::executes() const { return at_first(command().EXEC_LEVEL); }

std::uint32_t LoopGroup::parity(std::uint32_t level) const {
  switch (level) {
    case 0:
      return ((index_[0] * limit_[1] + index_[1]) * limit_[2] + index_[2]) & 1u;
    case 1:
      return (index_[0] * limit_[1] + index_[1]) & 1u;
    case 2:
      return index_[0] & 1u;
    default:  // not ours: a number
      return 0;
  }
}

Execution LoopGroup::execution() const {
  const Instruction& c = command();
  Execution e;
  e.command = &c;
  e.index = index_;
  e.counts = limit_;
  const bool transfers = c.queue == kLoadQueue || c.queue == kStoreQueue;  // elsewhere these bits mean something else
  if (transfers) {
    e.address = (c.BATCH_BASE != 0 ? batch_ : base_) + (std::uint64_t{c.ADDR_HIGH} << 32 | c.ADDR) +
                moved(index_[0], c.STRIDE0) + moved(index_[1], c.STRIDE1) + moved(index_[2], c.STRIDE2);
  }
  const auto at_end = [&](std::uint32_t dim) { return dim < 3 && index_[dim] + 1 == limit_[dim]; };
  e.rows = at_end(c.ROWS_DIM) ? c.ROWS_LAST : c.ROWS;
  e.cols = at_end(c.COLS_DIM) ? c.COLS_LAST : c.COLS;
  e.row0 = c.ROWS_DIM < 3 ? index_[c.ROWS_DIM] * c.ROWS : 0;
  if (c.queue == kVectorQueue) e.row0 += index_[0] * c.ROW_STEP0;  // POOL has other bits there, and no use for row0
  e.col0 = c.COL_BASE + (c.COLS_DIM < 3 ? index_[c.COLS_DIM] * c.COLS : 0);
  e.parity0 = parity(c.PARITY0);
  e.parity1 = parity(c.PARITY1);
  e.parity_level0 = parity(0);
  e.parity_level1 = parity(1);
  e.first = first_[3];
  // The command's last execution: indices that EXEC_LEVEL holds at 0 have no other value.
  e.last = true;
  for (std::uint32_t dim = 0; dim + c.EXEC_LEVEL < 3; ++dim) e.last = e.last && index_[dim] + 1 == limit_[dim];
  return e;
}

bool LoopGroup::advance() {
  if (++current_ < count_) return true;
  current_ = 0;
  for (std::size_t dim = 3; dim-- > 0;) {
    if (++index_[dim] < limit_[dim]) {
      locate();
      return true;
    }
    index_[dim] = 0;
  }
  return false;
}

}  // namespace bitloom
