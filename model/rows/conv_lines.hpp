#pragma once
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <vector>

#include "model/rows/conv.hpp"

namespace bitloom {

/// A convolution as tap lines of padded images.
class Lines {
 public:
  explicit Lines(const ConvShape& shape)
      : s_(shape),
        merged_(s_.groups == 1 && s_.dilation.cols == 1),
        width_(count_of(s_.width + 2 * s_.padding.cols) * count_of(s_.in)),
        offsets_(count_of(s_.kernel.rows) * (merged_ ? 1 : count_of(s_.kernel.cols))) {
    for (std::size_t t = 0; t < offsets_.size(); ++t) {
      const std::size_t ky = merged_ ? t : t / count_of(s_.kernel.cols);
      const std::size_t kx = merged_ ? 0 : t % count_of(s_.kernel.cols);
      offsets_[t] = ky * count_of(s_.dilation.rows) * width_ + kx * count_of(s_.dilation.cols) * count_of(s_.in);
    }
  }

  const ConvShape& shape() const { return s_; }
  std::size_t group_in() const { return count_of(s_.in / s_.groups); }
  std::size_t group_out() const { return count_of(s_.out / s_.groups); }
  std::size_t rows() const { return count_of(s_.out_rows()); }
  std::size_t cols() const { return count_of(s_.out_cols()); }
  bool padded() const { return s_.padding.rows > 0 || s_.padding.cols > 0; }
  /// Does each output pixel read one input pixel, its own?
  bool pointwise() const {
    return s_.kernel.rows * s_.kernel.cols == 1 && s_.stride.rows * s_.stride.cols == 1 && !padded();
  }
  bool depthwise() const { return group_in() == 1 && group_out() == 1 && s_.groups > 1; }
  std::size_t image_size() const { return count_of(s_.height + 2 * s_.padding.rows) * width_; }
  /// Returns the number of elements of an image without its padding.
  std::size_t plain_size() const { return count_of(s_.height) * count_of(s_.width) * count_of(s_.in); }

  TapLines taps() const {
    return {cols(),
            count_of(s_.stride.cols) * count_of(s_.in),
            offsets_.data(),
            offsets_.size(),
            (merged_ ? count_of(s_.kernel.cols) : 1) * group_in(),
            s_.depth()};
  }
  /// Returns where the taps of output line y and of a group start in a padded image, in elements.
  std::size_t start(std::size_t y, int group) const {
    return y * count_of(s_.stride.rows) * width_ + count_of(group) * group_in();
  }

  /// Calls copy(element of the padded image, of the plain one, count) for each line of an image.
  template <class Copy>
  void for_image_lines(const Copy& copy) const {
    const std::size_t count = count_of(s_.width) * count_of(s_.in);
    for (std::size_t y = 0; y < count_of(s_.height); ++y) {
      copy((y + count_of(s_.padding.rows)) * width_ + count_of(s_.padding.cols) * count_of(s_.in), y * count, count);
    }
  }

 private:
  static std::size_t count_of(int value) { return static_cast<std::size_t>(value); }

  ConvShape s_;
  bool merged_;        ///< the taps of a kernel's line are neighbours in the image
  std::size_t width_;  ///< elements of a line of the padded image
  std::vector<std::size_t> offsets_;
};

inline constexpr std::size_t kNoSample = ~std::size_t{0};

/// The padded images of a batch, one at a time.
class PaddedImages {
 public:
  PaddedImages(const Lines& lines, std::vector<std::int8_t>& memory, const std::int8_t* x)
      : lines_(lines), memory_(memory), x_(x) {
    if (lines.padded()) memory.assign(lines.image_size() + kTapSlack, 0);
  }

  /// Returns the padded image of a sample, valid until another one is asked for, with kTapSlack readable bytes behind
  /// it.
  const std::int8_t* of(std::size_t sample) {
    const std::int8_t* plain = x_ + sample * lines_.plain_size();
    if (!lines_.padded()) {
      const std::size_t behind = (size(lines_.shape().n) - 1 - sample) * lines_.plain_size();
      if (behind >= kTapSlack || lines_.pointwise()) return plain;
      if (sample != sample_) {
        memory_.assign(plain, plain + lines_.plain_size());
        memory_.resize(lines_.plain_size() + kTapSlack);
      }
      sample_ = sample;
      return memory_.data();
    }
    if (sample != sample_) {
      lines_.for_image_lines([&](std::size_t to, std::size_t from, std::size_t count) {
        std::memcpy(memory_.data() + to, plain + from, count);
      });
    }
    sample_ = sample;
    return memory_.data();
  }

 private:
  static std::size_t size(int value) { return static_cast<std::size_t>(value); }

  const Lines& lines_;
  std::vector<std::int8_t>& memory_;
  const std::int8_t* x_;
  std::size_t sample_ = kNoSample;
};

/// Gradients of the images of a part of the batch, taken one after the other, summed in padded form.
class GradientImages {
 public:
  GradientImages(const Lines& lines, std::vector<std::int32_t>& memory, std::int32_t* g)
      : lines_(lines), memory_(memory), g_(g) {}

  /// Returns the padded gradient of a sample, zero at first.
  std::int32_t* of(std::size_t sample) {
    std::int32_t* plain = g_ + sample * lines_.plain_size();
    if (sample != sample_) {
      finish();
      sample_ = sample;
      if (lines_.padded()) {
        memory_.assign(lines_.image_size(), 0);
      } else {
        std::fill_n(plain, lines_.plain_size(), 0);
      }
    }
    return lines_.padded() ? memory_.data() : plain;
  }

  /// Writes the last sample's gradient; to be called at the end.
  void finish() {
    if (sample_ == kNoSample || !lines_.padded()) return;
    lines_.for_image_lines([&](std::size_t from, std::size_t to, std::size_t count) {
      std::copy_n(memory_.data() + from, count, g_ + sample_ * lines_.plain_size() + to);
    });
  }

 private:
  const Lines& lines_;
  std::vector<std::int32_t>& memory_;
  std::int32_t* g_;
  std::size_t sample_ = kNoSample;
};

}  // namespace bitloom
