#pragma once
#include <string>
#include <vector>

#include "testbench/cosim/cosim_case.hpp"

namespace bitloom::cosim {

/// Returns the co-simulations of docs/fidelity.md and of cycles.json, in their order there. `part` is "mlps", "recipes"
/// or "networks"; empty means all. Throws Error for another part.
std::vector<CosimCase> fidelity_cases(const std::string& part = "");

/// Says a case in words, unique among them: network, recipe, hardware, batch, steps and stalls.
std::string case_name(const CosimCase& chosen);

}  // namespace bitloom::cosim
