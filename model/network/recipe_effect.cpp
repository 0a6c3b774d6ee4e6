// Which fields of a recipe have an effect, where that is more than a condition on another field. Of widths it is found
// by trying: a width counts when two values of it give some layer two widths that the layer uses.
#include "model/network/recipe_effect.hpp"

#include <fmt/format.h>

#include <functional>

#include "model/network/view_fields.hpp"

namespace bitloom {

namespace {

/// The first layer's width is also that of the network's input (N6.5), unless its activation has one of its own.
bool reads_layer_width(const RecipeLayer& layer, bool first) {
  return reads_layer_width(layer.activation) || reads_layer_width(layer.weight) || reads_layer_width(layer.gradient) ||
         (first && layer.activation.bits == 0);
}

struct Place {
  int layer;
  int layers;
};
constexpr Place kPlaces[] = {{0, 1}, {0, 3}, {1, 3}, {2, 3}};

/// Returns one name for each way in which a recipe can tell layers apart by name.
std::vector<std::string> kinds_of_names(const Recipe& recipe) {
  std::vector<std::string> names{"other", "other_shortcut"};
  for (const auto& [name, of] : recipe.overrides) names.push_back(name);
  for (const auto& [name, bits] : recipe.named_bits) names.push_back(name);
  return names;
}

using SetWidth = std::function<void(Recipe&, int)>;

bool has_effect(const Recipe& recipe, const SetWidth& set) {
  Recipe narrow = recipe;
  Recipe wide = recipe;
  set(narrow, 4);
  set(wide, 8);
  for (const std::string& name : kinds_of_names(recipe)) {
    for (const Place& place : kPlaces) {
      const RecipeLayer a = layer_recipe(narrow, place.layer, place.layers, name);
      const RecipeLayer b = layer_recipe(wide, place.layer, place.layers, name);
      if (a.bits != b.bits && reads_layer_width(a, place.layer == 0)) return true;
    }
  }
  return false;
}

void require(const FieldReader& json, const Recipe& recipe, const std::string& key, const SetWidth& set) {
  if (has_effect(recipe, set)) return;
  json.fail(key,
            "has no effect: all quantizers of the layers that it is for have widths of their own, or another width "
            "of the recipe is stronger");
}

void require_default(const FieldReader& json, const Recipe& recipe) {
  const SetWidth set = [](Recipe& of, int bits) { of.bits = bits; };
  if (json.has("bits") && json.object("bits").has("default")) {
    require(json, recipe, "bits.default", set);
  } else if (has_effect(recipe, set)) {
    json.fail(json.has("bits") ? "bits.default" : "bits", "required key is missing");
  }
}

/// Does some layer of some network store its weights in fixed point (N9)?
bool stores_masters(const Recipe& recipe) {
  for (const std::string& name : kinds_of_names(recipe)) {
    for (const Place& place : kPlaces) {
      const RecipeLayer layer = layer_recipe(recipe, place.layer, place.layers, name);
      if (layer.store == WeightStore::kMaster) return true;
    }
  }
  return false;
}

/// Requires of a key of update, which may be absent in the table, that it is given exactly when it counts.
void require_given_as_needed(const FieldReader& json, const char* key, bool counts, const char* otherwise) {
  const bool given = json.object("update").has(key);
  if (given == counts) return;
  json.fail(fmt::format("update.{}", key),
            given ? fmt::format("has no effect: {}", otherwise) : "required key is missing");
}

/// Refuses an object without keys, for widths and overrides have no others than those that they name.
void require_content(const FieldReader& json, const std::string& key) {
  if (json.has(key) && json.object(key).keys().empty()) json.fail(key, "has no effect: it is empty");
}

}  // namespace

void require_effect(const FieldReader& json, const Recipe& recipe) {
  for (const char* key : {"bits", "overrides"}) require_content(json, key);
  if (json.has("bits")) require_content(json.object("bits"), "layers");
  for (const auto& entry : recipe.overrides) require_content(json.object("overrides"), entry.first);
  for (const char* key : {"master_bits", "master_frac_bits"}) {
    require_given_as_needed(json, key, stores_masters(recipe), "all layers store integer weights, none in fixed point");
  }
  for (const char* key : {"min_level", "max_level"}) {
    const bool codebook = recipe.update.store == WeightStore::kLatent && recipe.update.latent_bits != 24;
    require_given_as_needed(json, key, codebook, "latent weights of 24 bits have no codebook");
  }
  require_default(json, recipe);
  if (recipe.first_bits != 0) {
    require(json, recipe, "bits.first", [](Recipe& of, int bits) { of.first_bits = bits; });
  }
  if (recipe.last_bits != 0) {
    require(json, recipe, "bits.last", [](Recipe& of, int bits) { of.last_bits = bits; });
  }
  for (const auto& entry : recipe.named_bits) {
    const std::string name = entry.first;
    require(json, recipe, "bits.layers." + name, [name](Recipe& of, int bits) { of.named_bits[name] = bits; });
  }
  for (const auto& entry : recipe.overrides) {
    if (entry.second.bits == 0) continue;
    const std::string name = entry.first;
    require(json, recipe, fmt::format("overrides.{}.bits", name),
            [name](Recipe& of, int bits) { of.overrides[name].bits = bits; });
  }
}

}  // namespace bitloom
