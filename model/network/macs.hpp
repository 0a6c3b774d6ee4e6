#pragma once
#include <cstdint>

#include "model/network/network.hpp"

namespace bitloom {

/// The multiply-accumulates of one layer in one direction: forward, activation gradient or weight gradient. The three
/// directions multiply the same pairs of weight, input and output, so they have the same counts.
struct LayerMacs {
  std::uint64_t macs = 0;       ///< as papers count: results × terms of a result, taps in the padding included
  std::uint64_t macs_data = 0;  ///< those whose tap meets data, not padding
};

/// Counts one sample's multiply-accumulates of a linear or conv2d node; 0 for any other node. `node` is an index in
/// Network::nodes.
LayerMacs layer_macs(const Network& network, int node);

}  // namespace bitloom
