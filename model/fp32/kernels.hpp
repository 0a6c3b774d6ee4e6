#pragma once
#include <cstddef>
#include <cstdint>

#include "model/network/input.hpp"

namespace bitloom::fp32 {

// Elementwise work of FP32 training on rows of floats, compiled for several instruction sets and chosen at run time. No
// function reassociates a sum, so the bits do not depend on the choice.

/// Makes floats of pixels: x[i] = (pixels[i] - offset) · factor.
void pixels_to_floats(const std::uint8_t* pixels, float offset, float factor, std::int64_t count, float* x);

/// Adds a bias to each row: y[row][column] += bias[column], then max(·, 0) where `relu`. `bias` may be null.
void add_bias(const float* bias, bool relu, std::int64_t rows, std::int64_t columns, float* y);

/// Zeroes gradient[i] where result[i] is not positive: the derivative of max(·, 0) at 0 is 0.
void mask_relu(const float* result, std::int64_t count, float* gradient);

/// Moves the velocity of a bias: velocity[column] = momentum · velocity[column] + Σ_row gradient[row][column], rows
/// added in order.
void accumulate_bias(const float* gradient, std::int64_t rows, std::int64_t columns, float momentum, float* velocity);

/// Steps along the velocity: weight[i] -= rate · velocity[i].
void step(const float* velocity, float rate, std::int64_t count, float* weight);

/// Computes y[i] = max(x[i], 0).
void relu_forward(const float* x, std::int64_t count, float* y);
/// Computes its gradient dx[i] = y[i] > 0 ? dy[i] : 0, added to dx[i] where `add`.
void relu_backward(const float* y, const float* dy, std::int64_t count, bool add, float* dx);
/// Computes y[i] = a[i] + b[i], then max(·, 0) where `relu`.
void add_forward(const float* a, const float* b, std::int64_t count, bool relu, float* y);
/// Adds from[i] to to[i], or copies it there where not `add`.
void add_or_copy(const float* from, std::int64_t count, bool add, float* to);
/// Returns room of this thread for `count` floats, until its next call.
float* thread_buffer(std::size_t count);
/// Moves a velocity: velocity[i] = momentum · velocity[i] + gradient[i].
void accumulate(const float* gradient, float momentum, std::int64_t count, float* velocity);

// The elements of a normalization form rows of channels; values by channel come repeated to `width` elements, a whole
// number of rows, and element i uses value i mod width. `count` is any whole number of rows.

/// Adds up x[i] in sums[i mod width] and x[i]² in squares[i mod width], in double.
void column_sums(const float* x, std::int64_t count, std::int64_t width, double* sums, double* squares);
/// Adds up dy[i] in sums[i mod width] and dy[i] · (x[i] - centre[i mod width]) in products[i mod width], in double.
void column_products(const float* x, const float* centre, const float* dy, std::int64_t count, std::int64_t width,
                     double* sums, double* products);
/// Normalizes: y[i] = (x[i] - centre) · scale + shift, then max(·, 0) where `relu`.
void centred_affine(const float* x, std::int64_t count, std::int64_t width, const float* centre, const float* scale,
                    const float* shift, bool relu, float* y);

/// What norm_gradient() multiplies and adds, `width` values each.
struct NormCoefficients {
  const float* centre;
  const float* by_dy;
  const float* by_x;
  const float* offset;
};
/// Computes dx[i] = dy[i] · by_dy + (x[i] - centre) · by_x + offset, added to dx[i] where `add`.
void norm_gradient(const NormCoefficients& by, std::int64_t width, const float* x, const float* dy, std::int64_t count,
                   bool add, float* dx);

/// What a softmax cross-entropy gives besides the gradient.
struct LossSums {
  double loss = 0.0;  ///< sum over the rows
  std::int64_t correct = 0;
};

/// Computes the softmax cross-entropy of rows of logits; the first of equal maxima is the prediction. Where `gradient`
/// is not null it becomes (p - onehot(label)) / divisor.
LossSums softmax_cross_entropy(const float* logits, const std::uint8_t* labels, std::int64_t rows, std::int64_t columns,
                               float divisor, float* gradient);

}  // namespace bitloom::fp32
