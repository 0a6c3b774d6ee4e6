#include "model/network/recipe.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "model/io/error.hpp"
#include "model/io/field_reader.hpp"
#include "model/io/suggest.hpp"
#include "model/network/recipe_effect.hpp"
#include "model/network/view_fields.hpp"

namespace bitloom {
namespace {

void read_widths(const FieldReader& json, Recipe& recipe) {
  if (json.has("default")) recipe.bits = json.get<int>("default");
  if (json.has("first")) recipe.first_bits = json.get<int>("first");
  if (json.has("last")) recipe.last_bits = json.get<int>("last");
  if (!json.has("layers")) return;
  const FieldReader layers = json.object("layers");
  for (const std::string& name : layers.keys()) recipe.named_bits[name] = layers.get<int>(name);
}

Override read_override(const FieldReader& json) {
  Override result;
  if (json.has("bits")) result.bits = json.get<int>("bits");
  if (json.has("activation")) result.activation = read_view(json.object("activation"));
  if (json.has("weight")) result.weight = read_view(json.object("weight"));
  if (json.has("gradient")) result.gradient = read_view(json.object("gradient"));
  return result;
}

/// What a word of "optimizer" means: a recipe names two axes at once.
struct UpdateWord {
  const char* word;
  WeightStore store;
  Optimizer optimizer;
};
constexpr UpdateWord kUpdateWords[] = {{"sgd", WeightStore::kMaster, Optimizer::kSgd},
                                       {"adam", WeightStore::kMaster, Optimizer::kAdam},
                                       {"lwq", WeightStore::kLatent, Optimizer::kSgd},
                                       {"lwq_adam", WeightStore::kLatent, Optimizer::kAdam},
                                       {"niti", WeightStore::kInteger, Optimizer::kSgd}};

void read_optimizer(const FieldReader& json, UpdateRule& update) {
  for (const UpdateWord& each : kUpdateWords) {
    if (!json.is("optimizer", each.word)) continue;
    update.store = each.store;
    update.optimizer = each.optimizer;
  }
  if (update.store == WeightStore::kLatent) {
    update.latent_bits = json.get<int>("latent_bits");
    if (json.has("min_level")) update.min_level = json.get<int>("min_level");
    if (json.has("max_level")) update.max_level = json.get<int>("max_level", update.min_level, 3);
    update.headroom = json.get<double>("headroom");
  }
  if (update.store == WeightStore::kInteger) {
    update.gradient_bits = json.list<int>("gradient_bits");
    if (update.gradient_bits.empty()) json.fail("gradient_bits", "expected at least one width");
  }
  if (update.optimizer == Optimizer::kAdam) {
    update.beta1 = json.get<double>("beta1");
    update.beta2 = json.get<double>("beta2");
    update.eps = json.get<double>("eps");
  }
}

UpdateRule read_update(const FieldReader& json) {
  UpdateRule update;
  update.stochastic = json.is("rounding", "stochastic");
  const auto read = [&](const char* key, int& to) {
    if (json.has(key)) to = json.get<int>(key);
  };
  read("master_bits", update.master_bits);
  read("master_frac_bits", update.master_frac_bits);
  read("momentum_bits", update.momentum_bits);
  read("momentum_frac_bits", update.momentum_frac_bits);
  update.bias_bits = json.get<int>("bias_bits");
  update.bias_frac_bits = json.get<int>("bias_frac_bits");
  read_optimizer(json, update);
  if (json.has("accumulate")) {
    const FieldReader buffer = json.object("accumulate");
    update.micro_batches = buffer.get<int>("micro_batches");
    update.buffer_headroom = buffer.get<double>("headroom");
  }
  return update;
}

/// A weight quantizer that owns the weights' state goes with its optimizer, and the other way round.
void require_consistent(const FieldReader& json, const Recipe& recipe) {
  const bool lwq = recipe.weight.quantizer == Quantizer::kLwq;
  const bool niti = recipe.weight.quantizer == Quantizer::kNiti;
  if (lwq != (recipe.update.store == WeightStore::kLatent)) {
    json.fail("update.optimizer", lwq ? "expected lwq or lwq_adam with weight.quantizer lwq"
                                      : "expected lwq and lwq_adam only with weight.quantizer lwq");
  }
  if (niti != (recipe.update.store == WeightStore::kInteger)) {
    json.fail("update.optimizer", "expected niti together with weight.quantizer niti");
  }
  for (const auto& [name, of] : recipe.overrides) {
    if (!of.weight) continue;
    const Quantizer quantizer = of.weight->quantizer;
    if ((quantizer == Quantizer::kLwq && !lwq) || (quantizer == Quantizer::kNiti && !niti)) {
      json.fail("overrides." + name + ".weight.quantizer", "expected one that the recipe's optimizer can store");
    }
  }
}

void apply(const Override& from, RecipeLayer& to) {
  if (from.bits != 0) to.bits = from.bits;
  if (from.activation) to.activation = *from.activation;
  if (from.weight) to.weight = *from.weight;
  if (from.gradient) to.gradient = *from.gradient;
}

constexpr std::string_view kShortcut = "shortcut";

constexpr std::string_view kPlaces[] = {kShortcut, "first", "last"};  ///< what overrides may name beside layers

bool is_place(std::string_view name) { return std::ranges::find(kPlaces, name) != std::end(kPlaces); }

/// Refuses names of layers that are not among `layers`. What overrides say of places has names that could be meant too.
void require_names(const Recipe& recipe, const std::vector<std::string>& layers) {
  const auto require = [&](const std::string& key, const std::string& name, const std::vector<std::string>& known) {
    if (std::ranges::find(known, name) != known.end()) return;
    throw Error(fmt::format("recipe {}: {}.{}: the network has no such layer{}", recipe.name, key, name,
                            suggestion(name, known)));
  };
  for (const auto& [name, bits] : recipe.named_bits) require("bits.layers", name, layers);
  std::vector<std::string> known = layers;
  known.insert(known.end(), std::begin(kPlaces), std::end(kPlaces));
  for (const auto& [name, of] : recipe.overrides) require("overrides", name, known);
}

}  // namespace

Recipe read_recipe(const JsonObject& object) {
  const FieldReader json(object, recipe_fields());
  Recipe recipe;
  recipe.name = json.get<std::string>("name");
  recipe.fp32 = json.is("arithmetic", "float32");
  recipe.normalization = json.is("normalization", "batch") ? Normalization::kBatch : Normalization::kLayerBatch;
  if (recipe.fp32) return recipe;
  if (json.has("bits")) read_widths(json.object("bits"), recipe);
  recipe.raw_bits = json.get<int>("raw_bits");
  recipe.activation = read_view(json.object("activation"));
  recipe.gradient = read_view(json.object("gradient"));
  recipe.weight = read_view(json.object("weight"));
  recipe.update = read_update(json.object("update"));
  if (json.has("overrides")) {
    const FieldReader overrides = json.object("overrides");
    for (const std::string& name : overrides.keys()) recipe.overrides[name] = read_override(overrides.object(name));
  }
  require_consistent(json, recipe);
  require_effect(json, recipe);
  return recipe;
}

Recipe read_recipe(const std::string& file) { return read_recipe(JsonObject::from_file(file)); }

RecipeLayer layer_recipe(const Recipe& recipe, int layer, int layers, const std::string& name) {
  RecipeLayer result{recipe.bits, recipe.activation, recipe.weight, recipe.gradient, WeightStore::kMaster};
  if (layer == 0 && recipe.first_bits != 0) result.bits = recipe.first_bits;
  if (layer == layers - 1 && recipe.last_bits != 0) result.bits = recipe.last_bits;
  const auto override_by = [&](const std::string& key, bool applies) {
    const auto found = recipe.overrides.find(key);
    if (applies && found != recipe.overrides.end()) apply(found->second, result);
  };
  override_by(std::string(kShortcut), name.find(kShortcut) != std::string::npos);
  override_by("first", layer == 0);
  override_by("last", layer == layers - 1);
  override_by(name, !is_place(name));
  const auto named = recipe.named_bits.find(name);
  if (named != recipe.named_bits.end()) result.bits = named->second;
  const bool own_state = result.weight.quantizer == Quantizer::kLwq || result.weight.quantizer == Quantizer::kNiti;
  if (own_state) result.store = recipe.update.store;
  return result;
}

void require_fit(const Recipe& recipe, const Network& network) {
  std::vector<std::string> names;
  for (const Node& node : network.nodes) {
    if (node.op == Op::kLinear || node.op == Op::kConv2d) names.push_back(node.name);
  }
  require_names(recipe, names);
}

}  // namespace bitloom
