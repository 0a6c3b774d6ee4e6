#pragma once
#include "model/io/fields.hpp"

namespace bitloom {

/// What a recipe may say about how each kind of tensor becomes codes (recipe.hpp's ViewRule).
const FileSection& activation_fields();
const FileSection& weight_fields();
const FileSection& gradient_fields();

}  // namespace bitloom
