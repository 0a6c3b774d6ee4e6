// Random networks, recipes, batches and stalls on the named hardware, and on random hardware that is elaborated for the
// test. A failure prints what repeats it: BITLOOM_SEED=n cosim_random_test. BITLOOM_CASES=n: how many graphs.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "model/io/error.hpp"
#include "model/io/traces.hpp"
#include "sim/cosim/cosim.hpp"
#include "sim/cosim/report.hpp"
#include "sim/cosim/rtl/harness.hpp"
#include "testbench/cosim/cosim_case.hpp"
#include "testbench/cosim/random_case.hpp"

namespace bitloom::cosim {
namespace {

std::uint64_t base_seed() {
  const char* chosen = std::getenv("BITLOOM_SEED");
  return chosen == nullptr ? 1 : std::strtoull(chosen, nullptr, 10);
}

/// Graphs to draw: 60, or as many as BITLOOM_CASES says.
int case_count() {
  const char* chosen = std::getenv("BITLOOM_CASES");
  return chosen == nullptr ? 60 : std::atoi(chosen);
}

/// Reasons for which lower() may refuse a drawn case; any other is a fault.
bool may_refuse(const std::string& message) {
  for (const char* reason : {"is too small", "the array has no logarithmic mode for others",
                             "reads the network's input: expected activation"}) {
    if (message.find(reason) != std::string::npos) return true;
  }
  return false;
}

/// Runs one case on one hardware for two steps. Returns false when lower() refuses it.
bool run_random(const RandomCase& drawn, const std::string& hardware_file, std::uint64_t seed) {
  const Hardware hardware = read_hardware(hardware_file);
  CosimOptions options;
  options.batch = drawn.batch * std::max(1, drawn.recipe.update.micro_batches);
  options.steps = 2;
  options.stall = drawn.stall;
  options.seed = seed;
  try {
    lower(drawn.network, drawn.recipe, hardware, {drawn.batch, 1, 1});
  } catch (const Error& error) {
    fmt::print("refused: {}\n", error.what());
    EXPECT_TRUE(may_refuse(error.what())) << error.what();
    return false;
  }
  options.rtl_library = rtl_library(hardware);
  const Dataset data = random_images(drawn.network, options.steps * options.batch, seed);
  const Hyper hyper = read_hyper(resolve_trace(TraceKind::kHyper, "default"));
  const CosimResult result =
      cosimulate(drawn.network, drawn.recipe, hardware, hyper, {data.images, data.labels}, options);
  SCOPED_TRACE(to_text(result));
  EXPECT_TRUE(result.equal());
  EXPECT_EQ(cycles_that_differ(result), "");
  return true;
}

TEST(CosimRandom, NamedHardware) {
  constexpr int kCases = 45;
  int ran = 0;
  for (int i = 0; i < kCases && !HasFailure(); ++i) {
    const std::uint64_t seed = base_seed() * 1000 + static_cast<std::uint64_t>(i);
    std::mt19937_64 random(seed);
    const RandomCase drawn = draw_case(random);
    const char* const kNames[] = {"tiny", "base", "odd"};
    SCOPED_TRACE(fmt::format("BITLOOM_SEED={}, case {} on {}: {}", base_seed(), i, kNames[i % 3], drawn.text));
    ran += run_random(drawn, resolve_trace(TraceKind::kHardware, kNames[i % 3]), seed) ? 1 : 0;
  }
  fmt::print("{} of {} cases ran\n", ran, kCases);
  EXPECT_GE(ran, kCases / 2);
}

TEST(CosimRandom, GraphsOnNamedHardware) {
  const int cases = case_count();
  int ran = 0;
  for (int i = 0; i < cases && !HasFailure(); ++i) {
    const std::uint64_t seed = base_seed() * 1000003 + static_cast<std::uint64_t>(i);
    std::mt19937_64 random(seed);
    const RandomCase drawn = draw_graph_case(random);
    const char* const kNames[] = {"tiny", "base", "odd"};
    const std::string what =
        fmt::format("BITLOOM_SEED={}, case {} on {}: {}", base_seed(), i, kNames[i % 3], drawn.text);
    SCOPED_TRACE(what);
    try {
      ran += run_random(drawn, resolve_trace(TraceKind::kHardware, kNames[i % 3]), seed) ? 1 : 0;
    } catch (const Error& error) {
      ADD_FAILURE() << error.what();
    }
  }
  fmt::print("{} of {} cases ran\n", ran, cases);
  EXPECT_GE(2 * ran, cases);
}

TEST(CosimRandomHardware, ElaboratedForTheTest) {
  constexpr int kHardwares = 3, kCasesEach = 4;
  int ran = 0;
  for (int h = 0; h < kHardwares && !HasFailure(); ++h) {
    std::mt19937_64 random(base_seed() * 77 + static_cast<std::uint64_t>(h));
    const std::string text = draw_hardware(random, fmt::format("random{}", h));
    const std::string file = testing::TempDir() + fmt::format("bitloom_random_hardware{}.json", h);
    std::ofstream(file) << text;
    for (int i = 0; i < kCasesEach && !HasFailure(); ++i) {
      const RandomCase drawn = i % 2 == 0 ? draw_case(random) : draw_graph_case(random);
      SCOPED_TRACE(fmt::format("BITLOOM_SEED={}, hardware {}, case {}: {}", base_seed(), text, i, drawn.text));
      ran += run_random(drawn, file, base_seed() + static_cast<std::uint64_t>(i)) ? 1 : 0;
    }
    std::filesystem::remove(file);
  }
  fmt::print("{} of {} cases ran\n", ran, kHardwares * kCasesEach);
  EXPECT_GE(ran, kHardwares);
}

}  // namespace
}  // namespace bitloom::cosim
