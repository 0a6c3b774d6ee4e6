// Small programs whose cycles follow by hand from docs/timing.md, and programs that cannot end.
#include <gtest/gtest.h>

#include <array>

#include "kernels/command.hpp"
#include "model/io/error.hpp"
#include "sim/simulator.hpp"

namespace bitloom {
namespace {

/// `tiny` with round numbers: 8-byte beats, latencies 20 and 10.
Hardware hardware() {
  Hardware h;
  h.rows = h.cols = 4;
  h.axi_bytes = 8;
  h.lanes = 2;
  h.spad_a_bytes = 64;
  h.spad_b_bytes = 1024;
  h.acc_tiles = 2;
  h.vin_words = h.vout_words = 256;
  h.vbias_words = 512;
  h.table_words = 256;
  h.queue_depth = 8;
  h.max_outstanding = 4;
  h.max_burst = 16;
  h.dram_read_latency = 20;
  h.dram_write_latency = 10;
  h.dram_bytes = 1 << 20;
  return h;
}

Program program_of(std::vector<Command> commands, bool end = true) {
  Program p;
  p.commands = std::move(commands);
  if (end) p.commands.emplace_back(Opcode::END);
  p.info.resize(p.commands.size());
  return p;
}

SimResult run(const Program& program, MemoryImage* image = nullptr, const Hardware& h = hardware()) {
  SimOptions options;
  options.record_executions = true;
  options.values = image != nullptr;
  return simulate(program, h, image, {}, options);
}

std::string error_of(const Program& program) {
  try {
    run(program);
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

Command scalar(ScalarOp operation) {
  Command c(Opcode::SCALAR);
  c.set(Field::SCALAR_OP, static_cast<int>(operation)).set(Field::DST, 4).set(Field::COLS, 1);
  return c;
}

Command nop(Opcode opcode, int count) {
  Command c(opcode);
  c.set(Field::N2, count);
  return c;
}

// A command is 8 beats. Burst 0 is granted in cycle 0, accepted at edge 2, its beats come at edges 22 to 29: dispatched
// in cycle 29, taken in 30, looked at in 31, started at edge 32. Command k is complete 8 k cycles later.
constexpr std::uint64_t kFirstStart = 32;

TEST(Cycles, OneScalarCommand) {
  const SimResult r = run(program_of({scalar(ScalarOp::MAX_TO_SCALE)}));
  ASSERT_EQ(r.executions.size(), 1u);
  EXPECT_EQ(r.executions[0].start, kFirstStart);
  EXPECT_EQ(r.executions[0].end, kFirstStart + 56);
  EXPECT_EQ(r.cycles, kFirstStart + 56 + 1);
  EXPECT_EQ(r.command_cycles[0], 56u);
}

TEST(Cycles, AShortProgramEndsWhenItsEndIsFetched) {
  const SimResult r = run(program_of({scalar(ScalarOp::COPY)}));
  EXPECT_EQ(r.executions[0].end, kFirstStart + 2);
  EXPECT_EQ(r.cycles, 29u + 8 + 1);  // END is complete at edge 37
  EXPECT_EQ(run(program_of({scalar(ScalarOp::COPY)}, false)).cycles, kFirstStart + 2 + 1);
}

TEST(Cycles, ExecutionsOfAQueueAreOneCycleApart) {
  const SimResult r = run(program_of({nop(Opcode::VECTOR_NOP, 10)}));
  ASSERT_EQ(r.executions.size(), 10u);
  for (std::size_t n = 0; n < 10; ++n) EXPECT_EQ(r.executions[n].start, kFirstStart + 2 * n);
}

TEST(Cycles, StepsThatDoNotExecuteTakeOne) {
  Command c = nop(Opcode::VECTOR_NOP, 7);
  c.set(Field::N1, 2).set(Field::EXEC_LEVEL, 1);
  const SimResult r = run(program_of({c}));
  ASSERT_EQ(r.executions.size(), 2u);
  EXPECT_EQ(r.executions[1].start - r.executions[0].end, 6u + 1);
  EXPECT_EQ(r.cycles, r.executions[1].end + 6 + 1);
}

TEST(Cycles, LoadGemmStore) {
  Command load(Opcode::LOAD), gemm(Opcode::GEMM), store(Opcode::STORE);
  const int bits8 = static_cast<int>(Width::BITS8);
  load.set(Field::ROWS, 3).set(Field::COLS, 13).set(Field::ROWS_DIM, 3).set(Field::COLS_DIM, 3).set(Field::PITCH, 64);
  load.set(Field::MEMORY_BITS, bits8).set(Field::LOCAL_BITS, bits8);
  gemm.set(Field::COLS, 13).set(Field::COLS_DIM, 3);
  store.set(Field::ROWS, 2).set(Field::COLS, 16).set(Field::ROWS_DIM, 3).set(Field::COLS_DIM, 3);
  store.set(Field::PITCH, 100).set(Field::ADDR, 4096 - 12).set(Field::LOCAL_PITCH, 8).set(Field::MEMORY_BITS, bits8);
  MemoryImage image{std::vector<std::uint8_t>(8192)};
  const SimResult r = run(program_of({load, gemm, store}), &image);
  EXPECT_EQ(r.command_cycles[1], 13u + 1);
  // Two elements are appended a cycle from cycle 4 on, so row 1 (2 beats) ends in cycle 4 + 15; its last beat is
  // offered two edges later and answered 10 after that. Row 0 starts inside a word: 3 beats.
  EXPECT_EQ(r.command_cycles[2], 4u + 15 + 2 + 10);
  // All four commands were asked for; their beats end at edges 29, 37, 45 and 53. The LOAD, started at 32, addresses
  // row 0 in 34, takes it in 35 and asks in 36: granted, three others are in flight. Row 1 asks in 37 and is granted,
  // as command 1 is complete; row 2 asks in 38 and is granted in 45, accepted at 47: beats at 67 and 68.
  EXPECT_EQ(r.command_cycles[0], 69u - 32);
  EXPECT_EQ(r.counts[Action::dram_read_bytes], 48u);
  EXPECT_EQ(r.counts[Action::dram_write_bytes], 40u);
  EXPECT_EQ(r.counts[Action::mac8], 4u * 4 * 13);
  EXPECT_EQ(r.counts[Action::command_fetch_bytes], 256u);
}

/// A kernel of 3 × 2 pixels of a beat each over 4 lines of 8 pixels: 18 rows of 2 pieces of 3 beats.
TEST(Counts, LinesComeFromDramOnce) {
  Command shape(Opcode::LOAD_SHAPE), load(Opcode::LOAD);
  shape.set(Field::EXTENT_X, 6).set(Field::EXTENT_Y, 3).set(Field::LIMIT_X, 8).set(Field::LIMIT_Y, 4);
  shape.set(Field::SCALE_X, 1).set(Field::SCALE_Y, 1).set(Field::TAP_X, 1).set(Field::TAP_Y, 1);
  shape.set(Field::TAPS_X, 3).set(Field::TAPS_Y, 2).set(Field::SEGMENT, 8);
  shape.set(Field::PIXEL_PITCH, 8).set(Field::LINE_PITCH, 64);
  load.set(Field::ROWS, 18).set(Field::COLS, 48).set(Field::ROWS_DIM, 3).set(Field::COLS_DIM, 3).set(Field::SHAPED, 1);
  load.set(Field::MEMORY_BITS, static_cast<int>(Width::BITS8)).set(Field::LOCAL_BITS, static_cast<int>(Width::BITS8));
  const auto counts = [&](bool lines, int buffer_beats) {
    Hardware h = hardware();
    h.line_buffer_bytes = 8 * buffer_beats;
    load.set(Field::LINES, lines ? 1 : 0);
    const SimResult r = run(program_of({shape, load}), nullptr, h);
    return std::array{r.counts[Action::dram_read_bytes], r.counts[Action::line_write_bytes],
                      r.counts[Action::line_read_bytes], r.counts[Action::spad_a_write_bytes]};
  };
  using Bytes = std::array<std::uint64_t, 4>;
  EXPECT_EQ(counts(false, 16), (Bytes{18 * 48, 0, 0, 18 * 48}));
  EXPECT_EQ(counts(true, 16), (Bytes{32 * 8, 32 * 8, 18 * 48, 18 * 48}));  // a line and 3 pixels are held: 11 beats
  EXPECT_EQ(counts(true, 2), (Bytes{18 * 48, 0, 0, 18 * 48}));             // a piece does not fit
  // Of 4 beats the 3 of the last piece stay, but the next row's first piece is a line before them.
  EXPECT_EQ(counts(true, 4), (Bytes{18 * 48, 18 * 48, 18 * 48, 18 * 48}));
}

TEST(Cycles, AGemmEndsWhenTheRowsOfTheOneBeforeAreRead) {
  // Executions are one cycle apart. Of 4 rows, one of 1 byte (2 cycles) waits a cycle, one of 2 bytes does not.
  for (const int bytes : {1, 2, 13}) {
    Command gemm(Opcode::GEMM);
    gemm.set(Field::COLS, bytes).set(Field::COLS_DIM, 3).set(Field::N2, 3);
    const SimResult r = run(program_of({gemm}));
    const auto alone = static_cast<std::uint64_t>(bytes) + 1;
    std::uint64_t end = kFirstStart + alone;
    ASSERT_EQ(r.executions.size(), 3u);
    EXPECT_EQ(r.executions[0].end, end);
    for (std::size_t n = 1; n < 3; ++n) {
      end = std::max(end + 1 + alone, end + 4);
      EXPECT_EQ(r.executions[n].end, end) << bytes << " bytes, execution " << n;
    }
  }
}

/// Its tokens come at its end: the rows are written in front of the TILE that waits for them.
TEST(Cycles, ATileStartsAtOnceBehindItsGemm) {
  Command gemm(Opcode::GEMM), tile(Opcode::TILE);
  gemm.set(Field::COLS, 1).set(Field::COLS_DIM, 3).signal(make_token(kArrayQueue, kVectorQueue, 0));
  tile.set(Field::ROWS, 4).set(Field::COLS, 4).set(Field::ROWS_DIM, 3).set(Field::COLS_DIM, 3);
  tile.wait(make_token(kArrayQueue, kVectorQueue, 0));
  const SimResult r = run(program_of({tile, gemm}));
  EXPECT_EQ(r.executions[0].end, kFirstStart + 8 + 2);
  EXPECT_EQ(r.executions[1].start, r.executions[0].end + 1);
}

TEST(Cycles, AWaitingQueueStartsOneCycleAfterTheEndThatItWaitsFor) {
  Command copy = scalar(ScalarOp::MAX_TO_SCALE);
  copy.signal(make_token(kVectorQueue, kArrayQueue, 0));
  Command waits(Opcode::ARRAY_NOP);
  waits.wait(make_token(kVectorQueue, kArrayQueue, 0));
  const SimResult r = run(program_of({copy, waits}));
  EXPECT_EQ(r.executions[1].start, r.executions[0].end + 1);
  const std::size_t id = kVectorQueue * 8 + kArrayQueue * 2;
  // Looked at from cycle 39 on (dispatched in 37), satisfied in cycle 88.
  EXPECT_EQ(r.queues[kArrayQueue].stalled_on[id], 88u - 39);
  EXPECT_EQ(r.queues[kArrayQueue].stalled(), 88u - 39);
}

TEST(Cycles, AFullQueueHoldsFetchBackAndLosesNothing) {
  // While the first command runs, 8 fill the queue and 4 are held. The rest is asked for as they leave, and is there in
  // time.
  std::vector<Command> commands(15, scalar(ScalarOp::COPY));
  commands[0] = nop(Opcode::VECTOR_NOP, 1000);
  const SimResult r = run(program_of(commands));
  EXPECT_EQ(r.executions[1000].start, r.executions[999].end + 2);
  EXPECT_EQ(r.executions.size(), 1014u);
  // From the first COPY on the queue takes one command in 4 cycles: take, look, 2 of COPY.
  EXPECT_EQ(r.executions[1008].start - r.executions[1000].start, 8u * 4);
}

TEST(Cycles, ACommandOfSeveralBursts) {
  Hardware h = hardware();
  h.max_burst = 4;
  h.max_outstanding = 1;
  // Beats at edges 22..25; the second burst is granted in cycle 25 and accepted at 27, its beats come at 47..50.
  EXPECT_EQ(run(program_of({scalar(ScalarOp::COPY)}), nullptr, h).executions[0].start, 50u + 3);
}

TEST(Cycles, ALeavingCommandMakesRoomFromTheNextCycleOn) {
  Hardware h = hardware();
  h.axi_bytes = 32;
  h.lanes = 8;
  h.queue_depth = 1;
  // Two beats a command: command k is complete at edge 23 + 2 k. The first starts at 26 and ends at 82; the second
  // waits in the FIFO, leaves it in cycle 82 and makes room from 83 on; so the third is dispatched in 83 and the fourth
  // in 84.
  const SimResult r = run(program_of({scalar(ScalarOp::MAX_TO_SCALE), scalar(ScalarOp::COPY), scalar(ScalarOp::COPY),
                                      Command(Opcode::ARRAY_NOP)}),
                          nullptr, h);
  EXPECT_EQ(r.executions[0].end, 82u);
  for (const ExecutionRecord& e : r.executions) {
    EXPECT_TRUE(e.command != 3 || e.start == 84u + 3) << e.start;
  }
}

TEST(Errors, ADeadlockNamesWhatEachQueueWaitsFor) {
  Command waits(Opcode::ARRAY_NOP);
  waits.wait(make_token(kLoadQueue, kArrayQueue, 1));
  EXPECT_NE(error_of(program_of({waits})).find("array: command 0 waits for token L>A1"), std::string::npos);
}

TEST(Errors, TokensMustBeUsedUp) {
  Command sends(Opcode::LOAD_NOP);
  sends.signal(make_token(kLoadQueue, kArrayQueue, 1));
  EXPECT_NE(error_of(program_of({sends})).find("1 tokens L>A1 are left"), std::string::npos);
}

TEST(Errors, ACounterMustNotOverflow) {
  Command sends = nop(Opcode::LOAD_NOP, 256);
  sends.signal(make_token(kLoadQueue, kArrayQueue, 1));
  EXPECT_NE(error_of(program_of({sends})).find("more than 255 tokens"), std::string::npos);
}

TEST(Errors, ALoopGroupMustBeWhole) {
  Command first(Opcode::LOAD_NOP);
  first.set(Field::GROUP, 1);
  EXPECT_NE(error_of(program_of({first})).find("load: the loop group of command 0 is not complete"), std::string::npos);
  EXPECT_NE(error_of(program_of({first, Command(Opcode::ARRAY_NOP), Command(Opcode::LOAD_NOP)})).find("is cut"),
            std::string::npos);
}

TEST(Errors, AccessesBeyondAMemory) {
  Command load(Opcode::LOAD);
  load.set(Field::ROWS, 1).set(Field::COLS, 2).set(Field::ROWS_DIM, 3).set(Field::COLS_DIM, 3).set(Field::ADDR, 8192);
  load.set(Field::MEMORY_BITS, static_cast<int>(Width::BITS32)).set(Field::TARGET, 2);
  EXPECT_NE(error_of(program_of({load})).find("LOCAL_BITS is below MEMORY_BITS"), std::string::npos);
  load.set(Field::LOCAL_BITS, static_cast<int>(Width::BITS32));
  MemoryImage image{std::vector<std::uint8_t>(8192)};
  EXPECT_THROW(run(program_of({load}), &image), Error);
  load.set(Field::ADDR, 0).set(Field::LOCAL_BASE, 256);
  EXPECT_THROW(run(program_of({load}), &image), Error);
  load.set(Field::LOCAL_BASE, 255);
  EXPECT_NO_THROW(run(program_of({load}), &image));
}

TEST(Errors, ARunAfterAnErrorIsAsFresh) {
  Command waits(Opcode::ARRAY_NOP);
  waits.wait(make_token(kLoadQueue, kArrayQueue, 1));
  const Program good = program_of({scalar(ScalarOp::DIV), nop(Opcode::LOAD_NOP, 3)});
  const SimResult before = run(good);
  EXPECT_NE(error_of(program_of({waits, nop(Opcode::LOAD_NOP, 5)})), "");
  EXPECT_EQ(run(good) == before, true);
}

}  // namespace
}  // namespace bitloom
