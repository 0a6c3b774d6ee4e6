#pragma once
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "model/network/limits.hpp"
#include "model/network/network.hpp"
#include "model/rows/gemm.hpp"

namespace bitloom {

/// Shape of a two-dimensional convolution over a batch. Images are NHWC: x[(n·height + y)·width + x][in].
struct ConvShape {
  int n = 1;  ///< samples
  int height = 1;
  int width = 1;
  int in = 1;   ///< channels
  int out = 1;  ///< channels
  Pair kernel;
  Pair stride;
  Pair padding{0, 0};
  Pair dilation;
  int groups = 1;

  int out_rows() const { return positions(height, kernel.rows, stride.rows, padding.rows, dilation.rows); }
  int out_cols() const { return positions(width, kernel.cols, stride.cols, padding.cols, dilation.cols); }
  /// Returns the number of rows of the views [m][c] before and after.
  std::size_t in_pixels() const { return size(n) * size(height) * size(width); }
  std::size_t out_pixels() const { return size(n) * size(out_rows()) * size(out_cols()); }
  /// Returns the number of rows of the weights [k][out]: k = (ky·KX + kx)·(in/groups) + c.
  std::size_t depth() const { return size(kernel.rows) * size(kernel.cols) * size(in / groups); }

 private:
  static std::size_t size(int value) { return static_cast<std::size_t>(value); }
  static int positions(int extent, int taps, int step, int pad, int spread) {
    const int reach = (taps - 1) * spread + 1;
    return extent + 2 * pad < reach ? 0 : (extent + 2 * pad - reach) / step + 1;
  }
};

/// Returns the shape of a network's conv2d over `n` images of height × width.
ConvShape conv_shape(const Conv2dAttributes& attributes, int n, int height, int width);

/// Throw Error for a shape, or for a number of products in a sum, that Convolution refuses; `sum` names the sum.
void check_conv_shape(const ConvShape& shape);
void check_conv_terms(std::size_t terms, const char* sum);

/// Exact int8 convolutions (N14.2), int32 results, of weight gradients int64. Codes may be any int8, but one operand
/// must be within ±127. Taps in the padding contribute 0. No im2col of more than a block of pixels exists at a time.
/// Keeps working memory from call to call; results do not depend on threads or the instruction set. Throws Error for a
/// shape that is not positive, does not fit its groups or has no output, and where a 32-bit sum could overflow
/// (kMaxTerms).
class Convolution {
 public:
  /// Products that a 32-bit sum surely holds: depth for forward, kernel area · out/groups for the activation gradient.
  /// A weight gradient's sums may be longer: parts of them, of at least a line of output pixels, are added in 64 bits.
  static constexpr std::size_t kMaxTerms = kMostProducts;

  /// Makes convolutions with `threads` ≥ 1 threads. Reads BITLOOM_ISA; throws Error as active_isa() does.
  explicit Convolution(int threads);
  Convolution(Convolution&&) noexcept;
  ~Convolution();

  /// Computes acc[out pixel][out] = Σ over taps of x · w (N14.2).
  void forward(const ConvShape& shape, const std::int8_t* x, const std::int8_t* w, std::int32_t* acc);
  /// Computes g[in pixel][in] = Σ over the outputs that the pixel reaches of d · w (N14.2).
  void activation_gradient(const ConvShape& shape, const std::int8_t* d, const std::int8_t* w, std::int32_t* g);
  /// Computes dw[k][out] = Σ over output pixels of x · d (N14.2).
  void weight_gradient(const ConvShape& shape, const std::int8_t* x, const std::int8_t* d, std::int64_t* dw);

 private:
  struct Worker;
  /// Calls work(worker, from, to) for parts of the batch's lines of output pixels (of whole samples), one part a
  /// thread.
  template <class Work>
  void over_lines(const ConvShape& shape, const Work& work);

  const Kernels& kernels_;
  std::vector<Worker> workers_;
};

}  // namespace bitloom
