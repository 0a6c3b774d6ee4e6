// FP32 training of whole convolutional networks: gradients against finite differences of a loss computed here in
// double, from the definitions alone and forward only, so that no backward formula is stated twice.
#include <algorithm>
#include <cmath>
#include <map>

#include "model/data/glyphs.hpp"
#include "model/fp32/graph.hpp"
#include "model/io/checkpoint.hpp"
#include "model/train/trainer.hpp"
#include "testbench/model/fp32/reference_loss.hpp"
#include "testbench/model/support.hpp"

namespace bitloom {
namespace {

using test::Batch;
using test::error_of;
using test::loss_of;
using test::Parameters;
using test::TemporaryFolder;
using test::Values;
using testing::HasSubstr;

// A smooth pattern without equal values, so that no maximum and no ReLU stands on an edge.
std::vector<float> pattern(std::int64_t count) {
  std::vector<float> values;
  for (std::int64_t i = 0; i < count; ++i) {
    const auto x = static_cast<double>(i);
    values.push_back(static_cast<float>(std::sin(0.37 * x * x + 0.1) + 0.3 * std::cos(1.7 * x)));
  }
  return values;
}

// The slope of the loss by one parameter. Between ±1e-7 hardly any ReLU or maximum changes over.
template <class Loss>
double slope(double& parameter, const Loss& loss) {
  constexpr double kStep = 1e-7;
  const double before = parameter;
  parameter = before + kStep;
  const double up = loss();
  parameter = before - kStep;
  const double down = loss();
  parameter = before;
  return (up - down) / (2.0 * kStep);
}

struct Case {
  const char* network;
  Normalization normalization;
  int batch;
};

class Fp32Gradients : public testing::TestWithParam<Case> {};

// Difference quotients in double are good to 1e-16 · loss / 1e-7 = 1e-8. Rounding in float32 through 12 layers forward
// and back, each a sum of up to 100 terms, gives in the usual case sqrt(24 · 100) · 2^-24 = 3e-6 of a tensor's largest
// gradient; measured on three instruction sets: at most 1.2e-6. A wrong formula is off by its terms' own size. Below
// 0.1 all gradients of a tensor may be rounding (those of a bias in front of a normalization).
constexpr double kTolerance = 1e-5;

TEST_P(Fp32Gradients, AgreeWithFiniteDifferences) {
  const Case& chosen = GetParam();
  const bool whole_layer = chosen.normalization == Normalization::kLayerBatch;
  const Network network = read_network(test::source_file(std::string("traces/networks/") + chosen.network + ".json"));
  fp32::Graph graph(network, Hyper{}, {1, chosen.batch, 4, 1}, chosen.normalization);
  std::map<std::string, std::size_t> index;
  std::vector<Parameters> parameters;
  for (const NodeParameters& initial : initial_parameters(network, 4)) {
    index[network.nodes[parameters.size()].name] = parameters.size();
    Parameters& own = parameters.emplace_back(initial);
    for (std::size_t c = 0; c < own.gamma.size(); ++c) {  // gamma 1 and beta 0 would hide mistakes
      own.gamma[c] = 0.75 + 0.125 * static_cast<double>(c);
      own.beta[c] = 0.25 - 0.0625 * static_cast<double>(c);
    }
  }
  const auto own = [&](const std::string& name) -> Values& {
    const std::size_t dot = name.find('.');
    return parameters[index.at(name.substr(0, dot))][name.substr(dot + 1)];
  };
  graph.for_tensors([&](const std::string& name, const auto&, std::vector<float>& values, bool parameter) {
    if (parameter && name.find(".running_") == std::string::npos) values.assign(own(name).begin(), own(name).end());
  });
  const std::vector<float> x = pattern(chosen.batch * element_count(network.input));
  std::vector<std::uint8_t> labels;
  for (int i = 0; i < chosen.batch; ++i) labels.push_back(static_cast<std::uint8_t>(i * 3 % 5));
  const Batch input{chosen.batch, network.input, {x.begin(), x.end()}};
  const auto loss = [&] { return loss_of(network, parameters, input, labels, whole_layer); };

  graph.load(x.data(), labels.data(), chosen.batch);
  const fp32::LossSums sums = graph.train(0.0F);  // leaves the parameters; the velocity becomes the gradient
  EXPECT_NEAR(sums.loss / chosen.batch, loss(), 1e-5);
  int compared = 0;
  graph.for_tensors([&](const std::string& name, const auto&, std::vector<float>& values, bool parameter) {
    if (parameter) return;
    Values& changed = own(name.substr(0, name.size() - std::string("_velocity").size()));
    ASSERT_EQ(values.size(), changed.size()) << name;
    double largest = 0.1;
    for (const float value : values) largest = std::max(largest, static_cast<double>(std::abs(value)));
    for (std::size_t i = 0; i < values.size(); ++i) {
      EXPECT_NEAR(values[i], slope(changed[i], loss), kTolerance * largest) << name << " " << i;
      ++compared;
    }
  });
  EXPECT_GT(compared, 300);
}

// Batches of less than one part, of one and a piece, and of several.
INSTANTIATE_TEST_SUITE_P(Networks, Fp32Gradients,
                         testing::Values(Case{"conv_small", Normalization::kBatch, 7},
                                         Case{"conv_small", Normalization::kLayerBatch, 7},
                                         Case{"conv_small", Normalization::kBatch, 37},
                                         Case{"conv_ops", Normalization::kBatch, 6},
                                         Case{"conv_ops", Normalization::kLayerBatch, 17}),
                         [](const auto& each) {
                           return std::string(each.param.network) +
                                  (each.param.normalization == Normalization::kBatch ? "_bn_" : "_lbn_") +
                                  std::to_string(each.param.batch);
                         });

Hyper hyper() {
  Hyper result;
  result.momentum = 0.9;
  result.learning_rate.base = 0.05;
  result.input = {73, 0.353};
  return result;
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

Dataset images_for(const Network& network, int count) {
  Dataset data = generate_flat(count, static_cast<int>(element_count(network.input)), 5, 3);
  data.channels = network.input[0];
  data.rows = network.input[1];
  data.cols = network.input[2];
  return data;
}

Network conv_small() { return read_network(test::source_file("traces/networks/conv_small.json")); }

TEST(Fp32Graph, ThreadsChangeNoBit) {
  for (const char* name : {"conv_small", "conv_ops"}) {
    const Network network = read_network(test::source_file(std::string("traces/networks/") + name + ".json"));
    const Dataset data = images_for(network, 300);
    const auto one = make_fp32_trainer(network, hyper(), {1, 75, 1, 1});
    const EpochResult first = one->run_epoch(data, 0, {});
    for (const int threads : {2, 5}) {
      const auto several = make_fp32_trainer(network, hyper(), {1, 75, 1, threads});
      EXPECT_EQ(several->run_epoch(data, 0, {}).loss, first.loss);
      expect_same_bits(*one, *several);
      EXPECT_EQ(several->evaluate(data).loss, one->evaluate(data).loss);
    }
  }
}

TEST(Fp32Graph, ResumeContinuesWithTheSameBits) {
  TemporaryFolder folder;
  const Dataset data = images_for(conv_small(), 200);
  const auto whole = make_fp32_trainer(conv_small(), hyper(), {2, 20, 9, 1}, Normalization::kLayerBatch);
  whole->run_epoch(data, 0, {});
  whole->save(folder / "one.npz");
  whole->run_epoch(data, 1, {});
  const auto resumed = make_fp32_trainer(conv_small(), hyper(), {2, 20, 9, 1}, Normalization::kLayerBatch);
  resumed->resume(folder / "one.npz");
  resumed->run_epoch(data, 1, {});
  expect_same_bits(*whole, *resumed);
  EXPECT_EQ(whole->evaluate(data).loss, resumed->evaluate(data).loss);
}

TEST(Fp32Graph, EvaluationChangesNoStateAndUsesRunningValues) {
  const Dataset data = images_for(conv_small(), 60);
  const auto trainer = make_fp32_trainer(conv_small(), hyper(), {4, 20, 9, 1});
  const Checkpoint fresh = state_of(*trainer);
  EXPECT_THAT(npy_values<float>(fresh.tensors.at("bn1.running_mean"), ""), testing::Each(0.0F));
  EXPECT_THAT(npy_values<float>(fresh.tensors.at("bn1.running_variance"), ""), testing::Each(1.0F));
  for (int epoch = 0; epoch < 20; ++epoch) trainer->run_epoch(data, epoch % 4, {});
  const Checkpoint before = state_of(*trainer);
  const Evaluation whole = trainer->evaluate(data);
  const Checkpoint after = state_of(*trainer);
  for (const auto& [name, array] : before.tensors) EXPECT_EQ(array.bytes, after.tensors.at(name).bytes) << name;
  EXPECT_NE(before.tensors.at("bn1.running_mean").bytes, fresh.tensors.at("bn1.running_mean").bytes);
  // With running values a sample's loss does not depend on its neighbours.
  double loss = 0.0;
  for (std::int64_t i = 0; i < data.size(); ++i) {
    Dataset one = data;
    one.images.assign(data.image(i).begin(), data.image(i).end());
    one.labels = {data.labels[static_cast<std::size_t>(i)]};
    loss += trainer->evaluate(one).loss / static_cast<double>(data.size());
  }
  EXPECT_NEAR(loss, whole.loss, 1e-5);
}

TEST(Fp32Graph, CheckpointShapes) {
  const Checkpoint state = state_of(*make_fp32_trainer(conv_small(), hyper(), {1, 7, 1, 1}));
  using Extents = std::vector<std::int64_t>;
  EXPECT_EQ(state.tensors.at("conv1.weight").shape, (Extents{5, 3, 3, 2}));
  EXPECT_EQ(state.tensors.at("bn1.gamma_velocity").shape, (Extents{5}));
  EXPECT_EQ(state.tensors.at("bn1.running_variance").shape, (Extents{5}));
  EXPECT_EQ(state.tensors.at("fc.weight").shape, (Extents{5, 20}));
  EXPECT_EQ(state.tensors.count("conv1.bias"), 0U);
  const auto layer = make_fp32_trainer(conv_small(), hyper(), {1, 7, 1, 1}, Normalization::kLayerBatch);
  EXPECT_EQ(state_of(*layer).tensors.at("bn1.running_variance").shape, (Extents{1}));
  TemporaryFolder folder;
  layer->save(folder / "l.npz");
  EXPECT_THAT(error_of([&] {
                make_fp32_trainer(conv_small(), hyper(), {1, 7, 1, 1})->resume(folder / "l.npz");
              }),
              HasSubstr("recipe: expected the content of fp32 when the checkpoint was written, got fp32"));
}

TEST(Fp32Graph, NeedsALoss) {
  const Network network = read_network(JsonObject::from_text(
      R"({"name": "n", "input": [4], "layers": [{"name": "f", "op": "linear", "out": 2, "bias": true}]})", "n"));
  EXPECT_THAT(error_of([&] {
                make_fp32_trainer(network, hyper(), {1, 7, 1, 1});
              }),
              HasSubstr("network n: expected softmax_cross_entropy as its last layer"));
}

// A ReLU that is not the only reader, one on the input, a flatten of the input and sums into one gradient.
TEST(Fp32Graph, LearnsThroughUnusualGraphs) {
  const Network network = read_network(JsonObject::from_text(
      R"({"name": "n", "input": [1, 4, 4], "layers": [
          {"name": "f", "op": "flatten"}, {"name": "r", "op": "relu"},
          {"name": "fc1", "op": "linear", "out": 9, "bias": true}, {"name": "r1", "op": "relu"},
          {"name": "sum", "op": "add", "inputs": ["fc1", "r1"]},
          {"name": "fc2", "op": "linear", "out": 5, "bias": true}, {"name": "loss", "op": "softmax_cross_entropy"}]})",
      "n"));
  fp32::Graph graph(network, Hyper{}, {1, 6, 4, 1}, Normalization::kBatch);
  std::vector<Parameters> parameters;
  for (const NodeParameters& initial : initial_parameters(network, 4)) parameters.emplace_back(initial);
  const std::vector<float> x = pattern(6 * 16);
  const std::vector<std::uint8_t> labels{0, 1, 2, 3, 4, 0};
  graph.load(x.data(), labels.data(), 6);
  graph.train(0.0F);
  const Batch input{6, network.input, {x.begin(), x.end()}};
  const auto loss = [&] { return loss_of(network, parameters, input, labels, false); };
  graph.for_tensors([&](const std::string& name, const auto&, std::vector<float>& values, bool) {
    if (name != "fc1.weight_velocity") return;
    for (std::size_t i = 0; i < values.size(); ++i) {
      ASSERT_NEAR(values[i], slope(parameters[2].weight[i], loss), kTolerance * 0.1) << i;
    }
  });
}

TEST(Fp32Graph, ANetworkMustEndInItsLoss) {
  Network network = read_network(test::source_file("traces/networks/mlp_odd.json"));
  network.nodes.pop_back();
  EXPECT_THAT(error_of([&] {
                make_fp32_trainer(network, {}, {1, 4, 1, 1}, Normalization::kBatch);
              }),
              HasSubstr("expected softmax_cross_entropy as its last layer"));
}

}  // namespace
}  // namespace bitloom
