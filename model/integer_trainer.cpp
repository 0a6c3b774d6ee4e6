#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <filesystem>
#include <numeric>

#include "model/checkpoint.hpp"
#include "model/error.hpp"
#include "model/golden_step.hpp"
#include "model/input.hpp"
#include "model/interrupt.hpp"
#include "model/order.hpp"
#include "model/output_file.hpp"
#include "model/trainer.hpp"

namespace bitloom {
namespace {

using Clock = std::chrono::steady_clock;
using Tensors = std::map<std::string, NpyArray>;

/// Reports are in nats a sample (N7.4).
double nats(double bits16, std::int64_t samples) {
  return samples == 0 ? 0.0 : bits16 * std::log(2.0) / 65536.0 / static_cast<double>(samples);
}

double share(std::int64_t part, std::int64_t whole) {
  return whole == 0 ? 0.0 : static_cast<double>(part) / static_cast<double>(whole);
}

/// Input-major and output-major copies of a tensor's shape.
struct Shapes {
  explicit Shapes(const LinearLayer& layer) : state{layer.in, layer.out}, real{layer.out, layer.in}, bias{layer.out} {}
  std::vector<std::int64_t> state, real, bias;
};

NpyArray to_int16(const std::vector<std::int64_t>& shape, const std::vector<std::int32_t>& values) {
  const std::vector<std::int16_t> narrow(values.begin(), values.end());
  return npy_from<std::int16_t>(shape, narrow);
}

class IntegerTrainer final : public Trainer {
 public:
  IntegerTrainer(const Network& network, const Recipe& recipe, const Hyper& hyper, const TrainOptions& options);

  EpochResult run_epoch(const Dataset& train, int epoch, const Progress& progress) override;
  Evaluation evaluate(const Dataset& data) override;
  int epochs_done() const override { return epochs_done_; }
  void save(const std::string& file) const override;
  void resume(const std::string& file) override;
  void init_from(const std::string& file) override;
  void dump(const std::string& folder) const override;

 private:
  void load(const Dataset& data, const std::uint32_t* indices, int rows, Batch& batch) const;
  StepContext context(double learning_rate) const;
  std::vector<std::int32_t> formats() const;
  Tensors tensors() const;
  Checkpoint open(const std::string& file) const;

  Network network_;
  Chain chain_;
  Recipe recipe_;
  Hyper hyper_;
  TrainOptions options_;
  GoldenEngine engine_;
  TrainState state_;
  Batch batch_;  ///< the last one trained on
  std::array<std::int8_t, 256> codes_{};
  Scale scale_;           ///< of an input code
  double learning_rate_;  ///< of the last epoch that ran
  int epochs_done_ = 0;
};

IntegerTrainer::IntegerTrainer(const Network& network, const Recipe& recipe, const Hyper& hyper,
                               const TrainOptions& options)
    : network_(network),
      chain_(linear_chain(network)),
      recipe_(recipe),
      hyper_(hyper),
      options_(options),
      engine_(chain_, recipe, options.threads),
      state_(initial_state(chain_, recipe, initial_parameters(chain_, options.seed))),
      learning_rate_(hyper.learning_rate.base) {
  const int bits = layer_recipe(recipe, 0, static_cast<int>(chain_.size()), chain_.front().name).bits;
  codes_ = input_code_table(hyper.input, qmax(bits));
  scale_ = nearest_scale(input_code_value(hyper.input, qmax(bits)));
}

/// Copies samples `indices[0 … rows)` into the batch, as codes (N6.5).
void IntegerTrainer::load(const Dataset& data, const std::uint32_t* indices, int rows, Batch& batch) const {
  const auto width = static_cast<std::size_t>(data.pixels());
  batch.M = rows;
  batch.scale = scale_;
  batch.X.resize(static_cast<std::size_t>(rows) * width);
  batch.labels.resize(static_cast<std::size_t>(rows));
  for (std::size_t m = 0; m < batch.labels.size(); ++m) {
    const std::span<const std::uint8_t> image = data.image(indices[m]);
    std::int8_t* to = batch.X.data() + m * width;
    for (std::size_t i = 0; i < width; ++i) to[i] = codes_[image[i]];
    batch.labels[m] = data.labels[indices[m]];
  }
}

StepContext IntegerTrainer::context(double learning_rate) const {
  const auto mu16 = static_cast<std::uint32_t>(std::floor(65536.0 * hyper_.momentum + 0.5));
  return {options_.seed, state_.step, nearest_scale(learning_rate), mu16};
}

EpochResult IntegerTrainer::run_epoch(const Dataset& train, int epoch, const Progress& progress) {
  require_fit(network_, train);
  const std::int64_t steps = train.size() / options_.batch;
  if (steps == 0) {
    throw Error(
        fmt::format("{}: {} images, expected at least a batch of {}", train.name, train.size(), options_.batch));
  }
  const auto start = Clock::now();
  const std::vector<std::uint32_t> order = epoch_order(static_cast<std::uint32_t>(train.size()), options_.seed, epoch);
  EpochResult result;
  result.epoch = epoch;
  result.learning_rate = learning_rate_at(hyper_.learning_rate, epoch, options_.epochs);
  learning_rate_ = result.learning_rate;
  double loss = 0.0;
  std::int64_t correct = 0;
  for (std::int64_t i = 0; i < steps; ++i) {
    if (interrupted()) {
      result.complete = false;
      break;
    }
    load(train, order.data() + i * options_.batch, options_.batch, batch_);
    const StepContext now = context(result.learning_rate);
    if (state_.step == 0) engine_.calibrate(state_, batch_, now);
    const StepResult step = engine_.step(state_, batch_, now, nullptr);
    loss += step.loss;
    correct += step.correct;
    result.steps = i + 1;
    result.samples = result.steps * options_.batch;
    result.saturated += static_cast<std::int64_t>(step.saturated);
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
    const StepResult step = engine_.evaluate(state_, batch, context(learning_rate_));
    result.loss += step.loss;
    result.correct += step.correct;
  }
  result.samples = data.size();
  result.loss = nats(result.loss, result.samples);
  result.accuracy = share(result.correct, result.samples);
  return result;
}

/// What the bits of the state mean; a checkpoint of other formats is refused.
std::vector<std::int32_t> IntegerTrainer::formats() const {
  const UpdateRule& update = recipe_.update;
  return {update.master_bits,        update.master_frac_bits, update.momentum_bits,
          update.momentum_frac_bits, update.bias_bits,        update.bias_frac_bits};
}

/// The state, and the parameters as real numbers that every checkpoint holds.
Tensors IntegerTrainer::tensors() const {
  Tensors all;
  const std::vector<std::int32_t> formats_now = formats();
  all["formats"] = npy_from<std::int32_t>({6}, formats_now);
  const std::vector<LinearParameters> real = real_parameters(chain_, recipe_, state_);
  for (std::size_t l = 0; l < chain_.size(); ++l) {
    const LayerState& layer = state_.layers[l];
    const Shapes shapes(chain_[l]);
    const std::string name = chain_[l].name + ".";
    const std::vector<std::int32_t> scales{static_cast<std::int32_t>(word(layer.sx_next)),
                                           static_cast<std::int32_t>(word(layer.sd_next))};
    all[name + "weight"] = npy_from<float>(shapes.real, real[l].weight);
    all[name + "master"] = npy_from<std::int32_t>(shapes.state, layer.master);
    all[name + "momentum"] = to_int16(shapes.state, layer.momentum);
    all[name + "scales"] = npy_from<std::int32_t>({2}, scales);
    if (!chain_[l].bias) continue;
    all[name + "bias"] = npy_from<float>(shapes.bias, real[l].bias);
    all[name + "bias_fixed"] = npy_from<std::int32_t>(shapes.bias, layer.bias);
    all[name + "bias_momentum"] = to_int16(shapes.bias, layer.bias_momentum);
  }
  return all;
}

void IntegerTrainer::save(const std::string& file) const {
  write_checkpoint(file, {recipe_.name, network_.name, options_.seed, epochs_done_, state_.step, tensors()});
}

Checkpoint IntegerTrainer::open(const std::string& file) const {
  Checkpoint checkpoint = read_checkpoint(file);
  if (checkpoint.network != network_.name) {
    throw Error(fmt::format("{}: network: expected {}, got {}", file, network_.name, checkpoint.network));
  }
  return checkpoint;
}

void IntegerTrainer::resume(const std::string& file) {
  const Checkpoint from = open(file);
  if (from.recipe != recipe_.name) {
    throw Error(fmt::format("{}: recipe: expected {}, got {}", file, recipe_.name, from.recipe));
  }
  const auto read = [&]<class T>(T, const std::string& name, const std::vector<std::int64_t>& shape) {
    return npy_values<T>(checkpoint_tensor(from, file, name, NpyTypeOf<T>::value, shape), name);
  };
  if (read(std::int32_t{}, "formats", {6}) != formats()) {
    throw Error(fmt::format("{}: formats: not those of recipe {}", file, recipe_.name));
  }
  TrainState state = state_;
  for (std::size_t l = 0; l < chain_.size(); ++l) {
    LayerState& layer = state.layers[l];
    const Shapes shapes(chain_[l]);
    const std::string name = chain_[l].name + ".";
    layer.master = read(std::int32_t{}, name + "master", shapes.state);
    const std::vector<std::int16_t> momentum = read(std::int16_t{}, name + "momentum", shapes.state);
    layer.momentum.assign(momentum.begin(), momentum.end());
    const std::vector<std::int32_t> scales = read(std::int32_t{}, name + "scales", {2});
    layer.sx_next = from_word(static_cast<std::uint32_t>(scales[0]));
    layer.sd_next = from_word(static_cast<std::uint32_t>(scales[1]));
    layer.wmax = largest_magnitude(layer.master);
    if (!chain_[l].bias) continue;
    layer.bias = read(std::int32_t{}, name + "bias_fixed", shapes.bias);
    const std::vector<std::int16_t> bias_momentum = read(std::int16_t{}, name + "bias_momentum", shapes.bias);
    layer.bias_momentum.assign(bias_momentum.begin(), bias_momentum.end());
  }
  state.step = static_cast<std::uint32_t>(from.step);
  state_ = std::move(state);
  options_.seed = from.seed;
  epochs_done_ = from.epoch;
}

void IntegerTrainer::init_from(const std::string& file) {
  const Checkpoint from = open(file);
  std::vector<LinearParameters> parameters;
  for (const LinearLayer& layer : chain_) {
    const Shapes shapes(layer);
    const auto read = [&](const std::string& name, const std::vector<std::int64_t>& shape) {
      return npy_values<float>(checkpoint_tensor(from, file, name, NpyType::kFloat32, shape), name);
    };
    LinearParameters real;
    real.weight = read(layer.name + ".weight", shapes.real);
    if (layer.bias) real.bias = read(layer.name + ".bias", shapes.bias);
    parameters.push_back(std::move(real));
  }
  state_ = initial_state(chain_, recipe_, parameters);
  epochs_done_ = 0;
}

/// The state; and, once a batch was seen, in `step/` every tensor and scalar of the step that would follow with that
/// batch, run on a copy of the state.
void IntegerTrainer::dump(const std::string& folder) const {
  for (const auto& [name, array] : tensors()) {
    write_npy((std::filesystem::path(folder) / (name + ".npy")).string(), array);
  }
  if (batch_.M == 0) return;
  TrainState copy = state_;
  StepRecord record;
  GoldenEngine engine(chain_, recipe_, options_.threads);
  const StepContext next = context(learning_rate_);
  if (copy.step == 0) engine.calibrate(copy, batch_, next);
  engine.step(copy, batch_, next, &record);
  write_step_record(record, (std::filesystem::path(folder) / "step").string());
}

}  // namespace

std::unique_ptr<Trainer> make_integer_trainer(const Network& network, const Recipe& recipe, const Hyper& hyper,
                                              const TrainOptions& options) {
  if (options.batch < 1) throw Error(fmt::format("batch: expected at least 1, got {}", options.batch));
  return std::make_unique<IntegerTrainer>(network, recipe, hyper, options);
}

}  // namespace bitloom
