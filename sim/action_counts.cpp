#include "sim/action_counts.hpp"

#include "kernels/command.hpp"
#include "sim/packed_mask.hpp"

namespace bitloom {
namespace {

using enum Action;

std::uint64_t word_bytes(const Hardware& h) { return static_cast<std::uint64_t>(h.vector_word()); }

/// Counts what all commands over tiles do: their sections, an input mask, statistics, random words.
void count_sections(const Hardware& h, const Execution& e, const Operands& of, ActionCounts& counts) {
  const TileShape shape(h, e);
  const GroupWords group(e, of);
  counts[vin_read_bytes] += (group.in * shape.words + group.vectors * shape.coefficient_words) * word_bytes(h);
  if (has_packed_mask(e, of)) counts[vin_read_bytes] -= (shape.words - packed_words(e, shape)) * word_bytes(h);
  counts[vout_write_bytes] += group.out * shape.words * word_bytes(h);
  if (of.inputs.at(Part::mask) >= 0 || (ends(e) && of.last_inputs.at(Part::mask) >= 0)) {
    counts[mask_select] += shape.elements;
  }
  if (e.last && e.command->STAT != 0) counts[table_write_bytes] += 4 * static_cast<std::uint64_t>(of.statistics);
  const auto keys = static_cast<std::uint64_t>(of.draws.keys);
  counts[of.draws.bits == 8 ? draw8 : draw16] += keys * shape.elements;
  counts[threefry13] += keys * shape.words;  // the pipe makes one call a word, also where two share a call's bits
  counts[threefry20] += e.first ? keys : 0;
}

void count_code(const Instruction& c, std::uint64_t elements, ActionCounts& counts) {
  switch (static_cast<QuantizerKind>(c.QUANTIZER)) {
    case QuantizerKind::LOG:
      counts[log_code] += elements;
      break;
    case QuantizerKind::SIGN:
      return;
    case QuantizerKind::UNIFORM:
    case QuantizerKind::GROUP:
      counts[requantize] += elements;
      break;
  }
  counts[table_read_bytes] += 4;
}

/// Counts the sums that a TILE or AFFINE makes of its raw view.
void count_sums(const Instruction& c, std::uint64_t elements, ActionCounts& counts) {
  if (c.SUMS == 0) return;
  counts[reduce_add] += 2 * elements;
  counts[reduce_product] += elements;
}

void count_tile(const Hardware& h, const Execution& e, const Operands& of, ActionCounts& counts) {
  const Instruction& c = *e.command;
  const TileShape shape(h, e);
  const std::uint64_t bytes = shape.words * word_bytes(h), n = shape.elements;
  count_sections(h, e, of, counts);
  if (of.reads_acc) counts[acc_drain_bytes] += 6 * n;
  if (of.reads_bias) counts[bias_add] += n, counts[vbias_read_bytes] += bytes;
  if (of.coefficients.size() > 0) counts[bias_add] += n;  // a group's lowest value is taken off
  if (has_flag(c, Flag::RELU)) counts[relu] += n;
  counts[raw_clamp] += n;
  counts[maximum] += n;
  count_sums(c, n, counts);
  if (has_flag(c, Flag::CODES_OUT)) count_code(c, n, counts);
  if (!of.writes_bias) return;
  counts[requantize] += n;
  counts[vbias_write_bytes] += bytes;
  counts[table_read_bytes] += 4;
}

void count_affine(const Hardware& h, const Execution& e, const Operands& of, ActionCounts& counts) {
  const TileShape shape(h, e);
  const std::uint64_t n = shape.elements;
  count_sections(h, e, of, counts);
  counts[fixed_product] += (has_flag(*e.command, Flag::V_IN) ? 2 : 1) * n;
  counts[bias_add] += 2 * n;
  if (has_flag(*e.command, Flag::RELU)) counts[relu] += n;
  counts[raw_clamp] += n;
  counts[maximum] += n;
  count_sums(*e.command, n, counts);
  counts[table_read_bytes] += 12;
}

void count_reduce(const Hardware& h, const Execution& e, const Operands& of, ActionCounts& counts) {
  const Instruction& c = *e.command;
  const TileShape shape(h, e);
  const auto kind = static_cast<ReduceKind>(c.REDUCE_KIND);
  counts[vin_read_bytes] += GroupWords(e, of).in * shape.words * word_bytes(h);
  if (c.SUMS == 0) {
    counts[reduce_add] += 2 * shape.elements;
    if (kind != ReduceKind::RANGE) counts[reduce_product] += shape.elements;
    counts[table_read_bytes] += 8;
  }
  if (!ends(e)) return;
  const std::uint64_t lines = kind == ReduceKind::RANGE ? 3 : 4;
  counts[vout_write_bytes] += lines * (c.AXIS_ALL != 0 ? 1 : shape.row_words) * word_bytes(h);
}

void count_pool(const Hardware& h, const Execution& e, const Operands& of, ActionCounts& counts) {
  const TileShape shape(h, e);
  count_sections(h, e, of, counts);
  counts[pool_step] += shape.elements;
  if (!ends(e)) return;
  counts[raw_clamp] += shape.elements;
  counts[maximum] += shape.elements;
}

void count_update(const Hardware& h, const Execution& e, const Operands& of, ActionCounts& counts) {
  const std::uint64_t n = TileShape(h, e).elements;
  const bool lwq = has_flag(*e.command, Flag::LWQ), codes = lwq && !has_flag(*e.command, Flag::MASTER32);
  const bool momentum = of.inputs.at(Part::momentum) >= 0;  // else a step of Adam
  count_sections(h, e, of, counts);
  counts[fixed_product] += (!momentum ? 1 : (lwq ? 3 : 2)) * n;
  if (!lwq) counts[momentum_product] += n;
  if (momentum) counts[update_round] += (lwq ? 1 : 2) * n;
  if (lwq) counts[codes ? polyline_code : raw_clamp] += n;
  counts[maximum] += n;
  counts[table_read_bytes] += lwq ? 20 : 8;
}

void count_adam(const Hardware& h, const Execution& e, const Operands& of, ActionCounts& counts) {
  const TileShape shape(h, e);
  const std::uint64_t n = shape.elements;
  const bool codes = has_flag(*e.command, Flag::CODES_OUT);
  const bool steps = codes && has_flag(*e.command, Flag::LWQ);  // no master
  count_sections(h, e, of, counts);
  counts[fixed_product] += (steps ? 2 : (codes ? 3 : 4)) * n;
  counts[codes ? adam_quotient : adam_root] += n;
  if (!codes) return;
  if (!steps) counts[update_round] += n;
  counts[maximum] += n;
  counts[table_read_bytes] += 4;
}

/// Three passes over the logits: largest, exponentials, gradients (rtl/bl_loss.sv).
void count_loss(const Hardware& h, const Execution& e, const Operands& of, ActionCounts& counts) {
  const TileShape shape(h, e);
  const std::uint64_t bytes = shape.words * word_bytes(h), n = shape.elements;
  counts[vin_read_bytes] += 3 * bytes + e.rows * word_bytes(h);
  counts[vout_write_bytes] += bytes;
  counts[maximum] += n;
  counts[fixed_product] += 2 * n;
  counts[loss_exponential] += 2 * n;
  counts[loss_probability] += n;
  counts[loss_sample] += e.rows;
  counts[table_read_bytes] += 4;
  if (e.last && e.command->STAT != 0) counts[table_write_bytes] += 4 * static_cast<std::uint64_t>(of.statistics);
}

void count_scalar(const Instruction& c, ActionCounts& counts) {
  const std::uint64_t n = c.COLS;
  Action action = real_operation;
  std::uint64_t times = n;
  switch (static_cast<ScalarOp>(c.SCALAR_OP)) {
    case ScalarOp::MUL:
    case ScalarOp::RMUL:
      action = scale_product;
      break;
    case ScalarOp::DIV:
    case ScalarOp::RDIV:
      action = scale_quotient;
      break;
    case ScalarOp::MAX_TO_SCALE:
      action = scale_maximum;
      break;
    case ScalarOp::COPY:
      action = scale_copy;
      break;
    case ScalarOp::RSQRT:
      action = real_root;
      break;
    case ScalarOp::SELECT_TOP:
      action = select_compare;
      times = n * n;
      break;
    case ScalarOp::SELECT_RANDOM:
      action = select_compare;
      counts[draw16] += n;
      counts[threefry13] += n;
      counts[threefry20] += 1;
      break;
    case ScalarOp::RADD:
    case ScalarOp::RSUB:
    case ScalarOp::RMAX:
    case ScalarOp::RMIN:
    case ScalarOp::RSUM:
    case ScalarOp::RMAXABS:
    case ScalarOp::TO_INT:
    case ScalarOp::FROM_INT:
    case ScalarOp::FROM_SUM:
    case ScalarOp::CENTERED:
    case ScalarOp::TO_SCALE:
    case ScalarOp::SHIFT_OF:
    case ScalarOp::EXP2:
    case ScalarOp::TOP:
    case ScalarOp::MAX_TO_POWER:
    case ScalarOp::LEVEL:
    case ScalarOp::ISUB:
    case ScalarOp::IMAX:
    case ScalarOp::RKEEP:
      break;
  }
  counts[action] += times;
  counts[table_read_bytes] += 8 * n;
  counts[table_write_bytes] += 4 * n;
}

void count_table(const Hardware& h, const Execution& e, ActionCounts& counts) {
  const TileShape shape(h, e);
  const bool loads = is(*e.command, Opcode::TABLE_LOAD);
  counts[loads ? vin_read_bytes : vout_write_bytes] += shape.words * word_bytes(h);
  counts[loads ? table_write_bytes : table_read_bytes] += 4 * shape.elements;
}

}  // namespace

void count_gemm(const Hardware& h, const Execution& e, ActionCounts& counts) {
  const Instruction& c = *e.command;
  const auto rows = static_cast<std::uint64_t>(h.rows), cols = static_cast<std::uint64_t>(h.cols);
  const std::uint64_t outputs = rows * cols;
  const auto log = static_cast<std::uint32_t>(Kind::LOG);
  switch (static_cast<Mode>(c.MODE)) {
    case Mode::MAC8:
      counts[mac8] += outputs * e.cols;
      break;
    case Mode::MAC4:
      counts[c.A_KIND == log || c.B_KIND == log ? mac_log : mac4] += 2 * outputs * e.cols;
      break;
    case Mode::XNOR:
      counts[mac1] += 8 * outputs * e.cols;
      break;
  }
  const auto word = static_cast<std::uint64_t>(h.axi_bytes);
  const std::uint64_t words = ceil_div(e.cols, word) * word;  // of a lane
  counts[spad_a_read_bytes] += rows * words;
  counts[spad_b_read_bytes] += cols * words;
  counts[accumulator_add] += outputs;
  counts[acc_write_bytes] += 6 * outputs;
  counts[acc_read_bytes] += 6 * outputs;  // read, and not used, where a sum begins
}

void count_vector(const Hardware& h, const Execution& e, ActionCounts& counts) {
  const Operands of = operands(*e.command);
  switch (static_cast<Opcode>(e.command->OPCODE)) {
    case Opcode::TILE:
      return count_tile(h, e, of, counts);
    case Opcode::AFFINE:
      return count_affine(h, e, of, counts);
    case Opcode::REDUCE:
      return count_reduce(h, e, of, counts);
    case Opcode::POOL:
      return count_pool(h, e, of, counts);
    case Opcode::UPDATE:
      return count_update(h, e, of, counts);
    case Opcode::ADAM:
      return count_adam(h, e, of, counts);
    case Opcode::LOSS:
      return count_loss(h, e, of, counts);
    case Opcode::SCALAR:
      return count_scalar(*e.command, counts);
    case Opcode::TABLE_LOAD:
    case Opcode::TABLE_STORE:
      return count_table(h, e, counts);
    case Opcode::LOAD_NOP:
    case Opcode::LOAD:
    case Opcode::LOAD_SHAPE:
    case Opcode::END:
    case Opcode::ARRAY_NOP:
    case Opcode::GEMM:
    case Opcode::VECTOR_NOP:
    case Opcode::STORE_NOP:
    case Opcode::STORE:
    case Opcode::STORE_SHAPE:
      return;  // of other queues
  }
}

}  // namespace bitloom
