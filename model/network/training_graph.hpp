#pragma once
#include "model/network/network.hpp"

namespace bitloom {

/// Is the network a multilayer perceptron, for which N4.5's kind 0 and N6.3's one-pass codes hold? A flatten is only
/// another view of the same memory (N14.1) and does not count. Golden, lowering and comparison all ask this.
bool is_chain(const Network& network);

}  // namespace bitloom
