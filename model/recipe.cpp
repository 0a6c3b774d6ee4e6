#include "model/recipe.hpp"

#include <algorithm>

#include "model/error.hpp"

namespace bitloom {
namespace {

Rounding read_rounding(const JsonObject& json) {
  const std::string name = json.choice("rounding", {"half_up", "nearest_even", "floor", "stochastic"});
  if (name == "half_up") return Rounding::kHalfUp;
  if (name == "nearest_even") return Rounding::kNearestEven;
  return name == "floor" ? Rounding::kFloor : Rounding::kStochastic;
}

ViewRule read_view(const JsonObject& json) {
  ViewRule view;
  view.rounding = read_rounding(json);
  view.scale = json.choice("scale", {"exact", "hindsight"}) == "exact" ? ScaleRule::kExact : ScaleRule::kHindsight;
  json.finish();
  return view;
}

int read_bits(const JsonObject& json, const std::string& key) {
  const int bits = json.get<int>(key);
  if (bits != 4 && bits != 8) json.fail(key, "expected 4 or 8, got " + std::to_string(bits));
  return bits;
}

void read_widths(const JsonObject& json, Recipe& recipe) {
  recipe.bits = read_bits(json, "default");
  if (json.has("first")) recipe.first_bits = read_bits(json, "first");
  if (json.has("last")) recipe.last_bits = read_bits(json, "last");
  if (json.has("layers")) {
    const JsonObject layers = json.object("layers");
    for (const std::string& name : layers.keys()) recipe.named_bits[name] = read_bits(layers, name);
    layers.finish();
  }
  json.finish();
}

UpdateRule read_update(const JsonObject& json) {
  UpdateRule update;
  update.stochastic = json.choice("rounding", {"stochastic", "half_up"}) == "stochastic";
  update.master_bits = json.get<int>("master_bits", 24, 24);
  update.master_frac_bits = json.get<int>("master_frac_bits", 0, 30);
  update.momentum_bits = json.get<int>("momentum_bits", 16, 16);
  update.momentum_frac_bits = json.get<int>("momentum_frac_bits", 0, 30);
  update.bias_bits = json.get<int>("bias_bits", 32, 32);
  update.bias_frac_bits = json.get<int>("bias_frac_bits", 0, 30);
  json.finish();
  return update;
}

}  // namespace

Recipe read_recipe(const JsonObject& json) {
  Recipe recipe;
  recipe.name = json.get<std::string>("name");
  recipe.fp32 = json.choice("arithmetic", {"integer", "float32"}) == "float32";
  if (json.has("normalization")) {
    const std::string normalization = json.choice("normalization", {"batch", "layer_batch"});
    recipe.normalization = normalization == "batch" ? Normalization::kBatch : Normalization::kLayerBatch;
  }
  if (!recipe.fp32) {
    read_widths(json.object("bits"), recipe);
    recipe.activation = read_view(json.object("activation"));
    recipe.gradient = read_view(json.object("gradient"));
    const JsonObject weight = json.object("weight");
    recipe.weight_rounding = read_rounding(weight);
    weight.finish();
    recipe.update = read_update(json.object("update"));
  }
  json.finish();
  return recipe;
}

Recipe read_recipe(const std::string& file) { return read_recipe(JsonObject::from_file(file)); }

RecipeLayer layer_recipe(const Recipe& recipe, int layer, int layers, const std::string& name) {
  RecipeLayer result{recipe.bits};
  if (layer == 0 && recipe.first_bits != 0) result.bits = recipe.first_bits;
  if (layer == layers - 1 && recipe.last_bits != 0) result.bits = recipe.last_bits;
  const auto named = recipe.named_bits.find(name);
  if (named != recipe.named_bits.end()) result.bits = named->second;
  return result;
}

void require_fit(const Recipe& recipe, const std::vector<LinearLayer>& chain) {
  for (const auto& [name, bits] : recipe.named_bits) {
    const bool known = std::any_of(chain.begin(), chain.end(),
                                   [&name = name](const LinearLayer& layer) { return layer.name == name; });
    if (!known) throw Error("recipe " + recipe.name + ": bits.layers." + name + ": the network has no such layer");
  }
}

}  // namespace bitloom
