#pragma once
#include <string>

#include "model/io/fields.hpp"

namespace bitloom {

/// Gives the JSON Schema (draft 7) of a file that `file` describes, for editors and validators. It says what the tables
/// say; what a reader checks across files or by a sentence of FileField::limit stands in descriptions only.
std::string json_schema(const FileSection& file);

}  // namespace bitloom
