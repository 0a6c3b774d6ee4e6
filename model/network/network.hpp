#pragma once
#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "model/io/fields.hpp"
#include "model/io/json_reader.hpp"

namespace bitloom {

/// Shape of one sample, without the batch dimension: {features} or {channels, rows, columns}.
using Shape = std::vector<int>;

enum class Op {
  kLinear,
  kConv2d,
  kRelu,
  kMaxPool,
  kAveragePool,
  kBatchNorm,  ///< statistics as the recipe says: per channel (BN), or one pair for the layer (LBN)
  kAdd,        ///< of two results of one shape
  kFlatten,    ///< to one dimension: feature = (row · columns + column) · channels + channel
  kSoftmaxCrossEntropy,
};

/// y[out] = W[out][in] x[in] + b[out].
struct LinearAttributes {
  int in = 0;
  int out = 0;
  bool bias = true;
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
};

/// Windows of a pooling. Padded places never win a maximum and count as zeros in an average (whose divisor is the whole
/// window).
struct PoolAttributes {
  Pair kernel;
  Pair stride;
  Pair padding{0, 0};
};

/// y = gamma · (x − mean) / sqrt(variance + eps) + beta, gamma and beta by channel; running values r ← (1 − momentum)·r
/// + momentum·batch.
struct NormAttributes {
  int channels = 0;
  double eps = 1e-5;
  double momentum = 0.1;
};

/// Index of the network's input in Node::inputs.
inline constexpr int kNetworkInput = -1;

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
