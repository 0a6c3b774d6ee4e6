#include "model/numerics/codebook.hpp"

#include <algorithm>
#include <cmath>
#include <set>

#include "model/io/error.hpp"

namespace bitloom {
namespace {

constexpr double kStep = 65536.0;
constexpr double kHalfStep = 0.5;
constexpr int kHalf = 32768;

/// Returns the integral of the importance from u = `near` to `far`.
double importance(double sharpness, double near, double far) {
  if (sharpness <= 0.0) return far - near;
  const double kHalfRootPi = std::sqrt(std::acos(-1.0)) / 2.0;
  return kHalfRootPi / sharpness * (std::erf(sharpness * far) - std::erf(sharpness * near));
}

double cost_of(const Breaks& at, double sharpness) {
  const double a1 = at.y1 / 2.0;
  const double a2 = (at.y2 - at.y1) / 2.0;
  const double a3 = (kHalfStep - at.y2) / 4.0;
  return importance(sharpness, kHalfStep - at.y1, kHalfStep) * a1 * a1 +
         importance(sharpness, kHalfStep - at.y2, kHalfStep - at.y1) * a2 * a2 +
         importance(sharpness, 0.0, kHalfStep - at.y2) * a3 * a3;
}

/// Powers of two up to a quarter step, and with `pairs` the sums and differences of two of them.
std::set<int> shift_add_values(bool pairs) {
  std::set<int> values;
  for (int i = 0; i <= 14; ++i) {
    values.insert(1 << i);
    for (int j = 0; pairs && j < i; ++j) values.insert({(1 << i) + (1 << j), (1 << i) - (1 << j)});
  }
  return values;
}

}  // namespace

double codebook_cost(const Slopes& slopes, double sharpness) {
  return cost_of({2.0 * slopes[0] / kStep, 2.0 * (slopes[0] + slopes[1]) / kStep}, sharpness);
}

Breaks optimal_breaks(double sharpness) {
  // Pattern search; the cost is smooth with one minimum inside 0 < y1 < y2 < 1/2.
  Breaks best{0.25, 0.375};
  for (double step = 0.1; step > 1e-9;) {
    bool better = false;
    for (const double d1 : {-step, 0.0, step}) {
      for (const double d2 : {-step, 0.0, step}) {
        const Breaks next{best.y1 + d1, best.y2 + d2};
        if (!(0.0 < next.y1 && next.y1 < next.y2 && next.y2 < kHalfStep)) continue;
        if (cost_of(next, sharpness) < cost_of(best, sharpness)) {
          best = next;
          better = true;
        }
      }
    }
    if (!better) step /= 2.0;
  }
  return best;
}

std::vector<Codebook> realizable_codebooks(double sharpness) {
  const std::set<int> powers = shift_add_values(false);
  const std::set<int> sums = shift_add_values(true);
  std::vector<Codebook> found;
  for (const int a3 : powers) {
    for (const int a2 : powers) {
      const int a1 = (kHalf - 2 * a2 - 4 * a3) / 2;
      if (a2 < a3 || a1 < a2 || sums.count(a1) == 0) continue;
      const Slopes slopes{a1, a2, a3};
      found.push_back({slopes, codebook_cost(slopes, sharpness)});
    }
  }
  std::sort(found.begin(), found.end(), [](const Codebook& a, const Codebook& b) { return a.cost < b.cost; });
  return found;
}

double equal_cost_sharpness(const Slopes& a, const Slopes& b) {
  const auto gain = [&](double sharpness) { return codebook_cost(a, sharpness) - codebook_cost(b, sharpness); };
  double low = 0.01;
  double high = 1000.0;
  if (gain(low) > 0.0 || gain(high) < 0.0) throw Error("codebook: expected two codebooks that cost the same somewhere");
  for (int i = 0; i < 100; ++i) {
    const double middle = std::sqrt(low * high);
    (gain(middle) > 0.0 ? high : low) = middle;
  }
  return low;
}

}  // namespace bitloom
