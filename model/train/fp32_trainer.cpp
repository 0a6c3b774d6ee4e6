#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <numeric>

#include "model/data/order.hpp"
#include "model/fp32/engine.hpp"
#include "model/io/checkpoint.hpp"
#include "model/io/error.hpp"
#include "model/io/interrupt.hpp"
#include "model/network/training_graph.hpp"
#include "model/train/trainer.hpp"

namespace bitloom {

namespace {

using Clock = std::chrono::steady_clock;

class Fp32Trainer final : public Trainer {
 public:
  Fp32Trainer(const Network& network, const Hyper& hyper, const TrainOptions& options, Normalization normalization)
      : network_(network), hyper_(hyper), options_(options), graph_(network, hyper, options, normalization) {}

  EpochResult run_epoch(const Dataset& train, int epoch, const Progress& progress) override;
  Evaluation evaluate(const Dataset& data) override;
  int epochs_done() const override { return epochs_done_; }
  void save(const std::string& file) const override;
  void resume(const std::string& file) override;
  void init_from(const std::string& file) override;
  void dump(const std::string& folder) const override;

 private:
  Checkpoint open(const std::string& file) const;
  void take(const Checkpoint& checkpoint, const std::string& file, bool with_velocity);

  Network network_;
  Hyper hyper_;
  TrainOptions options_;
  fp32::Graph graph_;
  int epochs_done_ = 0;
  std::int64_t steps_done_ = 0;
  std::int64_t train_images_ = 0;  ///< of the run; 0 before its first epoch
};

EpochResult Fp32Trainer::run_epoch(const Dataset& train, int epoch, const Progress& progress) {
  require_fit(network_, train);
  require_same_images(train_images_, train.size());
  train_images_ = train.size();
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
  if (result.complete) epochs_done_ = epoch + 1;
  return result;
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
  Checkpoint checkpoint{"fp32", network_.name,  options_.seed, epochs_done_, steps_done_,
                        {},     graph_.batch(), train_images_};
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
          values = npy_values<float>(checkpoint_tensor(checkpoint, file, name, NpyType::kFloat32, shape), name);
        } else {
          std::fill(values.begin(), values.end(), 0.0F);
        }
      });
}

void Fp32Trainer::resume(const std::string& file) {
  const Checkpoint checkpoint = open(file);
  if (checkpoint.recipe != "fp32") {
    throw Error(fmt::format("{}: recipe: expected fp32, got {}", file, checkpoint.recipe));
  }
  require_same_run(checkpoint, file, options_.seed, graph_.batch());
  take(checkpoint, file, true);
  train_images_ = checkpoint.train_images;
  epochs_done_ = checkpoint.epoch;
  steps_done_ = checkpoint.step;
}

void Fp32Trainer::init_from(const std::string& file) {
  take(open(file), file, false);
  epochs_done_ = 0;
  steps_done_ = 0;
  train_images_ = 0;
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
