// What a recipe file may say.
#include "model/network/recipe.hpp"
#include "model/network/view_fields.hpp"

namespace bitloom {

namespace {

FileField width(const char* key, const char* meaning) { return fields::one_of(key, {4, 8}, meaning).in("bits"); }

const FileSection& layer_width_fields() {
  static const FileSection section{
      "layers", "Widths by the name of a layer.", {width("*", "The width of the layer of this name.")}};
  return section;
}

const FileSection& width_fields() {
  static const FileSection section{
      "bits",
      "The width of all codes whose quantizer has no width of its own.",
      {width("default", "The width in layers without another.")
           .may_be_absent()
           .checked("Given exactly when some layer reads it."),
       width("first", "The width in the first layer.").may_be_absent(),
       width("last", "The width in the last layer.").may_be_absent(),
       fields::object("layers", layer_width_fields(), "Widths by the name of a layer, stronger than first and last.")
           .may_be_absent()}};
  return section;
}

FileSection replacing(const char* name, const FileSection& activation, const FileSection& gradient) {
  return {name,
          "Sections that replace the recipe's, each as a whole.",
          {width("bits", "The width of codes.").may_be_absent(),
           fields::object("activation", activation, "How inputs become codes.").may_be_absent(),
           fields::object("weight", weight_fields(), "How weights become codes.").may_be_absent(),
           fields::object("gradient", gradient, "How gradients become codes.").may_be_absent()}};
}

const FileSection& override_fields() {
  static const FileSection section = replacing("override", activation_fields(), gradient_fields());
  return section;
}

const FileSection& first_override_fields() {
  static const FileSection section = replacing("first_override", first_activation_fields(), first_gradient_fields());
  return section;
}

const FileSection& overrides_fields() {
  static const FileSection section{
      "overrides",
      "What some layers do otherwise; a later one of shortcut, first, last and a name is stronger.",
      {fields::object("shortcut", override_fields(), "For layers with the word shortcut in their name.")
           .may_be_absent(),
       fields::object("first", first_override_fields(), "For the first layer.").may_be_absent(),
       fields::object("last", override_fields(), "For the last layer.").may_be_absent(),
       fields::object("*", override_fields(), "For the layer of this name.")}};
  return section;
}

const FileSection& accumulate_fields() {
  static const FileSection section{
      "accumulate",
      "Gradients of parts of the batch are added up in an 8-bit buffer.",
      {fields::integer("micro_batches", 2, 64, "How many parts a step's batch has.").in("parts").by("N26"),
       fields::number("headroom", 1.0, 16.0, "How much more than the first part's gradient the buffer holds.")
           .by("N26")}};
  return section;
}

std::vector<FileField> state_fields() {
  const auto point = [](const char* key, const char* meaning) {
    return fields::integer(key, 0, 30, meaning).in("bits").by("N9");
  };
  const auto of_masters = [](FileField field) {
    return std::move(field).may_be_absent().checked("Given exactly when some layer stores weights in fixed point.");
  };
  const auto of_momenta = [](FileField field) { return std::move(field).unless("optimizer", {"adam", "lwq_adam"}); };
  return {
      fields::choice("rounding",
                     {{"stochastic", "Up or down at random, right on average.", "N9"},
                      {"half_up", "To the nearest, halves up.", "N9"}},
                     "How a step is rounded to the stored state."),
      of_masters(fields::integer("master_bits", 12, 24, "The width of a stored weight.").in("bits").by("N9")),
      of_masters(point("master_frac_bits", "How many of a stored weight's bits lie behind the binary point.")),
      of_momenta(fields::one_of("momentum_bits", {8, 16}, "The width of a stored momentum.").in("bits").by("N9")),
      of_momenta(point("momentum_frac_bits", "How many of a stored momentum's bits lie behind the binary point.")),
      fields::one_of("bias_bits", {32}, "The width of a stored bias.").in("bits").by("N9"),
      point("bias_frac_bits", "How many of a stored bias's bits lie behind the binary point."),
  };
}

std::vector<FileField> latent_fields() {
  const auto with_lwq = [](FileField field) {
    return std::move(field).by("N23").only_with("optimizer", {"lwq", "lwq_adam"});
  };
  return {
      with_lwq(fields::one_of("latent_bits", {2, 3, 4, 5, 6, 7, 8, 24},
                              "The width of a latent weight's residual; 24 keeps the latent weight whole.")
                   .in("bits")),
      with_lwq(fields::integer("min_level", 0, 3, "The lowest level that a tensor's codebook may take.")
                   .may_be_absent()
                   .checked("Given exactly when there is a codebook: unless latent_bits is 24.")),
      with_lwq(fields::integer("max_level", 0, 3, "The highest level that a tensor's codebook may take.")
                   .may_be_absent()
                   .checked("At least min_level, and given like it.")),
      with_lwq(fields::number("headroom", 1.0, 16.0, "How much more than the largest first weight the codes hold.")),
  };
}

std::vector<FileField> optimizer_fields() {
  const auto with_adam = [](const char* key, double min, double max, const char* meaning) {
    return fields::number(key, min, max, meaning).by("N25").only_with("optimizer", {"adam", "lwq_adam"});
  };
  return {
      fields::integers("gradient_bits", 1, 8, "The width of a step of a weight, by epoch; the last one stays.")
          .in("bits")
          .by("N24.3")
          .only_with("optimizer", {"niti"})
          .checked("At least one."),
      with_adam("beta1", 0.0, 0.9999, "How much the mean of gradients keeps of its past."),
      with_adam("beta2", 0.0, 0.9999, "How much the mean of squared gradients keeps of its past."),
      with_adam("eps", 1e-12, 1.0, "What is added to the root of the mean square before it divides."),
      fields::object("accumulate", accumulate_fields(), "An 8-bit buffer for the gradients of parts of a batch.")
          .may_be_absent()
          .unless("optimizer", {"niti"}),
  };
}

const FileSection& update_fields() {
  static const FileSection section = [] {
    FileSection all{
        "update",
        "How parameters are stored and moved.",
        {fields::choice("optimizer",
                        {{"sgd", "Gradient descent with momentum in fixed point.", "N9"},
                         {"lwq", "The codes of LWQ move; other parameters follow sgd.", "N23"},
                         {"niti", "Integer weights move by few bits (NITI); others follow sgd.", "N24.3"},
                         {"adam", "Adam in fixed point.", "N25"},
                         {"lwq_adam", "The codes of LWQ move by Adam's steps.", "N25.8"}},
                        "How parameters move.")
             .or_else("\"sgd\"")
             .checked("lwq and lwq_adam go with weight.quantizer lwq, niti goes with weight.quantizer niti.")}};
    for (const std::vector<FileField>& part : {state_fields(), latent_fields(), optimizer_fields()}) {
      all.fields.insert(all.fields.end(), part.begin(), part.end());
    }
    return all;
  }();
  return section;
}

}  // namespace

const FileSection& recipe_fields() {
  const auto in_integers = [](const char* key, const FileSection& section, const char* meaning) {
    return fields::object(key, section, meaning).only_with("arithmetic", {"integer"});
  };
  static const FileSection section{
      "recipe",
      "A way to train a network: number formats, rounding, scales and the optimizer.",
      {fields::text("name", "What reports and checkpoints call the recipe."),
       fields::choice("arithmetic",
                      {{"integer", "Integers throughout, as the accelerator computes.", ""},
                       {"float32", "The baseline in 32-bit floating point.", ""}},
                      "What numbers the training computes with."),
       fields::choice("normalization",
                      {{"batch", "Over batch and places, for each channel (BN).", "N16"},
                       {"layer_batch", "Over batch, places and channels, one pair for the layer (LBN).", "N16"}},
                      "Over which values batch_norm takes mean and variance in training.")
           .or_else("\"batch\""),
       in_integers("bits", width_fields(), "The width of codes; widths that no quantizer reads are refused.")
           .may_be_absent(),
       fields::one_of("raw_bits", {16, 32}, "The width of raw views in memory: of results and of their gradients.")
           .in("bits")
           .by("N5.5")
           .only_with("arithmetic", {"integer"})
           .or_else("32"),
       in_integers("activation", activation_fields(), "How the inputs of layers become codes."),
       in_integers("weight", weight_fields(), "How weights become codes."),
       in_integers("gradient", gradient_fields(), "How the gradients of results become codes."),
       in_integers("update", update_fields(), "How parameters are stored and moved."),
       in_integers("overrides", overrides_fields(), "What some layers do otherwise.").may_be_absent()}};
  return section;
}

}  // namespace bitloom
