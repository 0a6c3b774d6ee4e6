// Three training steps of mlp_odd on golden, SystemC and RTL, for each recipe, hardware and stall rate; and proof that
// the comparison can fail.
#include "sim/cosim/cosim.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>

#include "model/io/error.hpp"
#include "sim/cosim/report.hpp"
#include "sim/cosim/rtl/harness.hpp"
#include "testbench/cosim/cosim_case.hpp"
#include "testbench/kernels/named_table.hpp"

namespace bitloom::cosim {
namespace {

/// Equal cycles, of a program that uses most of the command set.
void expect_faithful(const CosimResult& result) {
  EXPECT_EQ(cycles_that_differ(result), "");
  EXPECT_GE(result.fidelity.classes.size(), 8u);
}

class MlpOdd : public testing::TestWithParam<std::tuple<const char*, const char*, int>> {};

TEST_P(MlpOdd, ThreeStepsAreEqual) {
  const auto [recipe, hardware, stall] = GetParam();
  const CosimResult result = run_case({"mlp_odd", recipe, hardware, 19, 3, stall, 1});
  SCOPED_TRACE(to_text(result));
  EXPECT_EQ(result.comparison.mismatches, 0u);
  std::set<std::string> unseen = {"fc1.b_acc", "fc2.b_acc", "fc3.b_acc"};  // in VBIAS only
  if (std::string(recipe).find("hindsight") != std::string::npos) {        // known scales need no raw view in memory
    unseen.insert({"fc1.z_raw", "fc2.z_raw", "fc1.d_raw", "fc2.d_raw"});
  }
  EXPECT_EQ(result.comparison.unseen, unseen);
  EXPECT_GE(result.comparison.tensors, 2u * 3u * (result.tensors_a_step - unseen.size()));
  EXPECT_GE(result.comparison.scalars, 2u * 3u * 40u);
  EXPECT_EQ(result.losses.size(), 3u);
  expect_faithful(result);
}

INSTANTIATE_TEST_SUITE_P(All, MlpOdd,
                         testing::Combine(testing::Values("int8", "int4", "int8_hindsight", "int4_hindsight"),
                                          testing::Values("tiny", "base", "odd"), testing::Values(0, 25, 75)),
                         [](const auto& tested) {
                           return std::string(std::get<0>(tested.param)) + "_" + std::get<1>(tested.param) + "_stall" +
                                  std::to_string(std::get<2>(tested.param));
                         });

TEST(Cosim, AnotherSeedGivesOtherBits) {
  const CosimResult one = run_case({"mlp_odd", "int8", "tiny", 19, 1, 0, 1});
  const CosimResult two = run_case({"mlp_odd", "int8", "tiny", 19, 1, 0, 2});
  EXPECT_TRUE(one.equal());
  EXPECT_TRUE(two.equal());
  EXPECT_NE(one.losses, two.losses);
}

TEST(Cosim, AChangedBitIsFoundAndNamed) {
  CosimOptions options;
  std::uint64_t address = 0;
  options.tamper = [&](const std::string& executor, int step, std::span<std::uint8_t> memory) {
    if (executor == "rtl" && step == 1) memory[address] ^= 1;
  };
  const CosimCase chosen{"mlp_odd", "int8", "tiny", 19, 3, 0, 1};
  const CosimResult clean = run_case(chosen);
  const TensorPlacement* dw = find_tensor(clean.program, "fc2.dw");
  ASSERT_NE(dw, nullptr);
  address = dw->address + 2 * dw->pitch + 4 * 3;  // element (2, 3)
  const CosimResult result = run_case(chosen, options);
  ASSERT_EQ(result.comparison.mismatches, 1u);
  const Difference& found = result.comparison.first.front();
  EXPECT_EQ(found.executor, "rtl");
  EXPECT_EQ(found.step, 1);
  EXPECT_EQ(found.tensor, "fc2.dw");
  EXPECT_EQ(found.row, 2);
  EXPECT_EQ(found.col, 3);
  EXPECT_EQ(std::abs(found.expected - found.got), 1);
  ASSERT_FALSE(found.writers.empty());
  EXPECT_EQ(result.program.info[static_cast<std::size_t>(found.writers.front())].phase, "wgrad");
  EXPECT_EQ(result.losses.size(), 2u) << "stops after the step that differs";
  EXPECT_FALSE(result.equal());
}

TEST(Cosim, WavesAreWrittenAroundADifferenceOrOfTheStepsStart) {
  CosimOptions options;
  options.waves = testing::TempDir() + "bitloom_cosim_test.fst";
  std::filesystem::remove(options.waves);
  const CosimCase chosen{"mlp_odd", "int8", "tiny", 19, 1, 0, 1};
  const CosimResult clean = run_case(chosen, options);
  EXPECT_TRUE(clean.equal());
  EXPECT_EQ(clean.waves.file, options.waves);
  EXPECT_EQ(clean.waves.at, -1);
  ASSERT_TRUE(std::filesystem::exists(options.waves));
  const auto whole = std::filesystem::file_size(options.waves);
  EXPECT_GT(whole, 10000u);
  std::filesystem::remove(options.waves);

  // The last command to write a tensor of the step: only its end is in the waves.
  const std::uint64_t address = find_tensor(clean.program, "fc1.master")->address;
  options.tamper = [address](const std::string& executor, int, std::span<std::uint8_t> memory) {
    if (executor == "rtl") memory[address] ^= 1;
  };
  const CosimResult changed = run_case(chosen, options);
  EXPECT_EQ(changed.comparison.mismatches, 1u);
  EXPECT_EQ(changed.waves.file, options.waves);
  EXPECT_GT(changed.waves.at, static_cast<std::int64_t>(changed.waves.from));
  EXPECT_LE(changed.waves.at, static_cast<std::int64_t>(changed.waves.to));
  EXPECT_NE(verdict_text(changed).find(fmt::format("at cycle {}", changed.waves.at)), std::string::npos);
  ASSERT_TRUE(std::filesystem::exists(options.waves));
  EXPECT_GT(std::filesystem::file_size(options.waves), 10000u);
  EXPECT_LT(std::filesystem::file_size(options.waves), whole);
  std::filesystem::remove(options.waves);
}

/// A wait for a token that nobody sends: the error says where, and the waves are there.
TEST(Cosim, WavesAreWrittenWhereTheRtlHangs) {
  CosimOptions options;
  options.waves = testing::TempDir() + "bitloom_cosim_hang.fst";
  std::filesystem::remove(options.waves);
  options.before_rtl = [](RtlMachine& rtl, const Program& program) {
    std::size_t last = program.commands.size() - 1;
    while (program.commands[last].opcode() != Opcode::STORE) --last;
    Command waits = program.commands[last];
    waits.wait(make_token(kLoadQueue, kStoreQueue, 1));
    const auto bytes = encode(waits);
    std::copy(bytes.begin(), bytes.end(),
              rtl.memory().begin() + static_cast<std::ptrdiff_t>(program.program_address + last * kCommandBytes));
    rtl.set_watchdog(20000);
  };
  std::string message;
  try {
    run_case({"mlp_odd", "int8", "tiny", 19, 1, 0, 1}, options);
  } catch (const Error& error) {
    message = error.what();
  }
  EXPECT_NE(message.find("hangs"), std::string::npos) << message;
  EXPECT_NE(message.find("waves in " + options.waves + ": step 0, cycles 0 to "), std::string::npos) << message;
  ASSERT_TRUE(std::filesystem::exists(options.waves));
  EXPECT_GT(std::filesystem::file_size(options.waves), 10000u);
  std::filesystem::remove(options.waves);
}

TEST(Cosim, AChangedTableEntryIsFound) {
  CosimOptions options;
  std::uint64_t address = 0;
  options.tamper = [&](const std::string& executor, int, std::span<std::uint8_t> memory) {
    if (executor == "systemc") memory[address] ^= 0x10;
  };
  const CosimCase chosen{"mlp_odd", "int4", "tiny", 19, 1, 0, 1};
  const CosimResult clean = run_case(chosen);
  address = clean.program.table_address + 4 * static_cast<std::uint32_t>(named_table(clean.program).at("fc1.sd"));
  const CosimResult result = run_case(chosen, options);
  ASSERT_EQ(result.comparison.mismatches, 1u);
  EXPECT_EQ(result.comparison.first.front().tensor, "table entry fc1.sd");
}

}  // namespace
}  // namespace bitloom::cosim
