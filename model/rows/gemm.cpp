#include "model/rows/gemm.hpp"

#include <dnnl.h>
#include <omp.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdlib>

#include "model/io/error.hpp"

namespace bitloom {
namespace {

constexpr std::int64_t kProductsWorthAThread = 32768;

/// Row-major c[m][n] = op(a) · op(b) by oneDNN.
bool onednn_gemm(char transpose_a, char transpose_b, int m, int n, int k, const std::int8_t* a, const std::int8_t* b,
                 std::int32_t* c) {
  const std::int32_t no_offset = 0;
  return dnnl_gemm_s8s8s32(transpose_a, transpose_b, 'F', m, n, k, 1.0F, a, transpose_a == 'N' ? k : m, 0, b,
                           transpose_b == 'N' ? n : k, 0, 0.0F, c, n, &no_offset) == dnnl_success;
}

/// Largest operands, where an inner 16-bit sum would saturate, in all three forms that a layer uses.
bool onednn_passes_self_test() {
  constexpr int kSize = 32;
  constexpr std::array<std::array<char, 2>, 3> kForms{{{'N', 'N'}, {'N', 'T'}, {'T', 'N'}}};
  for (const int sign : {1, -1}) {
    const std::vector<std::int8_t> a(kSize * kSize, 127);
    const std::vector<std::int8_t> b(kSize * kSize, static_cast<std::int8_t>(127 * sign));
    for (const auto& form : kForms) {
      std::vector<std::int32_t> c(kSize * kSize, 0);
      if (!onednn_gemm(form[0], form[1], kSize, kSize, kSize, a.data(), b.data(), c.data())) return false;
      const auto right = [sign](std::int32_t sum) { return sum == sign * 127 * 127 * kSize; };
      if (!std::all_of(c.begin(), c.end(), right)) return false;
    }
  }
  return true;
}

/// Is oneDNN's 8-bit GEMM exact here, and not ruled out by BITLOOM_ISA?
bool onednn_wanted() {
  const char* wanted = std::getenv("BITLOOM_ISA");
  const std::string name = wanted == nullptr ? "auto" : wanted;
  if (name != "auto" && !name.starts_with("avx512")) return false;
  switch (dnnl_get_effective_cpu_isa()) {
    case dnnl_cpu_isa_avx2_vnni:
    case dnnl_cpu_isa_avx512_core_vnni:
    case dnnl_cpu_isa_avx512_core_bf16:
    case dnnl_cpu_isa_avx512_core_amx:
      return onednn_passes_self_test();
    default:
      return false;
  }
}

}  // namespace

Gemm::Gemm(int threads) : isa_(active_isa()), onednn_(onednn_wanted()), threads_(threads) {}

std::string Gemm::name() const { return onednn_ ? "onednn" : "own-" + std::string(isa_name(isa_)); }

void Gemm::run(char transpose_a, char transpose_b, int m, int n, int k, const std::int8_t* a, const std::int8_t* b,
               std::int32_t* c) {
  const std::int64_t worth = 1 + std::int64_t{m} * n * k / kProductsWorthAThread;
  const int parts = static_cast<int>(std::min({std::int64_t{threads_}, std::int64_t{m}, worth}));
  if (onednn_) {
    const int previous = omp_get_max_threads();
    omp_set_num_threads(parts);
    const bool done = onednn_gemm(transpose_a, transpose_b, m, n, k, a, b, c);
    omp_set_num_threads(previous);
    if (!done) throw Error("oneDNN: an 8-bit GEMM failed");
    return;
  }
  const auto rows = static_cast<std::size_t>(m);
  const auto columns = static_cast<std::size_t>(n);
  const auto depth = static_cast<std::size_t>(k);
  const Strides a_strides = transpose_a == 'N' ? Strides{depth, 1} : Strides{1, rows};
  const Strides b_strides = transpose_b == 'N' ? Strides{columns, 1} : Strides{1, depth};
  const Kernels& kernel = kernels(isa_);
  packed_.resize(std::max(packed_.size(), gemm_scratch(columns, depth)));
  kernel.gemm_pack(columns, depth, b, b_strides, packed_.data());
#pragma omp parallel for num_threads(parts) schedule(static) if (parts > 1)
  for (int part = 0; part < parts; ++part) {
    const std::size_t from = rows * static_cast<std::size_t>(part) / static_cast<std::size_t>(parts);
    const std::size_t to = rows * (static_cast<std::size_t>(part) + 1) / static_cast<std::size_t>(parts);
    kernel.gemm(to - from, columns, depth, a + from * a_strides.row, a_strides, packed_.data(), c + from * columns);
  }
}

void Gemm::forward(const std::int8_t* x, const std::int8_t* w, int M, int in, int out, std::int32_t* acc) {
  run('N', 'N', M, out, in, x, w, acc);
}

void Gemm::activation_gradient(const std::int8_t* d, const std::int8_t* w, int M, int in, int out, std::int32_t* g) {
  run('N', 'T', M, in, out, d, w, g);
}

void Gemm::weight_gradient(const std::int8_t* x, const std::int8_t* d, int M, int in, int out, std::int32_t* dw) {
  run('T', 'N', in, out, M, x, d, dw);
}

}  // namespace bitloom
