#pragma once
#include <map>
#include <string>

#include "model/json_reader.hpp"
#include "model/network.hpp"
#include "model/numbers.hpp"

namespace bitloom {

/// Where the scale of a quantized view comes from.
enum class ScaleRule {
  kExact,      ///< N6.1: this step's own maximum
  kHindsight,  ///< N6.2: the previous step's maximum
};

/// How a kind of tensor is quantized.
struct ViewRule {
  Rounding rounding = Rounding::kHalfUp;
  ScaleRule scale = ScaleRule::kExact;
};

/// Stored state and its update (N9). A value v stands for v · 2^-frac_bits.
struct UpdateRule {
  bool stochastic = true;  ///< false: u is replaced by 32767 (half up)
  int master_bits = 24;
  int master_frac_bits = 21;
  int momentum_bits = 16;
  int momentum_frac_bits = 15;
  int bias_bits = 32;
  int bias_frac_bits = 24;
};

/// What one layer uses. One width serves all three of its GEMMs.
struct RecipeLayer {
  int bits = 8;  ///< of x, w and d of this layer: 8 or 4
};

/// Over which values batch_norm takes mean and variance in training.
enum class Normalization {
  kBatch,       ///< batch and places, for each channel
  kLayerBatch,  ///< batch, places and channels: one pair for the layer (LBN)
};

/// A way to train a network: number formats, rounding and scale rules. Read from traces/recipes.
struct Recipe {
  std::string name;
  bool fp32 = false;  ///< the float baseline; nothing below counts then, but the normalization
  Normalization normalization = Normalization::kBatch;
  int bits = 8;                           ///< of every layer without an override
  int first_bits = 0;                     ///< of the first layer; 0: no override
  int last_bits = 0;                      ///< of the last layer; 0: no override
  std::map<std::string, int> named_bits;  ///< by layer name; stronger than first and last
  ViewRule activation;
  ViewRule gradient;
  Rounding weight_rounding = Rounding::kHalfUp;
  UpdateRule update;
};

/// Reads a recipe file strictly; throws Error naming file and key.
Recipe read_recipe(const std::string& file);
Recipe read_recipe(const JsonObject& json);

/// What layer `layer` (from 0) of `layers` layers, named `name`, uses.
RecipeLayer layer_recipe(const Recipe& recipe, int layer, int layers, const std::string& name);

/// Throws Error when the recipe names a layer that the network does not have.
void require_fit(const Recipe& recipe, const std::vector<LinearLayer>& chain);

}  // namespace bitloom
