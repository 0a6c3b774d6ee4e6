#include "model/conv.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "model/error.hpp"

namespace bitloom {
namespace {

constexpr std::size_t kBlockBytes = 64 * 1024;  ///< of im2col codes that exist at a time, for each thread

std::size_t size(int value) { return static_cast<std::size_t>(value); }

void check_shape(const ConvShape& s) {
  const bool positive = s.n > 0 && s.height > 0 && s.width > 0 && s.in > 0 && s.out > 0 && s.kernel.rows > 0 &&
                        s.kernel.cols > 0 && s.stride.rows > 0 && s.stride.cols > 0 && s.padding.rows >= 0 &&
                        s.padding.cols >= 0 && s.dilation.rows > 0 && s.dilation.cols > 0 && s.groups > 0;
  if (!positive) throw Error("conv2d: expected positive sizes and no negative padding");
  if (s.in % s.groups != 0 || s.out % s.groups != 0) {
    throw Error(fmt::format("conv2d: expected channels {} and {} to be multiples of groups {}", s.in, s.out, s.groups));
  }
  if (s.out_rows() < 1 || s.out_cols() < 1) throw Error("conv2d: expected a kernel that fits the padded image");
}

void check_terms(std::size_t terms, const char* sum) {
  if (terms <= Convolution::kMaxTerms) return;
  throw Error(fmt::format("conv2d: expected at most {} products in a sum of the {}, got {}", Convolution::kMaxTerms,
                          sum, terms));
}

/// Taps of one output pixel that lie inside the image, as ranges of ky and kx, with the image position of tap (0, 0).
struct Taps {
  std::ptrdiff_t sample, y, x;
  int ky_from, ky_to, kx_from, kx_to;
};

/// First and end of the taps t in [0, taps) with 0 ≤ start + t·spread < extent.
void inside(std::ptrdiff_t start, int taps, int spread, int extent, int& from, int& to) {
  from = start >= 0 ? 0 : static_cast<int>(std::min<std::ptrdiff_t>((-start + spread - 1) / spread, taps));
  const std::ptrdiff_t end = start >= extent ? 0 : (extent - 1 - start) / spread + 1;
  to = std::max(from, static_cast<int>(std::min<std::ptrdiff_t>(end, taps)));
}

Taps taps_of(const ConvShape& s, std::size_t pixel) {
  const std::size_t cols = size(s.out_cols());
  const std::size_t rows = size(s.out_rows());
  Taps t{};
  t.sample = static_cast<std::ptrdiff_t>(pixel / (rows * cols));
  t.y = static_cast<std::ptrdiff_t>(pixel / cols % rows) * s.stride.rows - s.padding.rows;
  t.x = static_cast<std::ptrdiff_t>(pixel % cols) * s.stride.cols - s.padding.cols;
  inside(t.y, s.kernel.rows, s.dilation.rows, s.height, t.ky_from, t.ky_to);
  inside(t.x, s.kernel.cols, s.dilation.cols, s.width, t.kx_from, t.kx_to);
  return t;
}

/// Calls run(k, element, count) for every run of taps of group `group` that is contiguous both in k and in an image.
template <class Run>
void for_runs(const ConvShape& s, const Taps& t, int group, const Run& run) {
  const int channels = s.in / s.groups;
  const bool merged = s.groups == 1 && s.dilation.cols == 1;
  for (int ky = t.ky_from; ky < t.ky_to; ++ky) {
    const std::ptrdiff_t line = (t.sample * s.height + t.y + ky * s.dilation.rows) * s.width + t.x;
    for (int kx = t.kx_from; kx < t.kx_to; kx += merged ? s.kernel.cols : 1) {
      const std::ptrdiff_t element = (line + kx * s.dilation.cols) * s.in + group * channels;
      const int taps = merged ? t.kx_to - kx : 1;
      run(size(ky * s.kernel.cols + kx) * size(channels), static_cast<std::size_t>(element), size(taps * channels));
    }
  }
}

/// columns[pixel][depth] of output pixels from … to - 1.
void gather(const ConvShape& s, const std::int8_t* x, int group, std::size_t from, std::size_t to,
            std::vector<std::int8_t>& columns) {
  const std::size_t depth = s.depth();
  columns.assign((to - from) * depth, 0);
  for (std::size_t pixel = from; pixel < to; ++pixel) {
    std::int8_t* row = columns.data() + (pixel - from) * depth;
    for_runs(s, taps_of(s, pixel), group,
             [&](std::size_t k, std::size_t element, std::size_t count) { std::memcpy(row + k, x + element, count); });
  }
}

/// Adds columns[pixel][depth] to the image elements that they came from.
void scatter(const ConvShape& s, const std::int32_t* columns, int group, std::size_t from, std::size_t to,
             std::int32_t* g) {
  for (std::size_t pixel = from; pixel < to; ++pixel) {
    const std::int32_t* row = columns + (pixel - from) * s.depth();
    for_runs(s, taps_of(s, pixel), group, [&](std::size_t k, std::size_t element, std::size_t count) {
      for (std::size_t i = 0; i < count; ++i) g[element + i] += row[k + i];
    });
  }
}

/// The columns of one group of a matrix [rows][s.out], contiguous. Without groups the matrix itself.
template <class T>
const T* group_columns(const ConvShape& s, const T* matrix, std::size_t rows, int group, std::vector<T>& copy) {
  if (s.groups == 1) return matrix;
  const std::size_t cols = size(s.out / s.groups);
  copy.resize(rows * cols);
  for (std::size_t r = 0; r < rows; ++r) {
    std::copy_n(matrix + r * size(s.out) + size(group) * cols, cols, copy.data() + r * cols);
  }
  return copy.data();
}

}  // namespace

ConvShape conv_shape(const Conv2dAttributes& a, int n, int height, int width) {
  return {n, height, width, a.in, a.out, a.kernel, a.stride, a.padding, a.dilation, a.groups};
}

Convolution::Convolution(int threads) : workers_(size(std::max(1, threads))) {}

template <class Work>
void Convolution::over_samples(const ConvShape& s, const Work& work) {
  const int parts = std::min(static_cast<int>(workers_.size()), s.n);
  const std::size_t pixels = size(s.out_rows()) * size(s.out_cols());
  const std::size_t block = std::max<std::size_t>(1, kBlockBytes / s.depth());
#pragma omp parallel for num_threads(parts) schedule(static) if (parts > 1)
  for (int part = 0; part < parts; ++part) {
    const std::size_t first = size(s.n) * size(part) / size(parts) * pixels;
    const std::size_t end = size(s.n) * size(part + 1) / size(parts) * pixels;
    for (int group = 0; group < s.groups; ++group) {
      for (std::size_t from = first; from < end; from += block) {
        work(workers_[size(part)], group, from, std::min(from + block, end));
      }
    }
  }
}

void Convolution::forward(const ConvShape& s, const std::int8_t* x, const std::int8_t* w, std::int32_t* acc) {
  check_shape(s);
  check_terms(s.depth(), "forward convolution");
  const std::size_t out = size(s.out / s.groups);
  const auto depth = static_cast<int>(s.depth());
  over_samples(s, [&](Worker& worker, int group, std::size_t from, std::size_t to) {
    gather(s, x, group, from, to, worker.columns);
    const std::int8_t* weights = group_columns(s, w, s.depth(), group, worker.operand);
    worker.result.resize((to - from) * out);
    std::int32_t* result = s.groups == 1 ? acc + from * out : worker.result.data();
    worker.gemm.forward(worker.columns.data(), weights, static_cast<int>(to - from), depth, static_cast<int>(out),
                        result);
    if (s.groups == 1) return;
    for (std::size_t p = from; p < to; ++p) {
      std::copy_n(result + (p - from) * out, out, acc + p * size(s.out) + size(group) * out);
    }
  });
}

void Convolution::activation_gradient(const ConvShape& s, const std::int8_t* d, const std::int8_t* w, std::int32_t* g) {
  check_shape(s);
  const std::size_t out = size(s.out / s.groups);
  check_terms(size(s.kernel.rows) * size(s.kernel.cols) * out, "activation gradient");
  std::fill_n(g, s.in_pixels() * size(s.in), 0);
  over_samples(s, [&](Worker& worker, int group, std::size_t from, std::size_t to) {
    const std::int8_t* weights = group_columns(s, w, s.depth(), group, worker.operand);
    const std::int8_t* codes = group_columns(s, d + from * size(s.out), to - from, group, worker.columns);
    worker.result.resize((to - from) * s.depth());
    worker.gemm.activation_gradient(codes, weights, static_cast<int>(to - from), static_cast<int>(s.depth()),
                                    static_cast<int>(out), worker.result.data());
    scatter(s, worker.result.data(), group, from, to, g);
  });
}

void Convolution::weight_gradient(const ConvShape& s, const std::int8_t* x, const std::int8_t* d, std::int32_t* dw) {
  check_shape(s);
  check_terms(s.out_pixels(), "weight gradient");
  const std::size_t out = size(s.out / s.groups);
  for (Worker& worker : workers_) worker.sum.assign(s.depth() * size(s.out), 0);
  over_samples(s, [&](Worker& worker, int group, std::size_t from, std::size_t to) {
    gather(s, x, group, from, to, worker.columns);
    const std::int8_t* codes = group_columns(s, d + from * size(s.out), to - from, group, worker.operand);
    worker.result.resize(s.depth() * out);
    worker.gemm.weight_gradient(worker.columns.data(), codes, static_cast<int>(to - from), static_cast<int>(s.depth()),
                                static_cast<int>(out), worker.result.data());
    for (std::size_t k = 0; k < s.depth(); ++k) {
      std::int32_t* sum = worker.sum.data() + k * size(s.out) + size(group) * out;
      for (std::size_t o = 0; o < out; ++o) sum[o] += worker.result[k * out + o];
    }
  });
  std::fill_n(dw, s.depth() * size(s.out), 0);
  for (const Worker& worker : workers_) {
    for (std::size_t i = 0; i < worker.sum.size(); ++i) dw[i] += worker.sum[i];
  }
}

}  // namespace bitloom
