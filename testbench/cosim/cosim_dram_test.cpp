// SystemC against the RTL before the same DRAM with banks. It prints a row for each standard and recipe, and asks for
// equal bits and equal cycles of every command, which is more than the bound of docs/dram.md.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "sim/cosim/report.hpp"
#include "sim/dram/banks.hpp"
#include "sim/memory.hpp"
#include "testbench/cosim/cosim_case.hpp"

namespace bitloom::cosim {
namespace {

dram::Banks banks_of(const std::string& standard, const std::string& hardware) {
  dram::Banks banks{dram::read_device(resolve_trace(TraceKind::kDram, standard)), 1};
  const Hardware machine = read_hardware(resolve_trace(TraceKind::kHardware, hardware));
  banks.channels = dram::channels_for(banks.device, memory_port(machine));
  return banks;
}

void expect_equal(const std::string& standard, const CosimCase& chosen) {
  CosimOptions options;
  options.dram = banks_of(standard, chosen.hardware);
  const CosimResult result = run_case(chosen, options);
  double worst = 0;
  for (const ClassCycles& c : result.fidelity.classes) worst = std::max(worst, std::abs(c.error));
  fmt::print("| `{}` | {} | {} | {} | {} | {:+.3f} % | {:.3f} % |\n", standard, chosen.recipe, chosen.hardware,
             result.fidelity.systemc, result.fidelity.rtl, 100 * result.fidelity.error, 100 * worst);
  EXPECT_TRUE(result.equal()) << standard << ", " << chosen.recipe;
  EXPECT_EQ(cycles_that_differ(result), "") << standard << ", " << chosen.recipe;
}

class Standard : public testing::TestWithParam<const char*> {};

TEST_P(Standard, TakesTheSameCyclesOnTiny) {
  for (const char* recipe : {"int8", "luq", "fqt1"}) {
    expect_equal(GetParam(), {.network = "conv_small", .recipe = recipe, .hardware = "tiny", .batch = 3, .steps = 1});
  }
}

/// Its LOADs are longer than the beat FIFO, so they wait in the middle of asking until they may fill.
TEST_P(Standard, TakesTheSameCyclesWhereALoadWaitsToFill) {
  expect_equal(GetParam(), {.network = "mlp_odd", .recipe = "int8", .hardware = "tiny", .batch = 19, .steps = 1});
}

/// Its commands take two bursts each, its port 2.7 GB/s by a clock whose period is no whole number of picoseconds.
TEST_P(Standard, TakesTheSameCyclesOnOdd) {
  expect_equal(GetParam(), {.network = "conv_small", .recipe = "luq", .hardware = "odd", .batch = 3, .steps = 1});
}

INSTANTIATE_TEST_SUITE_P(All, Standard, testing::Values("ddr4_3200", "lpddr4_3200", "lpddr5_6400", "hbm2", "hbm3"),
                         [](const auto& tested) { return std::string(tested.param); });

}  // namespace
}  // namespace bitloom::cosim
