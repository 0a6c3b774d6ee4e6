#pragma once
#include <string>

#include "model/numerics/linear.hpp"

namespace bitloom::testing {

struct OracleCount {
  int cases = 0;
  int arrays = 0;
  long long elements = 0;
};

/// Compares forward, dx, dw and db of `kernels` with every case of group `linear_int` in `folder` (manifest.json and
/// its binary file), bit for bit, as GoogleTest failures; returns how much was compared.
OracleCount check_linear_oracle(const LinearKernels& kernels, const std::string& folder);

/// Returns the folder traces/oracle of the source tree.
std::string committed_oracle();

/// The folder that BITLOOM_ORACLE_DIR names, empty when it is not set.
std::string full_oracle();

}  // namespace bitloom::testing
