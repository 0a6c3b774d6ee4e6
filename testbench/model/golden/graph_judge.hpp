#pragma once
// Whole steps of convolutional networks, by every recipe, against float64: each tensor of a recorded step is derived
// again from the real numbers that the tensors before it stand for, with the operations of real_ops.hpp, which know
// neither codes nor scales and are themselves held against finite differences. Sums of codes are exact in float64.
// What the engine chooses besides (scales, units of products, masks, kept groups, and each code with its random word)
// is derived a second time, bit for bit, by the specifications of testbench/model/numerics/spec_*.hpp
// (graph_judge_exact.cpp).
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <map>
#include <random>

#include "model/golden/step.hpp"
#include "model/io/traces.hpp"
#include "model/numerics/random.hpp"
#include "model/numerics/real.hpp"
#include "testbench/model/golden/cases.hpp"
#include "testbench/model/golden/norm_bounds.hpp"
#include "testbench/model/named_record.hpp"
#include "testbench/model/numerics/spec_raw_view.hpp"

namespace bitloom::testing {

inline double largest(const Reals& values) {
  double max = 0.0;
  for (const double v : values) max = std::fmax(max, std::fabs(v));
  return max;
}

inline Reals magnitudes(Reals values) {
  for (double& v : values) v = std::fabs(v);
  return values;
}

class GraphJudge {
 public:
  GraphJudge(const Network& network, const Recipe& recipe, int samples)
      : network_(network),
        recipe_(recipe),
        engine_(network, recipe, 1),
        parameters_(initial_parameters(network, 5)),
        state_(initial_state(network, recipe, parameters_)),
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
  bool is_layer(int node) const { return of(node).op == Op::kLinear || of(node).op == Op::kConv2d; }
  double unit(int node) const {
    return is_layer(node) ? std::ldexp(scale(of(node).name + ".s_acc"), view_shift(node))
                          : scale(of(node).name + ".unit");
  }
  bool has_16_bits(const std::string& name) const { return record_.tensors.at(name).bits == 16; }
  /// Returns by how much the sums of node's result are shifted into its view (N5.5, N15.3).
  int view_shift(int node) const;
  /// Returns the largest magnitude that a layer's codes of this name can have.
  std::int64_t largest_code(const std::string& name, const ViewRule& view) const;
  /// Returns the unit in which a layer makes the gradient of its input in 16 bits; 0 where it has 32.
  double place_of_input_gradient(int n, const RecipeLayer& rule) const;
  /// Shifts exact sums into a view of 16 bits, where node's result is one.
  void into_view(int node, Reals& sums) const;
  Reals output(int node) const { return tensor(of(node).name + ".z_raw", unit(node)); }
  Reals gradient(int node) const { return tensor(of(node).name + ".d_raw", scale(of(node).name + ".dunit")); }
  Dims dims(int node) const { return dims_of(node == kNetworkInput ? network_.input : of(node).shape, samples_); }

  void near(const std::string& what, const Reals& got, const Reals& want, const Reals& bound) const;
  void near(const std::string& what, const Reals& got, const Reals& want, double tolerance) const {
    near(what, got, want, Reals(want.size(), tolerance));
  }
  /// Returns how many nodes read the raw output of a node.
  int readers(int node) const {
    int count = 0;
    for (int n = 0; n < static_cast<int>(network_.nodes.size()); ++n) {
      if (of(n).op == Op::kRelu || of(n).op == Op::kFlatten) continue;
      for (std::size_t which = 0; which < of(n).inputs.size(); ++which) count += source(n, which) == node ? 1 : 0;
    }
    return count;
  }
  void behind_relu(int node, Reals& values) const;
  void deliver(int node, const Reals& contribution, const Reals& bound);
  void delivered(int n);

  void layer(int n);
  void codes_of_input(int n, const RecipeLayer& rule) const;
  void codes_of_weights(int n, const RecipeLayer& rule) const;
  void codes_of_gradient(int n, const RecipeLayer& rule) const;
  Reals gradient_view(int n, const RecipeLayer& rule, bool second) const;
  void backward_layer(int n);
  /// The sizes of what it adds up: codes times steps and offsets.
  Reals gradient_size(int n, const RecipeLayer& rule, bool second) const;
  void weight_gradient(int n, const RecipeLayer& rule, const Reals& dw, const Reals& terms) const;
  Reals product_bound(const RecipeLayer& rule, Reals terms, double unit) const;
  void pool(int n);
  void norm(int n);
  void running_values(int n, const RealNorm& forward, const NormBounds& bounds, const NormState& state) const;
  void add(int n);
  int layer_number(int n) const;
  RecipeLayer rule(int n) const {
    const int layers = static_cast<int>(layer_names(network_).size());
    return layer_recipe(recipe_, layer_number(n), layers, of(n).name);
  }

  // graph_judge_exact.cpp
  const spec::Values& ints(const std::string& name) const { return record_.tensors.at(name).values; }
  spec::AnyScale scale_word(const std::string& name) const { return spec::scale_of_word(record_.scalars.at(name)); }
  spec::AnyScale unit_word(int node) const;
  spec::WordSource words(int n, TensorKind kind, RandomUse use, std::uint64_t sample = 0) const {
    return {context_.seed64,
            context_.step,
            layer_number(n),
            static_cast<std::uint64_t>(kind),
            static_cast<std::uint64_t>(use),
            sample};
  }
  void same_scale(const std::string& name, spec::AnyScale want) const;
  void maximum_scale(const std::string& name, std::uint32_t max, spec::AnyScale unit, int largest_code, ScaleRule rule,
                     std::map<std::string, spec::AnyScale>& next);
  struct Requantization;
  void same_codes(const std::string& name, const spec::Values& raw, const Requantization& by) const;
  void window(const std::string& name, const spec::Values& raw, std::int64_t low, std::int64_t high) const;
  void same_mask(int node) const;
  void exact_input(int n, const RecipeLayer& rule);
  void exact_weights(int n, const RecipeLayer& rule);
  double initial_scale(int n, const RecipeLayer& rule) const;
  void exact_gradient(int n, const RecipeLayer& rule);
  void exact_log(int n, const ViewRule& view);
  void exact_groups(int n, const ViewRule& view, bool second) const;
  void exact_loss(const Batch& batch) const;

  const Network& network_;
  const Recipe& recipe_;
  GoldenEngine engine_;
  std::vector<NodeParameters> parameters_;
  TrainState state_, before_;
  StepContext context_;
  Scale batch_scale_;
  std::map<std::string, spec::AnyScale> next_x_, next_d_;  ///< by layer: the next step's hindsight scales (N6.2)
  std::map<std::string, spec::Word> mhat_;                 ///< by layer: N19.1
  int samples_;
  NamedRecord record_;
  struct Delivered {
    Reals sum, bound;
    int count = 0;
  };
  std::map<int, Delivered> gradients_;  ///< by node: what its readers delivered
};

}  // namespace bitloom::testing
