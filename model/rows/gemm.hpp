#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "model/rows/gemm_path.hpp"
#include "model/rows/kernels.hpp"

namespace bitloom {

/// Exact int8 GEMMs of a linear layer (N5). Row-major: x[M][in], w[in][out], d[M][out]. Reductions of at most 131,072
/// terms (Convolution::kMaxTerms), so 32-bit results hold every sum. Our own kernel does them or oneDNN,
/// as choose_gemm_path() finds.
class Gemm {
 public:
  /// Makes products with `threads` ≥ 1 threads. Reads BITLOOM_ISA; throws Error as active_isa() does.
  explicit Gemm(int threads);
  /// Does the same by a given path.
  Gemm(int threads, GemmPath path);

  /// Computes acc[M][out] = x · w (N5.1).
  void forward(const std::int8_t* x, const std::int8_t* w, int M, int in, int out, std::int32_t* acc);
  /// Computes g[M][in] = d · wᵀ (N5.3).
  void activation_gradient(const std::int8_t* d, const std::int8_t* w, int M, int in, int out, std::int32_t* g);
  /// Computes dw[in][out] = xᵀ · d (N5.4).
  void weight_gradient(const std::int8_t* x, const std::int8_t* d, int M, int in, int out, std::int32_t* dw);

  /// Names the kernel that runs: "onednn", or "own-" and the instruction set.
  std::string name() const;

 private:
  void run(char transpose_a, char transpose_b, int m, int n, int k, const std::int8_t* a, const std::int8_t* b,
           std::int32_t* c);

  Isa isa_;
  GemmPath path_;
  int threads_;
  std::vector<std::int16_t> packed_;
};

}  // namespace bitloom
