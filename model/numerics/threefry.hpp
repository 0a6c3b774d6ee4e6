#pragma once
#include <array>
#include <cstdint>

namespace bitloom {

using Words2x32 = std::array<std::uint32_t, 2>;

constexpr std::array<int, 8> kThreefryRotations{13, 15, 26, 6, 17, 29, 16, 24};
constexpr std::uint32_t kThreefryParity = 0x1BD11BDA;
constexpr int kThreefryKeyRounds = 20;   ///< N4.2
constexpr int kThreefryWordRounds = 13;  ///< N4.3

/// Computes Threefry-2x32 of Salmon et al. (SC 2011), N4.1: a bijection of the counter for each key. The key is
/// injected before the first round and after every fourth.
constexpr Words2x32 threefry2x32(Words2x32 key, Words2x32 counter, int rounds) {
  const std::array<std::uint32_t, 3> schedule{key[0], key[1], kThreefryParity ^ key[0] ^ key[1]};
  std::uint32_t x0 = counter[0] + schedule[0];
  std::uint32_t x1 = counter[1] + schedule[1];
  for (unsigned round = 0; round < static_cast<unsigned>(rounds); ++round) {
    const int rotation = kThreefryRotations[round % 8];
    x0 += x1;
    x1 = (x1 << rotation) | (x1 >> (32 - rotation));
    x1 ^= x0;
    if (round % 4 == 3) {
      const unsigned injection = round / 4 + 1;
      x0 += schedule[injection % 3];
      x1 += schedule[(injection + 1) % 3] + injection;
    }
  }
  return {x0, x1};
}

}  // namespace bitloom
