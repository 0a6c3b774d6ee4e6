#pragma once
#include <cstdint>
#include <vector>

#include "kernels/step_graph.hpp"
#include "model/golden/state_schema.hpp"
#include "model/network/init.hpp"
#include "model/network/network.hpp"
#include "model/network/recipe.hpp"
#include "model/network/training_graph.hpp"

namespace bitloom {

/// Returns the bits in which the state keeps an element: as many as its limits need.
int state_bits(const StateTensor& tensor);

/// How many elements a step's operands have, and how many bits the recipe gives each: no hardware has a part in it.
class StepOperands {
 public:
  /// Throws Error as training_graph() does.
  StepOperands(const Network& network, const Recipe& recipe, int samples);

  const Node& node(const TrainingNode& of) const { return network_.nodes[static_cast<std::size_t>(of.node)]; }
  /// Returns the node that makes the first input.
  const TrainingNode& below(const TrainingNode& of) const {
    return graph_.nodes[static_cast<std::size_t>(of.inputs.front())];
  }
  const Shape& input_shape(const TrainingNode& of) const {
    const int from = node(of).inputs.front();
    return from == kNetworkInput ? network_.input : network_.nodes[static_cast<std::size_t>(from)].shape;
  }
  /// Returns the elements of the result, and of the first input, of all samples.
  std::uint64_t results(const TrainingNode& of) const {
    return samples_ * static_cast<std::uint64_t>(element_count(node(of).shape));
  }
  std::uint64_t inputs(const TrainingNode& of) const {
    return samples_ * static_cast<std::uint64_t>(element_count(input_shape(of)));
  }
  /// Returns the elements of the input that lie in some window: a stride may step over others.
  std::uint64_t inputs_met(const TrainingNode& of) const;
  /// Returns the weights of a layer, its output channels, or the channels of a norm.
  std::uint64_t weights(const TrainingNode& of) const {
    return static_cast<std::uint64_t>(fan_in(node(of))) * outputs(of);
  }
  std::uint64_t outputs(const TrainingNode& of) const { return static_cast<std::uint64_t>(node(of).shape[0]); }
  static bool reads_input(const TrainingNode& of) { return of.inputs.front() == kNetworkInput; }
  /// Do the codes of x, or of w, have a straight-through window (N17.1)?
  static bool windows_of_x(const TrainingNode& of) {
    const Quantizer quantizer = of.rule.activation.quantizer;
    return !reads_input(of) && (quantizer == Quantizer::kSign || quantizer == Quantizer::kRoundClip);
  }
  static bool windows_of_w(const TrainingNode& of) {
    const Quantizer quantizer = of.rule.weight.quantizer;
    return quantizer == Quantizer::kSign || quantizer == Quantizer::kStandardizedRoundClip;
  }
  /// Are the codes of the weights what the state keeps?
  static bool keeps_codes(const TrainingNode& of) { return of.rule.store != WeightStore::kMaster; }
  /// Return the bits of the codes that products read.
  int x_bits(const TrainingNode& of) const {
    return reads_input(of) ? of.rule.width(of.rule.activation) : code_bits(of.rule, of.rule.activation);
  }
  int w_bits(const TrainingNode& of) const;
  /// Returns the widths of the gradient's codes that the activation gradient reads, or the weight gradient: one a view.
  std::vector<int> d_bits(const TrainingNode& of, bool of_weights) const;
  /// Returns a tensor of the state; nullptr where the node has none of that name.
  const StateTensor* state(const TrainingNode& of, const What<StepTensor>& what) const;

 protected:
  const Network& network_;
  const std::uint64_t samples_;
  const TrainingGraph graph_;
  const StateSchema state_;
};

}  // namespace bitloom
