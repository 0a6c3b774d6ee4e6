#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace bitloom {

/// Who multiplies the 8-bit matrices of linear layers. All paths give the same bits.
enum class GemmPath {
  kOwn,     ///< the row kernels of this program, for the instruction set of isa.hpp
  kOneDnn,  ///< oneDNN's 8-bit GEMM
};

/// Returns the name of a path in reports.
std::string_view gemm_path_name(GemmPath path);

/// How long a path took for the products of choose_gemm_path(), in seconds.
struct GemmTrial {
  GemmPath path = GemmPath::kOwn;
  double seconds = 0.0;
};

/// What was chosen, and by which measurement; `trials` is empty where there was nothing to choose.
struct GemmChoice {
  GemmPath path = GemmPath::kOwn;
  std::vector<GemmTrial> trials;
};

/// Returns the path of the shortest trial, the first on a tie. Throws Error when there is none.
GemmPath fastest_path(std::span<const GemmTrial> trials);

/// Chooses the path that this process uses: the faster one in a measurement of a few milliseconds, made at the first
/// call. The environment variable BITLOOM_GEMM (own, onednn, auto) takes the choice out of its hands, and BITLOOM_ISA
/// below avx512 asks for the own kernels. oneDNN is a candidate only where its GEMM is exact. Throws Error for a value
/// of BITLOOM_GEMM that is none of these, and for onednn where it is not exact.
const GemmChoice& choose_gemm_path();

/// Computes the row-major c[m][n] = op(a) · op(b) by oneDNN, op by 'N' (as it is) or 'T' (transposed); returns whether
/// it was done.
bool onednn_gemm(char transpose_a, char transpose_b, int m, int n, int k, const std::int8_t* a, const std::int8_t* b,
                 std::int32_t* c);

}  // namespace bitloom
