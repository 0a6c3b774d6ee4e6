// Multiply-accumulates of programs: a direction counts what the forward pass counts, by every network and recipe.
#include "kernels/program_macs.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <map>
#include <set>

#include "testbench/kernels/cases.hpp"

namespace bitloom {
namespace {

using testing_cases::error_of;
using testing_cases::named_hardware;
using testing_cases::named_network;
using testing_cases::named_recipe;
using testing_cases::with_batch;

std::vector<std::string> names_of(const std::string& folder) {
  std::set<std::string> names;
  const std::filesystem::path any = resolve_trace(TraceKind::kNetwork, "lenet");
  for (const auto& entry : std::filesystem::directory_iterator(any.parent_path().parent_path() / folder)) {
    names.insert(entry.path().stem().string());
  }
  return {names.begin(), names.end()};
}

/// The program, or none where this recipe is not for this network or machine.
bool lowered(const std::string& network, const std::string& recipe, const std::string& hardware, Program& program) {
  if (named_recipe(recipe).fp32) return false;
  const std::string error = error_of(
      [&] { program = lower(named_network(network), named_recipe(recipe), named_hardware(hardware), with_batch(2)); });
  return error.empty();
}

void expect_gradients_as_forward(const Program& program) {
  for (std::size_t i = 0; i < program.info.size(); ++i) {
    const CommandInfo& info = program.info[i];
    if (info.macs_a_cycle == 0) continue;
    EXPECT_EQ(program.commands[i].opcode(), Opcode::GEMM);
    const PhaseMacs forward = phase_macs(program, info.node, "forward");
    const PhaseMacs here = phase_macs(program, info.node, info.phase);
    EXPECT_TRUE(info.phase == "forward" || info.phase == "dgrad" || info.phase == "wgrad") << info.phase;
    EXPECT_GT(here.macs_data, 0u);
    EXPECT_LE(here.macs_data, here.macs);
    EXPECT_EQ(here.macs, forward.macs) << info.node << info.phase;
    EXPECT_EQ(here.macs_data, forward.macs_data) << info.node << info.phase;
  }
}

/// The commands of a phase that makes a layer's product work at one rate, so one rate says how long an array needs.
void expect_one_rate_a_phase(const Program& program) {
  std::map<std::pair<int, std::string>, int> rates;
  for (const CommandInfo& info : program.info) {
    if (info.macs_a_cycle == 0) continue;
    const auto [found, first] = rates.emplace(std::pair(info.node, info.phase), info.macs_a_cycle);
    EXPECT_EQ(found->second, info.macs_a_cycle) << info.node << info.phase;
  }
}

TEST(ProgramMacs, EveryDirectionCountsAsTheForwardPass) {
  const std::set<std::string> large_recipes{"int8", "luq_raw16", "fqt1"};
  int programs = 0;
  for (const std::string& network : names_of("networks")) {
    for (const std::string& recipe : names_of("recipes")) {
      SCOPED_TRACE(network + " " + recipe);
      const bool large = network == "resnet18" || network == "resnet50" || network == "vgg16";
      if (large && !large_recipes.contains(recipe)) continue;  // a second of lowering each
      Program program;
      if (!lowered(network, recipe, "base", program)) continue;
      ++programs;
      expect_gradients_as_forward(program);
      expect_one_rate_a_phase(program);
    }
  }
  EXPECT_GT(programs, 150);
}

/// lenet's sums by hand: conv1 has no gradient of its input.
TEST(ProgramMacs, OfAStepByHand) {
  Program program;
  ASSERT_TRUE(lowered("lenet", "int8", "base", program));
  const std::uint64_t conv1 = 28 * 28 * 25 * 8, conv1_data = 134 * 134 * 8;
  const std::uint64_t others = 100 * 25 * 8 * 16 + 400 * 120 + 120 * 84 + 84 * 10;
  const PhaseMacs step = step_macs(program);
  EXPECT_EQ(step.macs, 2 * (2 * conv1 + 3 * others));
  EXPECT_EQ(step.macs_data, 2 * (2 * conv1_data + 3 * others));
  const double cells = static_cast<double>(program.hardware.rows) * program.hardware.cols;
  EXPECT_DOUBLE_EQ(step.array_cycles, static_cast<double>(step.macs_data) / cells);
  EXPECT_EQ(phase_macs(program, 0, "dgrad").macs, 0u);
  EXPECT_EQ(phase_macs(program, -1, "tables").macs, 0u);
}

/// What a recipe computes twice, or sums beside the product, is no work of the network.
TEST(ProgramMacs, DoNotDependOnTheRecipe) {
  Program program, other;
  ASSERT_TRUE(lowered("conv_small", "int8", "tiny", program));
  for (const char* recipe : {"luq_smp2", "psq", "fqt1_psq", "lwq_accumulate"}) {
    ASSERT_TRUE(lowered("conv_small", recipe, "tiny", other)) << recipe;
    EXPECT_EQ(step_macs(other).macs, step_macs(program).macs) << recipe;
    EXPECT_EQ(step_macs(other).macs_data, step_macs(program).macs_data) << recipe;
  }
}

}  // namespace
}  // namespace bitloom
