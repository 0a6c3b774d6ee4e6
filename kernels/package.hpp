#pragma once
#include <string>

#include "kernels/hardware.hpp"

namespace bitloom {

/// Gives the text of the SystemVerilog package bl_pkg: the command set, the structural parameters of a hardware and the
/// numeric tables, each from its one C++ definition.
std::string package_text(const Hardware& hardware);

}  // namespace bitloom
