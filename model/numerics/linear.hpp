#pragma once
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "model/numerics/numbers.hpp"

namespace bitloom {

// The linear layer of N5 written as its sums, one product after the other: the reference for every faster kernel, exact
// for any int8 operands and any reduction below 2^48. Row-major shapes: x[m][in], w[in][out], d[m][out].

/// Shape of a layer's GEMMs: batch, in, out.
struct LinearShape {
  std::size_t m = 0;
  std::size_t in = 0;
  std::size_t out = 0;
};

namespace reference {

/// Computes the forward sums: acc[m][o] = sum over i of x[m][i] * w[i][o] (N5.1).
inline void linear_forward(const std::int8_t* x, const std::int8_t* w, const LinearShape& shape, std::int64_t* acc) {
  for (std::size_t m = 0; m < shape.m; ++m) {
    for (std::size_t o = 0; o < shape.out; ++o) {
      std::int64_t sum = 0;
      for (std::size_t i = 0; i < shape.in; ++i) sum += std::int64_t{x[m * shape.in + i]} * w[i * shape.out + o];
      acc[m * shape.out + o] = sum;
    }
  }
}

/// Computes the activation gradient: g[m][i] = sum over o of d[m][o] * w[i][o] (N5.3).
inline void linear_activation_gradient(const std::int8_t* d, const std::int8_t* w, const LinearShape& shape,
                                       std::int64_t* g) {
  for (std::size_t m = 0; m < shape.m; ++m) {
    for (std::size_t i = 0; i < shape.in; ++i) {
      std::int64_t sum = 0;
      for (std::size_t o = 0; o < shape.out; ++o) sum += std::int64_t{d[m * shape.out + o]} * w[i * shape.out + o];
      g[m * shape.in + i] = sum;
    }
  }
}

/// Computes the weight gradient: dw[i][o] = sum over m of x[m][i] * d[m][o] (N5.4).
inline void linear_weight_gradient(const std::int8_t* x, const std::int8_t* d, const LinearShape& shape,
                                   std::int64_t* dw) {
  for (std::size_t i = 0; i < shape.in; ++i) {
    for (std::size_t o = 0; o < shape.out; ++o) {
      std::int64_t sum = 0;
      for (std::size_t m = 0; m < shape.m; ++m) sum += std::int64_t{x[m * shape.in + i]} * d[m * shape.out + o];
      dw[i * shape.out + o] = sum;
    }
  }
}

/// Computes the bias gradient: db[o] = sum over m of d[m][o] (N5.4).
inline void linear_bias_gradient(const std::int8_t* d, const LinearShape& shape, std::int64_t* db) {
  for (std::size_t o = 0; o < shape.out; ++o) {
    std::int64_t sum = 0;
    for (std::size_t m = 0; m < shape.m; ++m) sum += d[m * shape.out + o];
    db[o] = sum;
  }
}

}  // namespace reference

/// One implementation of the four sums; every one must give the same integers.
struct LinearKernels {
  std::string_view name;
  void (*forward)(const std::int8_t* x, const std::int8_t* w, const LinearShape& shape, std::int64_t* acc);
  void (*activation_gradient)(const std::int8_t* d, const std::int8_t* w, const LinearShape& shape, std::int64_t* g);
  void (*weight_gradient)(const std::int8_t* x, const std::int8_t* d, const LinearShape& shape, std::int64_t* dw);
  void (*bias_gradient)(const std::int8_t* d, const LinearShape& shape, std::int64_t* db);
};

constexpr LinearKernels kReferenceLinear{"reference", reference::linear_forward, reference::linear_activation_gradient,
                                         reference::linear_weight_gradient, reference::linear_bias_gradient};

/// Returns the bias in units of the accumulator (N5.1): ratio = div(s_b, s_acc).
constexpr std::int64_t accumulator_bias(std::int32_t bias, Scale ratio, std::uint64_t& saturations) {
  return requantize_to(bias, ratio, Rounding::kHalfUp, 0, 8, kRawLimit, saturations);
}

/// Output element of a layer before its views (N5.2): a, and the mask bit that its gradient will need.
struct Activation {
  std::int64_t a = 0;
  bool mask = true;
};

/// Returns a and its mask bit from z, the sum with its bias (N5.2).
constexpr Activation activate(std::int64_t z, bool relu) {
  if (!relu) return {z, true};
  return {z > 0 ? z : 0, z > 0};
}

/// Returns the gradient element behind the mask of the layer below (N5.3).
constexpr std::int64_t mask_gradient(std::int64_t g, bool mask) { return mask ? g : 0; }

/// Returns the raw 32-bit view of an accumulator value (N5.2, N3.5).
constexpr std::int32_t raw_view(std::int64_t a, std::uint64_t& saturations) {
  return static_cast<std::int32_t>(saturate(a, kRawLimit, saturations));
}

}  // namespace bitloom
