// Programs broken on purpose: verify() must see each.
#include "kernels/verify.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>

#include "model/io/error.hpp"
#include "testbench/kernels/cases.hpp"

namespace bitloom {
namespace {

using testing::AllOf;
using testing::HasSubstr;

class Broken : public testing::Test {
 protected:
  Broken() : program_(testing_cases::odd_program({"int8", "tiny"})) {}

  /// Returns the number of the nth command of a phase with this opcode.
  std::size_t find(Opcode opcode, const std::string& phase, int nth = 0) const {
    for (std::size_t i = 0; i < program_.commands.size(); ++i) {
      if (program_.commands[i].opcode() == opcode && program_.info[i].phase == phase && nth-- == 0) return i;
    }
    ADD_FAILURE() << "no such command";
    return 0;
  }
  Command& at(std::size_t index) { return program_.commands[index]; }

  std::string flow_error() const {
    return error_of([&] { verify_flow(program_); });
  }
  std::string places_error() const {
    return error_of([&] { verify_places(program_); });
  }
  static std::string error_of(const std::function<void()>& call) {
    try {
      call();
    } catch (const Error& error) {
      return error.what();
    }
    return "";
  }

  Program program_;
};

TEST_F(Broken, TheWholeOneIsSound) {
  EXPECT_EQ(flow_error(), "");
  EXPECT_EQ(places_error(), "");
}

TEST_F(Broken, MissingPrimeIsADeadlock) {
  const std::size_t prime = find(Opcode::ARRAY_NOP, "forward");
  ASSERT_EQ(at(prime).signals().size(), 2u);
  at(prime).set(Field::SIGNAL0, 0);
  EXPECT_THAT(flow_error(), AllOf(HasSubstr("deadlock at command"), HasSubstr("LOAD"), HasSubstr("A>L0=0")));
}

TEST_F(Broken, MissingSignalOfATileIsADeadlock) {
  const std::size_t tile = find(Opcode::TILE, "forward");
  at(tile).set(Field::SIGNAL1, 0);
  EXPECT_THAT(flow_error(), HasSubstr("deadlock"));
}

TEST_F(Broken, SwappedOrderIsADeadlock) {
  // The array takes the second GEMM's credits back before the first has run.
  const std::size_t gemm = find(Opcode::GEMM, "forward");
  const std::size_t later = find(Opcode::GEMM, "forward", 1);
  std::swap(at(gemm), at(later));
  EXPECT_THAT(flow_error(), HasSubstr("deadlock"));
}

TEST_F(Broken, GemmBeforeItsPrimeIsADeadlock) {
  const std::size_t prime = find(Opcode::ARRAY_NOP, "forward");
  const std::size_t gemm = find(Opcode::GEMM, "forward");
  std::swap(at(prime), at(gemm));
  EXPECT_THAT(flow_error(), HasSubstr("deadlock"));
}

TEST_F(Broken, CreditsThatNobodyTakesBackAreLeft) {
  const std::size_t prime = find(Opcode::STORE_NOP, "update", 5);
  at(prime).set(Field::N2, 3);
  EXPECT_THAT(flow_error(), HasSubstr("1 token(s) S>V0 are left at the end"));
}

TEST_F(Broken, TooManyTokensOverflow) {
  const std::size_t prime = find(Opcode::STORE_NOP, "weights");
  at(prime).set(Field::N2, 300);
  EXPECT_THAT(flow_error(), HasSubstr("may exceed 255"));
}

TEST_F(Broken, LoadThatDoesNotWaitForItsTensorIsARace) {
  std::size_t nop = find(Opcode::LOAD_NOP, "quantize");
  while (program_.info[nop].text.find("stored phase") == std::string::npos) ++nop;
  ASSERT_EQ(program_.info[nop].phase, "quantize");
  at(nop).set(Field::WAIT0, 0);
  EXPECT_THAT(flow_error(), AllOf(HasSubstr("LOAD"), HasSubstr("may run before command")));
}

/// A LOAD that waits for a buffer reads memory before that is free. What a STORE tells the vector queue is that VOUT is
/// read, and not that memory is written; a NOP behind it tells both.
TEST(Verify, TokensOfABufferDoNotOrderMemory) {
  enum class Way { kWritten, kRead, kReadAndNop, kEnded, kEndedAndNop };
  for (const Way way : {Way::kWritten, Way::kRead, Way::kReadAndNop, Way::kEnded, Way::kEndedAndNop}) {
    const bool ended = way == Way::kEnded || way == Way::kEndedAndNop;
    const bool waits_apart = way == Way::kReadAndNop || way == Way::kEndedAndNop;
    Program program = testing_cases::odd_program({"int8", "tiny"});
    program.tensors.resize(1);
    program.tensors[0].writers = {0};
    const int reader = way == Way::kWritten ? kLoadQueue : kVectorQueue;
    Command store(Opcode::STORE), behind(Opcode::STORE_NOP), relay(Opcode::VECTOR_NOP), nop(Opcode::LOAD_NOP),
        load(Opcode::LOAD);
    (ended ? behind : store).signal(make_token(kStoreQueue, reader, 0));
    relay.wait(make_token(kStoreQueue, kVectorQueue, 0)).signal(make_token(kVectorQueue, kLoadQueue, 0));
    load.set_address(program.tensors[0].address).set(Field::BATCH_BASE, program.tensors[0].in_batch ? 1 : 0);
    (waits_apart ? nop : load).wait(make_token(reader == kLoadQueue ? kStoreQueue : kVectorQueue, kLoadQueue, 0));
    program.commands = {store, behind};
    if (way != Way::kWritten) program.commands.push_back(relay);
    program.commands.insert(program.commands.end(), {nop, load, Command(Opcode::END)});
    std::string error;
    try {
      verify_flow(program);
    } catch (const Error& e) {
      error = e.what();
    }
    if (way == Way::kWritten || way == Way::kEndedAndNop) {
      EXPECT_EQ(error, "");
    } else {
      EXPECT_THAT(error, HasSubstr("may run before command 0")) << static_cast<int>(way);
    }
  }
}

TEST_F(Broken, TokenOfAnotherQueueIsSeen) {
  at(find(Opcode::GEMM, "forward")).set(Field::SIGNAL0, token_bits(make_token(kLoadQueue, kArrayQueue, 0)));
  EXPECT_THAT(flow_error(), HasSubstr("signals a token of another queue"));
}

TEST_F(Broken, MissingEndIsSeen) {
  program_.commands.pop_back();
  EXPECT_THAT(flow_error(), HasSubstr("END is not its last command"));
}

TEST_F(Broken, GroupThatDoesNotFitTheFifoIsADeadlock) {
  program_.hardware.queue_depth = 1;
  EXPECT_THAT(flow_error(), HasSubstr("deadlock"));
}

TEST_F(Broken, AddressBeyondATensorIsSeen) {
  Command& store = at(find(Opcode::STORE, "wgrad"));
  store.set(Field::STRIDE1, store.get_signed(Field::STRIDE1) * 2);
  EXPECT_THAT(places_error(), HasSubstr("fc3.dw"));
}

TEST_F(Broken, RowThatRunsIntoTheNextIsSeen) {
  Command& store = at(find(Opcode::STORE, "forward"));
  store.set(Field::COL_BASE, 8);
  EXPECT_THAT(places_error(), HasSubstr("a row reaches over"));
}

TEST_F(Broken, WidthOfAnotherTensorIsSeen) {
  Command& load = at(find(Opcode::LOAD, "weights"));
  load.set(Field::MEMORY_BITS, static_cast<int>(Width::BITS8));
  EXPECT_THAT(places_error(), HasSubstr("MEMORY_BITS"));
}

class BrokenConvolution : public Broken {
 protected:
  BrokenConvolution() {
    using namespace testing_cases;
    program_ = lower(named_network("conv_small"), named_recipe("int4"), named_hardware("tiny"), with_batch(3));
  }
};

TEST(Verify, RefusesElementsOf16BitsAtOddBytes) {
  using namespace testing_cases;
  Program program =
      lower(named_network("conv_small"), named_recipe("int8_raw16"), named_hardware("tiny"), with_batch(3));
  int broken = 0;
  for (Command& command : program.commands) {
    const bool transfers = command.opcode() == Opcode::LOAD || command.opcode() == Opcode::STORE;
    if (!transfers || command.get(Field::MEMORY_BITS) != static_cast<std::uint32_t>(Width::BITS16)) continue;
    const Command kept = command;
    command.set(Field::PITCH, command.get(Field::PITCH) + 1);
    EXPECT_THAT(error_of([&] { verify_places(program); }), HasSubstr("elements of 16 bits begin at odd bytes"));
    command = kept;
    ++broken;
  }
  EXPECT_GT(broken, 10);
  EXPECT_EQ(error_of([&] { verify_places(program); }), "");
}

/// Weight gradients of signs meet as 4-bit codes where taps are padding; as signs they would be wrong.
TEST(Verify, RefusesTransposedSignsFromPadding) {
  using namespace testing_cases;
  Program program = lower(named_network("conv_byte"), named_recipe("fqt1"), named_hardware("odd"), with_batch(3));
  int refused = 0, taken = 0;
  for (Command& command : program.commands) {
    if (command.opcode() != Opcode::LOAD || command.get(Field::TRANSPOSE) == 0 || command.get(Field::SHAPED) == 0 ||
        command.get(Field::MEMORY_BITS) != static_cast<std::uint32_t>(Width::BITS1)) {
      continue;
    }
    const Command kept = command;
    command.set(Field::LOCAL_BITS, static_cast<int>(Width::BITS1));
    const std::string error = error_of([&] { verify_places(program); });
    error.find("transposed signs come from padding") == std::string::npos ? ++taken : ++refused;
    command = kept;
  }
  EXPECT_GT(refused, 0);
  EXPECT_GT(taken, 0);  // a convolution without padding
}

/// A weight gradient whose sums all stay.
class BrokenSums : public Broken {
 protected:
  BrokenSums() {
    using namespace testing_cases;
    program_ = lower(named_network("conv_small"), named_recipe("int4"), named_hardware("base"), with_batch(3));
    gemm_ = find(Opcode::GEMM, "wgrad");
    while (at(gemm_).get(Field::SUM_LOOP) != static_cast<std::uint32_t>(SumLoop::OUTER)) ++gemm_;
    tile_ = gemm_;
    while (at(tile_).opcode() != Opcode::TILE) ++tile_;
  }
  void breaks(std::size_t place, Field field, int value, const std::string& message) {
    const Command kept = at(place);
    at(place).set(field, value);
    EXPECT_THAT(places_error(), HasSubstr(message)) << field_info(field).name;
    at(place) = kept;
  }
  std::size_t gemm_ = 0, tile_ = 0;
};

TEST_F(BrokenSums, TilesAreChecked) {
  EXPECT_EQ(places_error(), "");
  EXPECT_EQ(at(tile_).get(Field::ACC_ALL), 1u);
  breaks(gemm_, Field::A_STEP, 1000, "spad A");
  at(gemm_).set(Field::N1, 2);
  breaks(gemm_, Field::B_STEP, 1000, "spad B");
  breaks(gemm_, Field::N1, 65, "the accumulators (tiles) ends at 64");
  breaks(gemm_, Field::EXEC_LEVEL, 1, "alone in its loops");
  breaks(tile_, Field::N0, 65, "the accumulators (tiles) ends at 64");
  breaks(tile_, Field::N2, 2, "alone in two loops");
  breaks(tile_, Field::EXEC_LEVEL, 1, "alone in two loops");
}

/// Sums that commands make on the way, and the REDUCE that writes them.
TEST_F(Broken, SumsOnTheWayAreChecked) {
  using namespace testing_cases;
  program_ = lower(named_network("conv_small"), named_recipe("int8_raw16"), named_hardware("tiny"), with_batch(3));
  EXPECT_EQ(places_error(), "");
  const auto first = [&](Opcode opcode) {
    std::size_t i = 0;
    while (at(i).opcode() != opcode || at(i).get(Field::SUMS) == 0) ++i;
    return i;
  };
  const std::size_t tile = first(Opcode::TILE), reduce = first(Opcode::REDUCE);
  const auto breaks = [&](std::size_t place, Field field, int value, const std::string& message) {
    const Command kept = at(place);
    at(place).set(field, value);
    EXPECT_THAT(places_error(), HasSubstr(message)) << field_info(field).name;
    at(place) = kept;
  };
  breaks(tile, Field::SUMS_KEEP, 1, "goes on with sums that are not there");
  breaks(tile, Field::RAW16, 0, "SUMS without RAW16");
  breaks(tile, Field::REDUCE_KIND, static_cast<int>(ReduceKind::RANGE), "SUMS makes no RANGE");
  breaks(tile, Field::ROWS_DIM, 0, "SUMS counts rows by i1");
  breaks(tile, Field::SUMS, 0, "no such sums are there");
  breaks(reduce, Field::AXIS_ALL, 1, "no such sums are there");
  breaks(reduce, Field::REDUCE_KIND, static_cast<int>(ReduceKind::ABSOLUTE), "no such sums are there");
  breaks(reduce, Field::COLS, 2 * at(reduce).get(Field::COLS), "no such sums are there");
  at(tile).set(Field::N0, 17).set(Field::COLS_DIM, 0);
  EXPECT_THAT(places_error(), HasSubstr("the sums (words) end at 16"));
}

TEST_F(BrokenConvolution, ShapesAreChecked) {
  EXPECT_EQ(places_error(), "");
  const auto breaks = [&](Opcode opcode, const std::string& phase, Field field, int value, const std::string& message) {
    Command& command = at(find(opcode, phase));
    const Command kept = command;
    command.set(field, value);
    EXPECT_THAT(places_error(), HasSubstr(message)) << field_info(field).name;
    command = kept;
  };
  breaks(Opcode::LOAD_SHAPE, "forward", Field::LIMIT_Y, 40, "reaches");
  breaks(Opcode::LOAD_SHAPE, "forward", Field::TAPS_X, 1, "the stream");
  breaks(Opcode::LOAD_SHAPE, "forward", Field::EXTENT_X, 0, "extent");
  breaks(Opcode::LOAD_SHAPE, "forward", Field::IMAGE_PITCH, 60000, "reaches");
  breaks(Opcode::STORE_SHAPE, "pool", Field::OFFSET_X, 9, "reaches");
  breaks(Opcode::STORE_SHAPE, "pool", Field::OFFSET_Y, -1, "negative");
  breaks(Opcode::LOAD_SHAPE, "forward", Field::SLOT, 3, "never set");
}

TEST_F(BrokenConvolution, LinesNeedABufferThatHoldsNothingOld) {
  EXPECT_EQ(flow_error(), "");
  int refused = 0;
  const Program kept = program_;
  for (std::size_t load = 2; load < kept.commands.size(); ++load) {
    if (at(load).opcode() != Opcode::LOAD || at(load).get(Field::LINES) == 0) continue;
    std::size_t wait = load;  // that for STOREs, in front of the shapes
    while (at(wait).opcode() == Opcode::LOAD) --wait;
    const auto behind = program_.commands.begin() + static_cast<std::ptrdiff_t>(wait) + 1;
    while (at(wait).opcode() == Opcode::LOAD_SHAPE) --wait;
    if (at(wait).opcode() != Opcode::LOAD_NOP) continue;
    const auto first = program_.commands.begin() + static_cast<std::ptrdiff_t>(wait);
    std::rotate(first, first + 1, behind);
    const bool refuses = flow_error().find("has stored what it reads") != std::string::npos;
    at(load).set(Field::LINES, 0);
    EXPECT_EQ(flow_error(), "");
    refused += refuses ? 1 : 0;
    program_ = kept;
  }
  EXPECT_GT(refused, 0);  // others read what was stored long before
}

TEST_F(BrokenConvolution, LinesNeedTapsAndABuffer) {
  const auto load = std::find_if(program_.commands.begin(), program_.commands.end(), [](const Command& command) {
    return command.opcode() == Opcode::LOAD && command.get(Field::LINES) != 0;
  });
  ASSERT_NE(load, program_.commands.end());
  load->set(Field::TAP_LOOP, 1);
  EXPECT_THAT(flow_error(), HasSubstr("LINES asks for"));
  load->set(Field::TAP_LOOP, 0);
  EXPECT_EQ(flow_error(), "");
  program_.hardware.line_buffer_bytes = 0;
  EXPECT_THAT(flow_error(), HasSubstr("LINES asks for"));
}

TEST_F(Broken, LocalAddressesAreChecked) {
  const auto breaks = [&](Opcode opcode, const std::string& phase, Field field, int value, const std::string& message) {
    Command& command = at(find(opcode, phase));
    const Command kept = command;
    command.set(field, value);
    EXPECT_THAT(places_error(), HasSubstr(message)) << opcode_name(opcode) << " " << field_info(field).name;
    command = kept;
  };
  breaks(Opcode::LOAD, "forward", Field::COLS, 5, "tiles of operand rows overlap");
  breaks(Opcode::LOAD, "forward", Field::LOCAL_BASE, 1024, "spad B");
  breaks(Opcode::LOAD, "weights", Field::LOCAL_STRIDE, 255, "VIN ends at 256");
  breaks(Opcode::LOAD, "forward", Field::LOCAL_BITS, 3, "scratchpad");
  breaks(Opcode::GEMM, "forward", Field::B_STEP, 1000, "spad B");
  breaks(Opcode::TILE, "wgrad", Field::STAT_KEEP, 1, "its slot has other statistics");
  breaks(Opcode::TILE, "bias", Field::STAT_KEEP, 1, "statistics of no slot");
  breaks(Opcode::GEMM, "forward", Field::COLS_LAST, 0, "a segment is empty");
  breaks(Opcode::TILE, "bias", Field::COL_BASE, 1020, "VBIAS ends at 512");
  breaks(Opcode::TILE, "forward", Field::ROWS, 5, "tile rows");
  breaks(Opcode::TILE, "forward", Field::VIN_STRIDE, 256, "VOUT ends at 256");
  breaks(Opcode::TILE, "forward", Field::STAT, 4090, "the table");
  breaks(Opcode::UPDATE, "update", Field::VIN_STRIDE, 0, "less than a tile");
  breaks(Opcode::UPDATE, "update", Field::RATIO_W, 4093, "the table");
  breaks(Opcode::SCALAR, "weights", Field::DST, 0, "T[0]");
  breaks(Opcode::SCALAR, "weights", Field::SRC_A, 4093, "the table");
  breaks(Opcode::TABLE_STORE, "tables", Field::COLS, 600, "VOUT");
  breaks(Opcode::STORE, "update", Field::LOCAL_STRIDE, 250, "VOUT");
  breaks(Opcode::STORE, "forward", Field::INDEX, 3, "INDEX");
}

}  // namespace
}  // namespace bitloom
