#pragma once
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "model/network/network.hpp"

namespace bitloom {

/// Labelled images, all of one size: grey or in colours.
struct Dataset {
  std::string name;  ///< file or generator, for messages
  int rows = 0;
  int cols = 0;
  int classes = 0;
  std::vector<std::uint8_t> images;  ///< [size][rows][cols][channels]
  std::vector<std::uint8_t> labels;  ///< [size], each below classes
  int channels = 1;

  std::int64_t size() const { return static_cast<std::int64_t>(labels.size()); }
  /// Returns the number of values of one image: a pixel of a colour image counts once a channel.
  int pixels() const { return rows * cols * channels; }
  std::span<const std::uint8_t> image(std::int64_t index) const {
    const auto width = static_cast<std::size_t>(pixels());
    return {images.data() + static_cast<std::size_t>(index) * width, width};
  }
};

/// Images to train on, and images to judge by.
struct DataPair {
  Dataset train;
  Dataset test;
};

/// Splits off the last `count` images of a training set: {the others, the held-out ones}. Throws Error unless both
/// parts keep at least one image.
DataPair hold_out(const Dataset& train, std::int64_t count);

/// Throws Error unless an image fits the network's input and there are as many classes as the network has outputs (or
/// fewer). An input of {channels, rows, columns} wants just this shape, any other one as many elements as an image has
/// values (then in the order rows, columns, channels).
void require_fit(const Network& network, const Dataset& data);

}  // namespace bitloom
