#pragma once
#include <cstdint>
#include <string>

#include "model/io/fields.hpp"
#include "model/io/json_reader.hpp"
#include "model/network/input.hpp"

namespace bitloom {

/// All but the triangle keep the learning rate constant within an epoch.
enum class LearningRateSchedule {
  kConstant,  ///< base
  kStep,      ///< base · factor^floor(epoch / every)
  kCosine,    ///< base · (1 + cos(π · epoch / epochs)) / 2
  kTriangle,  ///< by step: up from low to base in half of all T steps and down again, low + (base − low) · (1 −
              ///< |2·t / T − 1|) in step t = 0 … T − 1 (LUQ's FNT)
};

/// A learning rate, and how it changes over a run.
struct LearningRate {
  LearningRateSchedule schedule = LearningRateSchedule::kConstant;
  double base = 0.0;
  int every = 1;        ///< of kStep, in epochs
  double factor = 1.0;  ///< of kStep
  double low = 0.0;     ///< of kTriangle
};

/// Training rules shared by all recipes, for SGD with momentum on the mean loss of a batch:
///   v = momentum · v + g;  w = w - learning_rate · v.
/// A recipe with Adam takes the learning rate alone (N25.7). Weights and biases start uniform in ±1/√K, K being the
/// number of weights of one output (init.hpp). Samples are shuffled anew in each epoch (order.hpp), and the incomplete
/// last batch of an epoch is dropped.
struct Hyper {
  int batch = 128;
  int epochs = 5;
  double momentum = 0.9;
  LearningRate learning_rate;
  InputScaling input;
};

/// Describes a hyper-parameter file.
const FileSection& hyper_fields();

/// Reads a hyper-parameter file; throws Error.
Hyper read_hyper(const std::string& file);
Hyper read_hyper(const JsonObject& json);

/// Returns the learning rate of a step (from 0) of the `steps` of an epoch (from 0) in a run of `epochs`; by default of
/// an epoch's first step.
double learning_rate_at(const LearningRate& rate, int epoch, int epochs, std::int64_t step = 0, std::int64_t steps = 1);

/// Returns the momentum as a factor of fixed-point state: round(65536 · momentum) (N9).
std::uint32_t momentum16(const Hyper& hyper);

/// What a run may choose besides the hyper-parameter file.
struct TrainOptions {
  int epochs = 5;  ///< length of the run, for the learning rate schedule
  int batch = 128;
  std::uint64_t seed = 1;  ///< of initial parameters, shuffling and stochastic rounding
  int threads = 1;
};

/// Returns the options that a hyper-parameter file gives.
inline TrainOptions train_options(const Hyper& hyper) {
  TrainOptions options;
  options.epochs = hyper.epochs;
  options.batch = hyper.batch;
  return options;
}

}  // namespace bitloom
