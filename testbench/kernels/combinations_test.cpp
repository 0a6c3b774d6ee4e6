// docs/combinations.md holds what the judges say: which number formats golden takes, and which of them the accelerator
// runs. The page's tables are compared with tables that are made here by asking both.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "model/io/json_reader.hpp"
#include "model/network/training_graph.hpp"
#include "testbench/kernels/cases.hpp"
#include "testbench/model/perceptron.hpp"

namespace bitloom {
namespace {

using testing_cases::named_hardware;
using testing_cases::with_batch;
using Json = nlohmann::ordered_json;

/// A way to make codes, for a row or a column of a table.
struct View {
  const char* name;
  const char* json;
};
constexpr View kActivations[] = {
    {"max, 8 bits", R"({"rounding": "half_up", "scale": "exact", "bits": 8})"},
    {"max, 4 bits", R"({"rounding": "half_up", "scale": "exact", "bits": 4})"},
    {"sawb", R"({"quantizer": "sawb", "rounding": "half_up", "unsigned": true, "c1": 12.035, "c2": 12.03})"},
    {"sign", R"({"quantizer": "sign"})"},
    {"round_clip, 7 levels", R"({"quantizer": "round_clip", "levels": 7, "clip": 3.0})"},
    {"round_clip, 15 levels", R"({"quantizer": "round_clip", "levels": 15, "clip": 3.0})"},
    {"niti", R"({"quantizer": "niti"})"}};
constexpr View kWeights[] = {{"max, 8 bits", R"({"rounding": "half_up", "bits": 8})"},
                             {"max, 4 bits", R"({"rounding": "half_up", "bits": 4})"},
                             {"sawb", R"({"quantizer": "sawb", "rounding": "half_up", "c1": 12.035, "c2": 12.03})"},
                             {"sign", R"({"quantizer": "sign"})"},
                             {"standardized", R"({"quantizer": "standardized_round_clip", "levels": 3, "clip": 2.0})"},
                             {"lwq, 8 bits", R"({"quantizer": "lwq", "bits": 8})"},
                             {"lwq, 4 bits", R"({"quantizer": "lwq", "bits": 4})"},
                             {"niti", R"({"quantizer": "niti"})"}};
constexpr View kGradients[] = {
    {"max, 8 bits", R"({"rounding": "stochastic", "scale": "exact", "bits": 8})"},
    {"max, 4 bits", R"({"rounding": "stochastic", "scale": "exact", "bits": 4})"},
    {"log",
     R"({"quantizer": "log", "rounding": "stochastic", "scale": "exact", "binades": 6, "top": "free", "samples": 1})"},
    {"group, 4, 2 or 1 bits", R"({"quantizer": "group", "dgrad": {"bits": 4, "groups": "sample"},
      "wgrad": {"bits": 4, "groups": "column"}, "pruning": "none"})"},
    {"niti", R"({"quantizer": "niti"})"}};

/// A recipe whose first and last layer are plain, and whose others combine three quantizers.
Json recipe_of(const View& activation, const View& weight, const View& gradient) {
  const Json plain = {{"weight", Json::parse(kWeights[0].json)}, {"gradient", Json::parse(kGradients[0].json)}};
  Json first = plain, last = plain;
  first["activation"] = {{"quantizer", "max"}, {"bits", 8}};
  last["activation"] = Json::parse(kActivations[0].json);
  Json recipe = {{"name", "combination"}, {"arithmetic", "integer"}};
  recipe["activation"] = Json::parse(activation.json);
  recipe["weight"] = Json::parse(weight.json);
  recipe["gradient"] = Json::parse(gradient.json);
  recipe["update"] = {{"rounding", "stochastic"}, {"master_bits", 24}, {"master_frac_bits", 21}, {"momentum_bits", 16},
                      {"momentum_frac_bits", 15}, {"bias_bits", 32},   {"bias_frac_bits", 24}};
  const std::string quantizer = recipe["weight"].value("quantizer", "max");
  if (quantizer == "lwq") {
    recipe["update"].update(
        {{"optimizer", "lwq"}, {"latent_bits", 4}, {"min_level", 0}, {"max_level", 3}, {"headroom", 4.0}});
  } else if (quantizer == "niti") {
    recipe["update"].update({{"optimizer", "niti"}, {"gradient_bits", {5}}});
  }
  for (const char* view : {"activation", "weight", "gradient"}) {
    if (recipe[view].value("quantizer", "max") == "niti") recipe["bits"] = {{"default", 8}};
  }
  recipe["overrides"] = {{"first", first}, {"last", last}};
  return recipe;
}

/// Who takes a recipe: "both", "golden" or "none".
std::string takers(const Json& file) {
  static const Network network = test::perceptron(20, {12, 10, 5});
  static const Hardware hardware = named_hardware("base");
  try {
    const Recipe recipe = read_recipe(JsonObject::from_text(file.dump(), "combination"));
    training_graph(network, recipe);
    const LowerOptions options = with_batch(4 / std::max(1, recipe.update.micro_batches));
    return testing_cases::error_of([&] { lower(network, recipe, hardware, options); }).empty() ? "both" : "golden";
  } catch (const Error&) {
    return "none";
  }
}

std::string quantizer_tables() {
  std::string text;
  for (const View& gradient : kGradients) {
    text += fmt::format("\nGradient {}:\n\n| activation \\ weight |", gradient.name);
    for (const View& weight : kWeights) text += fmt::format(" {} |", weight.name);
    text += "\n|---|";
    for (std::size_t i = 0; i < std::size(kWeights); ++i) text += "---|";
    for (const View& activation : kActivations) {
      text += fmt::format("\n| {} |", activation.name);
      for (const View& weight : kWeights) text += fmt::format(" {} |", takers(recipe_of(activation, weight, gradient)));
    }
    text += "\n";
  }
  return text;
}

std::string state_table() {
  std::string text = "\n| field of update | optimizer | both | golden only |\n|---|---|---|---|\n";
  const auto add = [&](const char* key, const View& weight, int least, int most) {
    Json recipe = recipe_of(kActivations[0], weight, kGradients[0]);
    std::vector<std::string> both, golden;
    for (int bits = least; bits <= most; ++bits) {
      recipe["update"][key] = bits;
      Json without_levels = recipe;  // which latent weights of 24 bits do not have
      without_levels["update"].erase("min_level");
      without_levels["update"].erase("max_level");
      for (const Json* each : {&recipe, &without_levels}) {
        const std::string who = takers(*each);
        if (who == "none") continue;
        (who == "both" ? both : golden).push_back(std::to_string(bits));
        break;
      }
    }
    text += fmt::format("| `{}` | {} | {} | {} |\n", key, recipe["update"].value("optimizer", "sgd"),
                        fmt::join(both, ", "), fmt::join(golden, ", "));
  };
  add("master_bits", kWeights[0], 1, 32);
  add("momentum_bits", kWeights[0], 1, 32);
  add("bias_bits", kWeights[0], 1, 40);
  add("latent_bits", kWeights[5], 1, 32);
  return text;
}

TEST(Combinations, ThePageHoldsWhatTheJudgesSay) {
  const char* root = std::getenv("BITLOOM_SOURCE_DIR");
  ASSERT_NE(root, nullptr);
  std::ifstream file(std::string(root) + "/docs/combinations.md");
  const std::string page(std::istreambuf_iterator<char>(file), {});
  const std::string quantizers = quantizer_tables(), state = state_table();
  EXPECT_THAT(page, ::testing::HasSubstr(quantizers));
  EXPECT_THAT(page, ::testing::HasSubstr(state));
  for (const char* who : {" both |", " golden |"}) EXPECT_THAT(quantizers, ::testing::HasSubstr(who));
}

}  // namespace
}  // namespace bitloom
