#include "kernels/command.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "model/error.hpp"

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
    joined(kQueued, {F::ROWS, F::ROWS_LAST, F::COLS, F::COLS_LAST, F::ROWS_DIM, F::COLS_DIM, F::PARITY0});
const FieldList kTransfer = joined(kTileShape, {F::BATCH_BASE, F::ADDR, F::STRIDE0, F::STRIDE1, F::STRIDE2, F::PITCH,
                                                F::TARGET, F::LOCAL_BASE, F::LOCAL_STRIDE, F::LOCAL_PITCH});
const FieldList kGemm =
    joined(kQueued, {F::COLS, F::COLS_LAST, F::COLS_DIM, F::PARITY0, F::PARITY1, F::BITS4, F::B_STEP});
const FieldList kTile = joined(kTileShape, {F::BITS4, F::FLAGS, F::ROUNDING, F::RATIO, F::STAT, F::USE, F::SAMPLE,
                                            F::TENSOR, F::VIN_BASE, F::VIN_STRIDE});
const FieldList kUpdate = joined(
    kTileShape, {F::RATIO_W, F::MU16, F::FLAGS, F::RATIO, F::STAT, F::SAMPLE, F::TENSOR, F::VIN_BASE, F::VIN_STRIDE});
const FieldList kLoss = joined(kTileShape, {F::RATIO, F::STAT, F::VIN_BASE, F::VIN_STRIDE});
const FieldList kScalar =
    joined(kQueued, {F::SCALAR_OP, F::SCALAR_KEEP, F::DST, F::SRC_A, F::SRC_B, F::SRC_KEEP, F::QMAX});
const FieldList kTableLoad = joined(kQueued, {F::COLS, F::COLS_LAST, F::COLS_DIM, F::DST, F::VIN_BASE});
const FieldList kTableStore = joined(kQueued, {F::COLS, F::COLS_LAST, F::COLS_DIM, F::DST});

constexpr std::uint32_t mask_of(int width) { return width == 32 ? 0xFFFFFFFFu : (std::uint32_t{1} << width) - 1; }

constexpr Field next(Field field, int count) { return static_cast<Field>(static_cast<int>(field) + count); }

constexpr std::string_view kQueueLetters = "LAVS";

bool is_token(Field field) { return field >= F::WAIT0 && field <= F::SIGNAL2; }

bool is_signed(Field field) { return field == F::STRIDE0 || field == F::STRIDE1 || field == F::STRIDE2; }

Token token_of(std::uint32_t bits) { return {static_cast<int>(bits & 31u), static_cast<int>(bits >> 5 & 3u)}; }

}  // namespace

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
    case Opcode::STORE:
      return kTransfer;
    case Opcode::GEMM:
      return kGemm;
    case Opcode::TILE:
      return kTile;
    case Opcode::UPDATE:
      return kUpdate;
    case Opcode::LOSS:
      return kLoss;
    case Opcode::SCALAR:
      return kScalar;
    case Opcode::TABLE_LOAD:
      return kTableLoad;
    case Opcode::TABLE_STORE:
      return kTableStore;
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

Command& Command::set(Field field, std::int64_t value) {
  const FieldInfo& info = field_info(field);
  const std::span<const Field> known = fields_of(opcode());
  if (std::find(known.begin(), known.end(), field) == known.end()) {
    throw Error(fmt::format("command {}: it has no field {}", opcode_name(opcode()), info.name));
  }
  const std::int64_t min = info.width == 32 ? -(std::int64_t{1} << 31) : 0;
  if (value < min || value > std::int64_t{mask_of(info.width)}) {
    throw Error(fmt::format("command {}: field {} takes {}..{}, got {}", opcode_name(opcode()), info.name, min,
                            mask_of(info.width), value));
  }
  std::uint32_t& word = words_[static_cast<std::size_t>(info.word)];
  word = (word & ~(mask_of(info.width) << info.lsb)) | static_cast<std::uint32_t>(value) << info.lsb;
  return *this;
}

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
    if (field == F::OPCODE || value == (count ? 1u : 0u)) continue;
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
