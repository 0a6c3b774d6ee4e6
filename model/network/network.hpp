#pragma once
#include <cstdint>
#include <string>
#include <tuple>
#include <variant>
#include <vector>

#include "model/io/fields.hpp"
#include "model/io/json_reader.hpp"

namespace bitloom {

/// Shape of one sample, without the batch dimension: {features} or {channels, rows, columns}.
using Shape = std::vector<int>;

/// The one list of the operations that a network file may name: X(enumerator, in golden, in FP32). The other two say
/// which function makes the object that computes the operation there; none: it needs none.
#define BITLOOM_OPERATIONS(X)           \
  X(kLinear, weighted, linear)          \
  X(kConv2d, weighted, conv2d)          \
  X(kRelu, none, relu)                  \
  X(kMaxPool, pool, pool)               \
  X(kAveragePool, pool, pool)           \
  X(kBatchNorm, batch_norm, batch_norm) \
  X(kAdd, add, add)                     \
  X(kFlatten, none, none)               \
  X(kSoftmaxCrossEntropy, none, none)

/// Add reads two results of one shape. Flatten makes one dimension: feature = (row · columns + column) · channels +
/// channel. The statistics of batch_norm are as the recipe says: by channel (BN), or one pair for the layer (LBN).
#define BITLOOM_ENUMERATOR(op, in_golden, in_fp32) op,
enum class Op { BITLOOM_OPERATIONS(BITLOOM_ENUMERATOR) };
#undef BITLOOM_ENUMERATOR

// all() of the attributes below gives every field, for content_hash(). It takes the struct apart, so that a field that
// is added does not compile until it is there too.

/// y[out] = W[out][in] x[in] + b[out].
struct LinearAttributes {
  int in = 0;
  int out = 0;
  bool bias = true;

  auto all() const {
    const auto& [in_, out_, bias_] = *this;
    return std::tie(in_, out_, bias_);
  }
};

/// Two values, of the rows and of the columns.
struct Pair {
  int rows = 1;
  int cols = 1;
};

/// z[n][y][x][o] = b[o] + Σ over (ky, kx, c) of x[n][y·stride + ky·dilation − padding][…][g·in/groups + c] ·
/// W[ky][kx][c][o], with group g = o / (out/groups). Padding is zero.
struct Conv2dAttributes {
  int in = 0;   ///< channels
  int out = 0;  ///< channels
  Pair kernel;
  Pair stride;
  Pair padding{0, 0};
  Pair dilation;
  int groups = 1;
  bool bias = true;

  auto all() const {
    const auto& [in_, out_, kernel_, stride_, padding_, dilation_, groups_, bias_] = *this;
    return std::tie(in_, out_, groups_, bias_, kernel_, stride_, padding_, dilation_);
  }
};

/// Windows of a pooling. Padded places never win a maximum and count as zeros in an average (whose divisor is the whole
/// window).
struct PoolAttributes {
  Pair kernel;
  Pair stride;
  Pair padding{0, 0};

  auto all() const {
    const auto& [kernel_, stride_, padding_] = *this;
    return std::tie(kernel_, stride_, padding_);
  }
};

/// y = gamma · (x − mean) / sqrt(variance + eps) + beta, gamma and beta by channel; running values r ← (1 − momentum)·r
/// + momentum·batch.
struct NormAttributes {
  int channels = 0;
  double eps = 1e-5;
  double momentum = 0.1;

  auto all() const {
    const auto& [channels_, eps_, momentum_] = *this;
    return std::tie(channels_, eps_, momentum_);
  }
};

/// Index of the network's input in Node::inputs.
inline constexpr int kNetworkInput = -1;

/// A layer of a network file: its operation with attributes, its inputs and the shape of its result.
struct Node {
  std::string name;
  Op op = Op::kLinear;
  std::vector<int> inputs;  ///< indices of nodes that stand before this one, or kNetworkInput
  Shape shape;              ///< of the result for one sample; of the logits for the loss
  std::variant<std::monostate, LinearAttributes, Conv2dAttributes, PoolAttributes, NormAttributes> attributes;
};

/// A forward graph. Nodes are in topological order: the file must list a node after the nodes it reads. A network that
/// was read has the order of node_order.hpp, whatever independent nodes stood first in the file.
struct Network {
  std::string name;
  int batch = 0;  ///< samples a step where nothing else is asked for; 0: as the hyper-parameter file says
  Shape input;
  std::vector<Node> nodes;
};

/// Returns the word of an operation in a network file.
const char* op_name(Op op);

/// Returns the number of elements of a shape.
std::int64_t element_count(const Shape& shape);

/// Describes a network file.
const FileSection& network_fields();

/// Reads a network file, infers shapes and checks the graph (unique names, known inputs, matching shapes, a result that
/// nothing reads only at the end). Throws Error.
Network read_network(const std::string& file);
Network read_network(const JsonObject& json);

}  // namespace bitloom
