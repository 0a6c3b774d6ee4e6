#pragma once
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "model/io/fields.hpp"
#include "model/io/json_reader.hpp"
#include "model/network/network.hpp"
#include "model/numerics/numbers.hpp"

namespace bitloom {

/// Where the scale of a quantized view comes from.
enum class ScaleRule {
  kExact,      ///< N6.1: this step's own maximum
  kHindsight,  ///< N6.2: the previous step's maximum (N19.1's mean for logarithmic codes)
};

/// The one list of the quantizers, which make codes of raw views: X(enumerator, word in a recipe, function that gives
/// its object in golden).
#define BITLOOM_VIEW_QUANTIZERS(X)                                 \
  X(kMax, "max", max)                                              \
  X(kSawb, "sawb", sawb)                                           \
  X(kSign, "sign", sign)                                           \
  X(kRoundClip, "round_clip", round_clip)                          \
  X(kStandardizedRoundClip, "standardized_round_clip", round_clip) \
  X(kLwq, "lwq", lwq)                                              \
  X(kNiti, "niti", niti)                                           \
  X(kLog, "log", log)                                              \
  X(kGroup, "group", group)

/// How codes are made, each of x activations, w weights or d gradients: kMax [x w d] (N6), kSawb [x w] (N18), kSign [x
/// w] (N22.1), kRoundClip [x] (N22.2), kStandardizedRoundClip [w] (N16.4, then N22.2), kLwq [w], the stored integer
/// itself (N23), kNiti [x w d] (N24), kLog [d] (N19), kGroup [d] (N21).
#define BITLOOM_ENUMERATOR(each, text, object) each,
enum class Quantizer { BITLOOM_VIEW_QUANTIZERS(BITLOOM_ENUMERATOR) };
#undef BITLOOM_ENUMERATOR

/// Which elements of a gradient share offset and step (N21.1).
enum class Groups {
  kTensor,  ///< all (PTQ)
  kSample,  ///< all rows of a sample (PSQ); activation gradient only
  kColumn,  ///< a column (PCQ); weight gradient only
};

/// Which groups survive (N21.4).
enum class Pruning { kNone, kTop, kBernoulli };

/// One of the two views that kGroup makes of a gradient.
struct GroupView {
  int bits = 4;  ///< 1, 2 or 4: codes 0 … 2^bits − 1
  Groups groups = Groups::kTensor;
};

/// How a kind of tensor is quantized. Fields behind `quantizer` count only for the quantizers named beside them.
struct ViewRule {
  Rounding rounding = Rounding::kHalfUp;  ///< kMax, kSawb; kLog: stochastic or half up; kGroup: stochastic
  ScaleRule scale = ScaleRule::kExact;    ///< kMax [x d], kLog
  Quantizer quantizer = Quantizer::kMax;
  int bits = 0;                      ///< 4 or 8; 0: the layer's. kMax, kSawb, kLwq
  bool is_unsigned = false;          ///< kSawb [x]: codes 0 … 15 where x cannot be negative
  double c1 = 12.035;                ///< kSawb
  double c2 = 12.03;                 ///< kSawb
  int levels = 0;                    ///< M of kRoundClip and kStandardizedRoundClip, 1 … 7 (x: … 15)
  double clip = 0.0;                 ///< c of the same
  int binades = 6;                   ///< R of kLog, 4 or 6
  bool power_of_two = false;         ///< top of kLog
  int samples = 1;                   ///< S of kLog, 1 … 8 (SMP)
  GroupView dgrad{};                 ///< kGroup: the view that the activation gradient reads
  GroupView wgrad{};                 ///< kGroup: the view that the weight and bias gradients read
  Pruning pruning = Pruning::kNone;  ///< kGroup
  int factor = 1;                    ///< b of kGroup's pruning: one group of b survives
};

/// The one list of the ways to store weights: X(enumerator, function that gives its object in golden). Checkpoints know
/// them by their places in the list.
#define BITLOOM_WEIGHT_STORES(X) \
  X(kMaster, master)             \
  X(kLatent, latent)             \
  X(kInteger, integer)

/// How weights are stored. Biases and norm parameters are always fixed point (N9), whatever the weights do. kMaster has
/// fixed-point masters, whatever quantizer makes codes of them (N9). kLatent has integers with residuals or latent
/// weights, for the quantizer kLwq (N23). kInteger has integers that few bits of the gradient move, without an
/// optimizer's state, for kNiti (N24.3).
#define BITLOOM_ENUMERATOR(each, object) each,
enum class WeightStore { BITLOOM_WEIGHT_STORES(BITLOOM_ENUMERATOR) };
#undef BITLOOM_ENUMERATOR

/// The one list of the optimizers: X(enumerator, function that gives its object in golden). Checkpoints know them by
/// their places in the list.
#define BITLOOM_OPTIMIZERS(X) \
  X(kSgd, sgd)                \
  X(kAdam, adam)

/// How parameters move, but for WeightStore::kInteger. kSgd has a momentum (N9; N23.3 for latent weights), kAdam two
/// moments in blocks (N25; N25.8 for latent weights).
#define BITLOOM_ENUMERATOR(each, object) each,
enum class Optimizer { BITLOOM_OPTIMIZERS(BITLOOM_ENUMERATOR) };
#undef BITLOOM_ENUMERATOR

/// How state is stored and updated. A fixed-point value v stands for v · 2^-frac_bits.
struct UpdateRule {
  bool stochastic = true;  ///< false: u is replaced by 32767 (half up); for LWQ the encoder is half up too
  int master_bits = 24;
  int master_frac_bits = 21;
  int momentum_bits = 16;
  int momentum_frac_bits = 15;
  int bias_bits = 32;
  int bias_frac_bits = 24;
  Optimizer optimizer = Optimizer::kSgd;
  WeightStore store = WeightStore::kMaster;  ///< of the layers whose quantizer it is for; others have masters
  int latent_bits = 4;                       ///< kLatent: 4, or 24 for the master weight it is compared with
  int min_level = 0;                         ///< the same: levels that N23.6 may choose
  int max_level = 3;                         ///< the same
  double headroom = 1.0;                     ///< the same: s_w holds this times the largest initial weight (N23.1)
  std::vector<int> gradient_bits{5};         ///< kInteger: gb, by epoch; the last one stays (N24.3)
  double beta1 = 0.9;                        ///< kAdam
  double beta2 = 0.999;                      ///< the same
  double eps = 1e-8;                         ///< the same
  int micro_batches = 0;                     ///< of a step, 2 … 64, added up in an 8-bit buffer (N26); 0: no buffer
  double buffer_headroom = 4.0;              ///< of that buffer over the first micro-batch
};

/// What one layer uses when all overrides are applied.
struct RecipeLayer {
  int bits = 8;  ///< of the views whose rule has no width of its own: 8 or 4
  ViewRule activation;
  ViewRule weight;
  ViewRule gradient;
  WeightStore store = WeightStore::kMaster;

  int width(const ViewRule& rule) const { return rule.bits != 0 ? rule.bits : bits; }
};

/// The sections that replace the recipe's for some layers, each as a whole.
struct Override {
  int bits = 0;  ///< 0: not replaced
  std::optional<ViewRule> activation;
  std::optional<ViewRule> weight;
  std::optional<ViewRule> gradient;
};

/// Over which values batch_norm takes mean and variance in training.
enum class Normalization {
  kBatch,       ///< batch and places, for each channel
  kLayerBatch,  ///< batch, places and channels: one pair for the layer (LBN)
};

/// A way to train a network: number formats, rounding and scale rules. It is read from traces/recipes.
struct Recipe {
  std::string name;
  bool fp32 = false;  ///< the float baseline; nothing below counts then, but the normalization
  Normalization normalization = Normalization::kBatch;
  int bits = 8;                           ///< of every layer without an override; 8 also where no layer reads it
  int first_bits = 0;                     ///< of the first layer; 0: no override
  int last_bits = 0;                      ///< of the last layer; 0: no override
  int raw_bits = 32;                      ///< of raw views in memory, 32 or 16 (N5.5)
  std::map<std::string, int> named_bits;  ///< by layer name; stronger than first and last
  ViewRule activation;
  ViewRule weight;
  ViewRule gradient;
  UpdateRule update;
  /// By "shortcut" (every layer with this word in its name), "first", "last" or a layer's name; a later kind of this
  /// list is stronger.
  std::map<std::string, Override> overrides;
};

/// Describes a recipe file.
const FileSection& recipe_fields();

/// Reads a recipe file strictly; throws Error naming file and key.
Recipe read_recipe(const std::string& file);
Recipe read_recipe(const JsonObject& json);

/// Does the scale of these codes come from the step before (N6.2)?
inline bool follows_hindsight(const ViewRule& view) {
  return view.quantizer == Quantizer::kMax && view.scale == ScaleRule::kHindsight;
}

/// Returns what layer `layer` (from 0, over linear and conv2d nodes in the order of nodes) of `layers` layers, named
/// `name`, uses.
RecipeLayer layer_recipe(const Recipe& recipe, int layer, int layers, const std::string& name);

/// Throws Error when the recipe names a layer that the network does not have.
void require_fit(const Recipe& recipe, const Network& network);

}  // namespace bitloom
