// The cycle ratchet: the clock cycles of every fidelity case, by class of commands, are those of cycles.json. A change
// that moves one, either way, must bring the new file in the same commit.
#include "testbench/cosim/cycle_record.hpp"

#include <gtest/gtest.h>

#include <set>

#include "testbench/cosim/fidelity_cases.hpp"

namespace bitloom::cosim {
namespace {

constexpr const char* kHowToRecord =
    "if this is meant: fidelity_table --cycles testbench/cosim/cycles.json, and commit the file with the change";

class Part : public testing::TestWithParam<const char*> {};

TEST_P(Part, TakesTheRecordedCycles) {
  const CycleRecord recorded = committed_cycles();
  for (const CosimCase& chosen : fidelity_cases(GetParam())) {
    const std::string name = case_name(chosen);
    const auto found = recorded.find(name);
    ASSERT_NE(found, recorded.end()) << name << " is not in cycles.json; " << kHowToRecord;
    EXPECT_EQ(moved(found->second, systemc_cycles(chosen)), "") << name << "\n" << kHowToRecord;
  }
}

INSTANTIATE_TEST_SUITE_P(All, Part, testing::Values("mlps", "recipes", "networks"),
                         [](const auto& tested) { return std::string(tested.param); });

TEST(CycleRecord, HoldsTheFidelityCasesAndNoOthers) {
  std::set<std::string> cases, recorded;
  for (const CosimCase& chosen : fidelity_cases()) cases.insert(case_name(chosen));
  for (const auto& [name, cycles] : committed_cycles()) recorded.insert(name);
  EXPECT_EQ(recorded, cases) << kHowToRecord;
}

TEST(CycleRecord, SaysWhatMovedEitherWay) {
  const CaseCycles before{100, {{"GEMM", 40}, {"LOAD A", 30}}};
  const CaseCycles after{101, {{"GEMM", 39}, {"POOL", 2}, {"LOAD A", 30}}};
  EXPECT_EQ(moved(before, before), "");
  EXPECT_EQ(moved(before, after),
            "  total: 100 cycles recorded, 101 now\n  GEMM: 40 cycles recorded, 39 now\n"
            "  POOL: 0 cycles recorded, 2 now\n");
}

}  // namespace
}  // namespace bitloom::cosim
