#pragma once
#include <cstdint>
#include <vector>

#include "model/hyper.hpp"
#include "model/init.hpp"
#include "model/trainer.hpp"

namespace bitloom::fp32 {

/// One linear layer with its optimizer state and the buffers of a step. Rows of buffers are samples.
struct Layer {
  LinearLayer facts;
  LinearParameters parameters;
  LinearParameters velocity;
  std::vector<float> result;    ///< [batch][out], after bias and ReLU
  std::vector<float> gradient;  ///< [batch][out], of the loss by the result before ReLU
};

/// A multilayer perceptron in FP32: GEMMs by oneDNN's sgemm, everything else in fp32_kernels. Rows of each GEMM are cut
/// into parts of a fixed size, each computed by one thread, so the number of threads changes no bit.
class Mlp {
 public:
  Mlp(const Network& network, const Hyper& hyper, const TrainOptions& options);

  int batch() const { return batch_; }
  std::vector<Layer>& layers() { return layers_; }
  const std::vector<Layer>& layers() const { return layers_; }

  /// Fills the input of a step: copies samples `indices[0 … rows)` of the data, as floats.
  void load(const Dataset& data, const std::uint32_t* indices, int rows);
  /// Forward pass of the loaded rows (at most batch()) into logits().
  void forward(int rows);
  /// Backward pass of a whole batch from logit_gradient(), and the update of all parameters.
  void backward_and_update(float learning_rate);

  std::vector<std::uint8_t> labels;  ///< of the loaded rows

  const std::vector<float>& logits() const { return layers_.back().result; }
  std::vector<float>& logit_gradient() { return layers_.back().gradient; }

 private:
  template <class Body>
  void for_parts(int rows, const Body& body) const;

  InputScaling scaling_;
  float momentum_;
  int batch_;
  int threads_;
  std::vector<float> input_;  ///< [batch][in]
  std::vector<Layer> layers_;
};

/// Keeps oneDNN to one thread for a scope, whatever OpenMP's default is: our own parts are the parallel work.
class SingleThreadedLibrary {
 public:
  SingleThreadedLibrary();
  SingleThreadedLibrary(const SingleThreadedLibrary&) = delete;
  SingleThreadedLibrary& operator=(const SingleThreadedLibrary&) = delete;
  ~SingleThreadedLibrary();

 private:
  int saved_;
};

}  // namespace bitloom::fp32
