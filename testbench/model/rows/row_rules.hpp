#pragma once
#include "testbench/model/rows/row_sweep.hpp"

namespace bitloom::testing {

// One function a row kernel: its codes over all 16-bit inputs, against the specification. `thorough` takes more ratios,
// ranges and tops; `words` says which random words each input meets.

void sweep_requantize_row(Words words, bool thorough);  ///< N3.4: every shift
void sweep_requantize_row_without_words();              ///< N3.1–N3.3: every shift
void sweep_log_row(Words words, bool thorough);         ///< N19.2, stochastic and half up
void sweep_group_row(Words words, bool thorough);       ///< N21.1
void sweep_niti_row();                                  ///< N24.1: every shift
/// N23.2: every residual beside the given integer weights, all pairs of levels.
void sweep_polyline_row(Words words, const std::vector<int>& weights, int bits);

}  // namespace bitloom::testing
