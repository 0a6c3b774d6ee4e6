#include "model/network/step_config.hpp"

#include <fmt/format.h>

#include <cmath>

#include "model/io/error.hpp"
#include "model/network/training_graph.hpp"

namespace bitloom {

InputFormat input_format(const Network& network, const Recipe& recipe, const InputScaling& scaling) {
  const std::vector<std::string> names = layer_names(network);
  if (names.empty()) {
    throw Error(fmt::format("network {}: expected at least one linear or conv2d layer", network.name));
  }
  const RecipeLayer first = layer_recipe(recipe, 0, static_cast<int>(names.size()), names.front());
  InputFormat format;
  format.largest_code = qmax(first.width(first.activation));
  const double step = input_code_value(scaling, format.largest_code);
  const bool power = first.activation.quantizer == Quantizer::kNiti;
  format.scale = power ? power_of_two(-static_cast<int>(std::lround(std::log2(step)))) : nearest_scale(step);
  return format;
}

StepConfig step_config(const Network& network, const Recipe& recipe, const Hyper& hyper, int batch) {
  const TrainingGraph graph = training_graph(network, recipe);
  StepConfig config;
  config.micro_batches = std::max(1, recipe.update.micro_batches);
  if (batch % config.micro_batches != 0) {
    throw Error(
        fmt::format("recipe {}: update.accumulate.micro_batches: {} parts do not divide a batch of {} (--batch, or "
                    "\"batch\" of the network or of the hyper-parameters)",
                    recipe.name, config.micro_batches, batch));
  }
  config.samples = batch / config.micro_batches;
  require_batch(network, recipe, graph, config.samples);
  config.input = input_format(network, recipe, hyper.input);
  config.mu16 = momentum16(hyper);
  config.learning_rate = learning_rate_at(hyper.learning_rate, config.epoch, hyper.epochs);
  return config;
}

}  // namespace bitloom
