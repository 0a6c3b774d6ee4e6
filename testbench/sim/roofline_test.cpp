// The roofline and what binds: by hand, and what more hardware or more samples change.
#include "sim/roofline.hpp"

#include <gtest/gtest.h>

#include <map>

#include "model/io/traces.hpp"
#include "sim/estimate.hpp"

namespace bitloom {
namespace {

Hardware machine(const char* name) { return read_hardware(resolve_trace(TraceKind::kHardware, name)); }
Network network(const char* name) { return read_network(resolve_trace(TraceKind::kNetwork, name)); }
Recipe recipe(const char* name) { return read_recipe(resolve_trace(TraceKind::kRecipe, name)); }

OperationBytes operation(std::uint64_t read, std::uint64_t written, std::uint64_t elements) {
  OperationBytes made;
  made.read[MemoryKind::kWeights] = read / 2;
  made.read[MemoryKind::kActivations] = read - read / 2;
  made.written[MemoryKind::kGradients] = written;
  made.elements = elements;
  return made;
}

/// tiny moves 8 bytes a cycle in each direction and has two lanes.
TEST(Roofline, IsTheLargestFloor) {
  const Hardware tiny = machine("tiny");
  EXPECT_EQ(bound_cycles(operation(81, 80, 20), 10.5, tiny), 11u);   // read: 10.125; array: 10.5
  EXPECT_EQ(bound_cycles(operation(89, 80, 20), 10.5, tiny), 12u);   // read: 11.125
  EXPECT_EQ(bound_cycles(operation(89, 104, 20), 10.5, tiny), 13u);  // written: 13
  EXPECT_EQ(bound_cycles(operation(89, 104, 27), 10.5, tiny), 14u);  // elements: 13.5
  EXPECT_EQ(bound_cycles(operation(0, 0, 0), 0, tiny), 0u);
}

TEST(Roofline, OfAStepIsTheSumOverItsOperations) {
  EstimateOptions options;
  options.steps = 2;
  const Estimate e = estimate(network("mlp_odd"), recipe("int8"), machine("tiny"), 19, options);
  // The last layer, 23 → 10, as by its rules: forward 4370 products on 16 cells, at 273.125 the largest floor (437
  // bytes of x and 230 of w, 760 out, 190 elements); its weight gradient the same; bias 10 words of 4 bytes; weights
  // 230 masters of 3 bytes, 86.25, or 115 of two lanes.
  std::map<std::string, std::uint64_t> last;
  for (const EstimateLayer& row : e.layers) {
    if (row.name == "fc3") last[row.phase] = row.bound_cycles;
  }
  EXPECT_EQ(last["forward"], 2u * 274);
  EXPECT_EQ(last["wgrad"], 2u * 274);
  EXPECT_EQ(last["bias"], 2u * 5);
  EXPECT_EQ(last["weights"], 2u * 115);
}

/// More of anything never raises the bound, more samples never lower it.
TEST(Roofline, IsMonotone) {
  const Hardware base = machine("base");
  Hardware wide = base;
  wide.axi_bytes *= 2;
  wide.lanes *= 2;
  std::uint64_t bound = 0, bound_of_fewer = 0;
  for (const int samples : {1, 2, 7, 64}) {
    for (const OperationBytes& each : compulsory_bytes(network("resnet8"), recipe("luq"), samples)) {
      EXPECT_LE(bound_cycles(each, 0, wide), bound_cycles(each, 0, base)) << each.phase;
      EXPECT_LE(bound_cycles(each, 10, base), bound_cycles(each, 11, base)) << each.phase;
      bound += bound_cycles(each, 0, base);
    }
    EXPECT_GT(bound, bound_of_fewer);
    bound_of_fewer = bound;
    bound = 0;
  }
}

TEST(Busiest, AreTheTwoWithTheMostCycles) {
  const Busiest by = busiest({10, 40, 30, 20, 5});
  EXPECT_STREQ(by.first, "array");
  EXPECT_STREQ(by.second, "vector");
  EXPECT_DOUBLE_EQ(by.share, 0.75);
  EXPECT_STREQ(busiest({7, 0, 0, 7, 0}).first, "load");
  EXPECT_STREQ(busiest({7, 0, 0, 7, 0}).second, "scalar");
  EXPECT_STREQ(busiest({0, 0, 0, 0, 3}).second, "");
  EXPECT_STREQ(busiest({}).first, "");
}

/// The codes of a layer's weights take one MAX_TO_SCALE, 56 cycles, and one DIV, 22 (docs/timing_vector.md); the
/// scalars are not counted as vector work, which is one TILE a tile.
TEST(Busiest, ScalarsAreApart) {
  const Estimate e = estimate(network("mlp_odd"), recipe("int8"), machine("base"), 19, {});
  for (const EstimateLayer& row : e.layers) {
    if (row.phase != "weights") continue;
    EXPECT_EQ(row.busy[static_cast<std::size_t>(Engine::kScalar)], 56u + 22) << row.name;
    EXPECT_GT(row.busy[static_cast<std::size_t>(Engine::kVector)], 0u);
    EXPECT_EQ(row.busy[static_cast<std::size_t>(Engine::kArray)], 0u);
  }
}

}  // namespace
}  // namespace bitloom
