#pragma once
#include "model/io/field_reader.hpp"
#include "model/network/recipe.hpp"

namespace bitloom {

/// Refuses widths of a recipe that no layer of any network can use, because all quantizers there have widths of their
/// own, and asks for the default width where some layer uses it. Throws Error naming file and key.
void require_effect(const FieldReader& json, const Recipe& recipe);

}  // namespace bitloom
