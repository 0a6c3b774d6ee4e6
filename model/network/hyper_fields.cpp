// What a hyper-parameter file may say.
#include "model/network/hyper.hpp"

namespace bitloom {

namespace {

const FileSection& learning_rate_fields() {
  static const FileSection section{
      "learning_rate",
      "How large the steps are, by epoch.",
      {
          fields::choice("schedule",
                         {{"constant", "The rate is base in every epoch.", ""},
                          {"step", "The rate is base times factor for each `every` epochs that have passed.", ""},
                          {"cosine", "The rate falls from base to 0 along half a cosine.", ""},
                          {"triangle", "The rate rises from low to base over half of all steps and falls back.", ""}},
                         "How the rate changes over the run."),
          fields::number("base", 1e-6, 16.0, "The largest rate."),
          fields::integer("every", 1, 1000000, "After so many epochs the rate is multiplied by factor once more.")
              .in("epochs")
              .only_with("schedule", {"step"}),
          fields::number("factor", 1e-3, 1.0, "What the rate is multiplied by.").only_with("schedule", {"step"}),
          fields::number("low", 1e-9, 16.0, "The rate of the first step.")
              .only_with("schedule", {"triangle"})
              .checked("At most base."),
      }};
  return section;
}

const FileSection& input_fields() {
  static const FileSection section{
      "input",
      "How pixels become numbers: x = (pixel - offset) / 255 / standard_deviation.",
      {
          fields::integer("offset", 0, 254, "The grey level that becomes 0, best near the mean of the training images.")
              .in("grey levels"),
          fields::number("standard_deviation", 1e-3, 1e3,
                         "What pixels are divided by after pixel / 255, best near their standard deviation."),
      }};
  return section;
}

}  // namespace

const FileSection& hyper_fields() {
  static const FileSection section{
      "hyper",
      "Rules of training that hold for all recipes: gradient descent with momentum on the mean loss of a batch.",
      {
          fields::integer("batch", 1, 65535, "How many samples one step of the optimizer learns from.").in("samples"),
          fields::integer("epochs", 1, 1000000, "How often the training goes through all samples.").in("epochs"),
          fields::number("momentum", 0.0, 0.9999, "The share of the last step's direction that the next one keeps.")
              .by("N9"),
          fields::object("learning_rate", learning_rate_fields(), "How large the steps are, by epoch."),
          fields::object("input", input_fields(), "How pixels become numbers."),
          fields::choice(
              "init", {{"uniform_fan_in", "Weights and biases are uniform within 1 / sqrt(inputs of a result).", ""}},
              "How parameters start."),
          fields::choice("shuffle", {{"fisher_yates", "Samples are shuffled anew in each epoch.", ""}},
                         "In what order samples come."),
      }};
  return section;
}

}  // namespace bitloom
