#include "model/rows/gemm.hpp"

#include <omp.h>

#include <algorithm>
#include <cstddef>

#include "model/io/error.hpp"

namespace bitloom {
namespace {

constexpr std::int64_t kProductsWorthAThread = 32768;

}  // namespace

Gemm::Gemm(int threads) : Gemm(threads, choose_gemm_path().path) {}

Gemm::Gemm(int threads, GemmPath path) : isa_(active_isa()), path_(path), threads_(threads) {}

std::string Gemm::name() const { return path_ == GemmPath::kOneDnn ? "onednn" : "own-" + std::string(isa_name(isa_)); }

void Gemm::run(char transpose_a, char transpose_b, int m, int n, int k, const std::int8_t* a, const std::int8_t* b,
               std::int32_t* c) {
  const std::int64_t worth = 1 + std::int64_t{m} * n * k / kProductsWorthAThread;
  const int parts = static_cast<int>(std::min({std::int64_t{threads_}, std::int64_t{m}, worth}));
  if (path_ == GemmPath::kOneDnn) {
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
