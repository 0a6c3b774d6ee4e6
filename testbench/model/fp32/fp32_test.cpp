#include <cmath>
#include <random>

#include "model/data/glyphs.hpp"
#include "model/data/order.hpp"
#include "model/fp32/kernels.hpp"
#include "model/io/checkpoint.hpp"
#include "model/io/interrupt.hpp"
#include "model/network/init.hpp"
#include "model/train/trainer.hpp"
#include "testbench/model/perceptron.hpp"
#include "testbench/model/support.hpp"

namespace bitloom {
namespace {

using test::error_of;
using test::TemporaryFolder;
using testing::HasSubstr;

Network odd_network() { return read_network(test::source_file("traces/networks/mlp_odd.json")); }

Hyper hyper() {
  Hyper result;
  result.momentum = 0.9;
  result.learning_rate.base = 0.05;
  result.input = {73, 0.353};
  return result;
}

TrainOptions options(int threads = 1, std::uint64_t seed = 1) { return {2, 19, seed, threads}; }

// Training of layers one behind the other in double, one sample and one element at a time, from the formulas alone.
struct Reference {
  struct Layer {
    test::LinearLayer facts;
    std::vector<double> weight, bias, weight_velocity, bias_velocity;
  };
  std::vector<Layer> layers;
  double loss = 0.0;

  Reference(const Network& network, std::uint64_t seed) {
    const std::vector<test::LinearLayer> facts = test::linear_layers(network);
    for (const NodeParameters& initial : initial_parameters(network, seed)) {
      if (initial.weight.empty()) continue;
      layers.push_back({facts[layers.size()],
                        {initial.weight.begin(), initial.weight.end()},
                        {initial.bias.begin(), initial.bias.end()},
                        std::vector<double>(initial.weight.size()),
                        std::vector<double>(initial.bias.size())});
    }
  }

  std::vector<std::vector<double>> forward(const std::vector<double>& input) const {
    std::vector<std::vector<double>> values{input};
    for (const Layer& layer : layers) {
      std::vector<double> result(layer.bias);
      for (std::size_t o = 0; o < result.size(); ++o) {
        for (std::size_t i = 0; i < values.back().size(); ++i) {
          result[o] += layer.weight[o * values.back().size() + i] * values.back()[i];
        }
        if (layer.facts.relu) result[o] = std::max(result[o], 0.0);
      }
      values.push_back(result);
    }
    return values;
  }

  static double cross_entropy(const std::vector<double>& logits, std::size_t label) {
    double total = 0.0;
    for (const double logit : logits) total += std::exp(logit);
    return std::log(total) - logits[label];
  }

  void step(const Dataset& data, const std::uint32_t* indices, int batch, const Hyper& with) {
    for (Layer& layer : layers) {
      for (double& v : layer.weight_velocity) v *= with.momentum;
      for (double& v : layer.bias_velocity) v *= with.momentum;
    }
    for (int sample = 0; sample < batch; ++sample) add_sample(data, indices[sample], batch, with);
    for (Layer& layer : layers) {
      for (std::size_t i = 0; i < layer.weight.size(); ++i)
        layer.weight[i] -= with.learning_rate.base * layer.weight_velocity[i];
      for (std::size_t i = 0; i < layer.bias.size(); ++i)
        layer.bias[i] -= with.learning_rate.base * layer.bias_velocity[i];
    }
  }

  void add_sample(const Dataset& data, std::uint32_t index, int batch, const Hyper& with) {
    std::vector<double> input;
    for (const std::uint8_t pixel : data.image(index))
      input.push_back((pixel - 73) / 255.0 / with.input.standard_deviation);
    const auto values = forward(input);
    const std::size_t label = data.labels[index];
    loss += cross_entropy(values.back(), label);
    std::vector<double> gradient;
    for (std::size_t i = 0; i < values.back().size(); ++i) {
      gradient.push_back((std::exp(-cross_entropy(values.back(), i)) - (i == label ? 1.0 : 0.0)) / batch);
    }
    for (std::size_t l = layers.size(); l-- > 0;) {
      Layer& layer = layers[l];
      const std::size_t in = values[l].size();
      std::vector<double> below(in, 0.0);
      for (std::size_t o = 0; o < gradient.size(); ++o) {
        layer.bias_velocity[o] += gradient[o];
        for (std::size_t i = 0; i < in; ++i) {
          layer.weight_velocity[o * in + i] += gradient[o] * values[l][i];
          if (values[l][i] > 0.0) below[i] += gradient[o] * layer.weight[o * in + i];
        }
      }
      gradient = below;  // the mask is meaningless for the first layer, whose result nobody uses
    }
  }
};

void expect_near(const Checkpoint& state, const std::string& name, const std::vector<double>& expected) {
  const auto values = npy_values<float>(state.tensors.at(name), name);
  ASSERT_EQ(values.size(), expected.size()) << name;
  for (std::size_t i = 0; i < values.size(); ++i) ASSERT_NEAR(values[i], expected[i], 2e-5) << name << " " << i;
}

Checkpoint state_of(const Trainer& trainer) {
  TemporaryFolder folder;
  trainer.save(folder / "state.npz");
  return read_checkpoint(folder / "state.npz");
}

void expect_same_bits(const Trainer& a, const Trainer& b) {
  const Checkpoint left = state_of(a);
  const Checkpoint right = state_of(b);
  ASSERT_EQ(left.tensors.size(), right.tensors.size());
  for (const auto& [name, array] : left.tensors) EXPECT_EQ(array.bytes, right.tensors.at(name).bytes) << name;
}

class Fp32Formulas : public testing::TestWithParam<int> {};

TEST_P(Fp32Formulas, AreFollowed) {
  const int batch = GetParam();
  const Network network = odd_network();
  const Dataset data = generate_flat(batch * 5 + 7, 61, 10, 4);  // the incomplete last batch is not used
  const auto trainer = make_fp32_trainer(network, hyper(), {2, batch, 1, 1});
  const EpochResult result = trainer->run_epoch(data, 0, {});
  EXPECT_EQ(result.steps, 5);
  EXPECT_EQ(result.samples, 5 * batch);

  Reference reference(network, 1);
  const auto order = epoch_order(static_cast<std::uint32_t>(data.size()), 1, 0);
  for (int step = 0; step < 5; ++step) reference.step(data, order.data() + step * batch, batch, hyper());
  EXPECT_NEAR(result.loss, reference.loss / (5 * batch), 1e-5);
  const Checkpoint state = state_of(*trainer);
  EXPECT_EQ(state.step, 5);
  EXPECT_EQ(state.epoch, 1);
  for (const auto& layer : reference.layers) {
    expect_near(state, layer.facts.name + ".weight", layer.weight);
    expect_near(state, layer.facts.name + ".bias", layer.bias);
    expect_near(state, layer.facts.name + ".weight_velocity", layer.weight_velocity);
    expect_near(state, layer.facts.name + ".bias_velocity", layer.bias_velocity);
  }

  const Evaluation evaluation = trainer->evaluate(data);
  double loss = 0.0;
  std::int64_t correct = 0;
  for (std::int64_t i = 0; i < data.size(); ++i) {
    std::vector<double> input;
    for (const std::uint8_t pixel : data.image(i)) input.push_back((pixel - 73) / 255.0 / 0.353);
    const std::vector<double> logits = reference.forward(input).back();
    const std::size_t label = data.labels[static_cast<std::size_t>(i)];
    loss += Reference::cross_entropy(logits, label);
    correct +=
        std::max_element(logits.begin(), logits.end()) - logits.begin() == static_cast<std::ptrdiff_t>(label) ? 1 : 0;
  }
  EXPECT_EQ(evaluation.samples, data.size());
  EXPECT_NEAR(evaluation.loss, loss / static_cast<double>(data.size()), 1e-4);
  EXPECT_EQ(evaluation.correct, correct);
  EXPECT_EQ(evaluation.accuracy, static_cast<double>(correct) / static_cast<double>(data.size()));
}

// One part of rows, and three of which the last is ragged.
INSTANTIATE_TEST_SUITE_P(Batches, Fp32Formulas, testing::Values(19, 150));

TEST(Fp32, ThreadsChangeNoBit) {
  const Network network = read_network(test::source_file("traces/networks/mlp.json"));
  const Dataset data = generate_glyphs(512, 2);
  const auto one = make_fp32_trainer(network, hyper(), {1, 128, 1, 1});
  const EpochResult first = one->run_epoch(data, 0, {});
  for (const int threads : {2, 3}) {
    const auto several = make_fp32_trainer(network, hyper(), {1, 128, 1, threads});
    const EpochResult result = several->run_epoch(data, 0, {});
    EXPECT_EQ(result.loss, first.loss);
    expect_same_bits(*one, *several);
    EXPECT_EQ(several->evaluate(data).loss, one->evaluate(data).loss);
  }
}

TEST(Fp32, ResumeContinuesWithTheSameBits) {
  TemporaryFolder folder;
  const Dataset data = generate_flat(200, 61, 10, 4);
  const auto whole = make_fp32_trainer(odd_network(), hyper(), options(1, 9));
  whole->run_epoch(data, 0, {});
  whole->save(folder / "one.npz");
  whole->run_epoch(data, 1, {});
  const auto resumed = make_fp32_trainer(odd_network(), hyper(), options(1, 9));
  resumed->resume(folder / "one.npz");
  EXPECT_EQ(resumed->epochs_done(), 1);
  resumed->run_epoch(data, 1, {});
  expect_same_bits(*whole, *resumed);
}

TEST(Fp32, InitTakesParametersOnly) {
  TemporaryFolder folder;
  const Dataset data = generate_flat(200, 61, 10, 4);
  const auto source = make_fp32_trainer(odd_network(), hyper(), options());
  source->run_epoch(data, 0, {});
  source->save(folder / "s.npz");
  const auto target = make_fp32_trainer(odd_network(), hyper(), options(1, 2));
  target->init_from(folder / "s.npz");
  EXPECT_EQ(target->epochs_done(), 0);
  const Checkpoint a = state_of(*source);
  const Checkpoint b = state_of(*target);
  EXPECT_EQ(a.tensors.at("fc2.weight").bytes, b.tensors.at("fc2.weight").bytes);
  EXPECT_THAT(npy_values<float>(b.tensors.at("fc2.weight_velocity"), ""), testing::Each(0.0F));
}

TEST(Fp32, DumpWritesEveryTensor) {
  TemporaryFolder folder;
  const auto trainer = make_fp32_trainer(odd_network(), hyper(), options());
  trainer->dump(folder.path());
  EXPECT_EQ(read_npy(folder / "fc2.weight.npy").shape, (std::vector<std::int64_t>{23, 37}));
  EXPECT_EQ(read_npy(folder / "fc3.bias_velocity.npy").shape, (std::vector<std::int64_t>{10}));
  EXPECT_THAT(error_of([&] { trainer->dump(folder / "none"); }), HasSubstr("none"));
}

TEST(Fp32, InterruptEndsBetweenSteps) {
  const Dataset data = generate_flat(200, 61, 10, 4);
  const auto trainer = make_fp32_trainer(odd_network(), hyper(), options());
  const EpochResult result = trainer->run_epoch(data, 0, [](const EpochResult& so_far, std::int64_t steps) {
    EXPECT_EQ(steps, 10);
    if (so_far.steps == 3) set_interrupted(true);
  });
  set_interrupted(false);
  EXPECT_FALSE(result.complete);
  EXPECT_EQ(result.steps, 3);
  EXPECT_EQ(trainer->epochs_done(), 0);
}

TEST(Fp32, Errors) {
  TemporaryFolder folder;
  const auto trainer = make_fp32_trainer(odd_network(), hyper(), options());
  EXPECT_THAT(error_of([&] { trainer->run_epoch(generate_flat(18, 61, 10, 4), 0, {}); }),
              HasSubstr("18 images, expected at least a batch of 19"));
  EXPECT_THAT(error_of([&] { trainer->run_epoch(generate_glyphs(19, 1), 0, {}); }),
              HasSubstr("784 pixels (28×28), but network mlp_odd expects 61 inputs"));
  Checkpoint state = state_of(*trainer);
  state.recipe = "int8";
  state.content.reset();  // as before checkpoints said of which content their run was
  write_checkpoint(folder / "int8.npz", state);
  EXPECT_THAT(error_of([&] { trainer->resume(folder / "int8.npz"); }), HasSubstr("recipe: expected fp32, got int8"));
  trainer->init_from(folder / "int8.npz");
  state.network = "mlp";
  write_checkpoint(folder / "mlp.npz", state);
  EXPECT_THAT(error_of([&] { trainer->init_from(folder / "mlp.npz"); }),
              HasSubstr("network: expected mlp_odd, got mlp"));
  state.network = "mlp_odd";
  state.tensors.erase("fc3.bias");
  write_checkpoint(folder / "part.npz", state);
  EXPECT_THAT(error_of([&] { trainer->init_from(folder / "part.npz"); }), HasSubstr("tensor fc3.bias is missing"));
}

TEST(Fp32Kernels, SoftmaxIsStableAndTakesTheFirstMaximum) {
  const std::vector<float> logits{1000.0F, 1000.0F, -1000.0F, 0.0F, 5.0F, 5.0F};
  const std::vector<std::uint8_t> labels{0, 0};
  std::vector<float> gradient(6);
  const auto sums = fp32::softmax_cross_entropy(logits.data(), labels.data(), 2, 3, 2.0F, gradient.data());
  EXPECT_EQ(sums.correct, 1);
  EXPECT_NEAR(sums.loss, std::log(2.0) + 5.0 + std::log(2.0 + std::exp(-5.0)), 1e-6);
  EXPECT_THAT(gradient[0], testing::FloatNear(-0.25F, 1e-6F));
  EXPECT_THAT(gradient[1], testing::FloatNear(0.25F, 1e-6F));
  EXPECT_EQ(gradient[2], 0.0F);
}

TEST(Fp32Kernels, BiasAndReluByElement) {
  constexpr std::int64_t kRows = 3, kColumns = 37;
  std::mt19937 random(2);
  std::normal_distribution<float> normal;
  std::vector<float> y(kRows * kColumns), bias(kColumns);
  for (float& value : y) value = normal(random);
  for (float& value : bias) value = normal(random);
  for (const bool with_bias : {false, true}) {
    for (const bool relu : {false, true}) {
      std::vector<float> made = y;
      fp32::add_bias(with_bias ? bias.data() : nullptr, relu, kRows, kColumns, made.data());
      for (std::size_t i = 0; i < y.size(); ++i) {
        const float sum = with_bias ? y[i] + bias[i % kColumns] : y[i];
        EXPECT_EQ(made[i], relu ? std::max(sum, 0.0F) : sum) << i << " " << with_bias << relu;
      }
    }
  }
}

}  // namespace
}  // namespace bitloom
