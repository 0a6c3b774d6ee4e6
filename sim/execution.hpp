#pragma once
#include <array>
#include <cstdint>

#include "kernels/command_set.hpp"

namespace bitloom {

/// A WAIT or SIGNAL field (docs/commands.md, Loop groups).
struct TokenField {
  bool valid = false;
  std::uint8_t id = 0;
  std::uint8_t level = 0;
};

/// A command as the model uses it: every field of kernels/command_set.hpp in a native integer.
struct Instruction {
  std::uint32_t position = 0;  ///< in the program
  std::uint32_t like = 0;      ///< of a LOAD or LOAD_SHAPE: position of the first one whose executions take as long
  std::uint32_t phase = 0;     ///< index of the program's layer and phase
  std::uint32_t segment = 0;   ///< number of the run of commands of one layer and phase that it belongs to
  int queue = 0;
#define BITLOOM_MEMBER(name, word, lsb, width) std::uint32_t name = 0;
  BITLOOM_COMMON_FIELDS(BITLOOM_MEMBER)
  BITLOOM_SPECIAL_FIELDS(BITLOOM_MEMBER)
#undef BITLOOM_MEMBER
  std::array<TokenField, 3> waits;
  std::array<TokenField, 3> signals;
};

/// One iteration of a command in its loop group.
struct Execution {
  const Instruction* command = nullptr;
  std::array<std::uint32_t, 3> index{};
  std::array<std::uint32_t, 3> counts{};  ///< loop counts of its group
  std::uint64_t address = 0;              ///< LOAD, STORE: effective, with the BASE or BATCH register
  std::uint32_t rows = 0;                 ///< effective
  std::uint32_t cols = 0;                 ///< effective
  std::uint32_t row0 = 0;
  std::uint32_t col0 = 0;
  std::uint32_t parity0 = 0;        ///< of level PARITY0
  std::uint32_t parity1 = 0;        ///< of level PARITY1
  std::uint32_t parity_level0 = 0;  ///< of level 0, and
  std::uint32_t parity_level1 = 0;  ///< of level 1 (GEMM's tiles of accumulators)
  bool first = false;               ///< of this command
  bool last = false;                ///< of this command
};

/// Decodes the sixteen words of a command into native integers; position, phase and segment stay 0.
Instruction decode_instruction(const std::array<std::uint32_t, kCommandWords>& words);

/// The loop nest of one group: for each i0, i1, i2, for each command whose EXEC_LEVEL allows.
class LoopGroup {
 public:
  /// Starts the group whose first command is `commands[0]`; `count` = its GROUP + 1 commands follow each other.
  void start(const Instruction* commands, std::uint32_t count, std::uint64_t base, std::uint64_t batch);

  /// Says whether the current command executes in the current iteration. Else step over it with advance().
  bool executes() const;
  /// Returns the current iteration of the current command.
  Execution execution() const;
  /// Does a token field of the current execution apply: at the first index for waits, at the last for signals?
  bool waits(const TokenField& field) const { return field.valid && at_first(field.level); }
  bool signals(const TokenField& field) const { return field.valid && at_last(field.level); }
  /// Goes to the next command or iteration; false after the last.
  bool advance();

  const Instruction& command() const { return commands_[current_]; }

 private:
  bool at_first(std::uint32_t level) const { return first_[level]; }
  bool at_last(std::uint32_t level) const { return last_[level]; }
  std::uint32_t parity(std::uint32_t level) const;
  void locate();

  const Instruction* commands_ = nullptr;
  std::uint32_t count_ = 0, current_ = 0;
  std::uint64_t base_ = 0, batch_ = 0;
  std::array<std::uint32_t, 3> limit_{1, 1, 1};
  std::array<std::uint32_t, 3> index_{};
  std::array<bool, 4> first_{}, last_{};  ///< by level
};

}  // namespace bitloom
