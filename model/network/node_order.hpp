#pragma once
#include "model/network/network.hpp"

namespace bitloom {

/// Returns the same graph with its nodes in the one order that the file's does not change: each node behind the nodes
/// that it reads, those in the order of its inputs, up to the last node. Numbers of layers and norms, random words and
/// initial parameters count in this order (N14.5). Every node must be read by another or be the last.
Network in_node_order(Network network);

}  // namespace bitloom
