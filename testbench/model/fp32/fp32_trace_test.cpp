// Three recorded training steps (traces/oracle, made by PyTorch in float64) against fp32::Graph. The tolerance of each
// parameter comes from the same step in float64 with error bounds (error_bound.hpp), from the input to the update. A
// step's bounds start from how far parameters and velocities really are from the oracle's when it begins: bounds
// carried on from bounds grow sixtyfold a step, since they know no error that cancels another.
#include <algorithm>
#include <cmath>
#include <map>

#include "model/fp32/graph.hpp"
#include "testbench/model/fp32/error_bound.hpp"
#include "testbench/model/oracle.hpp"
#include "testbench/model/support.hpp"

namespace bitloom {
namespace {

using test::exactly;
using test::input;
using test::inputs;
using test::Near;
using test::NearConv;
using test::NearLoss;
using test::NearNorm;
using test::Nears;
using test::OracleArray;
using test::OracleCase;
using test::transposed;

constexpr int kBatch = 8;
constexpr std::size_t kSteps = 3;
constexpr double kShare = 0.1;  // of a batch in the running values
constexpr double kEps = 1e-5;

Network trace_network() {
  return read_network(JsonObject::from_text(R"({"name": "trace", "input": [1, 8, 8], "layers": [
      {"name": "0", "op": "conv2d", "out": 4, "kernel": 3, "stride": 2, "padding": 1, "bias": false},
      {"name": "1", "op": "batch_norm"}, {"name": "2", "op": "relu"}, {"name": "3", "op": "max_pool", "kernel": 2},
      {"name": "4", "op": "flatten"}, {"name": "5", "op": "linear", "out": 10, "bias": true},
      {"name": "6", "op": "softmax_cross_entropy"}]})",
                                            "trace"));
}

/// Ours and the trace's names.
const std::map<std::string, std::string> kNames{{"0.weight", "0_weight"},
                                                {"1.gamma", "1_weight"},
                                                {"1.beta", "1_bias"},
                                                {"1.running_mean", "1_running_mean"},
                                                {"1.running_variance", "1_running_var"},
                                                {"5.weight", "5_weight"},
                                                {"5.bias", "5_bias"}};

// The trace's flatten is channels, rows, columns; ours rows, columns, channels.
OracleArray in_our_order(const OracleCase& trace, const std::string& name, const std::string& tensor) {
  OracleArray array = trace[name];
  if (tensor == "0.weight") return array.channels_last();
  if (tensor != "5.weight") return array;
  array.shape = {10, 4, 2, 2};
  return array.channels_last();
}

/// The same training with bounds.
class NearTraining {
 public:
  std::map<std::string, Nears> parameters, velocities;

  Near step(const Nears& x, const std::vector<std::uint8_t>& labels) {
    const NearConv conv{{1, 4, {3, 3}, {2, 2}, {1, 1}, {1, 1}, 1, false}, {kBatch, 8, 8, 1}, {kBatch, 4, 4, 4}};
    const NearConv linear{{16, 10, {1, 1}, {1, 1}, {0, 0}, {1, 1}, 1, true}, {kBatch, 1, 1, 16}, {kBatch, 1, 1, 10}};
    const PoolAttributes pool{{2, 2}, {2, 2}, {0, 0}};
    const testing::Dims pooled{kBatch, 2, 2, 4};
    const Nears w = transposed(parameters["0.weight"], 4), fc = transposed(parameters["5.weight"], 10);
    const Nears &gamma = parameters["1.gamma"], &beta = parameters["1.beta"];
    const Nears z = conv.forward(x, w, {});
    const NearNorm norm(false, kEps, z, z, gamma, beta);
    Nears shown;
    for (const Near& y : norm.y) shown.push_back(relu(y));
    std::vector<std::vector<std::size_t>> taps(pooled.size());
    testing::for_taps(pool, conv.out, pooled, [&](std::size_t i, std::size_t o) { taps[o].push_back(i); });
    Nears a;
    std::vector<std::size_t> winners;
    for (const std::vector<std::size_t>& window : taps) {
      winners.push_back(*std::max_element(
          window.begin(), window.end(), [&](std::size_t i, std::size_t j) { return shown[i].value < shown[j].value; }));
      a.push_back(shown[winners.back()]);
    }
    const NearLoss loss(linear.forward(a, fc, parameters["5.bias"]), labels);

    const Nears da = linear.by_x(loss.gradient, fc);
    Nears dy(norm.y.size());
    for (std::size_t o = 0; o < taps.size(); ++o) {
      const Near best = shown[winners[o]];
      for (const std::size_t i : taps[o]) {
        // The gradient goes to the largest; to another one where they are too near to tell.
        const bool certain = best.value - shown[i].value > best.error + shown[i].error;
        if (i == winners[o]) dy[i] = behind_relu(norm.y[i], da[o]);
        if (i == winners[o] || certain) continue;
        dy[i] = behind_relu(norm.y[i], {0.0, std::fabs(da[o].value) + da[o].error});
        dy[winners[o]].error += std::fabs(da[o].value) * (best.value > best.error ? 1.0 : 0.0);
      }
    }
    const NearNorm back(false, kEps, z, dy, gamma, beta);
    const double rows = static_cast<double>(z.size() / gamma.size());
    for (std::size_t c = 0; c < gamma.size(); ++c) {
      Near& mean = parameters["1.running_mean"][c];
      Near& variance = parameters["1.running_variance"][c];
      mean = NearNorm::running(mean, norm.mean[c], kShare);
      variance = NearNorm::running(variance, norm.variance[c] * exactly(rows / (rows - 1.0)), kShare);
    }
    update("5.weight", transposed(linear.by_w(a, loss.gradient, fc.size()), fc.size() / 10));
    update("5.bias", linear.by_b(loss.gradient));
    update("1.gamma", back.dgamma);
    update("1.beta", back.dbeta);
    update("0.weight", transposed(conv.by_w(x, back.dx, w.size()), w.size() / 4));
    return loss.loss;
  }

 private:
  void update(const std::string& name, const Nears& gradient) {
    Nears &values = parameters[name], &velocity = velocities[name];
    velocity.resize(gradient.size());
    for (std::size_t i = 0; i < gradient.size(); ++i) {
      velocity[i] = f32(f32(input(0.9) * velocity[i]) + gradient[i]);
      values[i] = f32(values[i] - f32(input(0.1) * velocity[i]));
    }
  }
};

/// How far each value is from what it should be, in place of the bound on it.
void measure(const std::vector<float>& values, Nears& bounds) {
  ASSERT_EQ(values.size(), bounds.size());
  for (std::size_t i = 0; i < values.size(); ++i) bounds[i].error = std::abs(values[i] - bounds[i].value);
}

TEST(Fp32Oracle, TrainingSteps) {
  const OracleCase trace("train_trace.conv_bn_relu_pool_fc");
  Hyper hyper;
  hyper.momentum = 0.9;
  fp32::Graph graph(trace_network(), hyper, {1, kBatch, 1, 1}, Normalization::kBatch);
  NearTraining near;
  const auto visit = [&](const auto& body) {
    std::size_t seen = 0;
    graph.for_tensors([&](const std::string& name, const auto&, std::vector<float>& values, bool parameter) {
      if (!parameter) return;
      body(name, kNames.at(name), values);
      ++seen;
    });
    EXPECT_EQ(seen, kNames.size());
  };
  visit([&](const std::string& name, const std::string& theirs, std::vector<float>& values) {
    const OracleArray initial = in_our_order(trace, "init_" + theirs, name);
    ASSERT_EQ(values.size(), initial.values.size()) << name;
    values = initial.floats();
    near.parameters[name] = inputs(initial.values);
  });
  const OracleArray x = trace["x"];
  const std::vector<float> pixels = x.floats();
  const std::vector<double> labels = trace["labels"].values;
  const std::vector<std::uint8_t> classes(labels.begin(), labels.end());
  for (std::size_t step = 0; step < kSteps; ++step) {
    const std::size_t at = step * kBatch * 64;
    graph.load(pixels.data() + at, classes.data() + step * kBatch, kBatch);
    const fp32::LossSums sums = graph.train(0.1F);
    const auto first = x.values.begin() + static_cast<std::ptrdiff_t>(at);
    const Near loss = near.step(inputs({first, first + kBatch * 64}),
                                {classes.begin() + static_cast<std::ptrdiff_t>(step * kBatch),
                                 classes.begin() + static_cast<std::ptrdiff_t>((step + 1) * kBatch)});
    ASSERT_NEAR(loss.value, trace["loss"].values[step], 1e-3 * loss.error) << "in float64";
    EXPECT_NEAR(sums.loss / kBatch, trace["loss"].values[step], loss.error);
    visit([&](const std::string& name, const std::string& theirs, std::vector<float>& values) {
      const std::vector<double> want = in_our_order(trace, "after" + std::to_string(step) + "_" + theirs, name).values;
      const Nears& bound = near.parameters[name];
      ASSERT_EQ(want.size(), bound.size());
      double largest = 0.0, widest = 0.0;
      for (std::size_t i = 0; i < want.size(); ++i) {
        ASSERT_NEAR(bound[i].value, want[i], 1e-3 * bound[i].error) << name << " " << i << ", in float64";
        ASSERT_NEAR(values[i], want[i], bound[i].error) << name << " " << i << " after step " << step;
        largest = std::max(largest, std::abs(values[i] - want[i]) / bound[i].error);
        widest = std::max(widest, bound[i].error);
      }
      measure(values, near.parameters[name]);
      std::printf("step %zu, %s: bounds up to %.1e, largest error %.3f of its bound\n", step, name.c_str(), widest,
                  largest);
    });
    graph.for_tensors([&](const std::string& name, const auto&, std::vector<float>& values, bool parameter) {
      const std::string of = name.substr(0, name.find("_velocity"));
      if (!parameter) measure(values, near.velocities.at(of));
    });
  }
}

}  // namespace
}  // namespace bitloom
