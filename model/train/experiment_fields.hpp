#pragma once
#include "model/io/fields.hpp"

namespace bitloom {

/// Describes an experiment file: a table of trainings.
const FileSection& experiment_fields();

}  // namespace bitloom
