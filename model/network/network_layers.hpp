#pragma once
#include <vector>

#include "model/io/field_reader.hpp"
#include "model/network/network.hpp"

namespace bitloom {

/// Most elements of one sample of any result, and the largest extent.
inline constexpr int kMaxElements = 1 << 24;

/// Is the sign of a result of this operation that of values that it read, so that signs pass through it (N22.1)?
bool keeps_signs(Op op);

/// Can a ReLU behind this operation become part of it (N14.3)?
bool takes_relu(Op op);

/// Is the node's result its input, only seen otherwise: a flatten, or a pool of single places (N14.1)?
bool is_view(const Node& node);

/// The taps of a node's window and how many integer training takes at most; 0 where the window has no such limit.
struct WindowTaps {
  int taps = 0;
  int most = 0;
};
/// Returns them of a node's window.
WindowTaps window_taps(const Node& node);

/// How many values a pool adds up at most: forward, and windows backward; 1 where it only hands values on.
struct PoolSums {
  int values = 1;
  int windows = 1;
};
/// Returns them of a node; of what is no pool, 1.
PoolSums pool_sums(const Node& node);

/// Reads the operation that a layer of a network file names.
Op read_op(const FieldReader& json);

/// Reads the fields of node.op, whose node.inputs are known, and infers node.shape. Throws Error naming layer and
/// field.
void read_layer(const FieldReader& json, const Network& network, Node& node);

}  // namespace bitloom
