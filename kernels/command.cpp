#include "kernels/command.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "model/io/error.hpp"

namespace bitloom {

namespace {

#define BITLOOM_INFO(name, word, lsb, width) FieldInfo{#name, word, lsb, width},
constexpr auto kFields =
    std::to_array<FieldInfo>({BITLOOM_COMMON_FIELDS(BITLOOM_INFO) BITLOOM_SPECIAL_FIELDS(BITLOOM_INFO)});
#undef BITLOOM_INFO

constexpr auto kAllFields = [] {
  std::array<Field, kFields.size()> all{};
  for (std::size_t i = 0; i < all.size(); ++i) all[i] = static_cast<Field>(i);
  return all;
}();

using F = Field;
using FieldList = std::vector<Field>;

FieldList joined(FieldList a, const FieldList& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

const FieldList kEnd{F::OPCODE, F::INDEX, F::N0, F::N1, F::N2};
const FieldList kQueued{F::OPCODE, F::GROUP, F::INDEX, F::N0,      F::N1,      F::N2,     F::EXEC_LEVEL,
                        F::WAIT0,  F::WAIT1, F::WAIT2, F::SIGNAL0, F::SIGNAL1, F::SIGNAL2};
const FieldList kTileShape =
    joined(kQueued, {F::ROWS, F::ROWS_LAST, F::COLS, F::COLS_LAST, F::ROWS_DIM, F::COLS_DIM, F::COL_BASE, F::PARITY0});
const FieldList kStore =
    joined(kTileShape, {F::BATCH_BASE, F::ADDR, F::STRIDE0, F::STRIDE1, F::STRIDE2, F::PITCH, F::SHAPED, F::SHAPE,
                        F::MEMORY_BITS, F::LOCAL_BASE, F::LOCAL_STRIDE, F::LOCAL_PITCH, F::ADDR_HIGH});
const FieldList kLoad =
    joined(kStore, {F::TARGET, F::TRANSPOSE, F::TAP_LOOP, F::PAD_MIN, F::LOCAL_BITS, F::EXPAND, F::LINES});
const FieldList kShape =
    joined(kQueued, {F::EXTENT_X, F::EXTENT_Y, F::LIMIT_X, F::LIMIT_Y, F::OFFSET_X, F::OFFSET_Y, F::SCALE_X, F::SCALE_Y,
                     F::TAP_X, F::TAP_Y, F::SLOT, F::LINE_PITCH, F::IMAGE_PITCH, F::PIXEL_PITCH, F::SEGMENT, F::TAPS_X,
                     F::TAPS_Y, F::SEGMENT_BASE});
const FieldList kGemm = joined(kQueued, {F::COLS, F::COLS_LAST, F::COLS_DIM, F::PARITY0, F::PARITY1, F::B_STEP, F::MODE,
                                         F::A_KIND, F::B_KIND, F::A_STEP, F::B_LOOP, F::SUM_LOOP});
/// The fields that every vector command over tiles has.
const FieldList kVector = joined(kTileShape, {F::RATIO, F::STAT, F::VIN_BASE, F::VIN_STRIDE});
const FieldList kTile =
    joined(kVector, {F::LIMIT,     F::QMAX,    F::QUANTIZER, F::UNSIGNED,   F::MASK_RULE, F::COEF_SCALAR,
                     F::ROW_STEP0, F::FLAGS,   F::ROUNDING,  F::RAW16,      F::RAW_SHIFT, F::STAT_SLOT,
                     F::STAT_KEEP, F::ACC_ALL, F::USE,       F::SAMPLE,     F::TENSOR,    F::REDUCE_KIND,
                     F::AXIS_ALL,  F::SUMS,    F::SUMS_KEEP, F::MASK_PACKED});
const FieldList kAffine =
    joined(kVector, {F::LIMIT, F::ADDEND, F::COEF_SCALAR, F::ROW_STEP0, F::FLAGS, F::RAW16, F::STAT_SLOT, F::STAT_KEEP,
                     F::REDUCE_KIND, F::AXIS_ALL, F::SUMS, F::SUMS_KEEP, F::MASK_PACKED});
const FieldList kReduce = joined(kVector, {F::LIMIT, F::REDUCE_KIND, F::AXIS_ALL, F::FLAGS, F::SUMS});
const FieldList kPool = joined(
    kVector, {F::POOL_OP, F::CODE0, F::CODE1, F::CODE2, F::FLAGS, F::RAW16, F::RAW_SHIFT, F::STAT_SLOT, F::STAT_KEEP});
const FieldList kUpdate =
    joined(kVector, {F::LIMIT, F::MU16, F::QMAX, F::ADDEND, F::RATIO_W, F::ROW_STEP0, F::FLAGS, F::SAMPLE, F::TENSOR});
const FieldList kAdam =
    joined(kVector, {F::MU16, F::QMAX, F::COEF_SCALAR, F::ROW_STEP0, F::FLAGS, F::SAMPLE, F::TENSOR});
const FieldList kScalar =
    joined(kQueued, {F::COLS, F::SRC_N, F::IMMEDIATE, F::QMAX, F::TABLE_PITCH, F::VECTOR_A, F::VECTOR_B, F::VECTOR_C,
                     F::SCALAR_OP, F::SCALAR_KEEP, F::DST, F::SRC_A, F::SRC_B, F::SRC_C});
const FieldList kTable = joined(kTileShape, {F::TABLE_PITCH, F::DST, F::VIN_BASE, F::VIN_STRIDE});

constexpr std::uint32_t mask_of(int width) { return width == 32 ? 0xFFFFFFFFu : (std::uint32_t{1} << width) - 1; }

constexpr Field next(Field field, int count) { return static_cast<Field>(static_cast<int>(field) + count); }

constexpr std::string_view kQueueLetters = "LAVS";

bool is_token(Field field) { return field >= F::WAIT0 && field <= F::SIGNAL2; }

constexpr auto kSignedFields = std::to_array<Field>({F::STRIDE0, F::STRIDE1, F::STRIDE2, F::OFFSET_X, F::OFFSET_Y,
                                                     F::TAP_X, F::TAP_Y, F::CODE0, F::CODE1, F::CODE2, F::IMMEDIATE});

bool is_signed(Field field) {
  return std::find(kSignedFields.begin(), kSignedFields.end(), field) != kSignedFields.end();
}

/// Strides are added to 64-bit addresses with their sign.
bool is_stride(Field field) { return field == F::STRIDE0 || field == F::STRIDE1 || field == F::STRIDE2; }

/// QMAX and TABLE_PITCH of SCALAR are the same bits: only MAX_TO_SCALE means QMAX.
bool is_other_meaning(const Command& command, Field field) {
  if (command.opcode() != Opcode::SCALAR) return false;
  const bool scale = command.get(F::SCALAR_OP) == static_cast<std::uint32_t>(ScalarOp::MAX_TO_SCALE);
  return field == (scale ? F::TABLE_PITCH : F::QMAX);
}

Token token_of(std::uint32_t bits) { return {static_cast<int>(bits & 31u), static_cast<int>(bits >> 5 & 3u)}; }

}  // namespace

Width width_of(int bits) {
  for (const Width width : {Width::BITS1, Width::BITS4, Width::BITS8, Width::BITS16, Width::BITS32}) {
    if (bits_of(width) == bits) return width;
  }
  throw Error(fmt::format("command: expected elements of 1, 4, 8, 16 or 32 bits, got {}", bits));
}

const FieldInfo& field_info(Field field) { return kFields.at(static_cast<std::size_t>(field)); }

std::span<const Field> all_fields() { return kAllFields; }

std::span<const Field> fields_of(Opcode opcode) {
  switch (opcode) {
    case Opcode::END:
      return kEnd;
    case Opcode::LOAD_NOP:
    case Opcode::ARRAY_NOP:
    case Opcode::VECTOR_NOP:
    case Opcode::STORE_NOP:
      return kQueued;
    case Opcode::LOAD:
      return kLoad;
    case Opcode::STORE:
      return kStore;
    case Opcode::LOAD_SHAPE:
    case Opcode::STORE_SHAPE:
      return kShape;
    case Opcode::AFFINE:
      return kAffine;
    case Opcode::REDUCE:
      return kReduce;
    case Opcode::POOL:
      return kPool;
    case Opcode::GEMM:
      return kGemm;
    case Opcode::TILE:
      return kTile;
    case Opcode::UPDATE:
      return kUpdate;
    case Opcode::ADAM:
      return kAdam;
    case Opcode::LOSS:
      return kVector;
    case Opcode::SCALAR:
      return kScalar;
    case Opcode::TABLE_LOAD:
    case Opcode::TABLE_STORE:
      return kTable;
  }
  throw Error(fmt::format("command: 0x{:02x} is not an opcode", static_cast<unsigned>(opcode)));
}

std::string_view opcode_name(Opcode opcode) {
#define BITLOOM_CASE(name, value) \
  case Opcode::name:              \
    return #name;
  switch (opcode) { BITLOOM_OPCODES(BITLOOM_CASE) }
#undef BITLOOM_CASE
  throw Error(fmt::format("command: 0x{:02x} is not an opcode", static_cast<unsigned>(opcode)));
}

int queue_of(Opcode opcode) { return opcode == Opcode::END ? -1 : static_cast<int>(opcode) >> 6; }

Token make_token(int from, int to, int channel, int level) {
  const auto is_queue = [](int queue) { return queue >= 0 && queue < kQueues; };
  if (!is_queue(from) || !is_queue(to) || channel < 0 || channel > 1 || level < 0 || level > 3) {
    throw Error(
        fmt::format("token: expected queues 0..3, channel 0..1, level 0..3, got from {} to {} channel {} level {}",
                    from, to, channel, level));
  }
  return {from * 8 + to * 2 + channel, level};
}

std::string token_text(Token token) {
  const auto letter = [](int queue) { return kQueueLetters[static_cast<std::size_t>(queue & 3)]; };
  std::string text = fmt::format("{}>{}{}", letter(token.id >> 3), letter(token.id >> 1), token.id & 1);
  return token.level == 0 ? text : fmt::format("{}@{}", text, token.level);
}

Command::Command(Opcode opcode) {
  words_[0] = static_cast<std::uint32_t>(opcode);
  set(Field::N0, 1).set(Field::N1, 1).set(Field::N2, 1);
}

Command Command::from_words(const std::array<std::uint32_t, kCommandWords>& words) {
  Command command;
  command.words_ = words;
  return command;
}

std::uint32_t Command::get(Field field) const {
  const FieldInfo& info = field_info(field);
  return words_[static_cast<std::size_t>(info.word)] >> info.lsb & mask_of(info.width);
}

std::int32_t Command::get_signed(Field field) const {
  const int unused = 32 - field_info(field).width;
  return static_cast<std::int32_t>(get(field) << unused) >> unused;
}

Command& Command::set(Field field, std::int64_t value) {
  const FieldInfo& info = field_info(field);
  const std::span<const Field> known = fields_of(opcode());
  if (std::find(known.begin(), known.end(), field) == known.end()) {
    throw Error(fmt::format("command {}: it has no field {}", opcode_name(opcode()), info.name));
  }
  const bool negative = info.width == 32 || is_signed(field);
  const std::int64_t min = negative ? -(std::int64_t{1} << (info.width - 1)) : 0;
  const std::int64_t max = is_stride(field) ? INT32_MAX : std::int64_t{mask_of(info.width)};
  if (value < min || value > max) {
    throw Error(
        fmt::format("command {}: field {} takes {}..{}, got {}", opcode_name(opcode()), info.name, min, max, value));
  }
  std::uint32_t& word = words_[static_cast<std::size_t>(info.word)];
  word = (word & ~(mask_of(info.width) << info.lsb)) | (static_cast<std::uint32_t>(value) & mask_of(info.width))
                                                           << info.lsb;
  return *this;
}

Command& Command::set_address(std::uint64_t address) {
  return set(Field::ADDR, static_cast<std::uint32_t>(address))
      .set(Field::ADDR_HIGH, static_cast<std::uint32_t>(address >> 32));
}

std::uint64_t Command::address() const { return std::uint64_t{get(Field::ADDR_HIGH)} << 32 | get(Field::ADDR); }

Command& Command::set_flag(Flag flag) { return set(Field::FLAGS, get(Field::FLAGS) | 1u << static_cast<int>(flag)); }

Command& Command::add_token(Field first, Token token) {
  for (int i = 0; i < 3; ++i) {
    if (get(next(first, i)) == 0) return set(next(first, i), token_bits(token));
  }
  throw Error(fmt::format("command {}: more than three tokens ({})", opcode_name(opcode()), token_text(token)));
}

std::vector<Token> Command::tokens(Field first) const {
  std::vector<Token> result;
  for (int i = 0; i < 3; ++i) {
    const std::uint32_t bits = get(next(first, i));
    if ((bits >> 7) != 0) result.push_back(token_of(bits));
  }
  return result;
}

Command& Command::wait(Token token) { return add_token(Field::WAIT0, token); }
Command& Command::signal(Token token) { return add_token(Field::SIGNAL0, token); }
std::vector<Token> Command::waits() const { return tokens(Field::WAIT0); }
std::vector<Token> Command::signals() const { return tokens(Field::SIGNAL0); }

std::array<std::uint8_t, kCommandBytes> encode(const Command& command) {
  std::array<std::uint8_t, kCommandBytes> bytes{};
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    bytes[i] = static_cast<std::uint8_t>(command.words()[i / 4] >> (8 * (i % 4)) & 0xFFu);
  }
  return bytes;
}

Command decode(std::span<const std::uint8_t, kCommandBytes> bytes) {
  std::array<std::uint32_t, kCommandWords> words{};
  for (std::size_t i = 0; i < bytes.size(); ++i) words[i / 4] |= std::uint32_t{bytes[i]} << (8 * (i % 4));
  const Command command = Command::from_words(words);
  std::array<std::uint32_t, kCommandWords> known{};
  for (const Field field : fields_of(command.opcode())) {
    const FieldInfo& info = field_info(field);
    known[static_cast<std::size_t>(info.word)] |= mask_of(info.width) << info.lsb;
  }
  for (std::size_t i = 0; i < words.size(); ++i) {
    if ((words[i] & ~known[i]) != 0) {
      throw Error(fmt::format("command {}: word {} = 0x{:08x} has bits outside its fields",
                              opcode_name(command.opcode()), i, words[i]));
    }
  }
  return command;
}

std::string disassemble(const Command& command) {
  std::string text(opcode_name(command.opcode()));
  for (const Field field : fields_of(command.opcode())) {
    const std::uint32_t value = command.get(field);
    const bool count = field == F::N0 || field == F::N1 || field == F::N2;
    if (field == F::OPCODE || value == (count ? 1u : 0u) || is_other_meaning(command, field)) continue;
    const std::string_view name = field_info(field).name;
    if (is_token(field)) {
      text += fmt::format(" {}={}", name, token_text(token_of(value)));
    } else if (is_signed(field)) {
      text += fmt::format(" {}={}", name, command.get_signed(field));
    } else {
      text += fmt::format(" {}={}", name, value);
    }
  }
  return text;
}

}  // namespace bitloom
