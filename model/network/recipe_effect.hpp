#pragma once
#include "model/io/field_reader.hpp"
#include "model/network/recipe.hpp"

namespace bitloom {

/// Refuses what no network can meet and the recipe's table cannot say: widths of layers whose quantizers all have
/// widths of their own, the format of masters where no layer has one, levels without a codebook. Asks for each of them
/// where it counts. Throws Error naming file and key.
void require_effect(const FieldReader& json, const Recipe& recipe);

}  // namespace bitloom
