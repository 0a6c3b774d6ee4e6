#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <filesystem>
#include <numeric>

#include "model/data/order.hpp"
#include "model/golden/state_file.hpp"
#include "model/golden/step.hpp"
#include "model/io/checkpoint.hpp"
#include "model/io/error.hpp"
#include "model/io/interrupt.hpp"
#include "model/io/output_file.hpp"
#include "model/network/input.hpp"
#include "model/train/trainer.hpp"

namespace bitloom {
namespace {

using Clock = std::chrono::steady_clock;

/// Reports are in nats a sample (N7.4).
double nats(double bits16, std::int64_t samples) {
  return samples == 0 ? 0.0 : bits16 * std::log(2.0) / 65536.0 / static_cast<double>(samples);
}

double share(std::int64_t part, std::int64_t whole) {
  return whole == 0 ? 0.0 : static_cast<double>(part) / static_cast<double>(whole);
}

class IntegerTrainer final : public Trainer {
 public:
  IntegerTrainer(const Network& network, const Recipe& recipe, const Hyper& hyper, const TrainOptions& options);

  std::vector<std::string> use_images(const Dataset& train) override;
  EpochResult run_epoch(const Dataset& train, int epoch, const Progress& progress) override;
  Evaluation evaluate(const Dataset& data) override;
  int epochs_done() const override { return epochs_done_; }
  void save(const std::string& file) const override;
  std::vector<std::string> resume(const std::string& file, const ResumeDifferences& allowed) override;
  void init_from(const std::string& file) override;
  void dump(const std::string& folder) const override;

 private:
  void load(const Dataset& data, const std::uint32_t* indices, int rows, Batch& batch) const;
  StepContext context(double learning_rate, int epoch) const;
  Checkpoint open(const std::string& file) const;

  Network network_;
  Recipe recipe_;
  Hyper hyper_;
  TrainOptions options_;
  StepConfig config_;
  RunIdentity identity_;
  GoldenEngine engine_;
  TrainState state_;
  Batch batch_;  ///< the last one trained on
  std::array<std::int8_t, 256> codes_{};
  double learning_rate_;  ///< of the last step that ran
  int epochs_done_ = 0;
};

IntegerTrainer::IntegerTrainer(const Network& network, const Recipe& recipe, const Hyper& hyper,
                               const TrainOptions& options)
    : network_(network),
      recipe_(recipe),
      hyper_(hyper),
      options_(options),
      config_(step_config(network, recipe, hyper, options.batch)),
      identity_(network, recipe, hyper, options),
      engine_(network, recipe, options.threads),
      state_(initial_state(network, recipe, initial_parameters(network, options.seed))),
      learning_rate_(hyper.learning_rate.base) {
  codes_ = input_code_table(hyper.input, config_.input.largest_code);
}

/// Copies samples `indices[0 … rows)` into the batch, as codes (N6.5).
void IntegerTrainer::load(const Dataset& data, const std::uint32_t* indices, int rows, Batch& batch) const {
  const auto width = static_cast<std::size_t>(data.pixels());
  batch.M = rows;
  batch.scale = config_.input.scale;
  batch.X.resize(static_cast<std::size_t>(rows) * width);
  batch.labels.resize(static_cast<std::size_t>(rows));
  for (std::size_t m = 0; m < batch.labels.size(); ++m) {
    const std::span<const std::uint8_t> image = data.image(indices[m]);
    std::int8_t* to = batch.X.data() + m * width;
    for (std::size_t i = 0; i < width; ++i) to[i] = codes_[image[i]];
    batch.labels[m] = data.labels[indices[m]];
  }
}

StepContext IntegerTrainer::context(double learning_rate, int epoch) const {
  return {options_.seed, state_.step, nearest_scale(learning_rate), config_.mu16, epoch};
}

std::vector<std::string> IntegerTrainer::use_images(const Dataset& train) {
  require_fit(network_, train);
  return identity_.use_images(train);
}

EpochResult IntegerTrainer::run_epoch(const Dataset& train, int epoch, const Progress& progress) {
  use_images(train);
  const std::int64_t steps = train.size() / options_.batch;
  if (steps == 0) {
    throw Error(
        fmt::format("{}: {} images, expected at least a batch of {}", train.name, train.size(), options_.batch));
  }
  const auto start = Clock::now();
  const std::vector<std::uint32_t> order = epoch_order(static_cast<std::uint32_t>(train.size()), options_.seed, epoch);
  EpochResult result;
  result.epoch = epoch;
  double loss = 0.0;
  std::int64_t correct = 0;
  for (std::int64_t i = 0; i < steps; ++i) {
    if (interrupted()) {
      result.complete = false;
      break;
    }
    learning_rate_ = learning_rate_at(hyper_.learning_rate, epoch, options_.epochs, i, steps);
    result.learning_rate = learning_rate_;
    const int rows = config_.samples;
    for (int part = 0; part < config_.micro_batches; ++part) {
      load(train, order.data() + i * options_.batch + part * rows, rows, batch_);
      const StepContext now = context(learning_rate_, epoch);
      if (state_.step == 0) engine_.calibrate(state_, batch_, now);
      const StepResult step = engine_.step(state_, batch_, now, nullptr);
      loss += step.loss;
      correct += step.correct;
      result.saturated += static_cast<std::int64_t>(step.saturated);
    }
    result.steps = i + 1;
    result.samples = result.steps * options_.batch;
    result.loss = nats(loss, result.samples);
    result.train_accuracy = share(correct, result.samples);
    result.seconds = std::chrono::duration<double>(Clock::now() - start).count();
    if (progress) progress(result, steps);
  }
  if (result.complete) epochs_done_ = epoch + 1;
  return result;
}

Evaluation IntegerTrainer::evaluate(const Dataset& data) {
  require_fit(network_, data);
  std::vector<std::uint32_t> order(data.labels.size());
  std::iota(order.begin(), order.end(), 0U);
  Evaluation result;
  Batch batch;
  for (std::int64_t first = 0; first < data.size(); first += options_.batch) {
    const int rows = static_cast<int>(std::min<std::int64_t>(options_.batch, data.size() - first));
    load(data, order.data() + first, rows, batch);
    const StepResult step = engine_.evaluate(state_, batch, context(learning_rate_, epochs_done_));
    result.loss += step.loss;
    result.correct += step.correct;
  }
  result.samples = data.size();
  result.loss = nats(result.loss, result.samples);
  result.accuracy = share(result.correct, result.samples);
  return result;
}

void IntegerTrainer::save(const std::string& file) const {
  Checkpoint checkpoint;
  identity_.write(checkpoint);
  checkpoint.epoch = epochs_done_;
  checkpoint.step = state_.step;
  checkpoint.tensors = state_tensors(network_, recipe_, state_);
  write_checkpoint(file, checkpoint);
}

Checkpoint IntegerTrainer::open(const std::string& file) const {
  Checkpoint checkpoint = read_checkpoint(file);
  if (checkpoint.network != network_.name) {
    throw Error(fmt::format("{}: network: expected {}, got {}", file, network_.name, checkpoint.network));
  }
  return checkpoint;
}

std::vector<std::string> IntegerTrainer::resume(const std::string& file, const ResumeDifferences& allowed) {
  const Checkpoint from = read_checkpoint(file);
  RunIdentity identity = identity_;
  std::vector<std::string> said = identity.resume(from, file, allowed);
  TrainState state = state_;
  read_state_tensors(from, file, network_, recipe_, state);
  state.step = static_cast<std::uint32_t>(from.step);
  state_ = std::move(state);
  identity_ = identity;
  epochs_done_ = from.epoch;
  return said;
}

void IntegerTrainer::init_from(const std::string& file) {
  const Checkpoint from = open(file);
  try {
    state_ = initial_state(network_, recipe_, read_parameters(from, file, network_));
  } catch (const Error& error) {
    const std::string message = error.what();
    throw Error(message.starts_with(file) ? message : file + ": " + message);
  }
  identity_.restart();
  epochs_done_ = 0;
}

/// Writes the state; and, once a batch was seen, in `step/` every tensor and scalar of the step that would follow with
/// that batch, run on a copy of the state.
void IntegerTrainer::dump(const std::string& folder) const {
  for (const auto& [name, array] : state_tensors(network_, recipe_, state_)) {
    write_npy((std::filesystem::path(folder) / (name + ".npy")).string(), array);
  }
  if (batch_.M == 0) return;
  TrainState copy = state_;
  StepRecord record;
  GoldenEngine engine(network_, recipe_, options_.threads);
  const StepContext next = context(learning_rate_, epochs_done_);
  if (copy.step == 0) engine.calibrate(copy, batch_, next);
  engine.step(copy, batch_, next, &record);
  write_step_record(record, network_, (std::filesystem::path(folder) / "step").string());
}

}  // namespace

std::unique_ptr<Trainer> make_integer_trainer(const Network& network, const Recipe& recipe, const Hyper& hyper,
                                              const TrainOptions& options) {
  return std::make_unique<IntegerTrainer>(network, recipe, hyper, options);
}

}  // namespace bitloom
