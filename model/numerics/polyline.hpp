#pragma once
#include <algorithm>
#include <array>
#include <cstdint>

#include "model/numerics/affine.hpp"
#include "model/numerics/numbers.hpp"
#include "model/numerics/real.hpp"

namespace bitloom {

// LWQ (N23): an integer weight q and a residual code s of `bits` = 2 … 8 bits hold a latent weight in 2^-16 of an
// integer step. The accelerator has residual codes of 4 bits.

constexpr int kPolylineLevels = 4;

/// V_l[k] of N23.1 for codes of 4 bits.
constexpr std::array<std::array<std::int32_t, 9>, kPolylineLevels> kPolyline{{
    {0, 4096, 8192, 12288, 16384, 20480, 24576, 28672, 32768},
    {0, 8192, 16384, 20480, 24576, 26624, 28672, 30720, 32768},
    {0, 12288, 24576, 26624, 28672, 29696, 30720, 31744, 32768},
    {0, 14336, 28672, 29696, 30720, 31232, 31744, 32256, 32768},
}};

/// Returns how many residual codes lie above zero, the carry into the next integer among them: s is in [-n, n - 1].
constexpr int polyline_codes(int bits) { return 1 << (bits - 1); }

/// Returns V_l[k] of N23.1 for codes of `bits` bits: the value of the polyline at k · 2^(4 - bits). Exact, as its
/// slopes are multiples of 16. k = 0 … polyline_codes(bits).
constexpr std::int32_t polyline_value(int k, int level, int bits) {
  const auto& table = kPolyline[static_cast<std::size_t>(level)];
  if (bits <= 4) return table[static_cast<std::size_t>(k << (4 - bits))];
  const int parts = 1 << (bits - 4);
  const auto cell = static_cast<std::size_t>(k / parts);
  if (cell == 8) return table[8];
  return table[cell] + (table[cell + 1] - table[cell]) / parts * (k % parts);
}

/// What memory keeps of a weight: q in [-qmax, qmax], s in [-8, 7] at 4 bits.
struct LatentCode {
  std::int8_t q = 0;
  std::int8_t s = 0;
  constexpr bool operator==(const LatentCode&) const = default;
};

/// Returns the latent weight L (N23.1).
constexpr std::int32_t polyline_decode(LatentCode code, int level, int bits = 4) {
  const std::int32_t magnitude = polyline_value(code.s < 0 ? -code.s : code.s, level, bits);
  return code.q * 65536 + (code.s < 0 ? -magnitude : magnitude);
}

/// Returns the code of a latent weight (N23.2). |latent| < 2^32; limit = qmax; Rounding kStochastic (u is a 16-bit
/// word) or kHalfUp. Counts one saturation where q leaves ±limit.
constexpr LatentCode polyline_encode(std::int64_t latent, int level, std::uint32_t u, Rounding rounding, int limit,
                                     std::uint64_t& saturations, int bits = 4) {
  const int codes = polyline_codes(bits);
  std::int64_t q = (latent + 32768) >> 16;
  const std::int64_t residual = latent - q * 65536;
  const std::int64_t magnitude = residual < 0 ? -residual : residual;
  int s = 0;
  while (s < codes && polyline_value(s + 1, level, bits) <= magnitude) ++s;
  if (s < codes) {
    const std::int64_t d = magnitude - polyline_value(s, level, bits);
    const std::int64_t cell = polyline_value(s + 1, level, bits) - polyline_value(s, level, bits);
    const bool up = rounding == Rounding::kStochastic ? d * 65536 > std::int64_t{u} * cell : 2 * d >= cell;
    s += up ? 1 : 0;
  }
  if (residual < 0) s = -s;
  if (s == codes) {
    ++q;
    s = -codes;
  }
  if (q > limit || q < -limit) {
    ++saturations;
    return q > limit ? LatentCode{static_cast<std::int8_t>(limit), static_cast<std::int8_t>(codes - 1)}
                     : LatentCode{static_cast<std::int8_t>(-limit), static_cast<std::int8_t>(-codes)};
  }
  return {static_cast<std::int8_t>(q), static_cast<std::int8_t>(s)};
}

/// Returns a latent weight kept whole, without a codebook (N23.2).
constexpr std::int32_t limit_latent(std::int64_t latent, int limit, std::uint64_t& saturations) {
  return static_cast<std::int32_t>(saturate(latent, std::int64_t{limit} * 65536 + 32767, saturations));
}
/// Returns the integer weight of a latent that is kept whole (N23.2).
constexpr std::int8_t integer_weight(std::int32_t latent) { return static_cast<std::int8_t>((latent + 32768) >> 16); }

/// Returns the scale of the momentum codes of this step (N23.4) from the largest rounded |V| of the step before.
constexpr Scale lwq_momentum_scale(std::uint64_t vmax, Scale previous, std::uint64_t& saturations) {
  const auto doubled = static_cast<std::uint32_t>(std::min<std::uint64_t>(2 * vmax, kRawLimit));
  return max_to_scale(doubled, previous, qmax(8), previous, saturations);
}
/// Returns the factor of the old momentum code (N23.3): mu · s_v / s_v'.
constexpr Real lwq_decay(std::uint32_t mu16, Scale previous, Scale now) {
  return rmul(from_int(mu16, 16), rdiv(from_scale(previous), from_scale(now)));
}
/// Returns V of N23.3 in 2^-16 of s_v'. ratio_g = RDIV(unit of g, s_v').
constexpr std::int64_t lwq_momentum(std::int8_t v, Real decay, std::int32_t g, Real ratio_g) {
  return real_product(v, decay) + real_product(g, ratio_g);
}
/// Returns the new momentum code (N23.3); u is a 16-bit word.
constexpr std::int8_t lwq_momentum_code(std::int64_t momentum, std::uint32_t u, std::uint64_t& saturations) {
  return static_cast<std::int8_t>(saturate((momentum + 65535 - std::int64_t{u}) >> 16, qmax(8), saturations));
}
/// Returns |V| rounded to steps of s_v', the candidate for vmax (N23.4).
constexpr std::uint64_t lwq_momentum_magnitude(std::int64_t momentum) {
  return static_cast<std::uint64_t>(((momentum < 0 ? -momentum : momentum) + 32768) >> 16);
}

/// Returns the ratio of the update (N23.5): lr · s_v' / s_w.
constexpr Real lwq_update_ratio(Real lr, Scale momentum, Scale weight) {
  return rmul(lr, rdiv(from_scale(momentum), from_scale(weight)));
}
/// Returns what is subtracted from the latent (N23.5): |result| <= 2^30.
constexpr std::int64_t lwq_delta(std::int64_t v, Real ratio, std::uint64_t& saturations) {
  return saturate(real_product(v, ratio), std::int64_t{1} << 30, saturations);
}

/// Returns the level of the next step's writes (N23.6) from n elements and A, the sum of |delta|. n < 2^26, A < 2^56.
constexpr int lwq_next_level(int level, std::uint64_t n, std::uint64_t a, int min_level, int max_level) {
  constexpr std::array<std::uint64_t, 3> kUp{162, 365, 758};
  constexpr std::array<std::uint64_t, 3> kDown{143, 321, 667};
  const auto reached = [&](const std::array<std::uint64_t, 3>& thresholds) {
    int count = 0;
    for (const std::uint64_t t : thresholds) count += Int128{n} * 655360 > Int128{t} * a ? 1 : 0;
    return count;
  };
  int next = level;
  if (a == 0) {
    next = max_level;
  } else if (reached(kUp) > level) {
    next = reached(kUp);
  } else if (reached(kDown) < level) {
    next = reached(kDown);
  }
  return std::clamp(next, min_level, max_level);
}

}  // namespace bitloom
