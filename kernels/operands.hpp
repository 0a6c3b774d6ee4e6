#pragma once
#include <array>
#include <cstdint>
#include <string_view>

#include "kernels/command.hpp"

namespace bitloom {

// X(name): what a section of VIN or VOUT holds, in the words of docs/commands.md.
#define BITLOOM_PARTS(X) \
  X(data)                \
  X(mask)                \
  X(ratio)               \
  X(low)                 \
  X(raw)                 \
  X(codes)               \
  X(u)                   \
  X(v)                   \
  X(row_value)           \
  X(a)                   \
  X(b)                   \
  X(c)                   \
  X(partner)             \
  X(sums)                \
  X(winner)              \
  X(value)               \
  X(gradient)            \
  X(master)              \
  X(momentum)            \
  X(weight)              \
  X(residual)            \
  X(latent)              \
  X(step)                \
  X(m_code)              \
  X(r_code)              \
  X(m_raw)               \
  X(r_raw)               \
  X(m_factor)            \
  X(r_factor)            \
  X(gradient_factor)     \
  X(r_low)               \
  X(epsilon)             \
  X(logits)              \
  X(labels)              \
  X(entries)

/// What a section of VIN or VOUT holds.
enum class Part {
#define BITLOOM_PART(name) name,
  BITLOOM_PARTS(BITLOOM_PART)
#undef BITLOOM_PART
};

/// Returns its word in docs/commands.md.
std::string_view part_name(Part part);

/// A few things in their order.
template <typename T>
class Few {
 public:
  /// Adds a thing, where there is one.
  Few& add(T thing, bool there = true) {
    if (there) things_[static_cast<std::size_t>(size_++)] = thing;
    return *this;
  }
  int size() const { return size_; }
  const T* begin() const { return things_.data(); }
  const T* end() const { return things_.data() + size_; }
  /// Returns the number of a thing, −1 where there is no such one.
  int at(T thing) const {
    for (int i = 0; i < size_; ++i) {
      if (things_[static_cast<std::size_t>(i)] == thing) return i;
    }
    return -1;
  }

 private:
  std::array<T, 4> things_{};
  int size_ = 0;
};

/// The sections of one kind that a command has.
using Parts = Few<Part>;

/// Entries of the table that a command reads, from the index in a field on.
struct TableRead {
  Field field = Field::RATIO;
  int count = 1;
};

/// How many keys an element draws a random word from, and the bits of a word; 0: none.
struct Draws {
  int keys = 0;
  int bits = 0;
};

/// What a command of the vector engine over tiles reads and writes: the one description of it, by which verify() proves
/// its places, Phase checks its loads and stores, and the SystemC model finds its values, cycles and counts.
struct Operands {
  Parts inputs;          ///< full-tile inputs of VIN
  Parts last_inputs;     ///< of POOL: those after them that are read with the last tap alone
  Parts coefficients;    ///< coefficient vectors of VIN, behind the inputs
  Parts outputs;         ///< sections of VOUT
  bool at_end = false;   ///< outputs are made where i1 and i2 are at their last only
  Few<TableRead> table;  ///< scalars that it reads
  int statistics = 0;    ///< entries that it writes, from T[STAT] on
  Draws draws;
  bool reads_acc = false;   ///< the accumulators
  bool reads_bias = false;  ///< VBIAS
  bool writes_bias = false;

  /// Returns the number of full-tile sections of VIN.
  int tiles() const { return inputs.size() + last_inputs.size(); }
  /// Returns the section of VIN of an input, −1 where there is no such one.
  int input(Part part) const {
    const int early = inputs.at(part), late = last_inputs.at(part);
    return early >= 0 || late < 0 ? early : inputs.size() + late;
  }
};

/// What decides a command's operands.
struct OperandChoice {
  Opcode opcode;
  std::uint32_t flags = 0;
  QuantizerKind quantizer = QuantizerKind::UNIFORM;
  RoundingMode rounding = RoundingMode::HALF_UP;
  MaskRule mask_rule = MaskRule::POSITIVE;
  ReduceKind reduce = ReduceKind::MOMENTS;
  PoolOp pool = PoolOp::MAX;
  bool sums = false;  ///< SUMS

  bool flag(Flag of) const { return (flags >> static_cast<int>(of) & 1u) != 0; }
};

/// Returns what decides a command's operands.
OperandChoice operand_choice(const Command& command);
/// Returns the operands of a command; none of one that is not the vector engine's.
Operands operands(const OperandChoice& choice);
inline Operands operands(const Command& command) { return operands(operand_choice(command)); }

}  // namespace bitloom
