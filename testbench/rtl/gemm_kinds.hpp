#pragma once
#include <vector>

#include "kernels/command.hpp"

namespace bitloom {

/// A mode of GEMM and the kinds of its operands.
struct GemmKinds {
  Mode mode;
  Kind a, b;
};

/// Lists all that docs/commands.md allows: at most one operand is logarithmic, and only in MAC4.
inline std::vector<GemmKinds> all_gemm_kinds() {
  std::vector<GemmKinds> all = {{Mode::XNOR, Kind::SIGNED, Kind::SIGNED}};
  for (const Kind a : {Kind::SIGNED, Kind::UNSIGNED}) {
    for (const Kind b : {Kind::SIGNED, Kind::UNSIGNED}) {
      all.push_back({Mode::MAC8, a, b});
      all.push_back({Mode::MAC4, a, b});
    }
    all.push_back({Mode::MAC4, a, Kind::LOG});
    all.push_back({Mode::MAC4, Kind::LOG, a});
  }
  return all;
}

}  // namespace bitloom
