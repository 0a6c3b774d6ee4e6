#include "kernels/operands.hpp"

#include <algorithm>
#include <span>

namespace bitloom {

namespace {

Operands tile(const OperandChoice& c) {
  const bool codes = c.flag(Flag::CODES_OUT), group = c.quantizer == QuantizerKind::GROUP;
  const bool stochastic = c.quantizer != QuantizerKind::SIGN && c.rounding == RoundingMode::STOCHASTIC;
  Operands of;
  of.inputs.add(Part::data, c.flag(Flag::FROM_VIN)).add(Part::mask, c.flag(Flag::MASK_IN));
  of.inputs.add(Part::partner, c.sums && c.reduce == ReduceKind::CROSS);
  of.coefficients.add(Part::ratio, codes && group).add(Part::low, codes && group);
  of.outputs.add(Part::raw, c.flag(Flag::RAW_OUT)).add(Part::codes, codes).add(Part::mask, c.flag(Flag::MASK_OUT));
  const bool by_ratio = codes && (c.quantizer == QuantizerKind::UNIFORM || c.quantizer == QuantizerKind::LOG);
  of.table.add({Field::RATIO}, by_ratio || c.flag(Flag::BIAS_OUT));
  of.table.add({Field::LIMIT}, c.flag(Flag::MASK_OUT) && c.mask_rule != MaskRule::POSITIVE);
  of.statistics = 3;
  if (codes && !c.flag(Flag::BIAS_OUT) && (group || stochastic)) of.draws = {1, 8};
  of.reads_acc = !c.flag(Flag::FROM_VIN);
  of.reads_bias = c.flag(Flag::ADD_BIAS);
  of.writes_bias = c.flag(Flag::BIAS_OUT);
  return of;
}

Operands affine(const OperandChoice& c) {
  Operands of;
  of.inputs.add(Part::u).add(c.flag(Flag::V_ROW) ? Part::row_value : Part::v, c.flag(Flag::V_IN));
  of.inputs.add(Part::mask, c.flag(Flag::MASK_IN));
  of.inputs.add(Part::partner, c.sums && c.reduce == ReduceKind::CROSS);
  of.coefficients.add(Part::a, c.flag(Flag::A_VECTOR)).add(Part::b, c.flag(Flag::B_VECTOR));
  of.coefficients.add(Part::c, c.flag(Flag::C_VECTOR));
  of.outputs.add(Part::raw, c.flag(Flag::RAW_OUT)).add(Part::mask, c.flag(Flag::MASK_OUT));
  of.table.add({Field::RATIO}, !c.flag(Flag::A_VECTOR));
  of.table.add({Field::LIMIT}, c.flag(Flag::V_IN) && !c.flag(Flag::B_VECTOR));
  of.table.add({Field::ADDEND}, !c.flag(Flag::C_VECTOR));
  of.statistics = 3;
  return of;
}

Operands reduce(const OperandChoice& c) {
  Operands of;
  of.outputs.add(Part::sums);
  of.at_end = true;
  if (c.sums) return of;  // they are there
  of.inputs.add(Part::u).add(Part::v, c.flag(Flag::V_IN));
  of.table.add({Field::RATIO}, c.reduce != ReduceKind::RANGE).add({Field::LIMIT}, c.flag(Flag::V_IN));
  return of;
}

Operands pool(const OperandChoice& c) {
  Operands of;
  const bool backward = c.pool == PoolOp::MAX_BACKWARD;
  of.inputs.add(backward ? Part::gradient : Part::data).add(Part::winner, backward);
  of.last_inputs.add(Part::mask, c.flag(Flag::MASK_IN));
  of.outputs.add(Part::value).add(Part::winner, c.pool == PoolOp::MAX).add(Part::mask, c.flag(Flag::MASK_OUT));
  of.at_end = true;
  of.statistics = 3;
  return of;
}

/// UPDATE has five modes: by MASTER32 the latent weight is kept as it is, by FROM_VIN the step comes from ADAM.
Operands update(const OperandChoice& c) {
  Operands of;
  if (!c.flag(Flag::HALF_UP)) of.draws = {2, 16};
  if (!c.flag(Flag::LWQ)) {
    of.inputs.add(Part::gradient).add(Part::master).add(Part::momentum);
    of.outputs.add(Part::master).add(Part::momentum);
    of.table.add({Field::RATIO}).add({Field::RATIO_W});
    of.statistics = 3;
    return of;
  }
  const bool whole = c.flag(Flag::MASTER32), momentum = !c.flag(Flag::FROM_VIN);
  of.inputs.add(momentum ? Part::gradient : Part::step).add(whole ? Part::latent : Part::weight);
  of.inputs.add(Part::residual, !whole).add(Part::momentum, momentum);
  of.outputs.add(whole ? Part::latent : Part::weight).add(whole ? Part::weight : Part::residual);
  of.outputs.add(Part::momentum, momentum);
  of.table.add({Field::RATIO}).add({Field::RATIO_W}, momentum).add({Field::LIMIT}, momentum);
  of.table.add({Field::ADDEND, 2}, !whole);
  of.statistics = 5;
  return of;
}

/// ADAM has two passes: the moments, then (CODES_OUT) their codes and the master, or with LWQ the step.
Operands adam(const OperandChoice& c) {
  Operands of;
  if (!c.flag(Flag::CODES_OUT)) {
    of.inputs.add(Part::gradient).add(Part::m_code).add(Part::r_code);
    of.coefficients.add(Part::m_factor).add(Part::r_factor).add(Part::gradient_factor).add(Part::r_low);
    of.outputs.add(Part::m_raw).add(Part::r_raw);
    return of;
  }
  const bool steps = c.flag(Flag::LWQ);
  of.inputs.add(Part::m_raw).add(Part::r_raw).add(Part::master, !steps);
  of.coefficients.add(Part::epsilon).add(Part::m_factor).add(Part::r_factor).add(Part::r_low);
  of.outputs.add(steps ? Part::step : Part::master).add(Part::m_code).add(Part::r_code);
  of.table.add({Field::RATIO}, !steps);
  of.statistics = 3;
  if (!steps && !c.flag(Flag::HALF_UP)) of.draws = {1, 16};
  return of;
}

}  // namespace

std::string_view part_name(Part part) {
  switch (part) {
#define BITLOOM_PART(name) \
  case Part::name:         \
    return #name;
    BITLOOM_PARTS(BITLOOM_PART)
#undef BITLOOM_PART
  }
  return "";
}

OperandChoice operand_choice(const Command& command) {
  const std::span<const Field> fields = fields_of(command.opcode());
  const auto get = [&](Field field) {
    return std::find(fields.begin(), fields.end(), field) == fields.end() ? 0 : command.get(field);
  };
  return {command.opcode(),
          get(Field::FLAGS),
          static_cast<QuantizerKind>(get(Field::QUANTIZER)),
          static_cast<RoundingMode>(get(Field::ROUNDING)),
          static_cast<MaskRule>(get(Field::MASK_RULE)),
          static_cast<ReduceKind>(get(Field::REDUCE_KIND)),
          static_cast<PoolOp>(get(Field::POOL_OP)),
          get(Field::SUMS) != 0};
}

Operands operands(const OperandChoice& choice) {
  Operands of;
  switch (choice.opcode) {
    case Opcode::TILE:
      return tile(choice);
    case Opcode::AFFINE:
      return affine(choice);
    case Opcode::REDUCE:
      return reduce(choice);
    case Opcode::POOL:
      return pool(choice);
    case Opcode::UPDATE:
      return update(choice);
    case Opcode::ADAM:
      return adam(choice);
    case Opcode::LOSS:
      of.inputs.add(Part::logits).add(Part::labels);
      of.outputs.add(Part::gradient);
      of.table.add({Field::RATIO});
      of.statistics = 2;
      return of;
    case Opcode::TABLE_LOAD:
      of.inputs.add(Part::entries);
      return of;
    case Opcode::TABLE_STORE:
      of.outputs.add(Part::entries);
      return of;
    case Opcode::LOAD_NOP:
    case Opcode::LOAD:
    case Opcode::LOAD_SHAPE:
    case Opcode::END:
    case Opcode::ARRAY_NOP:
    case Opcode::GEMM:
    case Opcode::VECTOR_NOP:
    case Opcode::SCALAR:
    case Opcode::STORE_NOP:
    case Opcode::STORE:
    case Opcode::STORE_SHAPE:
      return of;
  }
  return of;
}

}  // namespace bitloom
