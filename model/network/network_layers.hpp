#pragma once
#include "model/network/network.hpp"

namespace bitloom {

/// Most elements of one sample of any result, and the largest extent.
inline constexpr int kMaxElements = 1 << 20;

/// The operation that a layer of a network file names; throws Error.
Op read_op(const JsonObject& json);

/// Reads the fields of node.op, whose node.inputs are known, and infers node.shape. Throws Error naming layer and
/// field.
void read_layer(const JsonObject& json, const Network& network, Node& node);

}  // namespace bitloom
