#pragma once
#include <cstdint>
#include <vector>

#include "model/rows/conv.hpp"

namespace bitloom {

/// Forward convolution of one-bit codes (N22.1): each code counts as +1 where it is above 0, else as -1; taps in the
/// padding contribute exactly 0 (N14.2). Signs are packed along the channels, 64 to a word, and a sum of products is
/// bits - 2 · popcount(x xor w). Equal to Convolution::forward() on codes ±1. Throws Error as that does.
class XnorConvolution {
 public:
  /// Makes convolutions of signs with `threads` ≥ 1 threads. Reads BITLOOM_ISA; throws Error as active_isa() does.
  explicit XnorConvolution(int threads);

  /// Says whether signs are packed for this shape: with fewer channels the words are mostly empty, and the int8 path is
  /// as fast.
  static bool worth_it(const ConvShape& shape) { return shape.in / shape.groups >= 64; }

  /// Computes acc[out pixel][out] of x[in pixel][in] and w[k][out], packing included.
  void forward(const ConvShape& shape, const std::int8_t* x, const std::int8_t* w, std::int32_t* acc);

 private:
  struct Words;
  struct Worker {
    std::vector<std::uint64_t> image;  ///< signs of one padded image, zeros in the padding
  };
  void pack_weights(const Words& words, const std::int8_t* w);
  void pack_image(const Words& words, const std::int8_t* x, std::vector<std::uint64_t>& image) const;
  void clear_padding(const Words& words, int line, std::int32_t* acc) const;

  const Kernels& kernels_;
  std::vector<Worker> workers_;
  std::vector<std::uint64_t> row_;      ///< [word of a tap][out], on the way to `weights_`
  std::vector<std::uint64_t> weights_;  ///< by group as Kernels::xnor_line() reads them
  std::vector<std::int32_t> tap_sums_;  ///< [tap][out]: sum of a tap's weights, what a tap in the padding took off
};

}  // namespace bitloom
