#pragma once
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "model/network.hpp"

namespace bitloom {

/// Labelled grey images, all of one size.
struct Dataset {
  std::string name;  ///< file or generator, for messages
  int rows = 0;
  int cols = 0;
  int classes = 0;
  std::vector<std::uint8_t> images;  ///< [size][rows][cols]
  std::vector<std::uint8_t> labels;  ///< [size], each below classes

  std::int64_t size() const { return static_cast<std::int64_t>(labels.size()); }
  int pixels() const { return rows * cols; }
  std::span<const std::uint8_t> image(std::int64_t index) const {
    const auto width = static_cast<std::size_t>(pixels());
    return {images.data() + static_cast<std::size_t>(index) * width, width};
  }
};

struct DataPair {
  Dataset train;
  Dataset test;
};

/// Splits off the last `count` images of a training set: {the others, the held-out ones}. Throws Error unless both
/// parts keep at least one image.
DataPair hold_out(const Dataset& train, std::int64_t count);

/// Throws Error unless an image has as many pixels as the network's input has elements and there are as many classes as
/// the network has outputs (or fewer).
void require_fit(const Network& network, const Dataset& data);

}  // namespace bitloom
