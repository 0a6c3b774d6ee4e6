#pragma once
#include <algorithm>
#include <array>
#include <cstdint>

namespace bitloom {

/// How pixels become numbers, for every recipe: x = (pixel - offset) / 255 / standard_deviation.
struct InputScaling {
  int offset = 0;                   ///< in pixel units, 0 … 254; near 255 × the mean of the training images
  double standard_deviation = 1.0;  ///< of pixel / 255 over the training images
};

/// Returns the code of a pixel in an integer recipe whose largest code is qmax (127, 7, …): (pixel - offset) · qmax /
/// (255 - offset), rounded half up and clamped to ±qmax (N6.5).
constexpr int input_code(const InputScaling& scaling, int pixel, int qmax) {
  const int divisor = 2 * (255 - scaling.offset);
  const int dividend = 2 * (pixel - scaling.offset) * qmax + (255 - scaling.offset);
  const int rounded_down = dividend >= 0 ? dividend / divisor : -((-dividend + divisor - 1) / divisor);
  return std::clamp(rounded_down, -qmax, qmax);
}

/// Returns the real value of one step of the input's codes: (255 - offset) / 255 / standard_deviation / qmax.
constexpr double input_code_value(const InputScaling& scaling, int qmax) {
  return (255.0 - scaling.offset) / 255.0 / scaling.standard_deviation / qmax;
}

/// Returns input_code of each of the 256 pixel values, qmax at most 127 (N6.5).
constexpr std::array<std::int8_t, 256> input_code_table(const InputScaling& scaling, int qmax) {
  std::array<std::int8_t, 256> table{};
  for (int pixel = 0; pixel < 256; ++pixel) {
    table[static_cast<std::size_t>(pixel)] = static_cast<std::int8_t>(input_code(scaling, pixel, qmax));
  }
  return table;
}

}  // namespace bitloom
