#pragma once
#include <string>
#include <vector>

#include "model/io/field_reader.hpp"
#include "sim/dram/device.hpp"

namespace bitloom::dram {

/// Finds the source of a figure such as "timing.cl": the one that names the figure, else its section. Null: none does.
const Source* source_of(const std::vector<Source>& sources, const std::string& figure);

/// Reads the sources of a DRAM file. Throws Error where a figure of the file has none, or where one names nothing.
std::vector<Source> read_sources(const FieldReader& file);

}  // namespace bitloom::dram
