#pragma once
#include <cstddef>
#include <cstdint>

#include "model/network/input.hpp"

namespace bitloom::fp32 {

/// Elementwise work of FP32 training on rows of floats, compiled for several instruction sets and chosen at run time.
/// No function reassociates a sum, so the bits do not depend on the choice.

/// x[i] = (pixels[i] - offset) · factor.
void pixels_to_floats(const std::uint8_t* pixels, float offset, float factor, std::int64_t count, float* x);

/// y[row][column] += bias[column], then max(·, 0) where `relu`. `bias` may be null.
void add_bias(const float* bias, bool relu, std::int64_t rows, std::int64_t columns, float* y);

/// gradient[i] = 0 where result[i] is not positive: the derivative of max(·, 0) at 0 is 0.
void mask_relu(const float* result, std::int64_t count, float* gradient);

/// velocity[column] = momentum · velocity[column] + Σ_row gradient[row][column], rows added in order.
void accumulate_bias(const float* gradient, std::int64_t rows, std::int64_t columns, float momentum, float* velocity);

/// weight[i] -= rate · velocity[i].
void step(const float* velocity, float rate, std::int64_t count, float* weight);

/// y[i] = max(x[i], 0).
void relu_forward(const float* x, std::int64_t count, float* y);
/// dx[i] = y[i] > 0 ? dy[i] : 0, added to dx[i] where `add`.
void relu_backward(const float* y, const float* dy, std::int64_t count, bool add, float* dx);
/// y[i] = a[i] + b[i], then max(·, 0) where `relu`.
void add_forward(const float* a, const float* b, std::int64_t count, bool relu, float* y);
/// to[i] += from[i], or to[i] = from[i] where not `add`.
void add_or_copy(const float* from, std::int64_t count, bool add, float* to);
/// Room of this thread for `count` floats, until its next call.
float* thread_buffer(std::size_t count);
/// velocity[i] = momentum · velocity[i] + gradient[i].
void accumulate(const float* gradient, float momentum, std::int64_t count, float* velocity);

/// The elements of a normalization form rows of channels; values by channel come repeated to `width` elements, a whole
/// number of rows, and element i uses value i mod width. `count` is any whole number of rows.

/// sums[i mod width] += x[i], squares[i mod width] += x[i]², in double.
void column_sums(const float* x, std::int64_t count, std::int64_t width, double* sums, double* squares);
/// sums[i mod width] += dy[i], products[i mod width] += dy[i] · (x[i] - centre[i mod width]), in double.
void column_products(const float* x, const float* centre, const float* dy, std::int64_t count, std::int64_t width,
                     double* sums, double* products);
/// y[i] = (x[i] - centre) · scale + shift, then max(·, 0) where `relu`.
void centred_affine(const float* x, std::int64_t count, std::int64_t width, const float* centre, const float* scale,
                    const float* shift, bool relu, float* y);

struct NormCoefficients {
  const float* centre;
  const float* by_dy;
  const float* by_x;
  const float* offset;
};
/// dx[i] = dy[i] · by_dy + (x[i] - centre) · by_x + offset, added to dx[i] where `add`.
void norm_gradient(const NormCoefficients& by, std::int64_t width, const float* x, const float* dy, std::int64_t count,
                   bool add, float* dx);

/// What a softmax cross-entropy gives besides the gradient.
struct LossSums {
  double loss = 0.0;  ///< sum over the rows
  std::int64_t correct = 0;
};

/// Softmax cross-entropy of rows of logits; the first of equal maxima is the prediction. Where `gradient` is not null
/// it becomes (p - onehot(label)) / divisor.
LossSums softmax_cross_entropy(const float* logits, const std::uint8_t* labels, std::int64_t rows, std::int64_t columns,
                               float divisor, float* gradient);

}  // namespace bitloom::fp32
