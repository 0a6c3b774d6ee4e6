// How the vectors and scalars of TrainState are read and written as words, whatever their types.
#pragma once
#include <cstddef>
#include <cstdint>
#include <vector>

#include "model/numerics/adam.hpp"
#include "model/numerics/numbers.hpp"
#include "model/numerics/real.hpp"

namespace bitloom::state_words {

using Ints = std::vector<std::int32_t>;

inline std::int32_t signed_word(std::uint32_t word) { return static_cast<std::int32_t>(word); }
inline std::uint32_t unsigned_word(std::int32_t word) { return static_cast<std::uint32_t>(word); }

// How each kind of vector in TrainState is read and written as words.
template <class Integer>
Ints words_of(const std::vector<Integer>& values) {
  return {values.begin(), values.end()};
}
template <class Integer>
void assign(std::vector<Integer>& values, const Ints& words) {
  values.clear();
  for (const std::int32_t word : words) values.push_back(static_cast<Integer>(word));
}

inline Ints words_of(const std::vector<Real>& values) {
  Ints words;
  for (const Real value : values) words.push_back(signed_word(value.word()));
  return words;
}
inline void assign(std::vector<Real>& values, const Ints& words) {
  values.clear();
  for (const std::int32_t word : words) values.push_back(Real::from_word(unsigned_word(word)));
}

/// The rows of Adam's reals, one column a block (N25.1).
inline constexpr Real AdamBlock::*kBlockRows[] = {&AdamBlock::m_step, &AdamBlock::r_lo, &AdamBlock::r_step};
inline constexpr std::size_t kBlockReals = 3;

inline Ints words_of(const std::vector<AdamBlock>& blocks) {
  Ints words;
  for (const auto row : kBlockRows) {
    for (const AdamBlock& block : blocks) words.push_back(signed_word((block.*row).word()));
  }
  return words;
}
inline void assign(std::vector<AdamBlock>& blocks, const Ints& words) {
  blocks.resize(words.size() / kBlockReals);
  for (std::size_t row = 0; row < kBlockReals; ++row) {
    for (std::size_t i = 0; i < blocks.size(); ++i) {
      blocks[i].*kBlockRows[row] = Real::from_word(unsigned_word(words[row * blocks.size() + i]));
    }
  }
}
template <class Value>
std::size_t count_of(const std::vector<Value>& values) {
  return values.size();
}
inline std::size_t count_of(const std::vector<AdamBlock>& blocks) { return kBlockReals * blocks.size(); }

// How each kind of scalar is read and written as a word.
inline std::uint32_t word_of(Scale scale) { return word(scale); }
inline std::uint32_t word_of(Real real) { return real.word(); }
inline std::uint32_t word_of(int level) { return static_cast<std::uint32_t>(level); }
inline std::uint32_t word_of(std::uint32_t count) { return count; }
inline void set(Scale& scale, std::uint32_t word) { scale = from_word(word); }
inline void set(Real& real, std::uint32_t word) { real = Real::from_word(word); }
inline void set(int& level, std::uint32_t word) { level = static_cast<int>(word); }
inline void set(std::uint32_t& count, std::uint32_t word) { count = word; }

}  // namespace bitloom::state_words
