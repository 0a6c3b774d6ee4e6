#pragma once
#include <array>
#include <cstdint>

#include "testbench/model/numerics/spec_fraction.hpp"

namespace bitloom::spec {

// LWQ's residual code (N23) as values: a latent is rounded to one of the two representable values around it.

struct Residual {
  std::int64_t q = 0;
  int s = 0;
};

/// V_l[k] from the slopes, in 2^-16 of an integer step.
constexpr std::int64_t polyline_value(int level, int k) {
  constexpr std::array<std::array<std::int64_t, 3>, 4> kSlopes{
      {{4096, 4096, 4096}, {8192, 4096, 2048}, {12288, 2048, 1024}, {14336, 1024, 512}}};
  std::int64_t value = 0;
  for (int cell = 0; cell < k; ++cell)
    value += kSlopes[static_cast<std::size_t>(level)][cell < 2 ? 0 : (cell < 4 ? 1 : 2)];
  return value;
}

constexpr std::int64_t latent_value(Residual code, int level) {
  return code.q * 65536 + (code.s < 0 ? -polyline_value(level, -code.s) : polyline_value(level, code.s));
}

/// Where a latent lies (N23.2): between `inner`, nearer to the integer weight, and `outer`, as values.
struct LatentCell {
  std::int64_t inner = 0;
  std::int64_t outer = 0;
  Fraction distance;  ///< from inner, in cells
};

constexpr LatentCell latent_cell(std::int64_t latent, int level) {
  const auto q = static_cast<std::int64_t>(round_half_up({latent, 65536}));
  const std::int64_t residual = latent - q * 65536;
  const std::int64_t sign = residual < 0 ? -1 : 1;
  int k = 0;
  while (k < 8 && polyline_value(level, k + 1) <= sign * residual) ++k;
  const std::int64_t inner = q * 65536 + sign * polyline_value(level, k);
  if (k == 8) return {inner, inner, {0, 1}};
  const std::int64_t outer = q * 65536 + sign * polyline_value(level, k + 1);
  return {inner, outer, {sign * (latent - inner), sign * (outer - inner)}};
}

/// The code of a representable value, found by search over all residual codes of the weights around it; saturated when
/// the weight leaves ±limit.
struct FoundCode {
  Residual code;
  bool saturated = false;
  bool found = false;
};
constexpr FoundCode code_of_value(std::int64_t value, int level, std::int64_t limit) {
  const std::int64_t near = value / 65536;
  for (std::int64_t q = near - 1; q <= near + 1; ++q) {
    for (int s = -8; s <= 7; ++s) {
      if (latent_value({q, s}, level) != value) continue;
      if (q > limit) return {{limit, 7}, true, true};
      if (q < -limit) return {{-limit, -8}, true, true};
      return {{q, s}, false, true};
    }
  }
  return {};
}

}  // namespace bitloom::spec
