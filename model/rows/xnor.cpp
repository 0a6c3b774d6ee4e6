#include "model/rows/xnor.hpp"

#include <algorithm>
#include <bit>

namespace bitloom {
namespace {

constexpr std::size_t kOutBlock = 8;  ///< outputs side by side in the packed weights

std::size_t size(int value) { return static_cast<std::size_t>(value); }

}  // namespace

/// The convolution in words of 64 signs.
struct XnorConvolution::Words {
  explicit Words(const ConvShape& shape)
      : s(shape),
        channels(size(s.in / s.groups)),
        outs(size(s.out / s.groups)),
        per_group((channels + 63) / 64),
        per_pixel(per_group * size(s.groups)),
        taps(size(s.kernel.rows * s.kernel.cols)),
        width(size(s.width + 2 * s.padding.cols) * per_pixel),
        blocks((outs + kOutBlock - 1) / kOutBlock),
        depth(taps * per_group) {
    merged = s.groups == 1 && s.dilation.cols == 1;
    for (int ky = 0; ky < s.kernel.rows; ++ky) {
      for (int kx = 0; kx < (merged ? 1 : s.kernel.cols); ++kx) {
        offsets.push_back(size(ky * s.dilation.rows) * width + size(kx * s.dilation.cols) * per_pixel);
      }
    }
  }
  TapLines lines() const {
    return {size(s.out_cols()),
            size(s.stride.cols) * per_pixel,
            offsets.data(),
            offsets.size(),
            (merged ? size(s.kernel.cols) : 1) * per_group,
            depth};
  }

  ConvShape s;
  std::size_t channels, outs;  ///< of a group
  std::size_t per_group, per_pixel;
  std::size_t taps;
  std::size_t width;   ///< of a line of the padded image
  std::size_t blocks;  ///< of outputs of a group
  std::size_t depth;   ///< words of an output
  bool merged = false;
  std::vector<std::size_t> offsets;
};

XnorConvolution::XnorConvolution(int threads) : kernels_(kernels(active_isa())), workers_(size(std::max(1, threads))) {}

void XnorConvolution::pack_weights(const Words& words, const std::int8_t* w) {
  const std::size_t out = size(words.s.out);
  const std::size_t group_size = words.blocks * kOutBlock * words.depth;
  weights_.assign(group_size * size(words.s.groups), 0);
  tap_sums_.assign(words.taps * out, 0);
  for (std::size_t tap = 0; tap < words.taps; ++tap) {
    row_.assign(words.per_group * out, 0);
    for (std::size_t c = 0; c < words.channels; ++c) {
      const std::int8_t* codes = w + (tap * words.channels + c) * out;
      kernels_.pack_sign_bit(codes, out, static_cast<int>(c % 64), row_.data() + c / 64 * out);
    }
    for (std::size_t word = 0; word < words.per_group; ++word) {
      for (std::size_t o = 0; o < out; ++o) {
        const std::size_t in_group = o % words.outs;
        const std::size_t at = (in_group / kOutBlock * words.depth + tap * words.per_group + word) * kOutBlock;
        weights_[o / words.outs * group_size + at + in_group % kOutBlock] = row_[word * out + o];
        tap_sums_[tap * out + o] += 2 * std::popcount(row_[word * out + o]);
      }
    }
    for (std::size_t o = 0; o < out; ++o) tap_sums_[tap * out + o] -= static_cast<std::int32_t>(words.channels);
  }
}

void XnorConvolution::pack_image(const Words& words, const std::int8_t* x, std::vector<std::uint64_t>& image) const {
  const ConvShape& s = words.s;
  const std::size_t parts = size(s.width * s.groups);
  for (int y = 0; y < s.height; ++y) {
    std::uint64_t* line =
        image.data() + size(y + s.padding.rows) * words.width + size(s.padding.cols) * words.per_pixel;
    const std::int8_t* codes = x + size(y) * parts * words.channels;
    if (words.channels % 64 == 0) {
      kernels_.pack_signs(codes, parts * words.channels, line);
      continue;
    }
    for (std::size_t part = 0; part < parts; ++part) {
      kernels_.pack_signs(codes + part * words.channels, words.channels, line + part * words.per_group);
    }
  }
}

/// Takes back what padding added. The zeros of the padding counted as -1: a tap there took the sum of its weights off,
/// which comes back here.
void XnorConvolution::clear_padding(const Words& words, int line, std::int32_t* acc) const {
  const ConvShape& s = words.s;
  if (s.padding.rows == 0 && s.padding.cols == 0) return;
  const auto outside = [](int position, int extent) { return position < 0 || position >= extent; };
  for (int ky = 0; ky < s.kernel.rows; ++ky) {
    const bool line_outside = outside(line * s.stride.rows - s.padding.rows + ky * s.dilation.rows, s.height);
    for (int p = 0; p < s.out_cols(); ++p) {
      for (int kx = 0; kx < s.kernel.cols; ++kx) {
        if (!line_outside && !outside(p * s.stride.cols - s.padding.cols + kx * s.dilation.cols, s.width)) continue;
        const std::int32_t* sums = tap_sums_.data() + size(ky * s.kernel.cols + kx) * size(s.out);
        std::int32_t* target = acc + size(p) * size(s.out);
        for (std::size_t o = 0; o < size(s.out); ++o) target[o] += sums[o];
      }
    }
  }
}

void XnorConvolution::forward(const ConvShape& s, const std::int8_t* x, const std::int8_t* w, std::int32_t* acc) {
  check_conv_shape(s);
  check_conv_terms(s.depth(), "forward convolution");
  const Words words(s);
  pack_weights(words, w);
  const TapLines lines = words.lines();
  const int parts = std::min(static_cast<int>(workers_.size()), s.n);
#pragma omp parallel for num_threads(parts) schedule(static) if (parts > 1)
  for (int part = 0; part < parts; ++part) {
    std::vector<std::uint64_t>& image = workers_[size(part)].image;
    image.assign(size(s.height + 2 * s.padding.rows) * words.width, 0);
    for (std::size_t n = size(s.n) * size(part) / size(parts); n < size(s.n) * size(part + 1) / size(parts); ++n) {
      pack_image(words, x + n * size(s.height) * size(s.width) * size(s.in), image);
      for (int y = 0; y < s.out_rows(); ++y) {
        std::int32_t* target = acc + (n * size(s.out_rows()) + size(y)) * lines.pixels * size(s.out);
        for (std::size_t group = 0; group < size(s.groups); ++group) {
          kernels_.xnor_line(image.data() + size(y * s.stride.rows) * words.width + group * words.per_group, lines,
                             weights_.data() + group * words.blocks * kOutBlock * words.depth, words.outs,
                             static_cast<std::int32_t>(words.taps * words.channels), target + group * words.outs,
                             size(s.out));
        }
        clear_padding(words, y, target);
      }
    }
  }
}

}  // namespace bitloom
