#pragma once
#include <cstdint>
#include <string>

#include "model/data/dataset.hpp"
#include "model/network/hyper.hpp"
#include "model/network/network.hpp"
#include "model/network/recipe.hpp"

namespace bitloom {

/// Hashes the content of a network: SHA-256 of input, nodes, attributes and edges. Names count only where tensors or
/// rules are found by them (layers and norms); the network's name and its batch, which is compared as a number, do not.
std::string content_hash(const Network& network);

/// Hashes the content of a recipe: SHA-256 of all its fields but its name. For the float baseline only the
/// normalization counts, as nothing else has an effect.
std::string content_hash(const Recipe& recipe);

/// Hashes the content of hyper-parameters: SHA-256 of momentum, learning rate and input scaling. Batch and epochs are
/// compared as numbers, since options may replace them.
std::string content_hash(const Hyper& hyper);

/// Hashes the content of a set of images: SHA-256 of its sizes, pixels and labels, wherever it was read from.
std::string content_hash(const Dataset& data);

/// All that makes the result of a training run. The texts are hashes of this page, so a result is found again wherever
/// its files lie and whatever they are called, and is not found once one of them says something else.
struct RunConfiguration {
  std::string network;
  std::string recipe;
  std::string hyper;
  std::string hardware;    ///< empty: none has a part in the result
  std::string train_data;  ///< of the images that are trained on
  std::string test_data;   ///< of the images that judge
  std::string init;        ///< config_hash() of the run whose parameters it starts from; empty: initial ones
  std::uint64_t seed = 1;
  int batch = 0;
  int epochs = 0;
};

/// Returns the SHA-256 of a run's configuration and of the version of the numerics (numerics_version.hpp).
std::string config_hash(const RunConfiguration& run);

/// Does the learning rate of an epoch depend on how many epochs the run has?
bool depends_on_epochs(const LearningRate& rate);

}  // namespace bitloom
