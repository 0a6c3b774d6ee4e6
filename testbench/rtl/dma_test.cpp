// LOAD and STORE against plain loops over elements: random rows, columns, pitches and bit offsets, shapes with strides,
// dilation, padding and groups, all widths and expansions, rows and bursts across 4 KiB, at several stall rates of data
// and addresses. The memory behind the AXI port checks the protocol all the while.
#include <gtest/gtest.h>

#include <algorithm>

#include "testbench/rtl/transfer.hpp"

namespace bitloom {
namespace {

constexpr std::uint32_t kFrom = 0x20000, kTo = 0x80000;

int pick(MachineCase& machine, std::initializer_list<int> values) {
  return values.begin()[machine.uniform(0, static_cast<int>(values.size()) - 1)];
}

/// Loops, and rows and cols that any of them may advance; `widest` elements of a row are there.
void random_loops(MachineCase& machine, TransferCase& t, int most_rows, int most_cols, int widest) {
  for (int& count : t.counts) count = machine.uniform(1, 3);
  t.rows_dim = machine.uniform(0, 3);
  t.cols_dim = machine.uniform(0, 3);
  if (t.tap_loop) t.cols_dim = machine.uniform(0, 1) == 0 ? 0 : 3;
  if (t.cols_dim < 3 && t.counts[t.cols_dim] > widest) t.cols_dim = 3;
  t.rows = machine.uniform(1, most_rows);
  t.rows_last = machine.uniform(1, t.rows);
  const int steps = t.cols_dim == 3 ? 1 : t.counts[t.cols_dim];
  t.cols = machine.uniform(1, std::max(1, std::min(most_cols, widest / steps)));
  t.cols_last = std::min(widest - (steps - 1) * t.cols, most_cols);
  if (t.cols_dim == 3) t.cols_last = t.cols;
  if (t.cols_last > 1) t.cols_last = machine.uniform(1, t.cols_last);
  // Steps along a dimension of the same kind may move the address as well.
  for (int& stride : t.strides) stride = machine.uniform(0, 2) == 0 ? machine.uniform(-200, 200) : 0;
}

std::uint32_t random_start(MachineCase& machine, std::uint32_t area) {
  const int offset = machine.uniform(0, 1) == 0 ? machine.uniform(0, 8191) : 4096 - machine.uniform(0, 70);
  return area + 0x4000 + static_cast<std::uint32_t>(offset);
}

/// A LOAD that takes at most most_rows × most_cols elements.
TransferCase random_load(MachineCase& machine, int bits, int most_rows, int most_cols, int unit) {
  TransferCase t;
  t.bits = bits;
  t.address = random_start(machine, kFrom);
  int widest = most_cols * 2;
  if (machine.uniform(0, 2) > 0) {
    t.shape = random_shape(machine, bits, 4, std::max(1, std::min(most_cols, 60)), unit);
    t.tap_loop = machine.uniform(0, 2) == 0;
    widest = t.shape->segment * (t.tap_loop ? 1 : t.shape->taps_x * t.shape->taps_y);
  }
  random_loops(machine, t, most_rows, most_cols, widest);
  if (t.tap_loop) {
    t.counts[1] = t.shape->taps_y;
    t.counts[2] = t.shape->taps_x;
  }
  const int rows = t.rows * (t.rows_dim == 3 ? 1 : t.counts[t.rows_dim]), reach = 0x40000;  // of what is filled
  if (t.shape) {
    const int images = rows / (t.shape->extent_x * t.shape->extent_y) + 1;
    t.shape->image_pitch = std::min(t.shape->image_pitch, reach / images);
  } else {
    t.col_base = machine.uniform(0, 40);
    t.pitch = machine.uniform(0, 2) == 0 ? (widest * bits + 7) / 8 : machine.uniform(0, 5000);
    t.pitch = std::min(t.pitch, reach / rows);
  }
  align(t);
  t.lines = t.shape && !t.tap_loop && machine.hardware().line_buffer_bytes > 0 && machine.uniform(0, 3) > 0;
  return t;
}

Command& add_load(MachineCase& machine, const TransferCase& t, LoadTarget target, int local_bits, Expand expand) {
  if (t.shape) {
    for (int slot = 0; slot < kShapeSlots; ++slot) {  // the one that counts, and others
      set_shape(machine.add(Opcode::LOAD_SHAPE), slot == 2 ? *t.shape : random_shape(machine, 8, 3, 9, 1), slot);
    }
  }
  Command& load = machine.add(Opcode::LOAD);
  set_transfer(load, t);
  if (t.shape) load.set(Field::SHAPE, 2);
  load.set(Field::TARGET, static_cast<int>(target)).set(Field::EXPAND, static_cast<int>(expand));
  return load.set(Field::LOCAL_BITS, static_cast<int>(width_of(local_bits)));
}

std::string describe(const TransferCase& t, std::uint64_t seed) {
  std::string text = "seed " + std::to_string(seed) + ": " + std::to_string(t.rows) + "x" + std::to_string(t.cols) +
                     " of " + std::to_string(t.bits) + " bits from " + std::to_string(t.address);
  if (t.shape) {
    text += " shaped, taps " + std::to_string(t.shape->taps_y) + "x" + std::to_string(t.shape->taps_x) + " of " +
            std::to_string(t.shape->segment) + (t.tap_loop ? ", tap loop" : "") + (t.lines ? ", lines" : "");
  }
  return text;
}

class DmaTest : public ::testing::TestWithParam<std::string> {};

MachineCase stalling(const std::string& hardware, std::uint64_t seed) {
  MachineCase machine(hardware, std::array{0, 25, 75}[seed % 3], seed);
  if (seed % 4 == 0) machine.machine().dram().stall_addresses(50, seed);
  return machine;
}

/// Each execution goes to VIN, from there to VOUT and to a place of its own in DRAM. One buffer is free at the start,
/// or two, so that LOADs overlap.
TEST_P(DmaTest, LoadsIntoVin) {
  for (std::uint64_t seed = 1; seed <= 150; ++seed) {
    MachineCase machine = stalling(GetParam(), seed);
    const Hardware& hw = machine.hardware();
    machine.fill_random(kFrom - 0x10000, 0x60000);
    const int lanes = hw.lanes, words = (std::min({hw.vin_words, hw.vout_words, 100}) - 3) / 2;
    const int row_words = machine.uniform(1, std::min(words, 12)), rows = std::min(words / row_words, 9);
    const int bits = pick(machine, {1, 4, 8, 16, 32});
    const TransferCase t = random_load(machine, bits, rows, row_words * lanes, 1);
    const auto expand = static_cast<Expand>(machine.uniform(0, bits == 1 ? 2 : 1));
    const bool min = machine.uniform(0, 1) == 1;
    const int free = machine.uniform(1, 2);
    machine.add(Opcode::VECTOR_NOP).set(Field::N2, free).signal(make_token(kVectorQueue, kLoadQueue, 0));
    machine.add(Opcode::STORE_NOP).signal(make_token(kStoreQueue, kVectorQueue, 0));
    Command& load = add_load(machine, t, LoadTarget::VIN, 32, expand);
    const int base = machine.uniform(0, 3), stride = words;
    load.set(Field::LOCAL_BASE, base).set(Field::LOCAL_STRIDE, stride).set(Field::LOCAL_PITCH, row_words);
    load.set(Field::PAD_MIN, min);
    load.wait(make_token(kVectorQueue, kLoadQueue, 0)).signal(make_token(kLoadQueue, kVectorQueue, 0));
    const std::vector<Iteration> all = iterations(t);
    const int count = static_cast<int>(all.size());
    Command& copy = machine.copy(t.rows * row_words);
    copy.set(Field::N2, count).set(Field::VIN_BASE, base).set(Field::VIN_STRIDE, stride);
    copy.wait(make_token(kLoadQueue, kVectorQueue, 0)).wait(make_token(kStoreQueue, kVectorQueue, 0));
    copy.signal(make_token(kVectorQueue, kLoadQueue, 0)).signal(make_token(kVectorQueue, kStoreQueue, 0));
    const int tile_bytes = t.rows * row_words * hw.vector_word();
    machine.store_vout(kTo, t.rows, row_words * lanes, row_words * hw.vector_word(), 0, row_words)
        .set(Field::N2, count)
        .set(Field::STRIDE2, tile_bytes)
        .set(Field::LOCAL_STRIDE, stride)
        .wait(make_token(kVectorQueue, kStoreQueue, 0))
        .signal(make_token(kStoreQueue, kVectorQueue, 0));
    machine.add(Opcode::LOAD_NOP).set(Field::N2, free).wait(make_token(kVectorQueue, kLoadQueue, 0));
    machine.add(Opcode::VECTOR_NOP).wait(make_token(kStoreQueue, kVectorQueue, 0));
    const std::vector<std::uint8_t> before = machine.memory();
    ASSERT_EQ(machine.run().error_code, 0u);
    for (int i = 0; i < count; ++i) {
      const Iteration& at = all[static_cast<std::size_t>(i)];
      for (int r = 0; r < at.rows; ++r) {
        const auto row = load_row(before, t, at, r);
        const int filled = (at.cols + lanes - 1) / lanes * lanes;
        for (int j = 0; j < filled; ++j) {
          std::uint32_t expected = 0;
          if (j < at.cols) {
            const auto& element = row[static_cast<std::size_t>(j)];
            expected = element ? expanded(*element, bits, 32, expand) : min ? 0x80000000u : 0u;
          }
          if (expected == 0x80000000u) expected = 0x80000001u;
          const int place = i * tile_bytes + (r * row_words * lanes + j) * 4;
          ASSERT_EQ(static_cast<std::uint32_t>(machine.word_at(kTo + static_cast<std::uint32_t>(place))), expected)
              << describe(t, seed) << ", execution " << i << " row " << r << " element " << j;
        }
      }
    }
  }
}

/// Checks the bytes that each execution leaves in a scratchpad: the other operand is a unit matrix, moved on from run
/// to run. One buffer is free at the start, or two, so that LOADs overlap.
void spad_case(const std::string& hardware, std::uint64_t seed) {
  MachineCase machine = stalling(hardware, seed);
  const Hardware& hw = machine.hardware();
  const bool a_side = machine.uniform(0, 1) == 0, transpose = machine.uniform(0, 1) == 0;
  const int lanes = a_side ? hw.rows : hw.cols, others = a_side ? hw.cols : hw.rows;
  const int whole = std::min({hw.spad_a_bytes, hw.spad_b_bytes, 64});
  const int base = machine.uniform(0, whole / hw.axi_bytes - 1) * hw.axi_bytes, bytes = whole - base;
  const int local = pick(machine, {1, 4, 8}), bits = pick(machine, {1, 4, 8}) > local ? 1 : local;
  const int memory_bits = machine.uniform(0, 1) == 0 ? bits : std::min(bits, pick(machine, {1, 4}));
  const auto expand = static_cast<Expand>(machine.uniform(0, memory_bits == 1 && local > 1 ? 2 : 1));
  const int along = bytes * 8 / local;
  TransferCase t = random_load(machine, memory_bits, transpose ? along : lanes, transpose ? lanes : along, 1);
  machine.fill_random(kFrom - 0x10000, 0x60000);
  // The rows of a unit matrix, whose ones begin at a byte of the window.
  const int window = machine.uniform(0, (bytes - 1) / others) * others;
  const std::uint32_t unit_matrix = 0xE0000;
  std::fill_n(machine.memory().begin() + unit_matrix, others * whole, std::uint8_t{0});
  for (int row = 0; row < others; ++row) {
    const int at = base + window + row;
    if (at < whole) machine.memory()[unit_matrix + static_cast<std::uint32_t>(row * whole + at)] = 1;
  }

  const int free = machine.uniform(1, 2);
  machine.add(Opcode::ARRAY_NOP).set(Field::N2, free).signal(make_token(kArrayQueue, kLoadQueue, 0));
  machine.add(Opcode::VECTOR_NOP).signal(make_token(kVectorQueue, kArrayQueue, 0));
  machine.add(Opcode::STORE_NOP).signal(make_token(kStoreQueue, kVectorQueue, 0));
  Command& unit = machine.add_shaped(Opcode::LOAD, others, whole);
  unit.set(Field::ADDR, unit_matrix).set(Field::PITCH, whole).set(Field::PARITY0, 3);
  unit.set(Field::TARGET, static_cast<int>(a_side ? LoadTarget::SPAD_B : LoadTarget::SPAD_A));
  machine.bytes(unit);
  Command& load = add_load(machine, t, a_side ? LoadTarget::SPAD_A : LoadTarget::SPAD_B, local, expand);
  load.set(Field::TRANSPOSE, transpose).set(Field::LOCAL_BASE, base / hw.axi_bytes);
  load.wait(make_token(kArrayQueue, kLoadQueue, 0)).signal(make_token(kLoadQueue, kArrayQueue, 0));
  const std::vector<Iteration> all = iterations(t);
  const int count = static_cast<int>(all.size()), groups = (hw.cols + hw.lanes - 1) / hw.lanes;
  Command& gemm = machine.add_gemm(whole);
  gemm.set(Field::N0, count).set(Field::PARITY0, a_side ? 0 : 3).set(Field::PARITY1, a_side ? 3 : 0);
  gemm.set(Field::A_KIND, static_cast<int>(Kind::UNSIGNED)).set(Field::B_KIND, static_cast<int>(Kind::UNSIGNED));
  gemm.wait(make_token(kLoadQueue, kArrayQueue, 0)).wait(make_token(kVectorQueue, kArrayQueue, 0));
  gemm.signal(make_token(kArrayQueue, kLoadQueue, 0)).signal(make_token(kArrayQueue, kVectorQueue, 0));
  Command& tile = machine.add_shaped(Opcode::TILE, hw.rows, hw.cols);
  tile.set_flag(Flag::RAW_OUT).set(Field::N0, count).set(Field::PARITY0, 0);
  tile.set(Field::VIN_STRIDE, 0).wait(make_token(kArrayQueue, kVectorQueue, 0));
  tile.wait(make_token(kStoreQueue, kVectorQueue, 0)).signal(make_token(kVectorQueue, kArrayQueue, 0));
  tile.signal(make_token(kVectorQueue, kStoreQueue, 0));
  const int tile_bytes = hw.rows * hw.cols * 4;
  machine.store_vout(kTo, hw.rows, hw.cols, hw.cols * 4, 0, groups)
      .set(Field::N0, count)
      .set(Field::STRIDE0, tile_bytes)
      .wait(make_token(kVectorQueue, kStoreQueue, 0))
      .signal(make_token(kStoreQueue, kVectorQueue, 0));
  machine.add(Opcode::LOAD_NOP).set(Field::N2, free).wait(make_token(kArrayQueue, kLoadQueue, 0));
  machine.add(Opcode::ARRAY_NOP).wait(make_token(kVectorQueue, kArrayQueue, 0));
  machine.add(Opcode::VECTOR_NOP).wait(make_token(kStoreQueue, kVectorQueue, 0));
  const std::vector<std::uint8_t> before = machine.memory();
  ASSERT_EQ(machine.run().error_code, 0u);

  for (int i = 0; i < count; ++i) {
    const Iteration& at = all[static_cast<std::size_t>(i)];
    std::vector<std::vector<std::uint32_t>> lane(static_cast<std::size_t>(transpose ? at.cols : at.rows));
    for (int r = 0; r < at.rows; ++r) {
      const auto row = load_row(before, t, at, r);
      for (int j = 0; j < at.cols; ++j) {
        const auto& element = row[static_cast<std::size_t>(j)];
        lane[static_cast<std::size_t>(transpose ? j : r)].push_back(
            element ? expanded(*element, memory_bits, local, expand) : 0u);
      }
    }
    for (std::size_t l = 0; l < lane.size(); ++l) {
      const int per_byte = 8 / local, used = (static_cast<int>(lane[l].size()) + per_byte - 1) / per_byte;
      for (int k = 0; k < others && window + k < used; ++k) {
        std::uint32_t expected = 0;
        for (int part = 0; part < per_byte; ++part) {
          const auto element = static_cast<std::size_t>((window + k) * per_byte + part);
          if (element < lane[l].size()) expected |= lane[l][element] << (part * local);
        }
        const int cell = a_side ? static_cast<int>(l) * hw.cols + k : k * hw.cols + static_cast<int>(l);
        ASSERT_EQ(
            static_cast<std::uint32_t>(machine.word_at(kTo + static_cast<std::uint32_t>(i * tile_bytes + 4 * cell))),
            expected)
            << describe(t, seed) << (transpose ? " transposed" : "") << " to " << local << " bits, "
            << (a_side ? "A" : "B") << ", execution " << i << " lane " << l << " byte " << window + k;
      }
    }
  }
}

/// LOADs one behind the other that have nothing in common: each must be filled by its own widths, expansion, padding,
/// target and places, while the next one asks. What they left in VIN is stored as a whole.
TEST_P(DmaTest, LoadsThatOverlap) {
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    MachineCase machine = stalling(GetParam(), seed);
    const Hardware& hw = machine.hardware();
    machine.fill_random(kFrom - 0x10000, 0x60000);
    const int lanes = hw.lanes, words = std::min({hw.vin_words, hw.vout_words, 100});
    const int loads = std::min(hw.queue_depth, machine.uniform(3, 6)), part = words / loads;
    std::vector<std::uint32_t> expected(static_cast<std::size_t>(words * lanes));
    std::string texts;
    machine.load_vin(kFrom, words, lanes, hw.vector_word(), 0, 1);
    for (std::size_t i = 0; i < expected.size(); ++i) {
      expected[i] = static_cast<std::uint32_t>(machine.word_at(kFrom + 4 * static_cast<std::uint32_t>(i)));
    }
    for (int number = 0; number < loads; ++number) {
      const int row_words = machine.uniform(1, std::min(part, 5)), rows = machine.uniform(1, part / row_words);
      const int bits = pick(machine, {1, 4, 8, 16, 32});
      TransferCase t;
      t.bits = bits;
      t.address = random_start(machine, kFrom);
      t.rows = t.rows_last = rows;
      t.cols = t.cols_last = machine.uniform(1, row_words * lanes);
      t.pitch = machine.uniform(0, 400);
      align(t);
      const auto expand = static_cast<Expand>(machine.uniform(0, bits == 1 ? 2 : 1));
      const bool spad = bits <= 8 && machine.uniform(0, 2) == 0;  // nobody looks at it
      const bool packed = bits == 1 && !spad && machine.uniform(0, 1) == 0;
      Command& load = add_load(machine, t, spad ? LoadTarget::SPAD_B : LoadTarget::VIN, packed ? 1 : 32, expand);
      load.set(Field::LOCAL_BASE, number * part).set(Field::LOCAL_PITCH, row_words);
      load.set(Field::PAD_MIN, machine.uniform(0, 1)).set(Field::PARITY0, machine.uniform(0, 3));
      if (spad) {
        load.set(Field::LOCAL_BITS, static_cast<int>(width_of(std::max(bits, pick(machine, {1, 4, 8})))));
        load.set(Field::TRANSPOSE, machine.uniform(0, 1)).set(Field::LOCAL_BASE, 0).set(Field::LOCAL_STRIDE, 1);
        load.set(Field::ROWS, 1).set(Field::ROWS_LAST, 1);
        continue;
      }
      texts += "\n" + describe(t, seed);
      for (int r = 0; r < rows; ++r) {
        const auto row = load_row(machine.memory(), t, iterations(t)[0], r);
        const auto first = static_cast<std::size_t>((number * part + r * row_words) * lanes);
        if (packed) {  // a bit an element
          std::fill_n(&expected[first], (t.cols + 32 * lanes - 1) / (32 * lanes) * lanes, 0u);
          for (std::size_t j = 0; j < row.size(); ++j) expected[first + j / 32] |= *row[j] << j % 32;
          continue;
        }
        for (int j = 0; j < (t.cols + lanes - 1) / lanes * lanes; ++j) {
          expected[first + std::size_t(j)] = j < t.cols ? expanded(*row[std::size_t(j)], bits, 32, expand) : 0;
        }
      }
    }
    machine.add(Opcode::LOAD_NOP).signal(make_token(kLoadQueue, kVectorQueue, 0));
    machine.copy(words).wait(make_token(kLoadQueue, kVectorQueue, 0)).signal(make_token(kVectorQueue, kStoreQueue, 0));
    machine.store_vout(kTo, words, lanes, hw.vector_word(), 0, 1).wait(make_token(kVectorQueue, kStoreQueue, 0));
    ASSERT_EQ(machine.run().error_code, 0u);
    for (std::size_t i = 0; i < expected.size(); ++i) {
      const std::uint32_t value = expected[i] == 0x80000000u ? 0x80000001u : expected[i];
      ASSERT_EQ(static_cast<std::uint32_t>(machine.word_at(kTo + 4 * static_cast<std::uint32_t>(i))), value)
          << "seed " << seed << ", element " << i << texts;
    }
  }
}

TEST_P(DmaTest, LoadsIntoScratchpads) {
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    ASSERT_NO_FATAL_FAILURE(spad_case(GetParam(), seed));
  }
}

TEST_P(DmaTest, Stores) {
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    MachineCase machine = stalling(GetParam(), seed);
    const Hardware& hw = machine.hardware();
    const int lanes = hw.lanes, words = std::min({hw.vin_words, hw.vout_words, 128});
    machine.fill_random(kFrom, static_cast<std::size_t>(words * hw.vector_word()));
    machine.fill_vout(kFrom, words);
    TransferCase t;
    t.bits = pick(machine, {1, 4, 8, 16, 32});
    const int unit = std::max(1, 8 / t.bits);  // col0 is whole bytes
    const int row_words = machine.uniform(1, 24);
    t.address = random_start(machine, kTo);
    if (machine.uniform(0, 1) == 0) {
      t.shape = random_shape(machine, t.bits, 1, row_words * lanes, 1);
      t.shape->segment_base = 0;
      set_shape(machine.add(Opcode::STORE_SHAPE), *t.shape, 1);
    }
    random_loops(machine, t, std::max(1, words / row_words / 2), row_words * lanes, 3 * row_words * lanes);
    if (t.cols_dim != 3) t.cols = (t.cols + unit - 1) / unit * unit;
    if (!t.shape) {
      t.pitch = machine.uniform(0, 2) == 0 ? (t.cols * t.bits + 7) / 8 : machine.uniform(0, 5000);
      t.col_base = machine.uniform(0, 9) * unit;
    }
    Command& store = machine.add(Opcode::STORE);
    set_transfer(store, t);
    if (t.shape) store.set(Field::SHAPE, 1);
    const int base = machine.uniform(0, 3), pitch = machine.uniform(0, row_words),
              stride = machine.uniform(0, words / 4);
    store.set(Field::LOCAL_BASE, base).set(Field::LOCAL_PITCH, pitch).set(Field::LOCAL_STRIDE, stride);
    const std::vector<std::uint8_t> raw(machine.memory().begin() + kFrom,
                                        machine.memory().begin() + kFrom + words * hw.vector_word());
    std::vector<std::uint8_t> expected = machine.memory();
    int number = 0;
    bool fits = true;
    for (const Iteration& at : iterations(t)) {
      for (int r = 0; r < at.rows; ++r) {
        const int word = base + (number % 2) * stride + r * pitch;
        const std::int64_t to = store_bit(t, at, r);
        fits = fits && (word + (at.cols + lanes - 1) / lanes) <= words &&
               to + std::int64_t{at.cols} * t.bits <= 8 * std::int64_t{MachineCase::kProgram};
        if (!fits) break;
        ASSERT_EQ(to % 8, 0);
        std::fill_n(expected.begin() + to / 8, (at.cols * t.bits + 7) / 8, std::uint8_t{0});
        for (int j = 0; j < at.cols; ++j) {
          const std::uint32_t value =
              bits_at(raw, std::int64_t{word} * hw.vector_word() * 8 + std::int64_t{j} * 32, 32);
          for (int bit = 0; bit < t.bits; ++bit) {
            const std::int64_t place = to + std::int64_t{j} * t.bits + bit;
            expected[static_cast<std::size_t>(place / 8)] = static_cast<std::uint8_t>(
                expected[static_cast<std::size_t>(place / 8)] | (value >> bit & 1) << place % 8);
          }
        }
      }
      ++number;
    }
    if (!fits) continue;
    ASSERT_EQ(machine.run().error_code, 0u);
    const auto begin = machine.memory().begin();
    const auto difference = std::mismatch(begin, begin + MachineCase::kProgram, expected.begin());
    ASSERT_EQ(difference.first - begin, MachineCase::kProgram) << "first wrong byte; " << describe(t, seed);
  }
}

TEST_P(DmaTest, EmptyTransfersDoNothing) {
  for (const auto& [rows, cols] : {std::pair{0, 5}, std::pair{3, 0}}) {
    MachineCase machine(GetParam());
    machine.load_vin(kFrom, rows, cols, 64, 0, 1);
    machine.store_vout(kTo, rows, cols, 64, 0, 1);
    const RtlResult result = machine.run();
    EXPECT_EQ(result.error_code, 0u);
    EXPECT_EQ(result.dram.write_beats, 0u);
    EXPECT_EQ(result.dram.read_beats, 3u * kCommandBytes / static_cast<unsigned>(machine.hardware().axi_bytes));
    for (const ExecutionRecord& e : result.executions) EXPECT_EQ(e.end - e.start, 1u);
  }
}

INSTANTIATE_TEST_SUITE_P(All, DmaTest, ::testing::ValuesIn(all_hardware()),
                         [](const auto& each) { return each.param; });

}  // namespace
}  // namespace bitloom
