// Which widths of a recipe have an effect. It is found by trying: a width counts when two values of it give some layer
// two widths that the layer uses.
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

/// One name for each way in which a recipe can tell layers apart by name.
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

}  // namespace

void require_effect(const FieldReader& json, const Recipe& recipe) {
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
