// The row kernels are swept over all 16-bit inputs at the words where the result changes.
#include "testbench/model/rows/row_rules.hpp"

namespace bitloom::testing {
namespace {

TEST(RowRules, Requantize) { sweep_requantize_row(Words::kDecisive, false); }
TEST(RowRules, RequantizeWithoutWords) { sweep_requantize_row_without_words(); }
TEST(RowRules, Log) { sweep_log_row(Words::kDecisive, false); }
TEST(RowRules, Group) { sweep_group_row(Words::kDecisive, false); }
TEST(RowRules, Niti) { sweep_niti_row(); }
TEST(RowRules, Polyline) {
  sweep_polyline_row(Words::kDecisive, {-127, -7, 0, 5, 127}, 4);
  for (const int bits : {2, 3, 5, 6, 7, 8}) sweep_polyline_row(Words::kDecisive, {-127, 0, 127}, bits);
}

}  // namespace
}  // namespace bitloom::testing
