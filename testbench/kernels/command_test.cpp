#include "kernels/command.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <set>

#include "model/io/error.hpp"

namespace bitloom {
namespace {

#define BITLOOM_EACH(name, value) Opcode::name,
const std::vector<Opcode> kOpcodes{BITLOOM_OPCODES(BITLOOM_EACH)};
#undef BITLOOM_EACH

std::string error_of(const std::function<void()>& call) {
  try {
    call();
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

TEST(Command, FieldsOfAnOpcodeShareNoBit) {
  for (const Opcode opcode : kOpcodes) {
    std::set<int> bits;
    std::size_t count = 0;
    for (const Field field : fields_of(opcode)) {
      if (opcode == Opcode::SCALAR && field == Field::QMAX) continue;  // is TABLE_PITCH's bits
      const FieldInfo& info = field_info(field);
      ASSERT_GE(info.lsb, 0);
      ASSERT_LE(info.lsb + info.width, 32) << info.name;
      ASSERT_LT(info.word, kCommandWords) << info.name;
      for (int bit = 0; bit < info.width; ++bit) bits.insert(info.word * 32 + info.lsb + bit);
      count += static_cast<std::size_t>(info.width);
    }
    EXPECT_EQ(bits.size(), count) << opcode_name(opcode);
  }
}

TEST(Command, EveryFieldIsUsedBySomeOpcode) {
  std::set<Field> used;
  for (const Opcode opcode : kOpcodes) used.insert(fields_of(opcode).begin(), fields_of(opcode).end());
  EXPECT_EQ(used.size(), all_fields().size());
}

bool is_stride(Field field) { return field == Field::STRIDE0 || field == Field::STRIDE1 || field == Field::STRIDE2; }

/// Each field alone: its smallest, largest and walking-bit values come back through bytes and touch nothing else.
TEST(Command, EveryFieldRoundTripsThroughBytes) {
  for (const Opcode opcode : kOpcodes) {
    for (const Field field : fields_of(opcode)) {
      if (field == Field::OPCODE) continue;
      const int width = field_info(field).width;
      const int bits = is_stride(field) ? width - 1 : width;  // they have a sign
      std::vector<std::uint64_t> values{0, (std::uint64_t{1} << bits) - 1};
      for (int bit = 0; bit < bits; ++bit) values.push_back(std::uint64_t{1} << bit);
      for (const std::uint64_t value : values) {
        Command command(opcode);
        command.set(field, static_cast<std::int64_t>(value));
        const Command back = decode(encode(command));
        EXPECT_EQ(back, command);
        for (const Field other : fields_of(opcode)) {
          const bool shared = (field == Field::QMAX && other == Field::TABLE_PITCH) ||
                              (field == Field::TABLE_PITCH && other == Field::QMAX);
          if (opcode == Opcode::SCALAR && shared) continue;
          EXPECT_EQ(back.get(other), other == field ? value : Command(opcode).get(other));
        }
      }
    }
  }
}

TEST(Command, BytesAreThoseOfTheDocument) {
  Command command(Opcode::GEMM);
  command.set(Field::INDEX, 0x12ABCD).set(Field::N1, 0x12345678).set(Field::B_STEP, 0x55AA);
  command.wait(make_token(kLoadQueue, kArrayQueue, 1, 2));
  const auto bytes = encode(command);
  EXPECT_EQ(bytes[0], 0x41);  // word 0, opcode
  EXPECT_EQ(bytes[1], 0xCD);  // word 0, bits 31..8
  EXPECT_EQ(bytes[2], 0xAB);
  EXPECT_EQ(bytes[3], 0x12);
  EXPECT_EQ(bytes[4], 0x78);  // word 1
  EXPECT_EQ(bytes[5], 0x56);
  EXPECT_EQ(bytes[6], 0x34);
  EXPECT_EQ(bytes[7], 0x12);
  EXPECT_EQ(bytes[12], 0x80 | 2 << 5 | (0 * 8 + 1 * 2 + 1));  // word 3: valid, level 2, id
  EXPECT_EQ(bytes[52], 0xAA);                                 // word 13
  EXPECT_EQ(bytes[53], 0x55);
}

TEST(Command, QueuesFollowFromOpcodes) {
  EXPECT_EQ(queue_of(Opcode::LOAD), 0);
  EXPECT_EQ(queue_of(Opcode::GEMM), 1);
  EXPECT_EQ(queue_of(Opcode::SCALAR), 2);
  EXPECT_EQ(queue_of(Opcode::STORE_NOP), 3);
  EXPECT_EQ(queue_of(Opcode::END), -1);
}

TEST(Command, RejectsWhatDoesNotFit) {
  Command load(Opcode::LOAD);
  EXPECT_THAT(error_of([&] { load.set(Field::ROWS, 65536); }), testing::HasSubstr("field ROWS takes 0..65535"));
  EXPECT_THAT(error_of([&] { load.set(Field::ROWS, -1); }), testing::HasSubstr("ROWS"));
  EXPECT_THAT(error_of([&] { load.set(Field::STRIDE1, std::int64_t{1} << 32); }), testing::HasSubstr("STRIDE1"));
  EXPECT_THAT(error_of([&] { load.set(Field::MU16, 1); }), testing::HasSubstr("LOAD: it has no field MU16"));
  load.set(Field::STRIDE1, -8);
  EXPECT_EQ(load.get_signed(Field::STRIDE1), -8);
}

TEST(Command, SignedFieldsTakeNegativeValues) {
  Command shape(Opcode::LOAD_SHAPE);
  shape.set(Field::OFFSET_X, -2).set(Field::TAP_Y, -1).set(Field::LIMIT_X, 65535);
  EXPECT_EQ(shape.get_signed(Field::OFFSET_X), -2);
  EXPECT_EQ(shape.get_signed(Field::TAP_Y), -1);
  EXPECT_EQ(shape.get(Field::TAP_Y), 0xFFu);
  EXPECT_EQ(shape.get(Field::OFFSET_Y), 0u);
  EXPECT_THAT(error_of([&] { shape.set(Field::TAP_Y, -129); }), testing::HasSubstr("TAP_Y takes -128..255"));
  EXPECT_THAT(disassemble(shape), testing::HasSubstr("OFFSET_X=-2"));
}

TEST(Command, NamesTheMeaningOfSharedBits) {
  Command scale(Opcode::SCALAR);
  scale.set(Field::SCALAR_OP, static_cast<int>(ScalarOp::MAX_TO_SCALE)).set(Field::QMAX, 7);
  EXPECT_THAT(disassemble(scale),
              testing::AllOf(testing::HasSubstr("QMAX=7"), testing::Not(testing::HasSubstr("PITCH"))));
  scale.set(Field::SCALAR_OP, static_cast<int>(ScalarOp::FROM_SUM));
  EXPECT_THAT(disassemble(scale), testing::HasSubstr("TABLE_PITCH=7"));
}

TEST(Command, RejectsForeignBytes) {
  std::array<std::uint8_t, kCommandBytes> bytes{};
  bytes[0] = 0x7F;
  EXPECT_THAT(error_of([&] { decode(bytes); }), testing::HasSubstr("0x7f is not an opcode"));
  bytes = encode(Command(Opcode::GEMM));
  bytes[60] = 1;
  EXPECT_THAT(error_of([&] { decode(bytes); }), testing::HasSubstr("word 15"));
}

TEST(Command, HoldsThreeTokensEachWay) {
  Command command(Opcode::TILE);
  for (int level = 0; level < 3; ++level) {
    command.wait(make_token(kArrayQueue, kVectorQueue, 0, level));
    command.signal(make_token(kVectorQueue, kStoreQueue, 1, level));
  }
  EXPECT_EQ(command.waits()[2], (Token{1 * 8 + 2 * 2, 2}));
  EXPECT_EQ(command.signals()[1], (Token{2 * 8 + 3 * 2 + 1, 1}));
  EXPECT_THAT(error_of([&] { command.wait(make_token(0, 2, 0)); }), testing::HasSubstr("more than three tokens"));
  EXPECT_NE(error_of([] { make_token(0, 4, 0); }), "");
  EXPECT_NE(error_of([] { make_token(0, 1, 2); }), "");
  EXPECT_NE(error_of([] { make_token(0, 1, 0, 4); }), "");
}

TEST(Command, DisassemblesToOneLine) {
  Command command(Opcode::LOAD);
  command.set(Field::INDEX, 7).set(Field::N1, 5).set(Field::STRIDE0, -64);
  command.wait(make_token(kArrayQueue, kLoadQueue, 0)).signal(make_token(kLoadQueue, kArrayQueue, 0, 2));
  EXPECT_EQ(disassemble(command), "LOAD INDEX=7 N1=5 WAIT0=A>L0 SIGNAL0=L>A0@2 STRIDE0=-64");
}

}  // namespace
}  // namespace bitloom
