// The DMA engines against plain copies: random rows, columns, pitches and byte alignments, rows and bursts across 4
// KiB, at several stall rates of data and addresses. The memory behind the AXI port checks the protocol all the while.
#include <gtest/gtest.h>

#include <algorithm>

#include "testbench/rtl/machine_case.hpp"

namespace bitloom {
namespace {

constexpr std::uint32_t kFrom = 0x10000, kTo = 0x80000;

struct Shape {
  int rows, cols, pitch;
};

class DmaTest : public ::testing::TestWithParam<std::string> {
 protected:
  /// rows × cols bytes that take at most `words` local words.
  static Shape shape(MachineCase& machine, int words, int unit) {
    const int w = machine.hardware().axi_bytes;
    const int row_words = machine.uniform(1, words);
    Shape result{machine.uniform(1, std::max(1, words / row_words)), 0, 0};
    result.cols = machine.uniform((row_words - 1) * w + 1, row_words * w);
    // Beside each other, far apart, or backwards.
    const int gap = machine.uniform(0, 4096) / unit * unit;
    result.pitch = (result.cols + unit - 1) / unit * unit + (machine.uniform(0, 2) == 0 ? 0 : gap);
    if (machine.uniform(0, 5) == 0) result.pitch = -result.pitch;
    return result;
  }
  static std::uint32_t start(MachineCase& machine, const Shape& shape, std::uint32_t area, int unit) {
    const int back = shape.pitch < 0 ? -shape.pitch * shape.rows : 0;
    // Often just before a 4 KiB boundary.
    int offset = machine.uniform(0, 8191);
    if (machine.uniform(0, 1) == 0) offset = 4096 - machine.uniform(0, 3 * unit) - 1;
    return area + static_cast<std::uint32_t>((offset + back) / unit * unit);
  }
  static std::uint32_t at(std::uint32_t base, int row, int pitch) {
    return base + static_cast<std::uint32_t>(row * pitch);
  }
};

void load_case(MachineCase& machine, const Shape& shape, std::uint32_t from) {
  const int w = machine.hardware().axi_bytes;
  const int row_words = (shape.cols + w - 1) / w;
  const int words = shape.rows * row_words;
  machine.fill_random(kFrom - 0x8000, 0x60000);
  machine.load_vin(from, shape.rows, shape.cols, shape.pitch, 0, row_words)
      .signal(make_token(kLoadQueue, kVectorQueue, 0));
  machine.copy(words).wait(make_token(kLoadQueue, kVectorQueue, 0)).signal(make_token(kVectorQueue, kStoreQueue, 0));
  machine.store_raw(kTo, 1, words * w, 0, 0, 0).wait(make_token(kVectorQueue, kStoreQueue, 0));
}

void store_case(MachineCase& machine, const Shape& shape, std::uint32_t to) {
  const int w = machine.hardware().axi_bytes;
  const int row_words = (shape.cols + w - 1) / w;
  machine.fill_random(kFrom, static_cast<std::size_t>(shape.rows * row_words * w));
  machine.fill_raw(kFrom, shape.rows * row_words);
  machine.store_raw(to, shape.rows, shape.cols, shape.pitch, 0, row_words);
}

TEST_P(DmaTest, LoadPatterns) {
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    MachineCase machine(GetParam(), std::array{0, 25, 75}[seed % 3], seed);
    if (seed % 4 == 0) machine.machine().dram().stall_addresses(50, seed);
    const Hardware& hw = machine.hardware();
    const Shape chosen = shape(machine, std::min(hw.vin_words, hw.vout_words), hw.axi_bytes);
    const std::uint32_t from = start(machine, chosen, kFrom, hw.axi_bytes);
    load_case(machine, chosen, from);
    ASSERT_EQ(machine.run().error_code, 0u);
    const int row_bytes = (chosen.cols + hw.axi_bytes - 1) / hw.axi_bytes * hw.axi_bytes;
    for (int r = 0; r < chosen.rows; ++r) {
      const auto source = machine.memory().begin() + at(from, r, chosen.pitch);
      ASSERT_TRUE(std::equal(source, source + row_bytes, machine.memory().begin() + at(kTo, r, row_bytes)))
          << "seed " << seed << " row " << r << " of " << chosen.rows << "x" << chosen.cols;
    }
  }
}

TEST_P(DmaTest, StorePatterns) {
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    MachineCase machine(GetParam(), std::array{0, 25, 75}[seed % 3], seed);
    if (seed % 4 == 0) machine.machine().dram().stall_addresses(50, seed);
    const Hardware& hw = machine.hardware();
    const Shape chosen = shape(machine, std::min(hw.vin_words, hw.vout_words), 1);
    const std::uint32_t to = start(machine, chosen, kTo, 1);
    store_case(machine, chosen, to);
    const int row_bytes = (chosen.cols + hw.axi_bytes - 1) / hw.axi_bytes * hw.axi_bytes;
    std::vector<std::uint8_t> expected = machine.memory();
    for (int r = 0; r < chosen.rows; ++r) {
      std::copy_n(machine.memory().begin() + at(kFrom, r, row_bytes), chosen.cols,
                  expected.begin() + at(to, r, chosen.pitch));
    }
    ASSERT_EQ(machine.run().error_code, 0u);
    const auto begin = machine.memory().begin();
    const auto difference = std::mismatch(begin, begin + MachineCase::kProgram, expected.begin());
    ASSERT_EQ(difference.first - begin, MachineCase::kProgram)
        << "first wrong byte; seed " << seed << ", " << chosen.rows << "x" << chosen.cols << " to " << to;
  }
}

TEST_P(DmaTest, EmptyTransfersDoNothing) {
  for (const auto& [rows, cols] : {std::pair{0, 5}, std::pair{3, 0}}) {
    MachineCase machine(GetParam());
    machine.load_vin(kFrom, rows, cols, 64, 0, 1);
    machine.store_raw(kTo, rows, cols, 64, 0, 1);
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
