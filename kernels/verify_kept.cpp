#include "kernels/verify_kept.hpp"

#include <fmt/format.h>

#include "kernels/tiling.hpp"

namespace bitloom {

std::string KeptResults::next(const Command& command, bool alone, const LoopIndex& counts, const Hardware& hardware) {
  const std::string wrong = statistics(command, alone);
  return wrong.empty() ? sums(command, alone, counts, hardware) : wrong;
}

/// Lets a command go on with statistics that the last one of its slot has begun.
std::string KeptResults::statistics(const Command& c, bool alone) {
  const bool may_keep = c.opcode() == Opcode::TILE || c.opcode() == Opcode::AFFINE || c.opcode() == Opcode::POOL;
  if (!may_keep) return "";
  const bool keeps = c.get(Field::STAT_KEEP) != 0;
  if (c.get(Field::STAT_SLOT) == 0) return keeps ? "it goes on with statistics of no slot" : "";
  if (!alone) return "a command with a slot of statistics is not alone in its group";
  if (keeps && stat_ != c.get(Field::STAT)) return "its slot has other statistics";
  stat_ = c.get(Field::STAT);
  return "";
}

/// Lets commands sum up raw views of 16 bits in places that are there, and go on with, or write, the sums that are
/// there.
std::string KeptResults::sums(const Command& c, bool alone, const LoopIndex& counts, const Hardware& hardware) {
  const Opcode op = c.opcode();
  if (op != Opcode::TILE && op != Opcode::AFFINE && op != Opcode::REDUCE) return "";
  if (c.get(Field::SUMS) == 0) {
    if (op == Opcode::REDUCE) sums_.reset();  // it overwrites them
    return "";
  }
  const std::uint32_t dim = c.get(Field::COLS_DIM);
  const std::int64_t words = (dim < 3 ? counts[dim] : 1) * divide_up(c.get(Field::COLS), hardware.lanes);
  const Sums of{c.get(Field::REDUCE_KIND), c.get(Field::AXIS_ALL) != 0, words};
  const bool there = sums_ && sums_->kind == of.kind && sums_->all == of.all && (of.all || of.words <= sums_->words);
  if (!alone) return "a command with SUMS is not alone in its group";
  if (op == Opcode::REDUCE) return there ? "" : "no such sums are there to be written";
  if (c.get(Field::SUMS_KEEP) != 0 && !there) return "it goes on with sums that are not there";
  sums_ = of;
  if (c.get(Field::RAW16) == 0) return "SUMS without RAW16";
  if (of.kind == static_cast<std::uint32_t>(ReduceKind::RANGE)) return "SUMS makes no RANGE";
  if (c.get(Field::ROWS_DIM) != 1) return "SUMS counts rows by i1";
  if (of.all || words <= kReduceWords) return "";
  return fmt::format("the sums (words) end at {}, reaches {}", kReduceWords, words);
}

}  // namespace bitloom
