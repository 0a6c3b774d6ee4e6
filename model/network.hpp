#pragma once
#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "model/json_reader.hpp"

namespace bitloom {

/// Shape of one sample, without the batch dimension: {features} or {channels, rows, columns}.
using Shape = std::vector<int>;

enum class Op { kLinear, kRelu, kSoftmaxCrossEntropy };

/// y[out] = W[out][in] x[in] + b[out].
struct LinearAttributes {
  int in = 0;
  int out = 0;
  bool bias = true;
};

/// Index of the network's input in Node::inputs.
inline constexpr int kNetworkInput = -1;

struct Node {
  std::string name;
  Op op = Op::kLinear;
  std::vector<int> inputs;  ///< indices of nodes that stand before this one, or kNetworkInput
  Shape shape;              ///< of the result for one sample; of the logits for the loss
  std::variant<std::monostate, LinearAttributes> attributes;
};

/// A forward graph. Nodes are in topological order: the file must list a node after the nodes it reads.
struct Network {
  std::string name;
  int batch = 0;  ///< samples a step where nothing else is asked for; 0: as the hyper-parameter file says
  Shape input;
  std::vector<Node> nodes;
};

const char* op_name(Op op);

/// Number of elements of a shape.
std::int64_t element_count(const Shape& shape);

/// Reads a network file, infers shapes and checks the graph (unique names, known inputs, matching shapes, a result that
/// nothing reads only at the end). Throws Error.
Network read_network(const std::string& file);
Network read_network(const JsonObject& json);

/// One layer of a multilayer perceptron: y = relu?(W x + b).
struct LinearLayer {
  std::string name;
  int in = 0;
  int out = 0;
  bool bias = true;
  bool relu = false;
};

/// The network as linear layers, each with an optional ReLU after it, and a softmax cross-entropy on the last one.
/// Throws Error for any other graph, naming the node that does not fit.
std::vector<LinearLayer> linear_chain(const Network& network);

}  // namespace bitloom
