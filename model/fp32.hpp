#pragma once
#include <cstdint>
#include <vector>

#include "model/fp32_kernels.hpp"
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
/// into parts of a fixed size, each computed by one thread, so the number of threads changes no bit. A step has two
/// parallel regions: samples pass through all layers and back, then all parameters are updated.
class Mlp {
 public:
  Mlp(const Network& network, const Hyper& hyper, const TrainOptions& options);

  int batch() const { return batch_; }
  std::vector<Layer>& layers() { return layers_; }
  const std::vector<Layer>& layers() const { return layers_; }

  /// Loss and correct predictions of samples `indices[0 … rows)`, rows at most batch().
  LossSums evaluate(const Dataset& data, const std::uint32_t* indices, int rows);
  /// One step on samples `indices[0 … batch())`: forward, loss, backward, update. Sums are those before the update.
  LossSums train(const Dataset& data, const std::uint32_t* indices, float learning_rate);

 private:
  struct Rows {
    int first;
    int count;
  };
  struct Update {
    std::size_t layer;
    Rows rows;  ///< of the weights
  };
  template <class Body>
  void for_each(std::size_t count, const Body& body) const;
  LossSums for_samples(int rows, bool backward, const Dataset& data, const std::uint32_t* indices);
  void load(const Dataset& data, const std::uint32_t* indices, Rows rows);
  bool forward(Rows rows);
  bool backward(Rows rows);
  bool update(const Update& part, float learning_rate);

  InputScaling scaling_;
  float momentum_;
  int batch_;
  int threads_;
  std::vector<float> input_;          ///< [batch][in]
  std::vector<std::uint8_t> labels_;  ///< [batch]
  std::vector<Layer> layers_;
  std::vector<Update> updates_;
  std::vector<LossSums> sums_;  ///< by part of the batch
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
