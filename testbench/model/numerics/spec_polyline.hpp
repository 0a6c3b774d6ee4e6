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

/// The polylines by level at 0, 1/16, … 128/16 of a cell of 4-bit codes, from the slopes, in 2^-16 of an integer step.
inline constexpr auto kPolylines = [] {
  constexpr std::array<std::array<std::int64_t, 3>, 4> kSlopes{
      {{4096, 4096, 4096}, {8192, 4096, 2048}, {12288, 2048, 1024}, {14336, 1024, 512}}};
  std::array<std::array<std::int64_t, 129>, 4> values{};
  for (std::size_t level = 0; level < 4; ++level) {
    for (std::size_t part = 0; part < 128; ++part) {
      const std::int64_t slope = kSlopes[level][part < 32 ? 0 : (part < 64 ? 1 : 2)];
      values[level][part + 1] = values[level][part] + slope / 16;
    }
  }
  return values;
}();

constexpr int codes_of(int bits) { return 1 << (bits - 1); }

/// Returns V_l[k] for codes of `bits` bits, in 2^-16 of an integer step.
constexpr std::int64_t polyline_value(int level, int k, int bits = 4) {
  return kPolylines[static_cast<std::size_t>(level)][static_cast<std::size_t>(k) << (8 - bits)];
}

constexpr std::int64_t latent_value(Residual code, int level, int bits = 4) {
  return code.q * 65536 + (code.s < 0 ? -polyline_value(level, -code.s, bits) : polyline_value(level, code.s, bits));
}

/// Where a latent lies (N23.2): between `inner`, nearer to the integer weight, and `outer`, as values.
struct LatentCell {
  std::int64_t inner = 0;
  std::int64_t outer = 0;
  Fraction distance;  ///< from inner, in cells
};

constexpr LatentCell latent_cell(std::int64_t latent, int level, int bits = 4) {
  const auto q = static_cast<std::int64_t>(round_half_up({latent, 65536}));
  const std::int64_t residual = latent - q * 65536;
  const std::int64_t sign = residual < 0 ? -1 : 1;
  int k = 0;
  while (k < codes_of(bits) && polyline_value(level, k + 1, bits) <= sign * residual) ++k;
  const std::int64_t inner = q * 65536 + sign * polyline_value(level, k, bits);
  if (k == codes_of(bits)) return {inner, inner, {0, 1}};
  const std::int64_t outer = q * 65536 + sign * polyline_value(level, k + 1, bits);
  return {inner, outer, {sign * (latent - inner), sign * (outer - inner)}};
}

/// The code of a representable value, found by search over all residual codes of the weights around it; saturated when
/// the weight leaves ±limit.
struct FoundCode {
  Residual code;
  bool saturated = false;
  bool found = false;
};
constexpr FoundCode code_of_value(std::int64_t value, int level, std::int64_t limit, int bits = 4) {
  const std::int64_t near = value / 65536;
  for (std::int64_t q = near - 1; q <= near + 1; ++q) {
    for (int s = -codes_of(bits); s < codes_of(bits); ++s) {
      if (latent_value({q, s}, level, bits) != value) continue;
      if (q > limit) return {{limit, codes_of(bits) - 1}, true, true};
      if (q < -limit) return {{-limit, -codes_of(bits)}, true, true};
      return {{q, s}, false, true};
    }
  }
  return {};
}

}  // namespace bitloom::spec
