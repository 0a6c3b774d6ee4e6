#include "model/rows/conv.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "model/io/error.hpp"
#include "model/rows/conv_lines.hpp"

namespace bitloom {
namespace {

constexpr std::size_t kBlockBytes = 64 * 1024;  ///< of im2col codes that exist at a time, for each thread,
constexpr std::size_t kBlockPixels = 128;       ///< or more, so that each reading of the weights serves many pixels
static_assert(2 * kBlockBytes <= Convolution::kMaxTerms);  // a block and what is missing to whole lines

std::size_t size(int value) { return static_cast<std::size_t>(value); }

/// Returns the columns of one group of a matrix [rows][s.out], contiguous. Without groups the matrix itself.
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

void check_conv_shape(const ConvShape& s) {
  const bool positive = s.n > 0 && s.height > 0 && s.width > 0 && s.in > 0 && s.out > 0 && s.kernel.rows > 0 &&
                        s.kernel.cols > 0 && s.stride.rows > 0 && s.stride.cols > 0 && s.padding.rows >= 0 &&
                        s.padding.cols >= 0 && s.dilation.rows > 0 && s.dilation.cols > 0 && s.groups > 0;
  if (!positive) throw Error("conv2d: expected positive sizes and no negative padding");
  if (s.in % s.groups != 0 || s.out % s.groups != 0) {
    throw Error(fmt::format("conv2d: expected channels {} and {} to be multiples of groups {}", s.in, s.out, s.groups));
  }
  if (s.out_rows() < 1 || s.out_cols() < 1) throw Error("conv2d: expected a kernel that fits the padded image");
}

void check_conv_terms(std::size_t terms, const char* sum) {
  if (terms <= Convolution::kMaxTerms) return;
  throw Error(fmt::format("conv2d: expected at most {} products in a sum of the {}, got {}", Convolution::kMaxTerms,
                          sum, terms));
}

ConvShape conv_shape(const Conv2dAttributes& a, int n, int height, int width) {
  return {n, height, width, a.in, a.out, a.kernel, a.stride, a.padding, a.dilation, a.groups};
}

namespace {

/// Calls work(from, to) for parts of lines first … end - 1 whose column matrix is a block; with groups, of one sample.
/// A part has at most Convolution::kMaxTerms pixels, where a line has.
template <class Work>
void for_blocks(const Lines& lines, std::size_t first, std::size_t end, const Work& work) {
  const std::size_t pixels = std::max(kBlockPixels, kBlockBytes / lines.shape().depth());
  const std::size_t block = (pixels - 1) / lines.cols() + 1;
  while (first < end) {
    std::size_t to = std::min(first + block, end);
    if (lines.shape().groups > 1) to = std::min(to, (first / lines.rows() + 1) * lines.rows());
    work(first, to);
    first = to;
  }
}

/// Calls visit(output pixel, sample, element of the padded image) for the pixels of output lines from … to - 1.
template <class Visit>
void for_pixels(const Lines& lines, std::size_t from, std::size_t to, const Visit& visit) {
  const TapLines taps = lines.taps();
  for (std::size_t line = from; line < to; ++line) {
    const std::size_t start = lines.start(line % lines.rows(), 0);
    for (std::size_t p = 0; p < taps.pixels; ++p) {
      visit(line * taps.pixels + p, line / lines.rows(), start + p * taps.step);
    }
  }
}

// Depthwise convolutions: a tap is a row of channels, multiplied element by element.

void forward_depthwise(const Kernels& kernels, const Lines& lines, PaddedImages& images, std::size_t from,
                       std::size_t to, const std::int8_t* w, std::int32_t* acc) {
  const TapLines taps = lines.taps();
  const std::size_t channels = size(lines.shape().out);
  for_pixels(lines, from, to, [&](std::size_t pixel, std::size_t sample, std::size_t element) {
    std::int32_t* sums = acc + pixel * channels;
    std::fill_n(sums, channels, 0);
    const std::int8_t* image = images.of(sample) + element;
    for (std::size_t t = 0; t < taps.lines; ++t) {
      kernels.multiply_add_row(image + taps.offsets[t], w + t * channels, channels, sums);
    }
  });
}

void gradient_depthwise(const Kernels& kernels, const Lines& lines, GradientImages& images, std::size_t from,
                        std::size_t to, const std::int8_t* d, const std::int8_t* w) {
  const TapLines taps = lines.taps();
  const std::size_t channels = size(lines.shape().out);
  for_pixels(lines, from, to, [&](std::size_t pixel, std::size_t sample, std::size_t element) {
    std::int32_t* image = images.of(sample) + element;
    for (std::size_t t = 0; t < taps.lines; ++t) {
      kernels.multiply_add_row(d + pixel * channels, w + t * channels, channels, image + taps.offsets[t]);
    }
  });
  images.finish();
}

void weights_depthwise(const Kernels& kernels, const Lines& lines, PaddedImages& images, std::size_t from,
                       std::size_t to, const std::int8_t* d, std::int32_t* dw) {
  const TapLines taps = lines.taps();
  const std::size_t channels = size(lines.shape().out);
  for_pixels(lines, from, to, [&](std::size_t pixel, std::size_t sample, std::size_t element) {
    const std::int8_t* image = images.of(sample) + element;
    for (std::size_t t = 0; t < taps.lines; ++t) {
      kernels.multiply_add_row(image + taps.offsets[t], d + pixel * channels, channels, dw + t * channels);
    }
  });
}

}  // namespace

/// What one thread keeps from call to call.
struct Convolution::Worker {
  Gemm gemm{1};
  std::vector<std::int8_t> image, columns, operand;
  std::vector<std::int32_t> result, gradient;
  std::vector<std::int64_t> sums;  ///< of the weight gradient

  /// Gathers the column matrix of one group and output lines from … to - 1 of the batch.
  const std::int8_t* gather(const Kernels& kernels, const Lines& lines, PaddedImages& images, int group,
                            std::size_t from, std::size_t to) {
    const TapLines taps = lines.taps();
    if (lines.pointwise() && lines.shape().groups == 1) return images.of(0) + from * taps.pixels * taps.depth;
    columns.resize((to - from) * taps.pixels * taps.depth + kTapSlack);
    std::int8_t* target = columns.data();
    for (std::size_t line = from; line < to; ++line, target += taps.pixels * taps.depth) {
      const std::int8_t* source = images.of(line / lines.rows()) + lines.start(line % lines.rows(), group);
      kernels.gather_taps(source, taps, target);
    }
    return columns.data();
  }
};

Convolution::Convolution(int threads) : kernels_(kernels(active_isa())), workers_(size(std::max(1, threads))) {}
Convolution::Convolution(Convolution&&) noexcept = default;
Convolution::~Convolution() = default;

template <class Work>
void Convolution::over_lines(const ConvShape& s, const Work& work) {
  const int parts = std::min(static_cast<int>(workers_.size()), s.n);
  const std::size_t rows = size(s.out_rows());
#pragma omp parallel for num_threads(parts) schedule(static) if (parts > 1)
  for (int part = 0; part < parts; ++part) {
    work(workers_[size(part)], size(s.n) * size(part) / size(parts) * rows,
         size(s.n) * size(part + 1) / size(parts) * rows);
  }
}

void Convolution::forward(const ConvShape& s, const std::int8_t* x, const std::int8_t* w, std::int32_t* acc) {
  check_conv_shape(s);
  check_conv_terms(s.depth(), "forward convolution");
  const Lines lines(s);
  over_lines(s, [&](Worker& worker, std::size_t first, std::size_t end) {
    PaddedImages images(lines, worker.image, x);
    if (lines.depthwise()) return forward_depthwise(kernels_, lines, images, first, end, w, acc);
    for_blocks(lines, first, end, [&](std::size_t from, std::size_t to) {
      const std::size_t pixels = (to - from) * lines.cols();
      std::int32_t* target = acc + from * lines.cols() * size(s.out);
      for (int group = 0; group < s.groups; ++group) {
        const std::int8_t* weights = group_columns(s, w, s.depth(), group, worker.operand);
        worker.result.resize(s.groups == 1 ? 0 : pixels * lines.group_out());
        std::int32_t* result = s.groups == 1 ? target : worker.result.data();
        worker.gemm.forward(worker.gather(kernels_, lines, images, group, from, to), weights, static_cast<int>(pixels),
                            static_cast<int>(s.depth()), static_cast<int>(lines.group_out()), result);
        for (std::size_t p = 0; s.groups > 1 && p < pixels; ++p) {
          std::copy_n(result + p * lines.group_out(), lines.group_out(),
                      target + p * size(s.out) + size(group) * lines.group_out());
        }
      }
    });
  });
}

void Convolution::activation_gradient(const ConvShape& s, const std::int8_t* d, const std::int8_t* w, std::int32_t* g) {
  check_conv_shape(s);
  const Lines lines(s);
  check_conv_terms(size(s.kernel.rows) * size(s.kernel.cols) * lines.group_out(), "activation gradient");
  over_lines(s, [&](Worker& worker, std::size_t first, std::size_t end) {
    GradientImages images(lines, worker.gradient, g);
    if (lines.depthwise()) return gradient_depthwise(kernels_, lines, images, first, end, d, w);
    for_blocks(lines, first, end, [&](std::size_t from, std::size_t to) {
      const std::size_t pixels = (to - from) * lines.cols();
      const std::int8_t* codes = d + from * lines.cols() * size(s.out);
      const bool direct = lines.pointwise() && s.groups == 1;
      for (int group = 0; group < s.groups; ++group) {
        const std::int8_t* weights = group_columns(s, w, s.depth(), group, worker.operand);
        const std::int8_t* of_group = group_columns(s, codes, pixels, group, worker.columns);
        worker.result.resize(direct ? 0 : pixels * s.depth());
        std::int32_t* result = direct ? g + from * lines.cols() * size(s.in) : worker.result.data();
        worker.gemm.activation_gradient(of_group, weights, static_cast<int>(pixels), static_cast<int>(s.depth()),
                                        static_cast<int>(lines.group_out()), result);
        if (direct) continue;
        const TapLines taps = lines.taps();
        for (std::size_t line = from; line < to; ++line, result += taps.pixels * taps.depth) {
          kernels_.scatter_taps(result, taps, images.of(line / lines.rows()) + lines.start(line % lines.rows(), group));
        }
      }
    });
    images.finish();
  });
}

void Convolution::weight_gradient(const ConvShape& s, const std::int8_t* x, const std::int8_t* d, std::int64_t* dw) {
  check_conv_shape(s);
  check_conv_terms(size(s.out_cols()), "weight gradient's line");
  const Lines lines(s);
  const std::size_t out = lines.group_out();
  for (Worker& worker : workers_) worker.sums.assign(s.depth() * size(s.out), 0);
  over_lines(s, [&](Worker& worker, std::size_t first, std::size_t end) {
    PaddedImages images(lines, worker.image, x);
    if (lines.depthwise()) {
      const std::size_t block = kMaxTerms / lines.cols();
      for (std::size_t from = first; from < end; from += block) {
        worker.result.assign(s.depth() * size(s.out), 0);
        weights_depthwise(kernels_, lines, images, from, std::min(from + block, end), d, worker.result.data());
        for (std::size_t i = 0; i < worker.sums.size(); ++i) worker.sums[i] += worker.result[i];
      }
      return;
    }
    for_blocks(lines, first, end, [&](std::size_t from, std::size_t to) {
      const std::size_t pixels = (to - from) * lines.cols();
      const std::int8_t* codes = d + from * lines.cols() * size(s.out);
      for (int group = 0; group < s.groups; ++group) {
        const std::int8_t* of_group = group_columns(s, codes, pixels, group, worker.operand);
        worker.result.resize(s.depth() * out);
        worker.gemm.weight_gradient(worker.gather(kernels_, lines, images, group, from, to), of_group,
                                    static_cast<int>(pixels), static_cast<int>(s.depth()), static_cast<int>(out),
                                    worker.result.data());
        for (std::size_t k = 0; k < s.depth(); ++k) {
          std::int64_t* sum = worker.sums.data() + k * size(s.out) + size(group) * out;
          for (std::size_t o = 0; o < out; ++o) sum[o] += worker.result[k * out + o];
        }
      }
    });
  });
  std::fill_n(dw, s.depth() * size(s.out), 0);
  for (const Worker& worker : workers_) {
    for (std::size_t i = 0; i < worker.sums.size(); ++i) dw[i] += worker.sums[i];
  }
}

}  // namespace bitloom
