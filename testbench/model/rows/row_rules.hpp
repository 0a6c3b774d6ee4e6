#pragma once
#include "testbench/model/rows/row_sweep.hpp"

namespace bitloom::testing {

// Each of these functions compares the codes that one row kernel makes of all 16-bit inputs with the specification.
// `thorough` takes more ratios, ranges and tops; `words` says which random words each input meets.

/// Sweeps stochastic rounding with every shift (N3.4).
void sweep_requantize_row(Words words, bool thorough);
/// Sweeps the roundings that take no random words, with every shift (N3.1–N3.3).
void sweep_requantize_row_without_words();
/// Sweeps logarithmic codes, stochastic and half up (N19.2).
void sweep_log_row(Words words, bool thorough);
/// Sweeps codes of groups (N21.1).
void sweep_group_row(Words words, bool thorough);
/// Sweeps NITI's codes with every shift (N24.1).
void sweep_niti_row();
/// Sweeps every residual beside the given integer weights, all pairs of levels (N23.2).
void sweep_polyline_row(Words words, const std::vector<int>& weights, int bits);

}  // namespace bitloom::testing
