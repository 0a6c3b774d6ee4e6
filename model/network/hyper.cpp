#include "model/network/hyper.hpp"

#include <cmath>
#include <numbers>

#include "model/io/field_reader.hpp"

namespace bitloom {

namespace {

LearningRate read_learning_rate(const FieldReader& json) {
  LearningRate rate;
  const auto schedule = json.get<std::string>("schedule");
  rate.base = json.get<double>("base");
  if (schedule == "step") {
    rate.schedule = LearningRateSchedule::kStep;
    rate.every = json.get<int>("every");
    rate.factor = json.get<double>("factor");
  } else if (schedule == "cosine") {
    rate.schedule = LearningRateSchedule::kCosine;
  } else if (schedule == "triangle") {
    rate.schedule = LearningRateSchedule::kTriangle;
    rate.low = json.get<double>("low", 1e-9, rate.base);
  }
  return rate;
}

}  // namespace

Hyper read_hyper(const std::string& file) { return read_hyper(JsonObject::from_file(file)); }

Hyper read_hyper(const JsonObject& object) {
  const FieldReader json(object, hyper_fields());
  Hyper hyper;
  hyper.batch = json.get<int>("batch");
  hyper.epochs = json.get<int>("epochs");
  hyper.momentum = json.get<double>("momentum");
  hyper.learning_rate = read_learning_rate(json.object("learning_rate"));
  const FieldReader input = json.object("input");
  hyper.input.offset = input.get<int>("offset");
  hyper.input.standard_deviation = input.get<double>("standard_deviation");
  return hyper;
}

double learning_rate_at(const LearningRate& rate, int epoch, int epochs, std::int64_t step, std::int64_t steps) {
  switch (rate.schedule) {
    case LearningRateSchedule::kConstant:
      return rate.base;
    case LearningRateSchedule::kStep: {
      double value = rate.base;
      for (int done = rate.every; done <= epoch; done += rate.every) value *= rate.factor;
      return value;
    }
    case LearningRateSchedule::kCosine:
      return rate.base * 0.5 * (1.0 + std::cos(std::numbers::pi * epoch / epochs));
    case LearningRateSchedule::kTriangle: {
      const double done = epoch + static_cast<double>(step) / static_cast<double>(steps);
      return rate.low + (rate.base - rate.low) * (1.0 - std::abs(2.0 * done / epochs - 1.0));
    }
  }
  return rate.base;
}

std::uint32_t momentum16(const Hyper& hyper) {
  return static_cast<std::uint32_t>(std::floor(65536 * hyper.momentum + 0.5));
}

}  // namespace bitloom
