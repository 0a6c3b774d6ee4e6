#pragma once
#include <cstdint>
#include <vector>

#include "model/init.hpp"
#include "model/network.hpp"
#include "model/numbers.hpp"
#include "model/recipe.hpp"

namespace bitloom {

using Chain = std::vector<LinearLayer>;

/// What one layer keeps from step to step. Weights are input-major, [in][out].
struct LayerState {
  std::vector<std::int32_t> master;         ///< [in][out], units 2^-master_frac_bits, within ±(2^23 - 1)
  std::vector<std::int32_t> momentum;       ///< [in][out], units 2^-momentum_frac_bits, within ±32767
  std::vector<std::int32_t> bias;           ///< [out], units 2^-bias_frac_bits; empty without a bias
  std::vector<std::int32_t> bias_momentum;  ///< [out], units 2^-momentum_frac_bits; empty without a bias
  std::uint32_t wmax = 0;                   ///< max |master| (N9.3)
  Scale sx_next;                            ///< hindsight scale of x (layers after the first); else no scale
  Scale sd_next;                            ///< hindsight scale of d; else no scale
};

/// Everything that lives across steps: what a checkpoint holds and co-simulation compares.
struct TrainState {
  std::vector<LayerState> layers;
  std::uint32_t step = 0;  ///< optimizer steps done
};

/// Real parameters rounded half up to the recipe's fixed point and clamped, momenta zero, no hindsight scales yet (see
/// calibrate() in golden_step.hpp). `parameters` as initial_parameters() gives them: weight [out][in].
TrainState initial_state(const Chain& chain, const Recipe& recipe, const std::vector<LinearParameters>& parameters);

/// max |x|, 0 for none.
std::uint32_t largest_magnitude(const std::vector<std::int32_t>& values);

/// Weights and biases as real numbers, weight [out][in].
std::vector<LinearParameters> real_parameters(const Chain& chain, const Recipe& recipe, const TrainState& state);

}  // namespace bitloom
