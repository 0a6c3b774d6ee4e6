// The row kernels are swept over all 16-bit inputs and all random words (label long).
#include "testbench/model/rows/row_rules.hpp"

namespace bitloom::testing {
namespace {

TEST(RowRulesLong, Requantize) { sweep_requantize_row(Words::kAll, true); }
TEST(RowRulesLong, Log) { sweep_log_row(Words::kAll, true); }
TEST(RowRulesLong, Group) { sweep_group_row(Words::kAll, true); }
TEST(RowRulesLong, Polyline) { sweep_polyline_row(Words::kAll, {5}, 4); }
TEST(RowRulesLong, PolylineOfManyWeights) {
  std::vector<int> weights;
  for (int weight = -128; weight <= 128; weight += weight < -112 || weight > 111 ? 1 : 16) weights.push_back(weight);
  sweep_polyline_row(Words::kDecisive, weights, 4);
}

}  // namespace
}  // namespace bitloom::testing
