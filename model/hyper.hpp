#pragma once
#include <cstdint>
#include <string>

#include "model/input.hpp"
#include "model/json_reader.hpp"

namespace bitloom {

/// The learning rate is constant within an epoch, so that an integer recipe needs one number an epoch.
enum class LearningRateSchedule {
  kConstant,  ///< base
  kStep,      ///< base · factor^floor(epoch / every)
  kCosine,    ///< base · (1 + cos(π · epoch / epochs)) / 2
  kTriangle,  ///< up from low to base and down again: low + (base − low) · (1 − |(2·epoch + 1) / epochs − 1|) (LUQ's
              ///< FNT)
};

struct LearningRate {
  LearningRateSchedule schedule = LearningRateSchedule::kConstant;
  double base = 0.0;
  int every = 1;        ///< of kStep, in epochs
  double factor = 1.0;  ///< of kStep
  double low = 0.0;     ///< of kTriangle
};

/// Training rules shared by all recipes: plain SGD with momentum on the mean loss of a batch,
///   v = momentum · v + g;  w = w - learning_rate · v.
/// Weights and biases start uniform in ±1/sqrt(in) (init.hpp); samples are shuffled anew in each epoch (order.hpp) and
/// the incomplete last batch of an epoch is dropped.
struct Hyper {
  int batch = 128;
  int epochs = 5;
  double momentum = 0.9;
  LearningRate learning_rate;
  InputScaling input;
};

/// Reads a hyper-parameter file; throws Error.
Hyper read_hyper(const std::string& file);
Hyper read_hyper(const JsonObject& json);

/// Learning rate of an epoch (from 0) in a run of `epochs`.
double learning_rate_at(const LearningRate& rate, int epoch, int epochs);

/// The momentum as a factor of fixed-point state: round(65536 · momentum) (N9).
std::uint32_t momentum16(const Hyper& hyper);

}  // namespace bitloom
