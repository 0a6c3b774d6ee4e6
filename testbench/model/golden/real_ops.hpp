#pragma once
#include <cstdint>
#include <vector>

#include "model/network/network.hpp"

// The operations of a network in float64, by their textbook definitions and naive loops, forward and backward. Tensors
// are NHWC. They know nothing of codes or scales.

namespace bitloom::testing {

using Reals = std::vector<double>;

/// A tensor of images, or of features (height = width = 1).
struct Dims {
  int n = 1;
  int height = 1;
  int width = 1;
  int channels = 1;
  std::size_t size() const {
    return static_cast<std::size_t>(n) * static_cast<std::size_t>(height) * static_cast<std::size_t>(width) *
           static_cast<std::size_t>(channels);
  }
  std::size_t at(int i, int y, int x, int c) const {
    return ((static_cast<std::size_t>(i) * static_cast<std::size_t>(height) + static_cast<std::size_t>(y)) *
                static_cast<std::size_t>(width) +
            static_cast<std::size_t>(x)) *
               static_cast<std::size_t>(channels) +
           static_cast<std::size_t>(c);
  }
};

/// Returns the dimensions of a node's result (or of the network's input) for `n` samples.
Dims dims_of(const Shape& shape, int n);

/// Returns a linear layer as a convolution of one place.
Conv2dAttributes conv_of(const Node& node);

/// Calls visit(element of x, element of z, element of w) for every product of a convolution.
template <class Visit>
void for_products(const Conv2dAttributes& conv, const Dims& in, const Dims& out, const Visit& visit) {
  const int in_group = conv.in / conv.groups;
  const int out_group = conv.out / conv.groups;
  for (int n = 0; n < out.n; ++n) {
    for (int y = 0; y < out.height; ++y) {
      for (int x = 0; x < out.width; ++x) {
        for (int o = 0; o < conv.out; ++o) {
          for (int ky = 0; ky < conv.kernel.rows; ++ky) {
            for (int kx = 0; kx < conv.kernel.cols; ++kx) {
              const int iy = y * conv.stride.rows + ky * conv.dilation.rows - conv.padding.rows;
              const int ix = x * conv.stride.cols + kx * conv.dilation.cols - conv.padding.cols;
              if (iy < 0 || iy >= in.height || ix < 0 || ix >= in.width) continue;
              for (int c = 0; c < in_group; ++c) {
                const int k = (ky * conv.kernel.cols + kx) * in_group + c;
                visit(in.at(n, iy, ix, o / out_group * in_group + c), out.at(n, y, x, o),
                      static_cast<std::size_t>(k) * static_cast<std::size_t>(conv.out) + static_cast<std::size_t>(o));
              }
            }
          }
        }
      }
    }
  }
}

/// Calls visit(element of x, element of z) for every tap of a pool that lies inside the image.
template <class Visit>
void for_taps(const PoolAttributes& pool, const Dims& in, const Dims& out, const Visit& visit) {
  for (int n = 0; n < out.n; ++n) {
    for (int y = 0; y < out.height; ++y) {
      for (int x = 0; x < out.width; ++x) {
        for (int ky = 0; ky < pool.kernel.rows; ++ky) {
          for (int kx = 0; kx < pool.kernel.cols; ++kx) {
            const int iy = y * pool.stride.rows + ky - pool.padding.rows;
            const int ix = x * pool.stride.cols + kx - pool.padding.cols;
            if (iy < 0 || iy >= in.height || ix < 0 || ix >= in.width) continue;
            for (int c = 0; c < in.channels; ++c) visit(in.at(n, iy, ix, c), out.at(n, y, x, c));
          }
        }
      }
    }
  }
}

/// Returns z[n][y][x][o] without bias; w is [k][o] (N14.1).
Reals conv_forward(const Conv2dAttributes& conv, const Dims& in, const Dims& out, const Reals& x, const Reals& w);
Reals conv_input_gradient(const Conv2dAttributes& conv, const Dims& in, const Dims& out, const Reals& d,
                          const Reals& w);
Reals conv_weight_gradient(const Conv2dAttributes& conv, const Dims& in, const Dims& out, const Reals& x,
                           const Reals& d);

/// Computes the maximum or sum of each window, without the average's division; `dy` → the gradient of x.
Reals pool_forward(const PoolAttributes& pool, bool max, const Dims& in, const Dims& out, const Reals& x);
Reals pool_gradient(const PoolAttributes& pool, bool max, const Dims& in, const Dims& out, const Reals& x,
                    const Reals& dy);

/// Normalization over each column of x[rows][channels], or over all of it (`whole`).
struct RealNorm {
  Reals mean, variance;  ///< [channels] each, also where `whole`; biased
  Reals y;
};
RealNorm norm_forward(bool whole, double eps, std::size_t channels, const Reals& x, const Reals& gamma,
                      const Reals& beta);
struct RealNormGradient {
  Reals dx, dgamma, dbeta;
};
RealNormGradient norm_gradient(bool whole, double eps, std::size_t channels, const Reals& x, const Reals& gamma,
                               const Reals& dy);

}  // namespace bitloom::testing
