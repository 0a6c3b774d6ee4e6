#include "model/network/recipe.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <tuple>

#include "model/io/error.hpp"
#include "testbench/model/perceptron.hpp"

namespace bitloom::testing {
namespace {

constexpr const char* kGood = R"({
  "name": "mine", "arithmetic": "integer", "bits": {"default": 4, "first": 8, "layers": {"fc2": 8}},
  "activation": {"rounding": "nearest_even", "scale": "hindsight"}, "weight": {"rounding": "floor"},
  "gradient": {"rounding": "stochastic", "scale": "exact"},
  "update": {"rounding": "half_up", "master_bits": 24, "master_frac_bits": 20, "momentum_bits": 16,
             "momentum_frac_bits": 13, "bias_bits": 32, "bias_frac_bits": 22}})";

Recipe parse(const std::string& text) { return read_recipe(JsonObject::from_text(text, "r.json")); }

std::string replaced(const std::string& from, const std::string& to) {
  std::string text = kGood;
  const std::size_t at = text.find(from);
  if (at == std::string::npos) throw std::logic_error(from);
  return text.replace(at, from.size(), to);
}

TEST(Recipe, ReadsEveryField) {
  const Recipe recipe = parse(kGood);
  EXPECT_EQ(recipe.name, "mine");
  EXPECT_FALSE(recipe.fp32);
  EXPECT_EQ(recipe.activation.rounding, Rounding::kNearestEven);
  EXPECT_EQ(recipe.activation.scale, ScaleRule::kHindsight);
  EXPECT_EQ(recipe.weight.rounding, Rounding::kFloor);
  EXPECT_EQ(recipe.gradient.rounding, Rounding::kStochastic);
  EXPECT_EQ(recipe.gradient.scale, ScaleRule::kExact);
  EXPECT_FALSE(recipe.update.stochastic);
  EXPECT_EQ(recipe.update.master_frac_bits, 20);
  EXPECT_EQ(recipe.update.momentum_frac_bits, 13);
  EXPECT_EQ(recipe.update.bias_frac_bits, 22);
}

TEST(Recipe, OverridesByPlaceAndName) {
  Recipe recipe = parse(kGood);
  EXPECT_EQ(layer_recipe(recipe, 0, 4, "fc1").bits, 8);
  EXPECT_EQ(layer_recipe(recipe, 1, 4, "fc2").bits, 8);
  EXPECT_EQ(layer_recipe(recipe, 2, 4, "fc3").bits, 4);
  EXPECT_EQ(layer_recipe(recipe, 3, 4, "fc4").bits, 4);
  recipe.last_bits = 8;
  EXPECT_EQ(layer_recipe(recipe, 3, 4, "fc4").bits, 8);
  recipe.named_bits["fc1"] = 4;  // a name is stronger than a place
  EXPECT_EQ(layer_recipe(recipe, 0, 4, "fc1").bits, 4);
}

/// Returns the error of a recipe for a network of layers fc1 and fc2; empty where it fits.
std::string misfit(const Recipe& recipe) {
  try {
    require_fit(recipe, test::perceptron(2, {3, 4}));
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

TEST(Recipe, NamesOfLayersThatTheNetworkLacks) {
  Recipe recipe = parse(kGood);
  EXPECT_EQ(misfit(recipe), "");
  recipe.named_bits["fc22"] = 4;
  EXPECT_EQ(misfit(recipe), "recipe mine: bits.layers.fc22: the network has no such layer; did you mean \"fc2\"?");
  recipe.named_bits = {{"shortcut", 4}};  // no place for widths
  EXPECT_EQ(misfit(recipe), "recipe mine: bits.layers.shortcut: the network has no such layer");
  recipe.named_bits.clear();
  recipe.overrides = {{"shortcut", {}}, {"first", {}}, {"last", {}}, {"fc1", {}}};
  EXPECT_EQ(misfit(recipe), "");
  recipe.overrides["lsat"] = {};
  EXPECT_EQ(misfit(recipe), "recipe mine: overrides.lsat: the network has no such layer; did you mean \"last\"?");
}

TEST(Recipe, BadFilesNameFileAndKey) {
  const std::vector<std::pair<std::string, std::string>> bad{
      {replaced("\"name\": \"mine\", ", ""), "name"},
      {replaced("\"weight\"", "\"weights\""), "weight"},
      {replaced("\"default\": 4", "\"default\": 5"), "bits.default"},
      {replaced("\"default\": 4", "\"default\": \"4\""), "bits.default"},
      {replaced("\"first\": 8", "\"frist\": 8"), "bits.frist"},
      {replaced("\"fc2\": 8", "\"fc2\": 16"), "bits.layers.fc2"},
      {replaced("\"nearest_even\"", "\"nearest\""), "activation.rounding"},
      {replaced("\"hindsight\"", "\"group\""), "activation.scale"},
      {replaced("\"half_up\"", "\"floor\""), "update.rounding"},
      {replaced("\"master_bits\": 24", "\"master_bits\": 32"), "update.master_bits"},
      {replaced("\"momentum_frac_bits\": 13", "\"momentum_frac_bits\": 99"), "update.momentum_frac_bits"},
      {replaced("\"integer\"", "\"float32\""), "bits"},
  };
  for (const auto& [text, key] : bad) {
    try {
      parse(text);
      ADD_FAILURE() << "no error at " << key;
    } catch (const Error& error) {
      const std::string message = error.what();
      EXPECT_NE(message.find("r.json"), std::string::npos) << message;
      EXPECT_NE(message.find(key), std::string::npos) << message;
    }
  }
}

TEST(Recipe, CommittedFilesAreGood) {
  const char* source = std::getenv("BITLOOM_SOURCE_DIR");
  ASSERT_NE(source, nullptr);
  for (const std::string name : {"int8", "int4", "int8_hindsight", "int4_hindsight", "fp32"}) {
    const Recipe recipe = read_recipe(std::string(source) + "/traces/recipes/" + name + ".json");
    EXPECT_EQ(recipe.name, name);
    EXPECT_EQ(recipe.fp32, name == "fp32");
    if (recipe.fp32) continue;
    EXPECT_EQ(recipe.bits, name.starts_with("int8") ? 8 : 4);
    EXPECT_EQ(recipe.gradient.rounding, Rounding::kStochastic);
    EXPECT_TRUE(recipe.update.stochastic);
    EXPECT_EQ(recipe.gradient.scale == ScaleRule::kHindsight, name.ends_with("hindsight"));
    EXPECT_EQ(recipe.activation.scale, recipe.gradient.scale);
  }
}

constexpr const char* kMethods = R"({
  "name": "mine", "arithmetic": "integer", "normalization": "layer_batch",
  "activation": {"quantizer": "sawb", "rounding": "half_up", "unsigned": true, "c1": 12.0, "c2": 11.0},
  "weight": {"quantizer": "lwq", "bits": 4},
  "gradient": {"quantizer": "log", "rounding": "stochastic", "scale": "hindsight", "binades": 4, "top": "power_of_two",
               "samples": 3},
  "update": {"rounding": "half_up", "master_bits": 24, "master_frac_bits": 20, "momentum_bits": 16,
             "momentum_frac_bits": 13, "bias_bits": 32, "bias_frac_bits": 22, "optimizer": "lwq", "latent_bits": 4,
             "min_level": 1, "max_level": 2, "headroom": 3.0, "accumulate": {"micro_batches": 4, "headroom": 2.0}},
  "overrides": {"last": {"weight": {"rounding": "floor", "bits": 8}}}})";

TEST(Recipe, ReadsTheFieldsOfMethods) {
  const Recipe recipe = parse(kMethods);
  EXPECT_EQ(recipe.normalization, Normalization::kLayerBatch);
  EXPECT_EQ(recipe.activation.quantizer, Quantizer::kSawb);
  EXPECT_TRUE(recipe.activation.is_unsigned);
  EXPECT_EQ(recipe.activation.c2, 11.0);
  EXPECT_EQ(recipe.gradient.quantizer, Quantizer::kLog);
  EXPECT_EQ(recipe.gradient.rounding, Rounding::kStochastic);
  EXPECT_EQ(recipe.gradient.scale, ScaleRule::kHindsight);
  EXPECT_EQ(recipe.gradient.binades, 4);
  EXPECT_TRUE(recipe.gradient.power_of_two);
  EXPECT_EQ(recipe.gradient.samples, 3);
  EXPECT_EQ(recipe.update.latent_bits, 4);
  EXPECT_EQ(recipe.update.min_level, 1);
  EXPECT_EQ(recipe.update.max_level, 2);
  EXPECT_EQ(recipe.update.headroom, 3.0);
  EXPECT_EQ(recipe.update.micro_batches, 4);
  EXPECT_EQ(recipe.update.buffer_headroom, 2.0);
  const RecipeLayer middle = layer_recipe(recipe, 1, 3, "b");
  EXPECT_EQ(middle.store, WeightStore::kLatent);
  EXPECT_EQ(recipe.update.optimizer, Optimizer::kSgd);
  EXPECT_EQ(middle.width(middle.weight), 4);
  const RecipeLayer last = layer_recipe(recipe, 2, 3, "c");
  EXPECT_EQ(last.store, WeightStore::kMaster);
  EXPECT_EQ(last.width(last.weight), 8);
  EXPECT_EQ(last.gradient.quantizer, Quantizer::kLog);
}

TEST(Recipe, BadMethodsNameTheirKey) {
  const std::tuple<const char*, const char*, const char*> bad[] = {
      {"\"sawb\"", "\"log\"", "activation.quantizer"},
      {"\"unsigned\": true, ", "", "activation.unsigned"},
      {"\"binades\": 4", "\"binades\": 5", "gradient.binades"},
      {"\"power_of_two\"", "\"two\"", "gradient.top"},
      {"\"samples\": 3", "\"samples\": 9", "gradient.samples"},
      {"\"samples\": 3", "\"samples\": 3, \"factor\": 4", "gradient.factor"},
      {"\"latent_bits\": 4", "\"latent_bits\": 9", "update.latent_bits"},
      {"\"max_level\": 2", "\"max_level\": 0", "update.max_level"},
      {"\"micro_batches\": 4", "\"micro_batches\": 1", "update.accumulate.micro_batches"},
      {"\"headroom\": 2.0", "\"headroom\": 0.5", "update.accumulate.headroom"},
      {"\"optimizer\": \"lwq\"", "\"optimizer\": \"niti\", \"gradient_bits\": [5]", "update"},
      {"\"quantizer\": \"lwq\", \"bits\": 4", "\"rounding\": \"half_up\"", "update.optimizer"},
      {"\"rounding\": \"floor\", \"bits\": 8", "\"quantizer\": \"niti\"", "overrides.last.weight"},
      {"\"overrides\": {\"last\": {", "\"overrides\": {\"last\": {\"update\": {}, ", "overrides.last.update"}};
  for (const auto& [from, to, key] : bad) {
    std::string text = kMethods;
    const std::size_t at = text.find(from);
    ASSERT_NE(at, std::string::npos) << from;
    try {
      parse(text.replace(at, std::string(from).size(), to));
      ADD_FAILURE() << "no error at " << key;
    } catch (const Error& error) {
      EXPECT_NE(std::string(error.what()).find(key), std::string::npos) << error.what();
    }
  }
}

/// The error of reading a text that changes kMethods or a committed recipe.
std::string refusal(std::string text, const std::string& from, const std::string& to) {
  const std::size_t at = text.find(from);
  if (at == std::string::npos) throw std::logic_error(from);
  try {
    parse(text.replace(at, from.size(), to));
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

TEST(Recipe, WidthsWithoutEffectAreRefused) {
  const auto expect = [](const std::string& got, const std::string& key) {
    EXPECT_EQ(got.rfind("r.json: " + key + ": has no effect: ", 0), 0U) << got;
  };
  const std::string name = "\"name\": \"mine\",";
  expect(refusal(kMethods, name, name + R"("bits": {"default": 8},)"), "bits.default");
  expect(refusal(kMethods, name, name + R"("bits": {"first": 8},)"), "bits.first");
  expect(refusal(kMethods, name, name + R"("bits": {"layers": {"fc1": 8}},)"), "bits.layers.fc1");
  expect(refusal(kMethods, "\"last\": {", "\"last\": {\"bits\": 4, "), "overrides.last.bits");
  EXPECT_EQ(refusal(kGood, "\"layers\"", "\"last\": 4, \"layers\""), "");
}

/// kMethods with Adam's steps.
std::string methods_with_adam() {
  std::string text = kMethods;
  const auto replace = [&](const std::string& from, const std::string& to) {
    text.replace(text.find(from), from.size(), to);
  };
  replace("\"momentum_bits\": 16,\n             \"momentum_frac_bits\": 13, ", "");
  replace("\"optimizer\": \"lwq\",", "\"optimizer\": \"lwq_adam\", \"beta1\": 0.8, \"beta2\": 0.95, \"eps\": 1e-4,");
  return text;
}

TEST(Recipe, FormatsWithoutEffectAreRefused) {
  const std::string overrides = ",\n  \"overrides\": {\"last\": {\"weight\": {\"rounding\": \"floor\", \"bits\": 8}}}";
  EXPECT_EQ(refusal(kMethods, overrides, ""),
            "r.json: update.master_bits: has no effect: all layers store integer weights, none in fixed point");
  EXPECT_EQ(refusal(kMethods, "\"master_frac_bits\": 20, ", ""),
            "r.json: update.master_frac_bits: required key is missing");
  EXPECT_EQ(refusal(kMethods, "\"latent_bits\": 4", "\"latent_bits\": 24"),
            "r.json: update.min_level: has no effect: latent weights of 24 bits have no codebook");
  EXPECT_EQ(refusal(kMethods, "\"min_level\": 1, ", ""), "r.json: update.min_level: required key is missing");
  EXPECT_EQ(refusal(methods_with_adam(), "\"bias_bits\": 32", "\"bias_bits\": 32, \"momentum_frac_bits\": 13"),
            "r.json: update.momentum_frac_bits: has no effect here; it counts only where optimizer is not \"adam\" or "
            "\"lwq_adam\"");
  const std::string last = "\"overrides\": {";
  EXPECT_EQ(refusal(kMethods, last, last + "\"fc2\": {}, "), "r.json: overrides.fc2: has no effect: it is empty");
  EXPECT_EQ(refusal(kMethods, "\"stochastic\", \"scale\"", "\"half_up\", \"scale\""),
            "r.json: gradient.samples: has no effect here; it counts only with rounding \"stochastic\" and with "
            "quantizer \"log\"");
  EXPECT_EQ(refusal(kMethods, last, last + R"("first": {"activation": {"scale": "exact"}}, )"),
            "r.json: overrides.first.activation.scale: unknown key");
  EXPECT_EQ(refusal(kMethods, last, last + R"("first": {"activation": {"bits": 8}}, )"), "");
}

TEST(Recipe, AWidthThatALayerReadsIsRequired) {
  EXPECT_EQ(refusal(kGood, "\"default\": 4, ", ""), "r.json: bits.default: required key is missing");
  EXPECT_EQ(refusal(kGood, "\"bits\": {\"default\": 4, \"first\": 8, \"layers\": {\"fc2\": 8}},", ""),
            "r.json: bits: required key is missing");
  EXPECT_EQ(refusal(kMethods, "\"quantizer\": \"lwq\", \"bits\": 4", "\"quantizer\": \"lwq\""),
            "r.json: bits: required key is missing");
}

TEST(Recipe, LwqWithAdam) {  // N25.8
  const Recipe recipe = parse(methods_with_adam());
  EXPECT_EQ(recipe.update.latent_bits, 4);
  EXPECT_EQ(recipe.update.max_level, 2);
  EXPECT_EQ(recipe.update.headroom, 3.0);
  EXPECT_EQ(recipe.update.beta1, 0.8);
  EXPECT_EQ(recipe.update.beta2, 0.95);
  EXPECT_EQ(recipe.update.eps, 1e-4);
  EXPECT_EQ(recipe.update.micro_batches, 4);
  EXPECT_EQ(recipe.update.optimizer, Optimizer::kAdam);
  EXPECT_EQ(layer_recipe(recipe, 1, 3, "b").store, WeightStore::kLatent);
  EXPECT_EQ(layer_recipe(recipe, 2, 3, "c").store, WeightStore::kMaster);  // its weights are not LWQ's
}

TEST(Recipe, LwqWithAdamNamesWhatDoesNotGoTogether) {
  const std::tuple<const char*, const char*, const char*> bad[] = {
      {"\"beta2\": 0.95, ", "", "update.beta2"},
      {"\"beta2\": 0.95", "\"beta2\": 1.0", "update.beta2"},
      {"\"eps\": 1e-4", "\"eps\": 0", "update.eps"},
      {"\"min_level\": 1, ", "", "update.min_level"},
      {"\"latent_bits\": 4", "\"latent_bits\": 9", "update.latent_bits: expected 2, 3, 4, 5, 6, 7, 8 or 24, got 9"},
      {"\"headroom\": 3.0", "\"headroom\": 3.0, \"gradient_bits\": [5]", "update.gradient_bits"},
      {"\"quantizer\": \"lwq\", \"bits\": 4", "\"rounding\": \"half_up\"",
       "update.optimizer: expected lwq and lwq_adam only with weight.quantizer lwq"},
      {"\"quantizer\": \"lwq\", \"bits\": 4", "\"quantizer\": \"niti\"", "update.optimizer"},
      {"\"lwq_adam\"", "\"adam\"", "update"},
      {"\"lwq_adam\"", "\"lwq\"", "update.momentum_bits"},
      {"\"rounding\": \"floor\", \"bits\": 8", "\"quantizer\": \"niti\"", "overrides.last.weight.quantizer"}};
  for (const auto& [from, to, key] : bad) {
    std::string text = methods_with_adam();
    const std::size_t at = text.find(from);
    ASSERT_NE(at, std::string::npos) << from;
    try {
      parse(text.replace(at, std::string(from).size(), to));
      ADD_FAILURE() << "no error at " << key;
    } catch (const Error& error) {
      EXPECT_NE(std::string(error.what()).find("r.json"), std::string::npos) << error.what();
      EXPECT_NE(std::string(error.what()).find(key), std::string::npos) << error.what();
    }
  }
}

TEST(Recipe, EveryCommittedFileReads) {
  const char* source = std::getenv("BITLOOM_SOURCE_DIR");
  ASSERT_NE(source, nullptr);
  int files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(std::string(source) + "/traces/recipes")) {
    const Recipe recipe = read_recipe(entry.path().string());
    EXPECT_EQ(recipe.name, entry.path().stem().string());
    ++files;
  }
  EXPECT_GE(files, 30);
}

TEST(Recipe, OverridesReplaceWholeSections) {
  const char* source = std::getenv("BITLOOM_SOURCE_DIR");
  const Recipe recipe = read_recipe(std::string(source) + "/traces/recipes/fqt1.json");
  const RecipeLayer first = layer_recipe(recipe, 0, 5, "conv1");
  const RecipeLayer middle = layer_recipe(recipe, 1, 5, "conv2");
  const RecipeLayer shortcut = layer_recipe(recipe, 2, 5, "stage2_shortcut");
  EXPECT_EQ(first.activation.quantizer, Quantizer::kMax);
  EXPECT_EQ(shortcut.gradient.quantizer, Quantizer::kMax);
  EXPECT_EQ(middle.weight.quantizer, Quantizer::kSign);
  EXPECT_EQ(middle.gradient.dgrad.groups, Groups::kSample);
  EXPECT_EQ(middle.gradient.wgrad.groups, Groups::kColumn);
  EXPECT_EQ(middle.gradient.pruning, Pruning::kTop);
  EXPECT_EQ(middle.gradient.factor, 4);
}

}  // namespace
}  // namespace bitloom::testing
