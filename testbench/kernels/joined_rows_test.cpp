// Tiles whose rows lie one behind the other in memory, and in whole words of VIN or VOUT, travel as one row.
#include <gtest/gtest.h>

#include "kernels/transfer_cuts.hpp"
#include "testbench/kernels/cases.hpp"

namespace bitloom {
namespace {

using namespace testing_cases;

struct Transfers {
  int joined = 0, packed = 0, apart = 0;  ///< apart: rows that could have been joined
};

Transfers transfers(const char* network, const char* recipe, const char* hardware) {
  const Program program = lower(named_network(network), named_recipe(recipe), named_hardware(hardware), with_batch(3));
  Transfers of;
  for (const Command& command : program.commands) {
    const bool load = command.opcode() == Opcode::LOAD, store = command.opcode() == Opcode::STORE;
    if (!load && !store) continue;
    const bool vin = load && command.get(Field::TARGET) == static_cast<std::uint32_t>(LoadTarget::VIN);
    if (!(vin || store) || command.get(Field::SHAPED) != 0) continue;
    const int bits = bits_of(static_cast<Width>(command.get(Field::MEMORY_BITS)));
    const std::uint32_t cols = command.get(Field::COLS);
    const bool by_rows = command.get(Field::COLS_DIM) == static_cast<std::uint32_t>(kMiddle);
    if (by_rows && command.get(Field::ROWS) == 1 && cols % static_cast<unsigned>(program.hardware.lanes) == 0) {
      ++of.joined;
    }
    if (vin && command.get(Field::LOCAL_BITS) == static_cast<std::uint32_t>(Width::BITS1)) ++of.packed;
    const std::uint32_t words = command.get(Field::LOCAL_PITCH) * static_cast<unsigned>(program.hardware.lanes);
    const bool whole = command.get(Field::COLS_LAST) == words && command.get(Field::N0) == 1 &&
                       command.get(Field::PITCH) * 8 == words * static_cast<unsigned>(bits);
    const bool moved = command.get(Field::ROWS_DIM) == static_cast<std::uint32_t>(kMiddle);
    if (whole && moved && command.get(Field::ROWS) * words <= kFieldMax) ++of.apart;
  }
  return of;
}

TEST(JoinedRows, AreAllThatCanBe) {
  for (const char* network : {"resnet8", "conv128", "conv_small", "mlp"}) {
    for (const char* recipe : {"int8_raw16", "luq", "lwq"}) {
      for (const char* hardware : {"tiny", "base"}) {
        const Transfers of = transfers(network, recipe, hardware);
        EXPECT_EQ(of.apart, 0) << network << " " << recipe << " " << hardware;
        EXPECT_GT(of.joined, 0) << network << " " << recipe << " " << hardware;
      }
    }
  }
}

TEST(JoinedRows, BringMasksPacked) { EXPECT_GT(transfers("resnet8", "int8_raw16", "base").packed, 0); }

/// odd has 4 lanes, and conv_small's norms 5 or 6 channels: no row ends with its word.
TEST(JoinedRows, NeedWholeWords) { EXPECT_EQ(transfers("conv_small", "int8_raw16", "odd").packed, 0); }

}  // namespace
}  // namespace bitloom
