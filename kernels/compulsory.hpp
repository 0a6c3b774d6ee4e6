#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "model/golden/memory_kind.hpp"
#include "model/network/network.hpp"
#include "model/network/recipe.hpp"

namespace bitloom {

/// What the operations of golden's step in one node and phase must read, write and pass through, whatever executes
/// them (docs/counters.md, Compulsory bytes).
struct OperationBytes {
  int node = -1;      ///< index in Network::nodes
  std::string phase;  ///< as CommandInfo's
  KindBytes read;
  KindBytes written;
  std::uint64_t elements = 0;  ///< that an element pass takes or makes: of codes, sums behind a product, updates
};

/// Lists the nodes' phases of a step, or of its forward part alone, by network and recipe: no hardware and no tiles.
/// `samples` are those at once (of a micro-batch, the last of its step, which updates). Throws Error as
/// training_graph() does.
std::vector<OperationBytes> compulsory_bytes(const Network& network, const Recipe& recipe, int samples,
                                             bool forward_only = false);

}  // namespace bitloom
