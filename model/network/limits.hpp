#pragma once
#include <cstddef>

namespace bitloom {

// What integer training takes at most. training_graph() judges the first three, require_batch() the others.

inline constexpr int kLargestDimension = 65535;  ///< inputs or outputs of a linear layer
/// Products that a 32-bit sum of codes surely holds: a layer's depth in the forward pass, kernel area · outputs of a
/// group in the activation gradient.
inline constexpr std::size_t kMostProducts = 131072;
/// Returns how many taps a window may have: the winner of a maximum is a byte; sums of 65,535 taps fit the 48 bits that
/// N15.2 is added up in.
constexpr int largest_window(bool maximum) { return maximum ? 255 : 65535; }

inline constexpr int kLargestBatch = 65535;
inline constexpr std::size_t kMostRows = std::size_t{1} << 24;  ///< of an output: a bias gradient is within 127 · 2^24
inline constexpr std::size_t kMostValues = std::size_t{1} << 26;  ///< less than these enter a norm's mean (N11.9)

}  // namespace bitloom
