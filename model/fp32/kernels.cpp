#include "model/fp32/kernels.hpp"

#include <cmath>
#include <vector>

#if defined(__x86_64__) && defined(__GNUC__) && !defined(__SANITIZE_ADDRESS__)
#define BITLOOM_CLONES __attribute__((target_clones("avx512f", "avx2", "default")))
#else  // the resolvers of the clones run before the address sanitizer is ready
#define BITLOOM_CLONES
#endif

namespace bitloom::fp32 {

float* thread_buffer(std::size_t count) {
  thread_local std::vector<float> buffer;
  if (buffer.size() < count) buffer.resize(count);
  return buffer.data();
}

BITLOOM_CLONES
void pixels_to_floats(const std::uint8_t* __restrict pixels, float offset, float factor, std::int64_t count,
                      float* __restrict x) {
  for (std::int64_t i = 0; i < count; ++i) x[i] = (static_cast<float>(pixels[i]) - offset) * factor;
}

BITLOOM_CLONES
void add_bias(const float* __restrict bias, bool relu, std::int64_t rows, std::int64_t columns, float* __restrict y) {
  for (std::int64_t row = 0; row < rows; ++row, y += columns) {
    if (bias != nullptr && relu) {
      for (std::int64_t i = 0; i < columns; ++i) {
        const float sum = y[i] + bias[i];
        y[i] = sum > 0.0F ? sum : 0.0F;
      }
    } else if (bias != nullptr) {
      for (std::int64_t i = 0; i < columns; ++i) y[i] += bias[i];
    } else if (relu) {
      for (std::int64_t i = 0; i < columns; ++i) y[i] = y[i] > 0.0F ? y[i] : 0.0F;
    }
  }
}

BITLOOM_CLONES
void mask_relu(const float* __restrict result, std::int64_t count, float* __restrict gradient) {
  for (std::int64_t i = 0; i < count; ++i) gradient[i] = result[i] > 0.0F ? gradient[i] : 0.0F;
}

BITLOOM_CLONES
void accumulate_bias(const float* __restrict gradient, std::int64_t rows, std::int64_t columns, float momentum,
                     float* __restrict velocity) {
  for (std::int64_t i = 0; i < columns; ++i) velocity[i] *= momentum;
  for (std::int64_t row = 0; row < rows; ++row, gradient += columns) {
    for (std::int64_t i = 0; i < columns; ++i) velocity[i] += gradient[i];
  }
}

BITLOOM_CLONES
void step(const float* __restrict velocity, float rate, std::int64_t count, float* __restrict weight) {
  for (std::int64_t i = 0; i < count; ++i) weight[i] -= rate * velocity[i];
}

BITLOOM_CLONES
void relu_forward(const float* __restrict x, std::int64_t count, float* __restrict y) {
  for (std::int64_t i = 0; i < count; ++i) y[i] = x[i] > 0.0F ? x[i] : 0.0F;
}

BITLOOM_CLONES
void relu_backward(const float* __restrict y, const float* __restrict dy, std::int64_t count, bool add,
                   float* __restrict dx) {
  if (add) {
    for (std::int64_t i = 0; i < count; ++i) dx[i] += y[i] > 0.0F ? dy[i] : 0.0F;
  } else {
    for (std::int64_t i = 0; i < count; ++i) dx[i] = y[i] > 0.0F ? dy[i] : 0.0F;
  }
}

BITLOOM_CLONES
void add_forward(const float* __restrict a, const float* __restrict b, std::int64_t count, bool relu,
                 float* __restrict y) {
  if (relu) {
    for (std::int64_t i = 0; i < count; ++i) {
      const float sum = a[i] + b[i];
      y[i] = sum > 0.0F ? sum : 0.0F;
    }
  } else {
    for (std::int64_t i = 0; i < count; ++i) y[i] = a[i] + b[i];
  }
}

BITLOOM_CLONES
void add_or_copy(const float* __restrict from, std::int64_t count, bool add, float* __restrict to) {
  if (add) {
    for (std::int64_t i = 0; i < count; ++i) to[i] += from[i];
  } else {
    for (std::int64_t i = 0; i < count; ++i) to[i] = from[i];
  }
}

BITLOOM_CLONES
void accumulate(const float* __restrict gradient, float momentum, std::int64_t count, float* __restrict velocity) {
  for (std::int64_t i = 0; i < count; ++i) velocity[i] = momentum * velocity[i] + gradient[i];
}

BITLOOM_CLONES
void column_sums(const float* __restrict x, std::int64_t count, std::int64_t width, double* __restrict sums,
                 double* __restrict squares) {
  for (; count > 0; count -= width, x += width) {
    const std::int64_t now = count < width ? count : width;
    for (std::int64_t i = 0; i < now; ++i) {
      const auto value = static_cast<double>(x[i]);
      sums[i] += value;
      squares[i] += value * value;
    }
  }
}

BITLOOM_CLONES
void column_products(const float* __restrict x, const float* __restrict centre, const float* __restrict dy,
                     std::int64_t count, std::int64_t width, double* __restrict sums, double* __restrict products) {
  for (; count > 0; count -= width, x += width, dy += width) {
    const std::int64_t now = count < width ? count : width;
    for (std::int64_t i = 0; i < now; ++i) {
      const auto value = static_cast<double>(dy[i]);
      sums[i] += value;
      products[i] += value * static_cast<double>(x[i] - centre[i]);
    }
  }
}

BITLOOM_CLONES
void centred_affine(const float* __restrict x, std::int64_t count, std::int64_t width, const float* __restrict centre,
                    const float* __restrict scale, const float* __restrict shift, bool relu, float* __restrict y) {
  for (; count > 0; count -= width, x += width, y += width) {
    const std::int64_t now = count < width ? count : width;
    for (std::int64_t i = 0; i < now; ++i) y[i] = (x[i] - centre[i]) * scale[i] + shift[i];
    if (!relu) continue;
    for (std::int64_t i = 0; i < now; ++i) y[i] = y[i] > 0.0F ? y[i] : 0.0F;
  }
}

BITLOOM_CLONES
void norm_gradient(const NormCoefficients& by, std::int64_t width, const float* __restrict x,
                   const float* __restrict dy, std::int64_t count, bool add, float* __restrict dx) {
  const float* __restrict centre = by.centre;
  const float* __restrict by_dy = by.by_dy;
  const float* __restrict by_x = by.by_x;
  const float* __restrict offset = by.offset;
  for (; count > 0; count -= width, x += width, dy += width, dx += width) {
    const std::int64_t now = count < width ? count : width;
    if (add) {
      for (std::int64_t i = 0; i < now; ++i) dx[i] += dy[i] * by_dy[i] + (x[i] - centre[i]) * by_x[i] + offset[i];
    } else {
      for (std::int64_t i = 0; i < now; ++i) dx[i] = dy[i] * by_dy[i] + (x[i] - centre[i]) * by_x[i] + offset[i];
    }
  }
}

LossSums softmax_cross_entropy(const float* logits, const std::uint8_t* labels, std::int64_t rows, std::int64_t columns,
                               float divisor, float* gradient) {
  LossSums sums;
  for (std::int64_t row = 0; row < rows; ++row, logits += columns) {
    std::int64_t best = 0;
    for (std::int64_t i = 1; i < columns; ++i) {
      if (logits[i] > logits[best]) best = i;
    }
    const std::int64_t label = labels[row];
    float total = 0.0F;
    for (std::int64_t i = 0; i < columns; ++i) {
      const float power = std::exp(logits[i] - logits[best]);
      if (gradient != nullptr) gradient[i] = power;
      total += power;
    }
    sums.loss += static_cast<double>(std::log(total) - (logits[label] - logits[best]));
    sums.correct += best == label ? 1 : 0;
    if (gradient != nullptr) {
      const float factor = 1.0F / total;
      for (std::int64_t i = 0; i < columns; ++i) {
        gradient[i] = (gradient[i] * factor - (i == label ? 1.0F : 0.0F)) / divisor;
      }
      gradient += columns;
    }
  }
  return sums;
}

}  // namespace bitloom::fp32
