#pragma once
#include <array>
#include <vector>

namespace bitloom {

/// Slopes of the three segments of LWQ's residual codebook (N23.1) in 2^-16 of an integer step: codes 0-2, 2-4, 4-8,
/// with 2·a1 + 2·a2 + 4·a3 = 32768.
using Slopes = std::array<int, 3>;

/// A codebook and the disturbance of weight updates that it causes.
struct Codebook {
  Slopes slopes{};
  double cost = 0.0;  ///< codebook_cost()
};

/// Returns the cost of a codebook. The importance of a residual at distance u (in integer steps) from the boundary
/// where the integer weight flips is w(u) = exp(-(sharpness·u)²). **Ours**: the paper's importance function was not
/// available; sharpness = kappa·rho with rho the mean number of updates in an integer step. A stochastic rounding in a
/// cell of width a has the mean variance a²/6, so the cost of a codebook is Σ over segments of a² · ∫ w (the factor 1/6
/// left out; steps squared). Sharpness 0: uniform importance.
double codebook_cost(const Slopes& slopes, double sharpness);

/// Residuals at codes 2 and 4, in integer steps: the real optimum, as they minimize the same cost without any rounding
/// of slopes.
struct Breaks {
  double y1 = 0.0;
  double y2 = 0.0;
};
/// Returns them for an importance of this sharpness.
Breaks optimal_breaks(double sharpness);

/// Returns the codebooks that a decoder of shifts and one addition can have - a2 and a3 powers of two, a1 a sum or
/// difference of at most two, a1 ≥ a2 ≥ a3 > 0 - by rising cost.
std::vector<Codebook> realizable_codebooks(double sharpness);

/// Returns the sharpness at which `a` and `b` cost the same, b being the better one above it; both orders found by
/// bisection in [0.01, 1000]. Throws Error when one of them is better everywhere.
double equal_cost_sharpness(const Slopes& a, const Slopes& b);

}  // namespace bitloom
