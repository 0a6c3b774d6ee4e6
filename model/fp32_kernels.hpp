#pragma once
#include <cstdint>

#include "model/input.hpp"

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
