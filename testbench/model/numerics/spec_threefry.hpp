#pragma once
#include <cstdint>
#include <vector>

namespace bitloom::spec {

/// Threefry-2x32 as the paper gives it for any number of words: subkey number d/4 is added before round d when 4
/// divides d, and after the last round if 4 divides the number of rounds; a round is one MIX of the two words. Sums are
/// modulo 2^32.
inline std::vector<std::uint64_t> threefry(const std::vector<std::uint64_t>& key, std::vector<std::uint64_t> state,
                                           unsigned rounds) {
  constexpr std::uint64_t kWord = 0x100000000ull;
  const unsigned rotation[2][4] = {{13, 15, 26, 6}, {17, 29, 16, 24}};
  std::vector<std::uint64_t> extended = key;
  std::uint64_t parity = 0x1BD11BDAull;
  for (const std::uint64_t k : key) parity ^= k;
  extended.push_back(parity);
  const auto words = state.size();
  const auto add_subkey = [&](std::uint64_t number) {
    for (std::size_t i = 0; i < words; ++i) {
      state[i] = (state[i] + extended[(number + i) % (words + 1)] + (i + 1 == words ? number : 0)) % kWord;
    }
  };
  for (unsigned d = 0; d < rounds; ++d) {
    if (d % 4 == 0) add_subkey(d / 4);
    const std::uint64_t power = std::uint64_t{1} << rotation[(d / 4) % 2][d % 4];
    state[0] = (state[0] + state[1]) % kWord;
    const std::uint64_t product = state[1] * power;  // its two halves added are the rotated word
    state[1] = (product % kWord + product / kWord) ^ state[0];
  }
  if (rounds % 4 == 0) add_subkey(rounds / 4);
  return state;
}

}  // namespace bitloom::spec
