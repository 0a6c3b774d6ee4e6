// The codebook tool against numerical integration and against the tables it must reproduce.
#include "model/numerics/codebook.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "model/io/error.hpp"

namespace bitloom {
namespace {

/// Computes Σ over cells of the mean variance a²/6 of a stochastic rounding, weighted by the importance: midpoint rule
/// on |r|.
double integrated_cost(const Slopes& slopes, double sharpness) {
  constexpr int kParts = 200000;
  double sum = 0.0;
  for (int i = 0; i < kParts; ++i) {
    const double r = (i + 0.5) * 0.5 / kParts;
    const double position = r * 65536.0;
    const int segment = position < 2.0 * slopes[0] ? 0 : position < 2.0 * (slopes[0] + slopes[1]) ? 1 : 2;
    const double a = slopes[static_cast<std::size_t>(segment)] / 65536.0;
    const double u = 0.5 - r;
    sum += a * a * std::exp(-sharpness * sharpness * u * u) * 0.5 / kParts;
  }
  return sum;
}

TEST(Codebook, CostIsTheIntegralOfVarianceTimesImportance) {
  for (const Slopes& slopes : {Slopes{4096, 4096, 4096}, Slopes{8192, 4096, 2048}, Slopes{14336, 1024, 512}}) {
    for (const double sharpness : {0.0, 3.0, 18.6, 60.0}) {
      const double expected = integrated_cost(slopes, sharpness);
      EXPECT_NEAR(codebook_cost(slopes, sharpness), expected, 1e-4 * expected) << slopes[0] << " " << sharpness;
    }
  }
}

TEST(Codebook, DefaultsGiveTheFourLevelsOfN231) {
  // docs/numerics.md N23.1, written out.
  EXPECT_EQ(realizable_codebooks(0.0).front().slopes, (Slopes{4096, 4096, 4096}));
  EXPECT_EQ(realizable_codebooks(7.7).front().slopes, (Slopes{8192, 4096, 2048}));
  EXPECT_EQ(realizable_codebooks(18.6).front().slopes, (Slopes{12288, 2048, 1024}));
  EXPECT_EQ(realizable_codebooks(40.7).front().slopes, (Slopes{14336, 1024, 512}));
}

TEST(Codebook, RealOptimumIsNearTheAuthorsConstants) {
  // The constants of the authors' repository, as distances from 1/2 (methods: within 2.5, 1.6 and 0.8 %).
  const struct {
    double sharpness, y1, y2, tolerance;
  } cases[] = {{7.7, 0.26663, 0.375, 0.025}, {18.6, 0.37272, 0.4375, 0.016}, {40.7, 0.43306, 0.46875, 0.008}};
  for (const auto& each : cases) {
    const Breaks found = optimal_breaks(each.sharpness);
    EXPECT_NEAR((0.5 - each.y1) / (0.5 - found.y1), 1.0, each.tolerance);
    EXPECT_NEAR((0.5 - each.y2) / (0.5 - found.y2), 1.0, each.tolerance);
  }
}

TEST(Codebook, NoNeighbourOfTheRealOptimumIsBetter) {
  for (const double sharpness : {0.0, 5.0, 30.0}) {
    const Breaks best = optimal_breaks(sharpness);
    const auto cost = [&](double y1, double y2) {  // slopes need not be integers: scale them up
      const double a[3] = {y1 / 2, (y2 - y1) / 2, (0.5 - y2) / 4};
      double sum = 0.0;
      for (int i = 0; i < 20000; ++i) {
        const double r = (i + 0.5) * 0.5 / 20000;
        const double width = r < y1 ? a[0] : r < y2 ? a[1] : a[2];
        sum += width * width * std::exp(-sharpness * sharpness * (0.5 - r) * (0.5 - r));
      }
      return sum;
    };
    for (const double d : {-0.01, 0.01}) {
      EXPECT_GT(cost(best.y1 + d, best.y2), cost(best.y1, best.y2));
      EXPECT_GT(cost(best.y1, best.y2 + d), cost(best.y1, best.y2));
    }
  }
}

TEST(Codebook, EqualCostIsWhereTheBetterOneChanges) {
  const Slopes uniform{4096, 4096, 4096}, first{8192, 4096, 2048};
  const double at = equal_cost_sharpness(uniform, first);
  EXPECT_NEAR(codebook_cost(uniform, at), codebook_cost(first, at), 1e-9);
  EXPECT_LT(codebook_cost(uniform, 0.9 * at), codebook_cost(first, 0.9 * at));
  EXPECT_GT(codebook_cost(uniform, 1.1 * at), codebook_cost(first, 1.1 * at));
  EXPECT_THROW(equal_cost_sharpness(first, uniform), Error);
}

}  // namespace
}  // namespace bitloom
