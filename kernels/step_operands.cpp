#include "kernels/step_operands.hpp"

#include <algorithm>
#include <bit>

namespace bitloom {
namespace {

/// How the windows of a layer lie over its input, in one direction.
struct Windows {
  int inputs, outputs, kernel, stride, padding, dilation;

  /// Returns how many inputs lie in some window: a stride may step over others.
  std::uint64_t met() const {
    std::vector<bool> meets(static_cast<std::size_t>(inputs));
    for (int output = 0; output < outputs; ++output) {
      for (int tap = 0; tap < kernel; ++tap) {
        const int at = output * stride + tap * dilation - padding;
        if (at >= 0 && at < inputs) meets[static_cast<std::size_t>(at)] = true;
      }
    }
    return static_cast<std::uint64_t>(std::count(meets.begin(), meets.end(), true));
  }
};

}  // namespace

int state_bits(const StateTensor& tensor) {
  if (tensor.coding != StateCoding::kInteger) return 32;
  const auto magnitude = static_cast<std::uint64_t>(std::max(tensor.limits.high, -1 - tensor.limits.low));
  return static_cast<int>(std::bit_width(magnitude)) + (tensor.is_unsigned() ? 0 : 1);
}

StepOperands::StepOperands(const Network& network, const Recipe& recipe, int samples)
    : network_(network),
      samples_(static_cast<std::uint64_t>(samples)),
      graph_(training_graph(network, recipe)),
      state_(state_schema(network, recipe)) {}

const StateTensor* StepOperands::state(const TrainingNode& of, const What<StepTensor>& what) const {
  const auto same = [&](const StateTensor& each) { return each.handle == TensorHandle{of.node, what}; };
  const auto found = std::find_if(state_.tensors.begin(), state_.tensors.end(), same);
  return found == state_.tensors.end() ? nullptr : &*found;
}

std::uint64_t StepOperands::inputs_met(const TrainingNode& of) const {
  const Shape& in = input_shape(of);
  const Shape& out = node(of).shape;
  const auto met = [&](const auto& window, const Pair& dilation) {
    const Windows rows{in[1], out[1], window.kernel.rows, window.stride.rows, window.padding.rows, dilation.rows};
    const Windows cols{in[2], out[2], window.kernel.cols, window.stride.cols, window.padding.cols, dilation.cols};
    return samples_ * static_cast<std::uint64_t>(in[0]) * rows.met() * cols.met();
  };
  if (const auto* conv = std::get_if<Conv2dAttributes>(&node(of).attributes)) return met(*conv, conv->dilation);
  if (const auto* pool = std::get_if<PoolAttributes>(&node(of).attributes)) return met(*pool, Pair{1, 1});
  return inputs(of);
}

int StepOperands::w_bits(const TrainingNode& of) const {
  const StateTensor* kept = keeps_codes(of) ? state(of, StepTensor::kQ) : nullptr;
  return kept != nullptr ? state_bits(*kept) : code_bits(of.rule, of.rule.weight);
}

std::vector<int> StepOperands::d_bits(const TrainingNode& of, bool of_weights) const {
  const ViewRule& rule = of.rule.gradient;
  if (rule.quantizer == Quantizer::kGroup) return {of_weights ? rule.wgrad.bits : rule.dgrad.bits};
  const bool samples = of_weights && rule.quantizer == Quantizer::kLog;
  return std::vector<int>(static_cast<std::size_t>(samples ? rule.samples : 1), code_bits(of.rule, rule));
}

}  // namespace bitloom
