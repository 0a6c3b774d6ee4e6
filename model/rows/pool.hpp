#pragma once
#include <cstddef>
#include <cstdint>
#include <vector>

#include "model/network/limits.hpp"
#include "model/network/network.hpp"
#include "model/rows/kernels.hpp"

namespace bitloom {

/// Shape of a pooling over a batch of NHWC images; the channels stay.
struct PoolShape {
  int n = 1;  ///< samples
  int height = 1;
  int width = 1;
  int channels = 1;
  Pair kernel;
  Pair stride;
  Pair padding{0, 0};

  int out_rows() const { return (height + 2 * padding.rows - kernel.rows) / stride.rows + 1; }
  int out_cols() const { return (width + 2 * padding.cols - kernel.cols) / stride.cols + 1; }
  /// Returns the number of rows of the views [m][c] before and after.
  std::size_t in_pixels() const { return size(n) * size(height) * size(width); }
  std::size_t out_pixels() const { return size(n) * size(out_rows()) * size(out_cols()); }

 private:
  static std::size_t size(int value) { return static_cast<std::size_t>(value); }
};

/// Returns the shape of a network's pooling over `n` images [height][width][channels].
PoolShape pool_shape(const PoolAttributes& attributes, int n, int height, int width, int channels);

/// Pooling of raw views (N15): x[in pixel][channel], y[out pixel][channel], gradients likewise. Results do not depend
/// on threads or the instruction set. Values within ±(2^31 - 1). Each returns the maximum magnitude and the saturations
/// of what it wrote. Throws Error for sizes that are not positive, a window that does not fit the padded image, padding
/// of a whole window (every window must touch the image), or a window of more than largest_window() taps.
class Pooling {
 public:
  /// Makes poolings with `threads` ≥ 1 threads. Reads BITLOOM_ISA; throws Error as active_isa() does.
  explicit Pooling(int threads) : threads_(threads) {}

  /// Makes y, and the number ky·KX + kx of the tap that won each window (N15.1).
  RowStatistics max_forward(const PoolShape& shape, const std::int32_t* x, std::int32_t* y,
                            std::uint8_t* winners) const;
  /// Makes the gradient of the input from dy and the winners (N15.1).
  RowStatistics max_backward(const PoolShape& shape, const std::int32_t* dy, const std::uint8_t* winners,
                             std::int32_t* g) const;
  /// Makes the sums of the windows; the unit carries the division (N15.2).
  RowStatistics average_forward(const PoolShape& shape, const std::int32_t* x, std::int32_t* y) const;
  /// Makes the gradient of the input from dy (N15.2).
  RowStatistics average_backward(const PoolShape& shape, const std::int32_t* dy, std::int32_t* g) const;

 private:
  template <class Work>
  RowStatistics over_samples(const PoolShape& shape, bool maximum, const Work& work) const;

  int threads_;
};

}  // namespace bitloom
