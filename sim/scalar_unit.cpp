#include "sim/scalar_unit.hpp"

namespace bitloom {
namespace {

constexpr std::uint32_t kScaleSaturations = 1;  ///< table entry that counts them

bool is(const Instruction& c, Opcode opcode) { return c.OPCODE == static_cast<std::uint32_t>(opcode); }

}  // namespace

void ScalarUnit::count(const Execution& e, ActionCounts& counts) const {
  const Instruction& c = *e.command;
  using enum Action;
  if (is(c, Opcode::SCALAR)) {
    const auto operation = static_cast<ScalarOp>(c.SCALAR_OP);
    const bool copy = operation == ScalarOp::COPY;
    counts[copy                         ? scale_copy
           : operation == ScalarOp::MUL ? scale_product
           : operation == ScalarOp::DIV ? scale_quotient
                                        : scale_maximum] += 1;
    counts[table_read_bytes] += copy ? 4 : 8;
    counts[table_write_bytes] += 4;
    return;
  }
  const std::uint64_t bytes = std::uint64_t{e.cols} * 4;
  if (is(c, Opcode::TABLE_LOAD)) {
    counts[vin_read_bytes] += bytes;
    counts[table_write_bytes] += bytes;
  } else {
    counts[table_read_bytes] += bytes;
    counts[vout_raw_write_bytes] += bytes;
  }
}

void ScalarUnit::compute(const Execution& e) {
  if (is(*e.command, Opcode::SCALAR)) {
    scalar(*e.command);
  } else {
    move_table(e);
  }
}

void ScalarUnit::scalar(const Instruction& c) {
  Memories& m = *machine_.memories;
  std::uint64_t saturations = 0;
  std::uint32_t result = 0;
  switch (static_cast<ScalarOp>(c.SCALAR_OP)) {
    case ScalarOp::MUL:
      result = word(mul(m.scale(c.SRC_A), m.scale(c.SRC_B), saturations));
      break;
    case ScalarOp::DIV:
      result = word(div(m.scale(c.SRC_A), m.scale(c.SRC_B), saturations));
      break;
    case ScalarOp::MAX_TO_SCALE: {
      std::optional<Scale> keep;
      if (c.SCALAR_KEEP != 0) keep = m.scale(c.SRC_KEEP);
      const std::uint32_t maximum = m.table_entry(c.SRC_A);
      result = word(max_to_scale(maximum, m.scale(c.SRC_B), static_cast<int>(c.QMAX), keep, saturations));
      break;
    }
    case ScalarOp::COPY:
      result = m.table_entry(c.SRC_A);
      break;
  }
  m.set_table(c.DST, result);
  if (saturations != 0) {
    m.set_table(kScaleSaturations, m.table_entry(kScaleSaturations) + static_cast<std::uint32_t>(saturations));
  }
}

void ScalarUnit::move_table(const Execution& e) {
  Memories& m = *machine_.memories;
  const Instruction& c = *e.command;
  for (std::uint32_t k = 0; k < e.cols; ++k) {
    if (is(c, Opcode::TABLE_LOAD)) {
      m.set_table(c.DST + k, static_cast<std::uint32_t>(Memories::int32_at(m.vin, c.VIN_BASE * m.word + 4 * k)));
    } else {
      Memories::set_int32(m.vout_raw, 4 * std::size_t{k}, static_cast<std::int32_t>(m.table_entry(c.DST + k)));
    }
  }
}

}  // namespace bitloom
