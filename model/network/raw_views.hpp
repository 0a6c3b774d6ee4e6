#pragma once
#include "model/network/network.hpp"
#include "model/network/recipe.hpp"
#include "model/network/training_graph.hpp"

namespace bitloom {

/// Returns the largest magnitude of the codes that a view's rule makes, of kGroup in the view that the activation
/// gradient reads; `non_negative`: of values that are never below 0.
int largest_code(const RecipeLayer& rule, const ViewRule& view, bool non_negative);

/// Finds how many bits the raw views of a graph have in memory, where the recipe says `bits`, and by how many the sums
/// are shifted that they are made of (N5.5, N15.3). All else of the graph is known.
void find_raw_views(const Network& network, int bits, TrainingGraph& graph);

}  // namespace bitloom
