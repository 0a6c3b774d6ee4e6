// One step of the whole mlp at batch 128 on `base`, without stalls and with 25 %.
#include <gtest/gtest.h>

#include "sim/cosim/report.hpp"
#include "testbench/cosim/cosim_case.hpp"

namespace bitloom::cosim {
namespace {

TEST(CosimMlp, OneStepOnBase) {
  for (const char* recipe : {"int8", "int4"}) {
    for (int stall : {0, 25}) {
      const CosimResult result = run_case({"mlp", recipe, "base", 128, 1, stall, 1});
      SCOPED_TRACE(to_text(result));
      EXPECT_TRUE(result.equal());
      constexpr std::uint64_t kWeights = 784 * 256 + 256 * 128 + 128 * 10;  // w, dw, master, momentum
      constexpr std::uint64_t kSample =
          784 + 256 + 128 + 3 * (256 + 128 + 10) + 256 + 128;                     // x; z_raw, d_raw, d; masks
      EXPECT_GT(result.comparison.elements, 2 * (4 * kWeights + 128 * kSample));  // in both machines, and biases
      EXPECT_EQ(cycles_that_differ(result), "");
    }
  }
}

}  // namespace
}  // namespace bitloom::cosim
