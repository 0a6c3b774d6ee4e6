#pragma once
#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "kernels/command_set.hpp"

namespace bitloom {

// The names below are those of command_set.hpp, so that C++, the package bl_pkg and the documentation agree.
#define BITLOOM_VALUE(name, value) name = value,
enum class Opcode : std::uint8_t { BITLOOM_OPCODES(BITLOOM_VALUE) };
enum class Flag { BITLOOM_FLAGS(BITLOOM_VALUE) };
enum class LoadTarget { BITLOOM_LOAD_TARGETS(BITLOOM_VALUE) };
enum class Width { BITLOOM_WIDTHS(BITLOOM_VALUE) };
enum class Expand { BITLOOM_EXPANDS(BITLOOM_VALUE) };
enum class Mode { BITLOOM_MODES(BITLOOM_VALUE) };
enum class Kind { BITLOOM_KINDS(BITLOOM_VALUE) };
enum class SumLoop { BITLOOM_SUM_LOOPS(BITLOOM_VALUE) };
enum class QuantizerKind { BITLOOM_QUANTIZERS(BITLOOM_VALUE) };
enum class MaskRule { BITLOOM_MASK_RULES(BITLOOM_VALUE) };
enum class ReduceKind { BITLOOM_REDUCE_KINDS(BITLOOM_VALUE) };
enum class PoolOp { BITLOOM_POOL_OPS(BITLOOM_VALUE) };
enum class ScalarOp { BITLOOM_SCALAR_OPS(BITLOOM_VALUE) };
enum class RoundingMode { BITLOOM_ROUNDINGS(BITLOOM_VALUE) };
enum class ErrorCode { BITLOOM_ERRORS(BITLOOM_VALUE) };
enum class Register : std::uint32_t { BITLOOM_REGISTERS(BITLOOM_VALUE) };
#undef BITLOOM_VALUE

#define BITLOOM_NAME(name, word, lsb, width) name,
enum class Field { BITLOOM_COMMON_FIELDS(BITLOOM_NAME) BITLOOM_SPECIAL_FIELDS(BITLOOM_NAME) };
#undef BITLOOM_NAME

/// Returns the bits of a MEMORY_BITS or LOCAL_BITS value, and back (1, 4, 8, 16 or 32; else throws Error).
constexpr int bits_of(Width width) {
  switch (width) {
    case Width::BITS1:
      return 1;
    case Width::BITS4:
      return 4;
    case Width::BITS8:
      return 8;
    case Width::BITS16:
      return 16;
    case Width::BITS32:
      break;
  }
  return 32;
}
Width width_of(int bits);

/// Where a field stands in a command: the 32-bit word, its lowest bit there, its width in bits.
struct FieldInfo {
  std::string_view name;
  int word;
  int lsb;
  int width;
};

/// Returns where a field stands.
const FieldInfo& field_info(Field field);
/// Returns all fields, in the order of command_set.hpp.
std::span<const Field> all_fields();
/// Returns the fields that mean something in a command of this opcode; no two of them share a bit, but SCALAR's QMAX
/// and TABLE_PITCH, of which an operation uses one. Throws Error for a byte that is no opcode.
std::span<const Field> fields_of(Opcode opcode);
/// Throws Error for a byte that is no opcode.
std::string_view opcode_name(Opcode opcode);
/// Returns the queue that runs it: 0 load, 1 array, 2 vector, 3 store. END has none and gives -1.
int queue_of(Opcode opcode);

enum Queue { kLoadQueue = 0, kArrayQueue = 1, kVectorQueue = 2, kStoreQueue = 3 };

/// A token field: queue `from` signals, queue `to` waits.
struct Token {
  int id = 0;  ///< from * 8 + to * 2 + channel
  int level = 0;
  bool operator==(const Token&) const = default;
};

/// Throws Error unless from and to are queues, channel is 0 or 1 and level 0 … 3.
Token make_token(int from, int to, int channel, int level = 0);
/// Says whether a token that the load queue takes tells it that a buffer is free, as those of the array and the vector
/// queue do. Those of the store queue tell that memory is written.
constexpr bool frees_buffer(int token_id) {
  const int from = token_id >> 3;
  return from == kArrayQueue || from == kVectorQueue;
}
/// Says whether a token that a STORE sends tells that it has read VOUT, as those to the vector queue do. The others
/// tell that memory is written.
constexpr bool frees_vout(int token_id) { return (token_id >> 1 & 3) == kVectorQueue; }
/// Names a token: "A>L0" is from array to load on channel 0; with a level above 0, "A>L0@2".
std::string token_text(Token token);
constexpr std::uint32_t token_bits(Token token) {
  return static_cast<std::uint32_t>(token.id) | static_cast<std::uint32_t>(token.level) << 5 | std::uint32_t{1} << 7;
}

/// One 64-byte command. A new one has loop counts 1 and everything else 0.
class Command {
 public:
  explicit Command(Opcode opcode);

  /// Takes sixteen words as they lie in DRAM, and checks nothing.
  static Command from_words(const std::array<std::uint32_t, kCommandWords>& words);
  const std::array<std::uint32_t, kCommandWords>& words() const { return words_; }

  Opcode opcode() const { return static_cast<Opcode>(words_[0] & 0xFFu); }
  std::uint32_t get(Field field) const;
  /// Returns the field's bits as a two's-complement number of its width.
  std::int32_t get_signed(Field field) const;
  bool flag(Flag flag) const { return (get(Field::FLAGS) >> static_cast<int>(flag) & 1u) != 0; }

  /// Throws Error when the value does not fit (signed and 32-bit fields also take negative values) or the opcode has no
  /// such field.
  Command& set(Field field, std::int64_t value);
  Command& set_flag(Flag flag);
  /// Set and return the 64-bit ADDR of a LOAD or STORE.
  Command& set_address(std::uint64_t address);
  std::uint64_t address() const;
  /// Uses the next free one of the three token fields; throws Error when all are taken.
  Command& wait(Token token);
  Command& signal(Token token);
  std::vector<Token> waits() const;
  std::vector<Token> signals() const;

  bool operator==(const Command&) const = default;

 private:
  Command() = default;
  Command& add_token(Field first, Token token);
  std::vector<Token> tokens(Field first) const;

  std::array<std::uint32_t, kCommandWords> words_{};
};

/// Encodes a command as 64 bytes, little-endian.
std::array<std::uint8_t, kCommandBytes> encode(const Command& command);
/// Throws Error for an unknown opcode and for set bits that belong to none of its fields.
Command decode(std::span<const std::uint8_t, kCommandBytes> bytes);
/// Says a command in one line: opcode, then NAME=value for each field that is not at its default (strides and addresses
/// signed).
std::string disassemble(const Command& command);

}  // namespace bitloom
