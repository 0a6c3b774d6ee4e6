#pragma once
#include "sim/engine.hpp"
#include "sim/statistics.hpp"

namespace bitloom {

/// Count the actions of one execution of GEMM, and of a vector command; docs/energy.md says what each one is.
void count_gemm(const Hardware& hardware, const Execution& e, ActionCounts& counts);
void count_vector(const Hardware& hardware, const Execution& e, ActionCounts& counts);

}  // namespace bitloom
