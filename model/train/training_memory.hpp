#pragma once
#include <vector>

#include "model/io/memory.hpp"
#include "model/network/network.hpp"
#include "model/network/recipe.hpp"

namespace bitloom {

/// Estimates what training with steps of `batch` samples keeps in memory besides its images: results and gradients of
/// the samples that are computed at once, and parameters with their state. It is meant for what is far too large; a
/// test holds it to within a factor of two of what training takes. Throws Error as training_graph() does.
std::vector<MemoryPart> training_memory(const Network& network, const Recipe& recipe, int batch);

}  // namespace bitloom
