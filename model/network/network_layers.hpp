#pragma once
#include <vector>

#include "model/io/field_reader.hpp"
#include "model/network/network.hpp"

namespace bitloom {

/// Most elements of one sample of any result, and the largest extent.
inline constexpr int kMaxElements = 1 << 20;

/// The words of a layer's `op`, with their meanings.
std::vector<FieldChoice> op_words();

/// The operation that a layer of a network file names.
Op read_op(const FieldReader& json);

/// Reads the fields of node.op, whose node.inputs are known, and infers node.shape. Throws Error naming layer and
/// field.
void read_layer(const FieldReader& json, const Network& network, Node& node);

}  // namespace bitloom
