#pragma once
#include "model/io/field_reader.hpp"
#include "model/io/fields.hpp"
#include "model/network/recipe.hpp"

namespace bitloom {

/// Describe what a recipe may say about how each kind of tensor becomes codes (recipe.hpp's ViewRule).
const FileSection& activation_fields();
const FileSection& weight_fields();
const FileSection& gradient_fields();

/// Describe the same for the first layer, which reads the network's input: the host makes its codes (N6.5), and nothing
/// asks for that input's gradient.
const FileSection& first_activation_fields();
const FileSection& first_gradient_fields();

/// Reads a view of any kind; its section has decided which fields it has.
ViewRule read_view(const FieldReader& json);

/// Are codes of this view as wide as the layer, without a width of their own?
bool reads_layer_width(const ViewRule& view);

}  // namespace bitloom
