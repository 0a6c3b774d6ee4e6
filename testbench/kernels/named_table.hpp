// The table entries of a program by name, as tests look for them.
#pragma once
#include <map>
#include <string>

#include "kernels/program.hpp"

namespace bitloom {

/// Returns the indices in table T of a program's entries by name.
inline std::map<std::string, int> named_table(const Program& program) {
  std::map<std::string, int> named;
  for (const auto& [name, index] : program.table) named[text_of(name, program.network)] = index;
  return named;
}

}  // namespace bitloom
