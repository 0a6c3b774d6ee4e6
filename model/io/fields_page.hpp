#pragma once
#include <string>

#include "model/io/fields.hpp"

namespace bitloom {

/// Breaks text at spaces into lines of at most `columns` characters; lines after the first begin with `indent`.
std::string wrapped(const std::string& text, std::size_t columns, const std::string& indent);

/// Says everything about one field as an item of a list: values, unit, meaning, default, condition, limit, rule, words.
std::string field_text(const FileField& field);

/// Describes a section and its fields, then the sections inside it, as Markdown of at most 120 columns; `heading` is
/// its first line's mark, for example "#".
std::string section_text(const FileSection& section, const std::string& heading);

/// Makes the reference page of a file: its sections, each once, and how the program and editors help.
std::string reference_page(const FileSection& file, const std::string& title);

}  // namespace bitloom
