// Parts of N16 that norms (lowering_norm.cpp) and weight standardization (N16.4) share.
#pragma once
#include <string>
#include <vector>

#include "kernels/step.hpp"

namespace bitloom {

/// Columns whose reals the table holds at once.
struct ColumnChunk {
  int first = 0;
  int count = 0;
};
std::vector<ColumnChunk> column_chunks(const Lowering& low, int columns);

/// z of N16 with its SH, U, N.
struct NormInput {
  Raw z;
  int rows = 0, cols = 0;
  bool whole = false;  ///< LBN: one pair of statistics
  Src shift, u;
  Src count;  ///< n as an integer
  Src n, n1;  ///< n and n − 1 as reals
};
NormInput norm_input(Lowering& low, const Raw& z, int rows, int cols, bool whole);

/// VIN and VOUT of a REDUCE by columns.
Sections reduce_sections(const Lowering& low, int inputs, int cols);
/// min, max and largest magnitude of each column: [3][cols].
int column_ranges(Lowering& low, const std::string& name, int tensor);
/// Σt, Σt² as 64-bit integers, [4][columns, or 1].
int moments(Lowering& low, const std::string& name, const NormInput& in);
/// The low words of Σt in the table; the high words lie chunk.count entries further.
Src sum_pair(Lowering& low, int sums, const NormInput& in, const ColumnChunk& chunk);

/// Of the channels of a chunk (or one for all).
struct ChannelStatistics {
  Src s1;  ///< 64-bit, high words `pitch` entries further
  int pitch = 0;
  Src v, r;
};
ChannelStatistics channel_statistics(Lowering& low, int sums, const NormInput& in, const ColumnChunk& chunk,
                                     double eps);

Src limited_gain(Lowering& low, const NormInput& in, Src gain);

int cross_sums(Lowering& low, const std::string& name, const Raw& dy, Src d_shift, const NormInput& in);

/// Ud, KC, KA, KB; sets `unit` to s_dz.
struct NormBackward {
  Src ud, kc, ka, kb;
};
NormBackward norm_scales(Lowering& low, const NormInput& in, const Raw& dy, Src d_shift, Src largest_gain, Entry unit);

/// X, D1, S1 as reals.
struct ChannelGradient {
  Src x, d1, s1;
};
ChannelGradient channel_gradient(Lowering& low, const NormInput& in, int sums, int cross, const ColumnChunk& chunk);
std::vector<Src> column_coefficients(Lowering& low, const NormBackward& back, const ChannelGradient& of, Src gr, Src r);

}  // namespace bitloom
