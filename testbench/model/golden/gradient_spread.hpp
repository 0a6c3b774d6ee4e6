#pragma once
#include <array>
#include <string>

#include "model/data/dataset.hpp"
#include "model/golden/step.hpp"
#include "model/network/network.hpp"
#include "testbench/model/named_record.hpp"

namespace bitloom::testing {

/// A network in training on images that the program draws (glyphs.hpp), with a batch for measurements.
class TrainedNetwork {
 public:
  /// Trains `steps` batches of 64 from the seed 1 at a constant rate.
  TrainedNetwork(const std::string& network, const std::string& recipe, double learning_rate, int steps);

  /// Trains one more step on its next batch and returns its record.
  NamedRecord step();
  const TrainState& state() const { return state_; }
  const Network& network() const { return network_; }
  const Recipe& recipe() const { return recipe_; }

 private:
  Network network_;
  Recipe recipe_;
  Scale rate_;
  Dataset data_;
  InputFormat format_;
  std::array<std::int8_t, 256> codes_{};
  GoldenEngine engine_;
  TrainState state_;
  std::size_t next_ = 0;  ///< image
  Batch batch();
};

/// What is known of a layer's weight gradient made by one gradient quantizer, over many streams of random words. In
/// parts of the exact gradient's Euclidean length, or of its square.
struct GradientSpread {
  double gain = 0.0;        ///< (mean · exact) / |exact|² − 1: too long (+) or too short (−)
  double gain_error = 0.0;  ///< its standard error
  double bias = 0.0;        ///< |mean − exact|² / |exact|², the noise of the mean taken out (an unbiased estimate)
  double bias_error = 0.0;  ///< its standard error
  double variance = 0.0;    ///< of one gradient, summed over its elements
};

/// Quantizes the recorded exact raw gradient of `layer` (by name) by the gradient rule that `recipe` (by name) has for
/// that layer, and multiplies it with the recorded x: the engine's own parts, `streams` times.
GradientSpread gradient_spread(const TrainedNetwork& of, const NamedRecord& step, const std::string& layer,
                               const std::string& recipe, int streams);

/// Gain and squared bias that a gradient quantizer by columns or by tensor (N21.1, no group dropped) must have because
/// the chance of a code is a multiple of 2^-r (N3.4): exact, from the specification of its codes and no random word.
GradientSpread bias_of_words(const TrainedNetwork& of, const NamedRecord& step, const std::string& layer,
                             const std::string& recipe, int r);

}  // namespace bitloom::testing
