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
/// Cuts a tensor's columns into chunks whose reals the table holds at once.
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
/// Makes what all parts of a norm need of its input z [rows][cols], in new temporaries of the table.
NormInput norm_input(Lowering& low, const Raw& z, int rows, int cols, bool whole);

/// Returns the sections of a REDUCE by columns in VIN and VOUT.
Sections reduce_sections(const Lowering& low, int inputs, int cols);
/// Lowers the minimum, maximum and largest magnitude of each column into a new tensor [3][cols].
int column_ranges(Lowering& low, const Own& name, int tensor);
/// Lowers Σt and Σt² as 64-bit integers into a new tensor [4][columns, or 1] (N13.2).
int moments(Lowering& low, const Own& name, const NormInput& in);
/// Loads Σt of a chunk; returns its low words in the table; the high words lie chunk.count entries further.
Src sum_pair(Lowering& low, int sums, const NormInput& in, const ColumnChunk& chunk);

/// Of the channels of a chunk (or one for all).
struct ChannelStatistics {
  Src s1;  ///< 64-bit, high words `pitch` entries further
  int pitch = 0;
  Src v, r;
};
/// Computes V and r of a chunk's channels from the sums of moments() (N16.1).
ChannelStatistics channel_statistics(Lowering& low, int sums, const NormInput& in, const ColumnChunk& chunk,
                                     double eps);

/// Limits `gain` to ±LIM: gr of N16.1, for F = `frac_bits`.
Src limited_gain(Lowering& low, const NormInput& in, Src gain, int frac_bits = 16);

/// Lowers Σe and Σe·t of dy and z as 64-bit integers into a new tensor [4][columns] (N16.3).
int cross_sums(Lowering& low, const Own& name, const Raw& dy, Src d_shift, const NormInput& in);

/// What all channels of a norm's backward pass share (N16.3).
struct NormBackward {
  Src ud, kc, ka, kb;
};
/// Computes Ud, KC, KA and KB, and sets `unit` to s_dz (N16.3). `largest_gain` is G.
NormBackward norm_scales(Lowering& low, const NormInput& in, const Raw& dy, Src d_shift, Src largest_gain, Entry unit,
                         int bits = 32);

/// X, D1, S1 as reals.
struct ChannelGradient {
  Src x, d1, s1;
};
/// Computes X, D1 and S1 of a chunk's channels from the sums of moments() and cross_sums() (N16.3).
ChannelGradient channel_gradient(Lowering& low, const NormInput& in, int sums, int cross, const ColumnChunk& chunk);
/// Computes the coefficients of dy, of z, and the addend, of a chunk's channels (N16.3).
std::vector<Src> column_coefficients(Lowering& low, const NormBackward& back, const ChannelGradient& of, Src gr, Src r);

}  // namespace bitloom
