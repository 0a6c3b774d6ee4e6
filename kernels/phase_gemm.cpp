// The loads and the GEMM of a phase, in the order of loops that its pass has.
#include <algorithm>

#include "kernels/gemm_schedule.hpp"
#include "kernels/operand_beats.hpp"
#include "kernels/padding.hpp"
#include "kernels/transfer_cuts.hpp"

namespace bitloom {

namespace {

bool reads_padding(const Gather& g) {
  return reads_outside({g.extent_x, g.scale_x, g.offset_x, g.tap_x, g.taps_x, g.limit_x}) ||
         reads_outside({g.extent_y, g.scale_y, g.offset_y, g.tap_y, g.taps_y, g.limit_y});
}

/// Can it meet the array as packed signs?
bool packs_signs(const GemmOperand& operand) {
  if (!operand.view.gather) return operand.view.col_base % 8 == 0;
  const Gather& gather = *operand.view.gather;
  if (operand.transpose) return !reads_padding(gather);
  return gather.segment % 8 == 0 && gather.segment_base % 8 == 0;
}

/// Sets how far apart the tiles of one operand lie in a scratchpad.
void set_tile_words(Command& load, const Hardware& hardware, const GemmPass& pass) {
  load.set(Field::LOCAL_STRIDE, divide_up(pass.k.bytes.size, hardware.axi_bytes));
}

}  // namespace

bool packs_nibbles(const GemmOperand& operand) {
  if (operand.transpose || !operand.view.gather) return operand.transpose || operand.view.col_base % 2 == 0;
  const Gather& gather = *operand.view.gather;
  return (gather.taps_x * gather.taps_y == 1 || gather.segment % 2 == 0) && gather.segment_base % 2 == 0;
}

int common_width(const Lowering& low, const GemmJob& job) {
  const int a = low.tensor(job.a.view.tensor).bits;
  const int b = low.tensor(job.b.view.tensor).bits;
  const bool signs = job.a.expand == Expand::PLUS_MINUS && job.b.expand == Expand::PLUS_MINUS;
  if (a == 1 && b == 1 && signs && job.terms % 8 == 0 && packs_signs(job.a) && packs_signs(job.b)) return 1;
  if (std::max(a, b) <= 4 && packs_nibbles(job.a) && packs_nibbles(job.b)) return 4;
  return job.a.kind == Kind::LOG || job.b.kind == Kind::LOG ? 4 : 8;
}

/// Makes the LOAD of an operand without its loops: address, target, widths.
Command Phase::operand_load(const GemmPass& pass, bool is_a) {
  const GemmOperand& operand = is_a ? pass.job.a : pass.job.b;
  Command load = transfer(Opcode::LOAD, operand.view);
  load.set(Field::STRIDE0, 0).set(Field::STRIDE1, 0);
  load.set(Field::TRANSPOSE, operand.transpose ? 1 : 0);
  load.set(Field::TARGET, static_cast<int>(is_a ? LoadTarget::SPAD_A : LoadTarget::SPAD_B));
  load.set(Field::LOCAL_BITS, static_cast<int>(width_of(pass.bits)));
  if (low_.tensor(operand.view.tensor).bits < pass.bits) load.set(Field::EXPAND, static_cast<int>(operand.expand));
  if (is_a && line_beats(low_, pass)) load.set(Field::LINES, 1);
  return load;
}

/// Says which lanes and which terms of the reduction a LOAD of an operand brings, and by which loops they move.
void Phase::set_operand(Command& load, const GemmOperand& operand, const Cut& lanes, int lanes_dim, const Cut& terms,
                        int terms_dim) const {
  const Cut& rows = operand.transpose ? terms : lanes;
  const int rows_dim = operand.transpose ? terms_dim : lanes_dim;
  set_rows(load, rows, rows_dim);
  if (operand.transpose) {
    set_cols(load, lanes, lanes_dim);
  } else {
    set_cols(load, terms, terms_dim);
  }
  if (!operand.view.gather && rows_dim != kNone) load.set(stride_of(rows_dim), rows.size * load.get(Field::PITCH));
}

/// Sums in the innermost loop: a tile's operands by one segment, or B's by the whole reduction where it stays.
Command Phase::operand_by_segment(const GemmPass& pass, bool is_a) {
  const bool whole = !is_a && pass.k.b_resident;
  const Cut& terms = pass.terms;
  Command load = operand_load(pass, is_a);
  set_loops(load, {counts_[0], counts_[1], segments_});
  set_operand(load, is_a ? pass.job.a : pass.job.b, is_a ? grid_.rows : grid_.cols, is_a ? kMiddle : kOuter,
              whole ? fixed(terms.size * (terms.count - 1) + terms.last) : terms, whole ? kNone : kInner);
  return load.set(Field::EXEC_LEVEL, whole ? 2 : 0).set(Field::PARITY0, whole ? 2 : 0);
}

/// The whole reduction: A once for a row of tiles, B once for all.
Command Phase::operand_of_rows(const GemmPass& pass, bool is_a) {
  Command load = operand_load(pass, is_a);
  set_loops(load, counts_);
  set_operand(load, is_a ? pass.job.a : pass.job.b, is_a ? grid_.rows : fixed(pass.cols), is_a ? kMiddle : kNone,
              fixed(pass.terms.last), kNone);
  if (!is_a) set_tile_words(load, low_.hardware(), pass);
  return load.set(Field::EXEC_LEVEL, is_a ? 1 : 3).set(Field::PARITY0, is_a ? 1 : 3);
}

/// Sums of all tiles: a segment of the reduction for all of their lanes.
Command Phase::operand_for_all(const GemmPass& pass, bool is_a) {
  Command load = operand_load(pass, is_a);
  set_loops(load, {segments_, 1, 1});
  set_operand(load, is_a ? pass.job.a : pass.job.b, fixed(is_a ? pass.rows : pass.cols), kNone, pass.terms, kOuter);
  set_tile_words(load, low_.hardware(), pass);
  return load.set(Field::PARITY0, 2);
}

void Phase::gemm(const GemmPass& pass) {
  commands_.sums = pass.sums;
  segments_ = pass.k.bytes.count;
  const auto words = static_cast<int>(divide_up(pass.k.bytes.size, low_.hardware().axi_bytes));  // of a segment
  Command command(Opcode::GEMM);
  switch (pass.sums) {
    case SumLoop::INNER:
      commands_.loads = {operand_by_segment(pass, false), operand_by_segment(pass, true)};
      set_loops(command, {counts_[0], counts_[1], segments_});
      set_cols(command, pass.k.bytes, kInner).set(Field::PARITY1, pass.k.b_resident ? 2 : 0);
      command.set(Field::B_STEP, pass.k.b_resident ? words : 0);
      break;
    case SumLoop::NONE:
      counts_ = {1, grid_.rows.count, grid_.cols.count};
      rows_dim_ = kMiddle;
      cols_dim_ = kInner;
      commands_.loads = {operand_of_rows(pass, false), operand_of_rows(pass, true)};
      set_loops(command, counts_);
      set_cols(command, fixed(pass.k.bytes.last), kNone).set(Field::PARITY0, 1).set(Field::PARITY1, 3);
      command.set(Field::B_STEP, words);
      break;
    case SumLoop::OUTER:
      commands_.loads = {operand_for_all(pass, false), operand_for_all(pass, true)};
      set_loops(command, {segments_, grid_.cols.count, grid_.rows.count});
      set_cols(command, pass.k.bytes, kOuter).set(Field::PARITY0, 2).set(Field::PARITY1, 2);
      command.set(Field::A_STEP, words).set(Field::B_STEP, words).set(Field::B_LOOP, 1);
      break;
  }
  command.set(Field::SUM_LOOP, static_cast<int>(pass.sums));
  const Mode mode = pass.bits == 8 ? Mode::MAC8 : pass.bits == 4 ? Mode::MAC4 : Mode::XNOR;
  const auto kind = [&](const GemmOperand& operand) {
    const bool as_stored = low_.tensor(operand.view.tensor).bits == pass.bits && mode != Mode::XNOR;
    return static_cast<int>(as_stored ? operand.kind : Kind::SIGNED);
  };
  command.set(Field::MODE, static_cast<int>(mode));
  command.set(Field::A_KIND, kind(pass.job.a)).set(Field::B_KIND, kind(pass.job.b));
  commands_.gemm = command;
  if (pass.job.of_layer) commands_.info.macs_a_cycle = pass.bits == 8 ? 1 : pass.bits == 4 ? 2 : 8;
}

void Phase::gemm(const GemmJob& job) { gemm(whole_pass(low_, grid_, job)); }

}  // namespace bitloom
