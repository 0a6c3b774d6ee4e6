// Every error stops the machine cleanly: STATUS, code and INDEX, and the machine can start again. A hang is reported
// with the state of the queues.
#include "model/io/error.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "testbench/rtl/machine_case.hpp"

namespace bitloom {
namespace {

constexpr std::uint32_t kFrom = 0x10000, kTo = 0x80000;

std::uint32_t code(ErrorCode error) { return static_cast<std::uint32_t>(error); }

/// Adds long-running work in every queue around the error, so that the stop meets machines in motion.
void add_work(MachineCase& machine) {
  const int w = machine.hardware().axi_bytes;
  machine.load_vin(kFrom, 8, w, 4 * w, 0, 4).set(Field::N2, 50);
  machine.copy(16).set(Field::N2, 50);
  machine.store_vout(kTo, 4, w - 1, 4 * w + 1, 0, 4).set(Field::N2, 50);
}

class ErrorTest : public ::testing::TestWithParam<std::string> {};

TEST_P(ErrorTest, ReadResponse) {
  MachineCase machine(GetParam());
  add_work(machine);
  machine.load_vin(kFrom + 0x8000, 8, 16, 64, 0, 64 / machine.hardware().axi_bytes).set(Field::INDEX, 777);
  machine.machine().dram().fail_reads({kFrom + 0x8000 + 128, kFrom + 0x8000 + 256});
  const RtlResult result = machine.run();
  EXPECT_EQ(result.error_code, code(ErrorCode::READ_RESPONSE));
  EXPECT_EQ(result.error_index, 777u);
}

/// A beat of one LOAD comes while the LOAD before it still fills.
TEST_P(ErrorTest, ReadResponseWhileAnotherLoadFills) {
  MachineCase machine(GetParam());
  const int lanes = machine.hardware().lanes;
  machine.load_vin(kFrom, 1, 60 * lanes, 0, 0, 0).set(Field::MEMORY_BITS, static_cast<int>(Width::BITS1));
  machine.load_vin(kFrom + 0x8000, 1, lanes, 0, 0, 0).set(Field::INDEX, 777);
  machine.machine().dram().fail_reads({kFrom + 0x8000, kFrom + 0x8001});
  const RtlResult result = machine.run();
  EXPECT_EQ(result.error_code, code(ErrorCode::READ_RESPONSE));
  EXPECT_EQ(result.error_index, 777u);
}

TEST_P(ErrorTest, ReadResponseOfACommand) {
  MachineCase machine(GetParam());
  for (int i = 0; i < 9; ++i) machine.add(Opcode::LOAD_NOP);
  machine.machine().dram().fail_reads({MachineCase::kProgram + 5 * 64, MachineCase::kProgram + 6 * 64});
  const RtlResult result = machine.run();
  EXPECT_EQ(result.error_code, code(ErrorCode::READ_RESPONSE));
  EXPECT_EQ(result.error_index, 5u);
}

TEST_P(ErrorTest, WriteResponse) {
  MachineCase machine(GetParam());
  add_work(machine);
  machine.store_vout(kTo + 0x8000, 8, 25, 100, 0, 4).set(Field::INDEX, 4321);
  machine.machine().dram().fail_writes({kTo + 0x8000 + 300, kTo + 0x8000 + 500});
  const RtlResult result = machine.run();
  EXPECT_EQ(result.error_code, code(ErrorCode::WRITE_RESPONSE));
  EXPECT_EQ(result.error_index, 4321u);
}

TEST_P(ErrorTest, TheFirstErrorStays) {
  MachineCase machine(GetParam());
  const int w = machine.hardware().axi_bytes;
  machine.store_vout(kTo, 2000, w / 4, w, 0, 0).set(Field::INDEX, 10);
  machine.load_vin(kFrom, 1, w / 4, 0, 0, 0).set(Field::INDEX, 20);
  machine.machine().dram().fail_reads({kFrom, kFrom + 1});
  machine.machine().dram().fail_writes({kTo + 1999 * static_cast<std::uint32_t>(w), kTo + 0x40000});
  const RtlResult result = machine.run();
  EXPECT_EQ(result.error_code, code(ErrorCode::READ_RESPONSE));
  EXPECT_EQ(result.error_index, 20u);
  EXPECT_EQ(result.dram.write_beats, 2000u) << "what runs comes to its end";
}

TEST_P(ErrorTest, EveryIllegalOpcode) {
  MachineCase machine(GetParam());
  add_work(machine);
  machine.add(Opcode::LOAD_NOP).set(Field::INDEX, 99);
  machine.run();
  for (int opcode = 0; opcode < 256; ++opcode) {
    bool legal = false;
    for (const Opcode each : {
#define BITLOOM_EACH(name, value) Opcode::name,
             BITLOOM_OPCODES(BITLOOM_EACH)
#undef BITLOOM_EACH
         }) {
      legal = legal || opcode == static_cast<int>(each);
    }
    if (legal) continue;
    machine.memory()[MachineCase::kProgram + 3 * 64] = static_cast<std::uint8_t>(opcode);
    const RtlResult result = machine.run_again();
    ASSERT_EQ(result.error_code, code(ErrorCode::ILLEGAL_OPCODE)) << "opcode " << opcode;
    ASSERT_EQ(result.error_index, 99u);
  }
}

TEST_P(ErrorTest, IllegalGroup) {
  MachineCase machine(GetParam());
  machine.add(Opcode::LOAD_NOP).set(Field::GROUP, 4);
  const RtlResult result = machine.run();
  EXPECT_EQ(result.error_code, code(ErrorCode::ILLEGAL_OPCODE));
  EXPECT_EQ(result.error_index, 0u);
}

TEST_P(ErrorTest, GroupCutOffByEnd) {
  MachineCase machine(GetParam());
  machine.add(Opcode::STORE_NOP).set(Field::GROUP, 2);
  machine.add(Opcode::STORE_NOP);
  const RtlResult result = machine.run();
  EXPECT_EQ(result.error_code, code(ErrorCode::ILLEGAL_OPCODE));
  EXPECT_EQ(result.error_index, 2u);
}

TEST_P(ErrorTest, TokenOverflow) {
  for (const int sent : {255, 256}) {
    MachineCase machine(GetParam());
    machine.add(Opcode::ARRAY_NOP).set(Field::N2, 1);
    machine.add(Opcode::VECTOR_NOP)
        .set(Field::N2, sent)
        .set(Field::INDEX, 1000)
        .signal(make_token(kVectorQueue, kArrayQueue, 1));
    // Taken back only after the vector queue has said that it is done.
    machine.add(Opcode::VECTOR_NOP).signal(make_token(kVectorQueue, kArrayQueue, 0));
    machine.add(Opcode::ARRAY_NOP).wait(make_token(kVectorQueue, kArrayQueue, 0));
    machine.add(Opcode::ARRAY_NOP).set(Field::N2, sent).wait(make_token(kVectorQueue, kArrayQueue, 1));
    const RtlResult result = machine.run();
    if (sent <= kTokenMax) {
      EXPECT_EQ(result.error_code, 0u);
    } else {
      EXPECT_EQ(result.error_code, code(ErrorCode::TOKEN_OVERFLOW));
      EXPECT_EQ(result.error_index, 1000u);
    }
  }
}

TEST_P(ErrorTest, TokensLeft) {
  for (int from = 0; from < kQueues; ++from) {
    for (int to = 0; to < kQueues; ++to) {
      for (int channel = 0; channel < 2; ++channel) {
        MachineCase machine(GetParam());
        const std::array<Opcode, kQueues> nops = {Opcode::LOAD_NOP, Opcode::ARRAY_NOP, Opcode::VECTOR_NOP,
                                                  Opcode::STORE_NOP};
        machine.add(nops[static_cast<std::size_t>(from)]).set(Field::N1, 3).signal(make_token(from, to, channel));
        machine.add(nops[static_cast<std::size_t>(to)]).set(Field::N1, 2).wait(make_token(from, to, channel));
        const RtlResult result = machine.run();
        EXPECT_EQ(result.error_code, code(ErrorCode::TOKENS_LEFT));
        EXPECT_EQ(result.error_index, 2u);
      }
    }
  }
}

TEST_P(ErrorTest, StartsAgainAfterAnError) {
  MachineCase machine(GetParam());
  machine.add(Opcode::LOAD_NOP).signal(make_token(kLoadQueue, kStoreQueue, 1));
  machine.fill_random(kFrom, 256);
  machine.fill_vout(kFrom, 4);
  machine.store_vout(kTo, 1, 7, 0, 0, 0);
  EXPECT_EQ(machine.run().error_code, code(ErrorCode::TOKENS_LEFT));
  const auto begin = machine.memory().begin();
  EXPECT_TRUE(std::equal(begin + kFrom, begin + kFrom + 28, begin + kTo));
  std::fill_n(begin + kTo, 28, std::uint8_t{0});
  machine.memory()[MachineCase::kProgram + 16] = 0;  // no signal
  EXPECT_EQ(machine.run_again().error_code, 0u);
  EXPECT_TRUE(std::equal(begin + kFrom, begin + kFrom + 28, begin + kTo));
}

TEST_P(ErrorTest, AHangIsReportedWithTheQueues) {
  MachineCase machine(GetParam());
  machine.add(Opcode::STORE_NOP).set(Field::INDEX, 5).wait(make_token(kArrayQueue, kStoreQueue, 1));
  try {
    machine.run();
    FAIL() << "the machine did not hang";
  } catch (const Error& error) {
    EXPECT_THAT(error.what(),
                ::testing::HasSubstr("queue store: command 5 waits for token 15 (from array, channel 1)"));
    EXPECT_THAT(error.what(), ::testing::HasSubstr("queue vector: no command"));
  }
}

TEST_P(ErrorTest, RefusesTheLibraryOfAnotherHardware) {
  const std::string other = GetParam() == "tiny" ? "odd" : "tiny";
  MachineCase machine(GetParam());
  EXPECT_THROW(RtlMachine(rtl_library_path(other), machine.hardware(), DramTiming(1, 1, 0, 0)), Error);
}

INSTANTIATE_TEST_SUITE_P(All, ErrorTest, ::testing::ValuesIn(all_hardware()),
                         [](const auto& each) { return each.param; });

}  // namespace
}  // namespace bitloom
