#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <filesystem>
#include <numeric>

#include "model/data/order.hpp"
#include "model/fp32/graph.hpp"
#include "model/io/checkpoint.hpp"
#include "model/io/error.hpp"
#include "model/io/interrupt.hpp"
#include "model/network/recipe.hpp"
#include "model/network/training_graph.hpp"
#include "model/train/trainer.hpp"

namespace bitloom {

namespace {

using Clock = std::chrono::steady_clock;

Recipe fp32_recipe(Normalization normalization) {
  Recipe recipe;
  recipe.name = "fp32";
  recipe.fp32 = true;
  recipe.normalization = normalization;
  return recipe;
}

class Fp32Trainer final : public Trainer {
 public:
  Fp32Trainer(const Network& network, const Hyper& hyper, const TrainOptions& options, Normalization normalization)
      : network_(network),
        hyper_(hyper),
        options_(options),
        identity_(network, fp32_recipe(normalization), hyper, options),
        graph_(network, hyper, options, normalization) {}

  std::vector<std::string> use_images(const Dataset& train) override;
  EpochResult run_epoch(const Dataset& train, int epoch, const Progress& progress) override;
  Evaluation evaluate(const Dataset& data) override;
  int epochs_done() const override { return epochs_done_; }
  void save(const std::string& file) const override;
  std::vector<std::string> resume(const std::string& file, const ResumeDifferences& allowed) override;
  void init_from(const std::string& file) override;
  void dump(const std::string& folder) const override;

 private:
  [[noreturn]] void diverged(int epoch, const std::string& where) const;
  void require_finite_loss(double loss, int epoch, std::int64_t step, std::int64_t steps) const;
  void require_finite_state(int epoch) const;
  Checkpoint open(const std::string& file) const;
  void take(const Checkpoint& checkpoint, const std::string& file, bool with_velocity);

  Network network_;
  Hyper hyper_;
  TrainOptions options_;
  RunIdentity identity_;
  fp32::Graph graph_;
  int epochs_done_ = 0;
  std::int64_t steps_done_ = 0;
};

std::vector<std::string> Fp32Trainer::use_images(const Dataset& train) {
  require_fit(network_, train);
  return identity_.use_images(train);
}

EpochResult Fp32Trainer::run_epoch(const Dataset& train, int epoch, const Progress& progress) {
  use_images(train);
  const int batch = graph_.batch();
  const std::int64_t steps = train.size() / batch;
  if (steps == 0)
    throw Error(fmt::format("{}: {} images, expected at least a batch of {}", train.name, train.size(), batch));
  const fp32::SingleThreadedLibrary single;
  const auto start = Clock::now();
  const std::vector<std::uint32_t> order = epoch_order(static_cast<std::uint32_t>(train.size()), options_.seed, epoch);
  EpochResult result;
  result.epoch = epoch;
  fp32::LossSums sums;
  for (std::int64_t i = 0; i < steps; ++i) {
    if (interrupted()) {
      result.complete = false;
      break;
    }
    result.learning_rate = learning_rate_at(hyper_.learning_rate, epoch, options_.epochs, i, steps);
    graph_.load(train, order.data() + i * batch, batch);
    const fp32::LossSums of_batch = graph_.train(static_cast<float>(result.learning_rate));
    require_finite_loss(of_batch.loss, epoch, i, steps);
    sums.loss += of_batch.loss;
    sums.correct += of_batch.correct;
    ++steps_done_;
    result.steps = i + 1;
    result.samples = result.steps * batch;
    result.loss = sums.loss / static_cast<double>(result.samples);
    result.train_accuracy = static_cast<double>(sums.correct) / static_cast<double>(result.samples);
    result.seconds = std::chrono::duration<double>(Clock::now() - start).count();
    if (progress) progress(result, steps);
  }
  require_finite_state(epoch);
  if (result.complete) epochs_done_ = epoch + 1;
  return result;
}

void Fp32Trainer::diverged(int epoch, const std::string& where) const {
  throw Error(
      fmt::format("network {}: FP32 training left the finite numbers in epoch {}: {}; a smaller learning rate "
                  "may keep it there",
                  network_.name, epoch + 1, where));
}

void Fp32Trainer::require_finite_loss(double loss, int epoch, std::int64_t step, std::int64_t steps) const {
  if (!std::isfinite(loss)) diverged(epoch, fmt::format("the loss of step {} of {} is {}", step + 1, steps, loss));
}

/// A ReLU turns what is not a number into 0, so the loss alone does not tell.
void Fp32Trainer::require_finite_state(int epoch) const {
  graph_.for_tensors(
      [&](const std::string& name, const std::vector<std::int64_t>&, const std::vector<float>& values, bool) {
        const auto bad = std::find_if(values.begin(), values.end(), [](float value) { return !std::isfinite(value); });
        if (bad == values.end()) return;
        diverged(epoch, fmt::format("element {} of {} is {}", bad - values.begin(), name, *bad));
      });
}

Evaluation Fp32Trainer::evaluate(const Dataset& data) {
  require_fit(network_, data);
  const fp32::SingleThreadedLibrary single;
  std::vector<std::uint32_t> order(data.labels.size());
  std::iota(order.begin(), order.end(), 0U);
  Evaluation result;
  for (std::int64_t first = 0; first < data.size(); first += graph_.batch()) {
    const int rows = static_cast<int>(std::min<std::int64_t>(graph_.batch(), data.size() - first));
    graph_.load(data, order.data() + first, rows);
    const fp32::LossSums sums = graph_.evaluate();
    if (!std::isfinite(sums.loss)) {
      throw Error(fmt::format("network {}: the FP32 loss of {} from image {} on is {}: the parameters are too large",
                              network_.name, data.name, first, sums.loss));
    }
    result.loss += sums.loss;
    result.correct += sums.correct;
  }
  result.samples = data.size();
  if (result.samples > 0) {
    result.loss /= static_cast<double>(result.samples);
    result.accuracy = static_cast<double>(result.correct) / static_cast<double>(result.samples);
  }
  return result;
}

void Fp32Trainer::save(const std::string& file) const {
  Checkpoint checkpoint;
  identity_.write(checkpoint);
  checkpoint.epoch = epochs_done_;
  checkpoint.step = steps_done_;
  graph_.for_tensors([&](const std::string& name, const std::vector<std::int64_t>& shape,
                         const std::vector<float>& values,
                         bool) { checkpoint.tensors[name] = npy_from<float>(shape, values); });
  write_checkpoint(file, checkpoint);
}

Checkpoint Fp32Trainer::open(const std::string& file) const {
  Checkpoint checkpoint = read_checkpoint(file);
  if (checkpoint.network != network_.name) {
    throw Error(fmt::format("{}: network: expected {}, got {}", file, network_.name, checkpoint.network));
  }
  return checkpoint;
}

void Fp32Trainer::take(const Checkpoint& checkpoint, const std::string& file, bool with_velocity) {
  graph_.for_tensors(
      [&](const std::string& name, const std::vector<std::int64_t>& shape, std::vector<float>& values, bool parameter) {
        if (parameter || with_velocity) {
          values = checkpoint_reals(checkpoint, file, name, shape);
          if (name.ends_with(".running_variance")) require_variance(values, file, name);
        } else {
          std::fill(values.begin(), values.end(), 0.0F);
        }
      });
}

std::vector<std::string> Fp32Trainer::resume(const std::string& file, const ResumeDifferences& allowed) {
  const Checkpoint checkpoint = read_checkpoint(file);
  RunIdentity identity = identity_;
  std::vector<std::string> said = identity.resume(checkpoint, file, allowed);
  take(checkpoint, file, true);
  identity_ = identity;
  epochs_done_ = checkpoint.epoch;
  steps_done_ = checkpoint.step;
  return said;
}

void Fp32Trainer::init_from(const std::string& file) {
  take(open(file), file, false);
  identity_.restart();
  epochs_done_ = 0;
  steps_done_ = 0;
}

void Fp32Trainer::dump(const std::string& folder) const {
  graph_.for_tensors(
      [&](const std::string& name, const std::vector<std::int64_t>& shape, const std::vector<float>& values, bool) {
        write_npy((std::filesystem::path(folder) / (name + ".npy")).string(), npy_from<float>(shape, values));
      });
}

}  // namespace

std::unique_ptr<Trainer> make_fp32_trainer(const Network& network, const Hyper& hyper, const TrainOptions& options,
                                           Normalization normalization) {
  Recipe recipe;
  recipe.fp32 = true;
  recipe.normalization = normalization;
  require_batch(network, recipe, training_graph(network, recipe), options.batch);
  return std::make_unique<Fp32Trainer>(network, hyper, options, normalization);
}

}  // namespace bitloom
