#pragma once
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>

namespace bitloom::testing {

/// Random operands that like boundaries: powers of two and their neighbours, runs of ones, all widths alike. The seed
/// is printed, and BITLOOM_TEST_SEED replaces it.
class Sweep {
 public:
  explicit Sweep(std::uint64_t default_seed) : state_(default_seed) {
    if (const char* given = std::getenv("BITLOOM_TEST_SEED")) state_ = std::strtoull(given, nullptr, 0);
    std::printf("[ seed     ] BITLOOM_TEST_SEED=%llu\n", static_cast<unsigned long long>(state_));
  }

  /// Draws 64 uniform bits (SplitMix64).
  std::uint64_t bits() {
    std::uint64_t z = (state_ += 0x9e3779b97f4a7c15ull);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
    return z ^ (z >> 31);
  }

  /// Draws a number uniform in [low, high].
  std::int64_t in(std::int64_t low, std::int64_t high) {
    return low + static_cast<std::int64_t>(bits() % static_cast<std::uint64_t>(high - low + 1));
  }

  /// Draws a number in [0, limit], boundary-heavy.
  std::int64_t magnitude(std::int64_t limit) {
    const int width = static_cast<int>(in(0, 62));
    const std::int64_t power = std::int64_t{1} << width;
    std::int64_t value = 0;
    switch (in(0, 4)) {
      case 0:
        value = power + in(-2, 2);
        break;
      case 1:
        value = limit - in(0, 2);
        break;
      case 2:
        value = static_cast<std::int64_t>(bits() >> 1) & (power - 1);
        break;
      case 3:
        value = (power - 1) ^ ((std::int64_t{1} << in(0, width)) - 1);
        break;
      default:
        value = static_cast<std::int64_t>(bits() >> 1);
        break;
    }
    if (value < 0) value = 0;
    return value <= limit ? value : value % (limit + 1);
  }

  /// Draws a number in [-limit, limit], boundary-heavy.
  std::int64_t signed_value(std::int64_t limit) {
    const std::int64_t value = magnitude(limit);
    return (bits() & 1) != 0 ? -value : value;
  }

  /// Draws a mantissa in [2^15, 2^16), boundary-heavy.
  std::uint32_t mantissa() { return 32768u + static_cast<std::uint32_t>(magnitude(32767)); }

 private:
  std::uint64_t state_;
};

}  // namespace bitloom::testing
