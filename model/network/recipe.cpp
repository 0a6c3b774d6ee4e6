#include "model/network/recipe.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "model/io/error.hpp"

namespace bitloom {
namespace {

Rounding read_rounding(const JsonObject& json) {
  const std::string name = json.choice("rounding", {"half_up", "nearest_even", "floor", "stochastic"});
  if (name == "half_up") return Rounding::kHalfUp;
  if (name == "nearest_even") return Rounding::kNearestEven;
  return name == "floor" ? Rounding::kFloor : Rounding::kStochastic;
}

[[noreturn]] void fail_with(const JsonObject& json, const std::string& key, const char* expected, int got) {
  json.fail(key, fmt::format("expected {}, got {}", expected, got));
}

int read_bits(const JsonObject& json, const std::string& key) {
  const int bits = json.get<int>(key);
  if (bits != 4 && bits != 8) fail_with(json, key, "4 or 8", bits);
  return bits;
}

void read_scale(const JsonObject& json, ViewRule& view) {
  view.scale = json.choice("scale", {"exact", "hindsight"}) == "exact" ? ScaleRule::kExact : ScaleRule::kHindsight;
}

void read_own_bits(const JsonObject& json, ViewRule& view) {
  if (json.has("bits")) view.bits = read_bits(json, "bits");
}

void read_max(const JsonObject& json, ViewRule& view, bool has_scale) {
  view.rounding = read_rounding(json);
  if (has_scale) read_scale(json, view);
  read_own_bits(json, view);
}

void read_sawb(const JsonObject& json, ViewRule& view) {
  view.quantizer = Quantizer::kSawb;
  view.bits = 4;
  view.rounding = read_rounding(json);
  view.c1 = json.get<double>("c1", 0.0, 64.0);
  view.c2 = json.get<double>("c2", 0.0, 64.0);
}

void read_round_clip(const JsonObject& json, ViewRule& view, Quantizer quantizer, int max_levels) {
  view.quantizer = quantizer;
  view.levels = json.get<int>("levels", 1, max_levels);
  view.clip = json.get<double>("clip", 1e-3, 1e3);
}

std::string quantizer_name(const JsonObject& json, const std::vector<std::string>& allowed) {
  return json.has("quantizer") ? json.choice("quantizer", allowed) : "max";
}

ViewRule read_activation(const JsonObject& json) {
  ViewRule view;
  const std::string name = quantizer_name(json, {"max", "sawb", "sign", "round_clip", "niti"});
  if (name == "max") {
    read_max(json, view, true);
  } else if (name == "sawb") {
    read_sawb(json, view);
    view.is_unsigned = json.get<bool>("unsigned");
  } else if (name == "sign") {
    view.quantizer = Quantizer::kSign;
  } else if (name == "round_clip") {
    read_round_clip(json, view, Quantizer::kRoundClip, 15);
  } else {
    view.quantizer = Quantizer::kNiti;
  }
  json.finish();
  return view;
}

ViewRule read_weight(const JsonObject& json) {
  ViewRule view;
  const std::string name = quantizer_name(json, {"max", "sawb", "sign", "standardized_round_clip", "lwq", "niti"});
  if (name == "max") {
    read_max(json, view, false);
  } else if (name == "sawb") {
    read_sawb(json, view);
  } else if (name == "sign") {
    view.quantizer = Quantizer::kSign;
  } else if (name == "standardized_round_clip") {
    read_round_clip(json, view, Quantizer::kStandardizedRoundClip, 7);
  } else if (name == "lwq") {
    view.quantizer = Quantizer::kLwq;
    read_own_bits(json, view);
  } else {
    view.quantizer = Quantizer::kNiti;
  }
  json.finish();
  return view;
}

GroupView read_group_view(const JsonObject& json, std::string_view name, std::string_view groups, Groups second) {
  const JsonObject view = json.object(name);
  GroupView result;
  result.bits = view.get<int>("bits");
  if (result.bits != 1 && result.bits != 2 && result.bits != 4) fail_with(view, "bits", "1, 2 or 4", result.bits);
  result.groups = view.choice("groups", {"tensor", std::string(groups)}) == "tensor" ? Groups::kTensor : second;
  view.finish();
  return result;
}

void read_group(const JsonObject& json, ViewRule& view) {
  view.quantizer = Quantizer::kGroup;
  view.rounding = Rounding::kStochastic;
  view.dgrad = read_group_view(json, "dgrad", "sample", Groups::kSample);
  view.wgrad = read_group_view(json, "wgrad", "column", Groups::kColumn);
  const std::string pruning = json.choice("pruning", {"none", "top", "bernoulli"});
  if (pruning == "none") return;
  view.pruning = pruning == "top" ? Pruning::kTop : Pruning::kBernoulli;
  view.factor = json.get<int>("factor", 1, 64);
}

void read_log(const JsonObject& json, ViewRule& view) {
  view.quantizer = Quantizer::kLog;
  view.rounding =
      json.choice("rounding", {"stochastic", "half_up"}) == "half_up" ? Rounding::kHalfUp : Rounding::kStochastic;
  read_scale(json, view);
  view.binades = json.get<int>("binades");
  if (view.binades != 4 && view.binades != 6) fail_with(json, "binades", "4 or 6", view.binades);
  view.power_of_two = json.choice("top", {"free", "power_of_two"}) == "power_of_two";
  view.samples = json.get<int>("samples", 1, 8);
}

ViewRule read_gradient(const JsonObject& json) {
  ViewRule view;
  const std::string name = quantizer_name(json, {"max", "log", "group", "niti"});
  if (name == "max") {
    read_max(json, view, true);
  } else if (name == "log") {
    read_log(json, view);
  } else if (name == "group") {
    read_group(json, view);
  } else {
    view.quantizer = Quantizer::kNiti;
  }
  json.finish();
  return view;
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

Override read_override(const JsonObject& json) {
  Override result;
  if (json.has("bits")) result.bits = read_bits(json, "bits");
  if (json.has("activation")) result.activation = read_activation(json.object("activation"));
  if (json.has("weight")) result.weight = read_weight(json.object("weight"));
  if (json.has("gradient")) result.gradient = read_gradient(json.object("gradient"));
  json.finish();
  return result;
}

void read_optimizer(const JsonObject& json, UpdateRule& update) {
  const std::string name =
      json.has("optimizer") ? json.choice("optimizer", {"sgd", "lwq", "niti", "adam", "lwq_adam"}) : "sgd";
  if (name == "lwq") update.optimizer = Optimizer::kLwq;
  if (name == "niti") update.optimizer = Optimizer::kNiti;
  if (name == "adam") update.optimizer = Optimizer::kAdam;
  if (name == "lwq_adam") update.optimizer = Optimizer::kLwqAdam;
  if (keeps_latent(update.optimizer)) {
    update.latent_bits = json.get<int>("latent_bits");
    if (update.latent_bits != 4 && update.latent_bits != 24)
      fail_with(json, "latent_bits", "4 or 24", update.latent_bits);
    update.min_level = json.get<int>("min_level", 0, 3);
    update.max_level = json.get<int>("max_level", update.min_level, 3);
    update.headroom = json.get<double>("headroom", 1.0, 16.0);
  }
  if (update.optimizer == Optimizer::kNiti) {
    update.gradient_bits = json.list<int>("gradient_bits", 1, 8);
    if (update.gradient_bits.empty()) json.fail("gradient_bits", "expected at least one width");
  }
  if (uses_adam(update.optimizer)) {
    update.beta1 = json.get<double>("beta1", 0.0, 0.9999);
    update.beta2 = json.get<double>("beta2", 0.0, 0.9999);
    update.eps = json.get<double>("eps", 1e-12, 1.0);
  }
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
  read_optimizer(json, update);
  if (json.has("accumulate")) {
    const JsonObject buffer = json.object("accumulate");
    if (update.optimizer == Optimizer::kNiti) buffer.fail("expected none with optimizer niti");
    update.micro_batches = buffer.get<int>("micro_batches", 2, 64);
    update.buffer_headroom = buffer.get<double>("headroom", 1.0, 16.0);
    buffer.finish();
  }
  json.finish();
  return update;
}

/// A weight quantizer that owns the weights' state goes with its optimizer, and the other way round.
void require_consistent(const JsonObject& json, const Recipe& recipe) {
  const bool lwq = recipe.weight.quantizer == Quantizer::kLwq;
  const bool niti = recipe.weight.quantizer == Quantizer::kNiti;
  if (lwq != keeps_latent(recipe.update.optimizer)) {
    json.fail("update.optimizer", lwq ? "expected lwq or lwq_adam with weight.quantizer lwq"
                                      : "expected lwq and lwq_adam only with weight.quantizer lwq");
  }
  if (niti != (recipe.update.optimizer == Optimizer::kNiti)) {
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

bool is_place(std::string_view name) { return name == kShortcut || name == "first" || name == "last"; }

template <class Has>
void require_names(const Recipe& recipe, const Has& has) {
  const auto require = [&](const std::string& key, const std::string& name) {
    if (!has(name)) throw Error("recipe " + recipe.name + ": " + key + "." + name + ": the network has no such layer");
  };
  for (const auto& [name, bits] : recipe.named_bits) require("bits.layers", name);
  for (const auto& [name, of] : recipe.overrides) {
    if (!is_place(name)) require("overrides", name);
  }
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
    recipe.activation = read_activation(json.object("activation"));
    recipe.gradient = read_gradient(json.object("gradient"));
    recipe.weight = read_weight(json.object("weight"));
    recipe.update = read_update(json.object("update"));
    if (json.has("overrides")) {
      const JsonObject overrides = json.object("overrides");
      for (const std::string& name : overrides.keys()) {
        recipe.overrides[name] = read_override(overrides.object(name));
      }
      overrides.finish();
    }
    require_consistent(json, recipe);
  }
  json.finish();
  return recipe;
}

Recipe read_recipe(const std::string& file) { return read_recipe(JsonObject::from_file(file)); }

RecipeLayer layer_recipe(const Recipe& recipe, int layer, int layers, const std::string& name) {
  RecipeLayer result{recipe.bits, recipe.activation, recipe.weight, recipe.gradient, Optimizer::kSgd};
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
  if (own_state) {
    result.optimizer = recipe.update.optimizer;
  } else if (uses_adam(recipe.update.optimizer)) {
    result.optimizer = Optimizer::kAdam;
  }
  return result;
}

void require_fit(const Recipe& recipe, const std::vector<LinearLayer>& chain) {
  require_names(recipe, [&](const std::string& name) {
    return std::any_of(chain.begin(), chain.end(), [&](const LinearLayer& layer) { return layer.name == name; });
  });
}

void require_fit(const Recipe& recipe, const Network& network) {
  require_names(recipe, [&](const std::string& name) {
    return std::any_of(network.nodes.begin(), network.nodes.end(), [&](const Node& node) {
      return node.name == name && (node.op == Op::kLinear || node.op == Op::kConv2d);
    });
  });
}

}  // namespace bitloom
