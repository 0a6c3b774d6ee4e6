#pragma once
#include <cstddef>
#include <cstdint>
#include <vector>

#include "model/rows/conv.hpp"

// The convolution of N14.2 as nested loops over canonical indices, in 64 bits: the judge of every faster one.

namespace bitloom::testing {

/// Calls visit(output pixel, out channel, input pixel, in channel, k) for every product of the convolution.
template <class Visit>
void for_products(const ConvShape& s, const Visit& visit) {
  const int out = s.out / s.groups, in = s.in / s.groups;
  const int rows = (s.height + 2 * s.padding.rows - s.dilation.rows * (s.kernel.rows - 1) - 1) / s.stride.rows + 1;
  const int cols = (s.width + 2 * s.padding.cols - s.dilation.cols * (s.kernel.cols - 1) - 1) / s.stride.cols + 1;
  for (int n = 0; n < s.n; ++n) {
    for (int y = 0; y < rows; ++y) {
      for (int x = 0; x < cols; ++x) {
        for (int ky = 0; ky < s.kernel.rows; ++ky) {
          for (int kx = 0; kx < s.kernel.cols; ++kx) {
            const int from_y = y * s.stride.rows + ky * s.dilation.rows - s.padding.rows;
            const int from_x = x * s.stride.cols + kx * s.dilation.cols - s.padding.cols;
            if (from_y < 0 || from_y >= s.height || from_x < 0 || from_x >= s.width) continue;
            for (int o = 0; o < s.out; ++o) {
              for (int c = 0; c < in; ++c) {
                visit(static_cast<std::size_t>((n * rows + y) * cols + x), static_cast<std::size_t>(o),
                      static_cast<std::size_t>((n * s.height + from_y) * s.width + from_x),
                      static_cast<std::size_t>(o / out * in + c),
                      static_cast<std::size_t>((ky * s.kernel.cols + kx) * in + c));
              }
            }
          }
        }
      }
    }
  }
}

struct ConvSums {
  std::vector<std::int64_t> acc, g, dw;
};

/// Returns all three sums for x[in pixel][in], w[k][out], d[out pixel][out].
inline ConvSums judged_convolution(const ConvShape& s, const std::vector<std::int8_t>& x,
                                   const std::vector<std::int8_t>& w, const std::vector<std::int8_t>& d) {
  const auto in = static_cast<std::size_t>(s.in), out = static_cast<std::size_t>(s.out);
  ConvSums sums{std::vector<std::int64_t>(d.size()), std::vector<std::int64_t>(x.size()),
                std::vector<std::int64_t>(w.size())};
  for_products(s, [&](std::size_t p, std::size_t o, std::size_t q, std::size_t c, std::size_t k) {
    sums.acc[p * out + o] += x[q * in + c] * w[k * out + o];
    sums.g[q * in + c] += d[p * out + o] * w[k * out + o];
    sums.dw[k * out + o] += x[q * in + c] * d[p * out + o];
  });
  return sums;
}

}  // namespace bitloom::testing
