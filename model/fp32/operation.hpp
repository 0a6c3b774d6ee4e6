#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "model/network/init.hpp"
#include "model/network/network.hpp"
#include "model/network/recipe.hpp"

namespace bitloom::fp32 {

/// One part of the batch at a node; arrays begin at the part's first sample.
struct PartAt {
  std::size_t part = 0;             ///< its number
  std::int64_t samples = 0;         ///< that it has: all of OperationPlace::samples, but for the last part
  std::array<const float*, 2> x{};  ///< inputs
  float* y = nullptr;               ///< result
  float* dy = nullptr;              ///< gradient of the result, before its ReLU
  struct Below {
    float* gradient = nullptr;  ///< of an input; null where nobody wants it
    bool add = false;           ///< to what a later node left there
  };
  std::array<Below, 2> below{};
};

/// The whole batch at a node, for an update.
struct UpdateAt {
  int samples = 0;
  const float* x = nullptr;   ///< first input
  const float* dy = nullptr;  ///< as in PartAt
  float momentum = 0.0F;
  float learning_rate = 0.0F;
};

/// A tensor that an operation keeps from step to step.
struct KeptTensor {
  std::string name;  ///< behind that of the node, as ".weight"
  std::vector<std::int64_t> shape;
  std::vector<float>& values;
  bool is_parameter = true;  ///< false: a velocity
};

/// What FP32 knows of one node's operation, with its parameters. Calls with a part are allowed from several threads at
/// a time for different parts, updates for different pieces. They return false where oneDNN reports an error.
class Operation {
 public:
  Operation() = default;
  Operation(const Operation&) = delete;
  Operation& operator=(const Operation&) = delete;
  virtual ~Operation() = default;

  /// Takes over the parameters as they are, for what follows: a step of training or an evaluation.
  virtual bool begin(bool training);

  /// Do forward() and backward() of training need sums over the batch? Then all parts are added up before, and
  /// finish_…() is called with the samples of all.
  virtual bool needs_sums() const { return false; }
  virtual void add_sums(const PartAt& at);
  virtual void finish_sums(std::int64_t samples);
  virtual void add_gradient_sums(const PartAt& at);
  virtual void finish_gradient_sums(std::int64_t samples);

  virtual bool forward(const PartAt& at) = 0;
  virtual bool backward(const PartAt& at) = 0;

  /// Returns into how many pieces an update is cut; 0 without parameters.
  virtual std::size_t update_pieces() const { return 0; }
  virtual bool update(std::size_t piece, const UpdateAt& at);

  virtual std::vector<KeptTensor> tensors();
};

/// Where an operation stands.
struct OperationPlace {
  const Node& node;
  Shape input;      ///< of the first input
  int samples = 1;  ///< of a part
  std::size_t parts = 1;
  bool relu = false;  ///< does it make the ReLU behind it too?
  NodeParameters initial{};
  Normalization normalization = Normalization::kBatch;
};

/// Makes the operation of a node; none where there is nothing to do, and for the loss. Throws Error.
std::unique_ptr<Operation> make_operation(const OperationPlace& place);

}  // namespace bitloom::fp32
