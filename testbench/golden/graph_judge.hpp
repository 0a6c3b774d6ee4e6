#pragma once
// Whole steps of convolutional networks, by every recipe, against float64: each tensor of a recorded step is derived
// again from the real numbers that the tensors before it stand for, with the operations of real_ops.hpp, which know
// neither codes nor scales and are themselves held against finite differences. Sums of codes are exact in float64.
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <map>
#include <random>

#include "model/golden_step.hpp"
#include "model/real.hpp"
#include "model/traces.hpp"
#include "testbench/golden/cases.hpp"
#include "testbench/golden/real_ops.hpp"

namespace bitloom::testing {

/// Rounding of scales and of N12's factors (2^-16 each), a few of them in a row.
inline constexpr double kScaleError = 1e-4;
/// The same through N16: statistics of 15-bit values, a reciprocal root and six products.
inline constexpr double kNormError = 1e-3;

inline double largest(const Reals& values) {
  double max = 0.0;
  for (const double v : values) max = std::fmax(max, std::fabs(v));
  return max;
}

class GraphJudge {
 public:
  GraphJudge(const Network& network, const Recipe& recipe, int samples)
      : network_(network),
        recipe_(recipe),
        engine_(network, recipe, 2),
        state_(initial_state(network, recipe, initial_parameters(network, 5))),
        samples_(samples) {}

  void step(int number);

 private:
  Reals tensor(const std::string& name, double unit = 1.0) const {
    Reals result;
    const NamedTensor& of = record_.tensors.at(name);
    for (const std::int32_t value : of.values) result.push_back(value * unit);
    return result;
  }
  Reals real_words(const std::string& name) const {
    Reals result;
    for (const std::int32_t word : record_.tensors.at(name).values) {
      result.push_back(value(Real::from_word(static_cast<std::uint32_t>(word))));
    }
    return result;
  }
  bool has(const std::string& name) const { return record_.tensors.contains(name); }
  double scale(const std::string& name) const { return value(from_word(record_.scalars.at(name))); }

  /// The node whose raw output a node reads.
  int source(int node, std::size_t which = 0) const {
    int input = network_.nodes[static_cast<std::size_t>(node)].inputs[which];
    while (input != kNetworkInput && (of(input).op == Op::kRelu || of(input).op == Op::kFlatten)) {
      input = of(input).inputs[0];
    }
    return input;
  }
  const Node& of(int node) const { return network_.nodes[static_cast<std::size_t>(node)]; }
  double unit(int node) const {
    const bool layer = of(node).op == Op::kLinear || of(node).op == Op::kConv2d;
    return scale(of(node).name + (layer ? ".s_acc" : ".unit"));
  }
  Reals output(int node) const { return tensor(of(node).name + ".z_raw", unit(node)); }
  Reals gradient(int node) const { return tensor(of(node).name + ".d_raw", scale(of(node).name + ".dunit")); }
  Dims dims(int node) const { return dims_of(node == kNetworkInput ? network_.input : of(node).shape, samples_); }

  void near(const std::string& what, const Reals& got, const Reals& want, double tolerance) const;
  void behind_relu(int node, Reals& values) const;
  void deliver(int node, const Reals& contribution);

  void layer(int n);
  void codes_of_input(int n, const RecipeLayer& rule) const;
  void codes_of_weights(int n, const RecipeLayer& rule) const;
  void codes_of_gradient(int n, const RecipeLayer& rule) const;
  Reals gradient_view(int n, const RecipeLayer& rule, bool second) const;
  void backward_layer(int n);
  void weight_gradient(int n, const RecipeLayer& rule, const Reals& dw) const;
  void pool(int n);
  void norm(int n);
  void add(int n);
  int layer_number(int n) const;
  RecipeLayer rule(int n) const {
    const int layers = static_cast<int>(layer_names(network_).size());
    return layer_recipe(recipe_, layer_number(n), layers, of(n).name);
  }

  const Network& network_;
  const Recipe& recipe_;
  GoldenEngine engine_;
  TrainState state_, before_;
  int samples_;
  StepRecord record_;
  std::map<int, Reals> gradients_;  ///< by node: what its readers delivered
};

}  // namespace bitloom::testing
