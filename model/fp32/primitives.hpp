#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>

#include "model/network/network.hpp"

namespace bitloom::fp32 {

/// A convolution of a fixed number of images by oneDNN, all images [sample][row][column][channel]. The calls are
/// const, allowed from several threads at a time, and return false where oneDNN reports an error.
class Convolution {
 public:
  /// Makes a convolution of `samples` images; `input` is {channels, rows, columns}, and with `relu` the result is
  /// max(·, 0). Throws Error.
  Convolution(const Conv2dAttributes& attributes, const Shape& input, int samples, bool relu);
  ~Convolution();

  /// Takes over the weights [out][rows][columns][in / groups] for the calls below.
  bool load_weights(const float* weights);
  /// Computes y = x * weights + bias, bias null where the layer has none.
  bool forward(const float* x, const float* bias, float* y) const;
  /// Computes dx, the gradient by the input, of dy, the gradient before the ReLU.
  bool backward_data(const float* dy, float* dx) const;
  /// Computes the gradient of this call's samples: weights in a private order, bias plain (null where the layer has
  /// none). Weight gradients of several calls may be added element by element before export_gradient.
  bool backward_weights(const float* x, const float* dy, float* weights, float* bias) const;
  /// Returns the floats of a weight gradient in the private order.
  std::size_t private_size() const;
  /// Turns the private order into that of load_weights.
  bool export_gradient(const float* weights, float* to) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace bitloom::fp32
