#include "testbench/rtl/units/random_operands.hpp"

#include <algorithm>

#include "model/numerics/numbers.hpp"
#include "model/numerics/raw_view.hpp"
#include "model/numerics/real.hpp"

namespace bitloom::testing {

namespace {

/// Leaves room for the largest bias in a sum below 2^46.
constexpr std::int64_t kMaxAcc = (std::int64_t{1} << 46) - (std::int64_t{1} << 32);

std::int64_t random_acc(Sweep& sweep) {
  switch (sweep.in(0, 3)) {
    case 0:
      return sweep.signed_value(kMaxAcc);
    case 1:
      return sweep.signed_value(std::int64_t{1} << 31) + sweep.in(-2, 2);
    default:
      return sweep.in(-3000, 3000);
  }
}

std::int32_t random_raw(Sweep& sweep) {
  return static_cast<std::int32_t>(chance(sweep, 40) ? sweep.signed_value(kRawLimit) : sweep.in(-3000, 3000));
}

bool has_partner(const Command& c) {
  const bool sums = (c.opcode() == Opcode::TILE || c.opcode() == Opcode::AFFINE) && c.get(Field::SUMS) != 0;
  return sums && c.get(Field::REDUCE_KIND) == static_cast<std::uint32_t>(ReduceKind::CROSS);
}

/// The operands of one execution in VIN.
class Filler {
 public:
  Filler(const Execution& e, const Hardware& hw, Pair& pair) : e_(e), hw_(hw), pair_(pair) {}

  template <class Make>
  void input(std::int64_t k, const Make& make) {
    const Command& c = e_.command;
    const std::int64_t first = c.get(Field::VIN_BASE) + (2 * k + e_.parity0()) * c.get(Field::VIN_STRIDE);
    fill(first, groups(c, hw_) * c.get(Field::ROWS), make);
  }
  template <class Make>
  void vector(std::int64_t full, std::int64_t k, const Make& make) {
    const Command& c = e_.command;
    const std::int64_t row = groups(c, hw_);
    fill(c.get(Field::VIN_BASE) + 2 * full * c.get(Field::VIN_STRIDE) + (2 * k + e_.parity0()) * row, row, make);
  }

 private:
  template <class Make>
  void fill(std::int64_t word, std::int64_t words, const Make& make) {
    for (std::int64_t i = word * lanes(hw_); i < (word + words) * lanes(hw_); ++i) {
      pair_.set_vin(static_cast<std::size_t>(i), static_cast<std::int32_t>(make()));
    }
  }
  const Execution& e_;
  const Hardware& hw_;
  Pair& pair_;
};

}  // namespace

Needs needs_of(const Command& c) {
  const auto on = [&](Flag flag) { return c.flag(flag) ? 1 : 0; };
  const std::int64_t raw_and_mask = on(Flag::RAW_OUT) + on(Flag::MASK_OUT);
  const std::int64_t partner = has_partner(c) ? 1 : 0;
  switch (c.opcode()) {
    case Opcode::TILE: {
      const bool group = c.get(Field::QUANTIZER) == static_cast<std::uint32_t>(QuantizerKind::GROUP);
      return {on(Flag::FROM_VIN) + on(Flag::MASK_IN) + partner, group ? 2 : 0, raw_and_mask + on(Flag::CODES_OUT)};
    }
    case Opcode::AFFINE:
      return {1 + on(Flag::V_IN) + on(Flag::MASK_IN) + partner,
              on(Flag::A_VECTOR) + on(Flag::B_VECTOR) + on(Flag::C_VECTOR), raw_and_mask};
    case Opcode::UPDATE:
      if (!c.flag(Flag::LWQ)) return {3, 0, 2};
      return {4 - on(Flag::MASTER32) - on(Flag::FROM_VIN), 0, 3 - on(Flag::FROM_VIN)};
    case Opcode::ADAM:
      return {3 - on(Flag::CODES_OUT) * on(Flag::LWQ), 4, 2 + on(Flag::CODES_OUT)};
    case Opcode::POOL:
      return {3, 0, 3};
    default:
      return {1 + on(Flag::V_IN), 0, 1};
  }
}

std::uint32_t random_real(Sweep& sweep) {
  if (chance(sweep, 10)) return 0;
  const auto s = static_cast<int>(chance(sweep, 80) ? sweep.in(8, 40) : sweep.in(-128, 127));
  return make_real(chance(sweep, 40), static_cast<std::uint32_t>(sweep.mantissa()), s).word();
}

void fill(const Execution& e, Sweep& sweep, const Hardware& hw, Pair& pair) {
  const Command& c = e.command;
  const Needs needs = needs_of(c);
  Filler filler(e, hw, pair);
  const auto raw = [&] { return random_raw(sweep); };
  const auto real = [&] { return random_real(sweep); };
  const bool packed = (c.opcode() == Opcode::TILE || c.opcode() == Opcode::AFFINE) && c.get(Field::MASK_PACKED) != 0;
  const auto bit = [&]() -> std::int64_t {  // any value but 0 lets pass
    if (packed) return static_cast<std::int64_t>(sweep.bits());
    return chance(sweep, 50) ? 0 : random_raw(sweep);
  };
  const std::int64_t partner = has_partner(c) ? 1 : 0;
  for (std::int64_t k = 0; k < needs.full; ++k) filler.input(k, raw);
  if (partner != 0) filler.input(needs.full - 1, [&] { return sweep.signed_value(kRaw16Limit); });
  if (c.opcode() == Opcode::TILE) {
    for (std::size_t i = 0; i < pair.reference().memories.acc.size(); ++i) pair.set_acc(i, random_acc(sweep));
    if (c.flag(Flag::MASK_IN)) filler.input(needs.full - 1 - partner, bit);
    if (needs.vectors != 0) filler.vector(needs.full, 0, real);
    if (needs.vectors != 0) filler.vector(needs.full, 1, raw);
  } else if (c.opcode() == Opcode::AFFINE) {
    if (c.flag(Flag::MASK_IN)) filler.input(needs.full - 1 - partner, bit);
    std::int64_t k = 0;
    if (c.flag(Flag::A_VECTOR)) filler.vector(needs.full, k++, real);
    if (c.flag(Flag::B_VECTOR)) filler.vector(needs.full, k++, real);
    if (c.flag(Flag::C_VECTOR)) filler.vector(needs.full, k, raw);
  } else if (c.opcode() == Opcode::UPDATE && c.flag(Flag::LWQ)) {
    const std::int64_t qmax = c.get(Field::QMAX);
    const bool whole = c.flag(Flag::MASTER32);
    filler.input(1, [&] { return sweep.signed_value(whole ? qmax * 65536 + 32767 : qmax); });
    if (!whole) filler.input(2, [&] { return sweep.in(-8, 7); });
    if (!c.flag(Flag::FROM_VIN)) filler.input(whole ? 2 : 3, [&] { return sweep.signed_value(127); });
  } else if (c.opcode() == Opcode::UPDATE) {
    const std::int64_t limit = c.flag(Flag::MASTER32) ? kBiasLimit : kMasterLimit;
    filler.input(1, [&] { return sweep.signed_value(limit); });
    filler.input(2, [&] { return sweep.signed_value(kMomentumLimit); });
  } else if (c.opcode() == Opcode::ADAM) {
    const bool codes = c.flag(Flag::CODES_OUT);
    const auto root = [&] { return sweep.magnitude(kRawLimit); };
    const auto constant = [&] { return codes ? 1 + sweep.magnitude((1 << 30) - 1) : sweep.magnitude(1 << 30); };
    filler.input(1, [&] { return codes ? root() : sweep.in(-127, 127); });
    if (needs.full > 2)
      filler.input(2, [&] {
        return codes ? sweep.signed_value(c.flag(Flag::MASTER32) ? kBiasLimit : kMasterLimit) : sweep.in(0, 255);
      });
    for (std::int64_t k = 0; k < 4; ++k) filler.vector(needs.full, k, real);
    filler.vector(needs.full, codes ? 0 : 3, constant);
    if (codes) filler.vector(needs.full, 3, root);
  } else if (c.opcode() == Opcode::POOL) {
    const bool backward = c.get(Field::POOL_OP) == static_cast<std::uint32_t>(PoolOp::MAX_BACKWARD);
    if (backward) {
      const std::int64_t code = (c.get(Field::CODE0) + e.i1 * c.get(Field::CODE1) + e.i2 * c.get(Field::CODE2)) & 255;
      filler.input(1, [&] { return chance(sweep, 50) ? code : sweep.in(0, 255); });
    }
    if (c.flag(Flag::MASK_IN)) filler.input(backward ? 2 : 1, bit);
  } else if (c.get(Field::REDUCE_KIND) != static_cast<std::uint32_t>(ReduceKind::RANGE)) {
    // Within what the shifts bring to 2^15 (N13.1).
    const Reference& reference = pair.reference();
    const auto limit = [&](Field field) {
      return std::min<std::int64_t>(kRawLimit, (std::int64_t{1} << (15 + reference.table.at(c.get(field)))) - 1);
    };
    filler.input(0, [&] { return sweep.signed_value(limit(Field::RATIO)); });
    if (needs.full > 1) filler.input(1, [&] { return sweep.signed_value(limit(Field::LIMIT)); });
  }
}

}  // namespace bitloom::testing
